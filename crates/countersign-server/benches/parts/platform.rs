//! How does a benchmark get a platform with a million tokens, and a bare route beside it?

use std::{net::SocketAddr, path::Path, sync::Arc};

use aws_lc_rs::hmac;
use axum::{Router, body::Bytes, http::header, routing::post};
use countersign_proto::{
    assertion::Assertion,
    certificate::{Certificate, CertificateChain},
    exchange::TokenRequest,
    key::{LocalKey, SigningKey as _},
    management::{
        Application, CertificateUsage, GrantedForm, GrantedKind, NewCertificate, Principal,
        PrincipalMapping,
    },
    opaque::{OpaqueKind, OpaqueToken, TokenId},
    time::UnixTime,
};
use countersign_server::{
    Change, Clock as _, Rules, Server, ServerHandle, SystemClock,
    config::Settings,
    registry::CertificateEntry,
    secrets::Secrets,
    store::{NewAuditEntry, Outcome, SqliteStore, Store, TokenCreated, TokenRow},
};
use tokio::{net::TcpStream, runtime::Runtime, task::JoinHandle};

use super::load::{body_of, exchange};

const CLIENT: &str = "guard";
/// Tokens of each are counted when one more is granted.
const OWNERS: u32 = 1_000;
const WRITERS: u32 = 256;

/// A store with so many tokens, in its folder: bytes a token.
pub(crate) async fn fill(folder: &Path, count: u32) -> f64 {
    std::fs::create_dir_all(folder).expect("a folder");
    let secrets = Secrets::read_or_create(&folder.join("secrets")).expect("secrets");
    let (_, pepper) = secrets.pepper().expect("a pepper");
    let pepper = Arc::new(hmac::Key::new(hmac::HMAC_SHA256, pepper));
    let store = open(folder).await;
    for number in 0..OWNERS {
        let principal = Principal {
            name: owner(number),
            display_name: String::new(),
            roles: vec!["Reader".to_owned()],
            enabled: true,
            password_set_at: None,
        };
        change(&store, Change::CreatePrincipal(principal)).await;
    }
    let before = size(&store, folder).await;
    let store = open(folder).await;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, pepper) = (Arc::clone(&store), Arc::clone(&pepper));
            tokio::spawn(async move {
                for number in (writer..count).step_by(WRITERS as usize) {
                    let made = store.create_token(row(number, &pepper), u32::MAX, audit());
                    assert_eq!(made.await.expect("it is kept"), TokenCreated::Created);
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.expect("a writer ends well");
    }
    (size(&store, folder).await - before) / f64::from(count)
}

/// A platform on its socket.
pub(crate) struct Platform {
    pub(crate) address: SocketAddr,
    bearer: String,
    handle: ServerHandle,
    running: JoinHandle<()>,
}

impl Platform {
    /// On the store in `folder`, remembering so many tokens.
    pub(crate) async fn serve(folder: &Path, cache_max: u32) -> Platform {
        let mut settings = Settings::in_memory("http://127.0.0.1:8085".parse().expect("a URL"));
        settings.listen = "127.0.0.1:0".parse().expect("an address");
        settings.secrets_file = Some(folder.join("secrets"));
        settings.limits.per_source_per_minute = 1_000_000_000;
        settings.limits.per_client_per_minute = 1_000_000_000;
        settings.tokens.cache_max = cache_max;
        let issuer = settings.issuer.as_str().trim_end_matches('/').to_owned();
        let store = open(folder).await;
        let guard = Guard::register(&store).await;
        let platform =
            countersign_server::Platform::with_store(settings, store, Arc::new(SystemClock))
                .await
                .expect("a platform");
        let server = Server::bind(platform).await.expect("a socket");
        let (address, handle) = (server.local_addr(), server.handle());
        let running = tokio::spawn(async move { server.run().await.expect("it ends well") });
        let bearer = guard.token(address, &issuer).await;
        Platform {
            address,
            bearer,
            handle,
            running,
        }
    }

    /// Questions about tokens drawn evenly from the first `of`.
    pub(crate) fn questions(&self, of: u32, count: usize) -> Arc<Vec<Vec<u8>>> {
        // Knuth's multiplicative hash: far apart, and the same in each run.
        let drawn = (0..count as u64).map(|n| (n.wrapping_mul(2_654_435_761) >> 7) % u64::from(of));
        let question = |number: u64| {
            let number = u32::try_from(number).expect("a number");
            let form = format!("token={}", token(number).expose());
            let authorization = format!("Authorization: Bearer {}\r\n", self.bearer);
            request(self.address, "/oauth2/introspect", &authorization, &form)
        };
        Arc::new(drawn.map(question).collect())
    }

    /// What is answered to a question.
    pub(crate) fn answer_of(&self, runtime: &Runtime, question: &[u8]) -> Vec<u8> {
        runtime.block_on(ask(self.address, question))
    }

    pub(crate) async fn stop(self) {
        self.handle.stop();
        self.running.await.expect("it ends well");
    }
}

/// A route of axum that reads a body and answers what it was given.
pub(crate) struct Bare {
    pub(crate) address: SocketAddr,
}

impl Bare {
    pub(crate) async fn serve(answer: Vec<u8>) -> Bare {
        let answer = Bytes::from(answer);
        let route = post(move |body: Bytes| {
            let answer = answer.clone();
            async move {
                assert!(!body.is_empty());
                ([(header::CONTENT_TYPE, "application/json")], answer)
            }
        });
        let router: Router = Router::new().route("/oauth2/introspect", route);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a socket");
        let address = listener.local_addr().expect("an address");
        tokio::spawn(async move { axum::serve(listener, router).await });
        Bare { address }
    }
}

/// An application that may introspect.
struct Guard {
    chain: CertificateChain,
    key: LocalKey,
}

impl Guard {
    async fn register(store: &Arc<dyn Store>) -> Guard {
        let made = rcgen::generate_simple_self_signed(vec![CLIENT.to_owned()]).expect("made");
        let pem = made.cert.pem();
        let asked = NewCertificate {
            pem: pem.clone(),
            client_id: Some(CLIENT.to_owned()),
            usage: CertificateUsage::Client,
            kid_alias: None,
        };
        let record = CertificateEntry::new(&asked).expect("a certificate").record;
        let application = Application {
            client_id: CLIENT.to_owned(),
            name: CLIENT.to_owned(),
            scopes: vec!["introspect".to_owned()],
            audience: None,
            dpop_bound_access_tokens: false,
            accept_token_endpoint_audience: false,
            forward: false,
            accept_provider_audience: false,
            assertion_lifetime_max_s: None,
            enabled: true,
        };
        let mapping = PrincipalMapping {
            id: record.sha256.clone(),
            certificate: record.sha256.clone(),
            client_id: CLIENT.to_owned(),
            principal: owner(0),
            is_default: true,
        };
        change(store, Change::CreateApplication(application)).await;
        change(store, Change::RegisterCertificate(record)).await;
        change(store, Change::CreateMapping(mapping)).await;
        let leaf = Certificate::all_from_pem(&pem).expect("PEM").remove(0);
        let key = made.signing_key.serialize_pem();
        Guard {
            chain: CertificateChain::new(leaf, Vec::new()),
            key: LocalKey::from_pem(&key).expect("a key"),
        }
    }

    async fn token(&self, address: SocketAddr, issuer: &str) -> String {
        let algorithm = self.key.public_key().algorithms()[0];
        let assertion = Assertion::client(CLIENT, issuer)
            .mint(&self.chain, &self.key, algorithm, now(), "0123456789abcdef")
            .expect("an assertion");
        let asked = TokenRequest::ClientCredentials {
            client_id: CLIENT,
            assertion: &assertion,
            scope: None,
            principal: None,
        };
        let endpoint = format!("http://{address}/oauth2/token");
        let form = asked.to_http(&endpoint.parse().expect("a URL")).into_body();
        let form = String::from_utf8(form).expect("text");
        let answer = ask(address, &request(address, "/oauth2/token", "", &form)).await;
        let answer: serde_json::Value = serde_json::from_slice(&answer).expect("JSON");
        answer["access_token"].as_str().expect("a token").to_owned()
    }
}

async fn ask(address: SocketAddr, request: &[u8]) -> Vec<u8> {
    let mut socket = TcpStream::connect(address).await.expect("a connection");
    let mut answer = Vec::new();
    exchange(&mut socket, request, &mut answer).await;
    body_of(&answer).expect("a body").to_vec()
}

fn request(address: SocketAddr, path: &str, headers: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {address}\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}

async fn open(folder: &Path) -> Arc<dyn Store> {
    let file = folder.join("store.db");
    Arc::new(
        SqliteStore::open(&file, Rules::default())
            .await
            .expect("a store"),
    )
}

/// Bytes of the file, once everything is in it.
async fn size(store: &Arc<dyn Store>, folder: &Path) -> f64 {
    store.close().await.expect("it closes");
    let file = folder.join("store.db");
    std::fs::metadata(file).expect("a file").len() as f64
}

async fn change(store: &Arc<dyn Store>, change: Change) {
    // What is there from the run before is there.
    let _ = store.change(change, audit()).await;
}

fn owner(number: u32) -> String {
    format!("owner-{:04}", number % OWNERS)
}

/// The string of a token, by its number.
fn token(number: u32) -> OpaqueToken {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&number.to_be_bytes());
    id[12..].copy_from_slice(&number.to_be_bytes());
    let mut secret = [7; 32];
    secret[..4].copy_from_slice(&number.to_be_bytes());
    OpaqueToken::compose("csn", OpaqueKind::App, &TokenId::from_bytes(id), &secret)
}

fn row(number: u32, pepper: &hmac::Key) -> TokenRow {
    let token = token(number);
    TokenRow {
        id: token.id().to_string(),
        kind: GrantedKind::App,
        form: GrantedForm::Opaque,
        name: format!("token {number}"),
        description: String::new(),
        owner: Some(owner(number)),
        roles: vec!["Reader".to_owned()],
        scope: "audit:read".to_owned(),
        audience: None,
        digest: hmac::sign(pepper, token.expose().as_bytes())
            .as_ref()
            .to_vec(),
        pepper_version: 1,
        created_at: now(),
        created_by: owner(number),
        created_through: None,
        application: None,
        certificate: None,
        expires_at: Some(UnixTime::from_secs(4_000_000_000)),
        revoked_at: None,
        revocation_reason: None,
        predecessor: None,
        successor: None,
        grace_ends_at: None,
        ends_at_first_use: false,
        last_used_at: None,
        last_used_from: None,
    }
}

fn now() -> UnixTime {
    SystemClock.now()
}

fn audit() -> NewAuditEntry {
    NewAuditEntry {
        at: now(),
        actor: owner(0),
        subject: owner(0),
        action: "granted_token.create",
        outcome: Outcome::Ok,
        token_id: None,
        certificate: None,
        address: Some("127.0.0.1".to_owned()),
        reason: None,
    }
}
