//! How does a service sign in by a key that a signing service keeps?
//!
//! The part to copy is `RemoteKey`. Whoever has a signing service has its own words for it: a cloud's key
//! management, a machine in a locked room. The laws of `SigningKey` say what is expected of it.
#![allow(clippy::print_stdout)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Bytes,
    extract::{Path, State},
    routing::post,
};
use countersign::{
    Client, Credential,
    proto::key::{Algorithm, PublicKey, SigningError, SigningKey},
};
use countersign_testkit::{ManualClock, TestPlatform, fixtures};
use http::StatusCode;
use tokio::runtime::Handle;

/// A key that is asked for over HTTP. What it signs leaves this process, and the key never gets here.
#[derive(Debug)]
struct RemoteKey {
    http: reqwest::Client,
    address: String,
    public_key: PublicKey,
    runtime: Handle,
}

impl RemoteKey {
    /// Made on the runtime that is to carry its requests.
    fn new(address: &str, public_key: PublicKey) -> reqwest::Result<RemoteKey> {
        Ok(RemoteKey {
            // Nobody can call a signature back, so it ends by itself.
            http: reqwest::Client::builder()
                .connect_timeout(Duration::from_secs(1))
                .timeout(Duration::from_secs(3))
                .build()?,
            address: address.to_owned(),
            public_key,
            runtime: Handle::current(),
        })
    }

    async fn ask(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        let away =
            |error: reqwest::Error| SigningError::Unavailable(error.without_url().to_string());
        let request = self.http.post(format!("{}/sign/{algorithm}", self.address));
        let answer = request.body(message.to_vec()).send().await.map_err(away)?;
        match answer.status() {
            StatusCode::OK => Ok(answer.bytes().await.map_err(away)?.to_vec()),
            // What may work later is told from what will not: the first is tried again.
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => Err(
                SigningError::Unavailable(format!("the signing service answers {status}")),
            ),
            status => Err(SigningError::Refused(format!(
                "the signing service answers {status}"
            ))),
        }
    }
}

impl SigningKey for RemoteKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        if !self.algorithms().contains(&algorithm) {
            return Err(SigningError::Algorithm(algorithm));
        }
        // It is called on a thread that may wait, since `may_block` says so.
        self.runtime.block_on(self.ask(algorithm, message))
    }

    fn may_block(&self) -> bool {
        true
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let kept = fixtures::service();
    let signer = Arc::new(Signer::new(kept.key().clone()));
    let address = a_signing_service(signer.clone()).await?;

    // The certificate is here, the key is there.
    let chain = kept.chain().clone();
    let key = RemoteKey::new(&address, chain.leaf().public_key().clone())?;
    let credential = Credential::new(chain, Arc::new(key))?;

    let clock = ManualClock::starting_now();
    let platform = TestPlatform::on_loopback(clock.clone()).await?;
    platform.application("remote-service").register().await?;
    let client = Client::builder(platform.issuer(), "remote-service", credential)
        .clock(Arc::new(clock.clone()))
        .build()?;
    let first = client.token().await?;
    println!(
        "signed in as {}",
        first.principal.as_deref().unwrap_or_default()
    );

    // Shortly before the token ends the signing service is away: the living token stays in use.
    signer.away.store(true, Ordering::Relaxed);
    clock.advance(Duration::from_secs(850));
    let second = client.token().await?;
    anyhow::ensure!(first.access_token == second.access_token);
    println!("kept the token while the signing service was away");

    // When it is back, the next token is another one.
    signer.away.store(false, Ordering::Relaxed);
    clock.advance(Duration::from_secs(20));
    let third = client.token().await?;
    anyhow::ensure!(first.access_token != third.access_token);
    println!("signed in again");
    Ok(())
}

/// What stands in the locked room. A real one knows its callers, by their certificates for instance.
struct Signer {
    key: Arc<dyn SigningKey>,
    away: AtomicBool,
}

impl Signer {
    fn new(key: Arc<dyn SigningKey>) -> Signer {
        Signer {
            key,
            away: AtomicBool::new(false),
        }
    }
}

/// A signing service on loopback. Answers its address.
async fn a_signing_service(signer: Arc<Signer>) -> anyhow::Result<String> {
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = format!("http://{}", listener.local_addr()?);
    let service = Router::new()
        .route("/sign/{algorithm}", post(sign))
        .with_state(signer);
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(address)
}

async fn sign(
    State(signer): State<Arc<Signer>>,
    Path(algorithm): Path<String>,
    message: Bytes,
) -> Result<Vec<u8>, StatusCode> {
    if signer.away.load(Ordering::Relaxed) {
        return Err(StatusCode::SERVICE_UNAVAILABLE);
    }
    let algorithm = Algorithm::from_name(&algorithm).ok_or(StatusCode::BAD_REQUEST)?;
    let signed = signer.key.sign(algorithm, &message);
    signed.map_err(|_| StatusCode::BAD_REQUEST)
}
