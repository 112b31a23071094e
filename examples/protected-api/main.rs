//! How does an API believe tokens: those that it gives out itself, or those of a platform?
//!
//! docs/protected-api.md walks through it. The part to copy is `own_tokens` with tokens.rs, or
//! `platform_tokens`.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod kept;
mod tokens;

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context as _;
use axum::{Extension, Router, routing::get};
use axum_server::tls_rustls::RustlsConfig;
use clap::{Args, Parser};
use countersign_guard::{Basic, Caller, Guard, How, Introspector, Secure};
use countersign_proto::{
    certificate::{Certificate, CertificateChain},
    key::LocalKey,
};
use zeroize::Zeroizing;

/// Whom the tokens are for, and who gives out the API's own.
const AUDIENCE: &str = "https://hello.example";
const ISSUER: &str = "https://hello.example/token";

/// An API behind tokens: its own, unless a platform is named
#[derive(Parser)]
struct Settings {
    /// Where to listen; port 0 takes a free one
    #[arg(long, env = "HELLO_LISTEN", default_value = "127.0.0.1:5000")]
    listen: SocketAddr,
    /// The folder for its certificate and, when the tokens are its own, key and passwords
    #[arg(long, env = "HELLO_DATA", default_value = "protected-api")]
    data: PathBuf,
    #[command(flatten)]
    platform: Option<Platform>,
}

/// Who gives out the tokens, unless the API does
#[derive(Args)]
struct Platform {
    /// The platform whose tokens are believed
    #[arg(long, env = "HELLO_ISSUER", required = false)]
    issuer: String,
    /// The application as which it is asked about tokens
    #[arg(long, env = "HELLO_CLIENT_ID", required = false)]
    client_id: String,
    /// The certificate and key of that, in one PEM file
    #[arg(long, env = "HELLO_CLIENT_CERTIFICATE", required = false)]
    client_certificate: PathBuf,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let settings = Settings::parse();
    let router = match &settings.platform {
        None => own_tokens(&settings.data)?,
        Some(platform) => platform_tokens(platform)?,
    };
    // Every connection is one over TLS: the guard takes the word of whoever accepts them, not theirs.
    let router = router.layer(Extension(Secure));

    let listener = TcpListener::bind(settings.listen)?;
    listener.set_nonblocking(true)?;
    let tls = self_signed(&settings).await?;
    println!("https://{}", listener.local_addr()?);
    let server = axum_server::from_tcp_rustls(listener, tls)?;
    Ok(server.serve(router.into_make_service()).await?)
}

/// The API gives out the tokens that it believes: one secret, and no platform.
fn own_tokens(data: &Path) -> anyhow::Result<Router> {
    let tokens = tokens::Tokens::signed_by(kept::signing_key(data)?);
    let guard = Guard::builder(ISSUER)
        .audience(AUDIENCE)
        .keys(tokens.keys())
        .build()?;
    let users = Arc::new(kept::users(data)?);
    let basic = Basic::new("hello", move |user, password| {
        tokens::verify(users.clone(), user, password)
    })?;
    Ok(Router::new()
        .route("/secure/hello", get(hello))
        .route("/token/renew", get(tokens::renew_token))
        .layer(guard.layer())
        // Added after the layer of the guard, and so not behind it.
        .route("/token/new", get(tokens::new_token).layer(basic))
        .with_state(tokens))
}

/// The platform gives out the tokens. JWTs are believed by its keys, all others by asking it.
fn platform_tokens(platform: &Platform) -> anyhow::Result<Router> {
    let pem = std::fs::read_to_string(&platform.client_certificate);
    let pem = Zeroizing::new(pem.context("cannot read the certificate of the client")?);
    let certificates = Certificate::all_from_pem(&pem)?;
    let chain = CertificateChain::order(certificates[0].clone(), &certificates);
    let key = Arc::new(LocalKey::from_pem(&pem)?);
    let guard = Guard::builder(&platform.issuer)
        .audience(AUDIENCE)
        .introspect_with(Introspector::certificate(&platform.client_id, chain, key))
        // What is revoked is refused at once. Up to 5 s would save questions to the platform.
        .opaque_cache(Duration::ZERO)
        .build()?;
    Ok(Router::new()
        .route("/secure/hello", get(hello))
        .layer(guard.layer()))
}

/// Greets whoever was believed, by whichever token.
async fn hello(Extension(caller): Extension<Caller>) -> String {
    let why = match caller.how() {
        How::Signature => "your token is signed",
        How::Introspection => "the platform says so",
    };
    format!("hello {}, {why}", caller.principal())
}

/// A new certificate at each start, in a file for those who are to trust it. Its key stays in here.
async fn self_signed(settings: &Settings) -> anyhow::Result<RustlsConfig> {
    let names = ["localhost".to_owned(), settings.listen.ip().to_string()];
    let made = rcgen::generate_simple_self_signed(names)?;
    let file = settings.data.join("certificate.pem");
    kept::make_folder(&settings.data)?;
    std::fs::write(&file, made.cert.pem())?;
    eprintln!("the certificate is in {}", file.display());
    let certificates = vec![made.cert.der().to_vec()];
    Ok(RustlsConfig::from_der(certificates, made.signing_key.serialize_der()).await?)
}
