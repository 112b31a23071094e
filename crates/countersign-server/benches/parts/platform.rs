//! How does a benchmark have a platform on a socket, and an application that asks it?

use std::{net::SocketAddr, path::Path, sync::Arc};

use countersign_proto::{
    assertion::Assertion,
    certificate::{Certificate, CertificateChain},
    exchange::TokenRequest,
    key::{LocalKey, SigningKey as _},
    management::{Application, CertificateUsage, NewCertificate, Principal, PrincipalMapping},
    time::UnixTime,
};
use countersign_server::{
    Change, Clock as _, Platform, Server, ServerHandle, SystemClock,
    config::Settings,
    registry::CertificateEntry,
    store::{NewAuditEntry, Outcome, Store},
};
use tokio::task::JoinHandle;

use super::{
    load::{Caller, Requests, post},
    tokens::{OWNERS, owner, token},
};

const ISSUER: &str = "http://127.0.0.1:8085";
const CLIENT: &str = "guard";

/// A platform on a store, with the secrets of a file, remembering so many tokens. Nobody asks it too
/// often.
pub(crate) async fn on(store: Arc<dyn Store>, secrets: &Path, cache_max: u32) -> Platform {
    let mut settings = Settings::in_memory(ISSUER.parse().expect("a URL"));
    settings.listen = "127.0.0.1:0".parse().expect("an address");
    settings.secrets_file = Some(secrets.to_owned());
    settings.limits.per_source_per_minute = 1_000_000_000;
    settings.limits.per_client_per_minute = 1_000_000_000;
    settings.tokens.cache_max = cache_max;
    let platform = Platform::with_store(settings, store, Arc::new(SystemClock)).await;
    platform.expect("a platform")
}

/// A platform on its socket.
pub(crate) struct Node {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
    running: JoinHandle<()>,
}

impl Node {
    pub(crate) async fn serve(platform: Platform) -> Node {
        let server = Server::bind(platform).await.expect("a socket");
        let (address, handle) = (server.local_addr(), server.handle());
        Node {
            address,
            handle,
            running: tokio::spawn(async move { server.run().await.expect("it ends well") }),
        }
    }

    /// Ends it, and closes its store.
    pub(crate) async fn stop(self) {
        self.handle.stop();
        self.running.await.expect("it ends well");
    }
}

/// Whoever tokens belong to, in a store that is new.
pub(crate) async fn register_owners(store: &Arc<dyn Store>) {
    for number in 0..OWNERS {
        let owner = Principal {
            name: owner(number),
            display_name: String::new(),
            roles: vec!["Reader".to_owned()],
            enabled: true,
            password_set_at: None,
        };
        change(store, Change::CreatePrincipal(owner)).await;
    }
}

/// An application that may introspect.
pub(crate) struct Guard {
    chain: CertificateChain,
    key: LocalKey,
}

impl Guard {
    /// In a store that holds the owners, and not this.
    pub(crate) async fn register(store: &Arc<dyn Store>) -> Guard {
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
            scopes: vec!["introspect".to_owned()],
            ..Application::new(CLIENT)
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

    /// A request for a token, which is good once.
    pub(crate) fn exchange(&self, to: SocketAddr, jti: &str) -> Vec<u8> {
        let algorithm = self.key.public_key().algorithms()[0];
        let assertion = Assertion::client(CLIENT, ISSUER)
            .mint(&self.chain, &self.key, algorithm, now(), jti)
            .expect("an assertion");
        let asked = TokenRequest::ClientCredentials {
            client_id: CLIENT,
            assertion: &assertion,
            scope: None,
            principal: None,
        };
        let endpoint = format!("http://{to}/oauth2/token");
        let form = asked.to_http(&endpoint.parse().expect("a URL")).into_body();
        let form = String::from_utf8(form).expect("text");
        post(to, "/oauth2/token", "", &form)
    }

    /// Questions about so many tokens, drawn evenly from the first `of`.
    pub(crate) async fn questions(&self, to: SocketAddr, of: u32, count: usize) -> Requests {
        let mut caller = Caller::of(to).await;
        let answer = caller
            .ask(&self.exchange(to, &format!("to ask about {of}")))
            .await;
        let answer: serde_json::Value = serde_json::from_slice(answer).expect("JSON");
        let bearer = answer["access_token"].as_str().expect("a token").to_owned();
        // Knuth's multiplicative hash: far apart, and the same in each run.
        let drawn = (0..count as u64).map(|n| (n.wrapping_mul(2_654_435_761) >> 7) % u64::from(of));
        let question = |number: u64| {
            let number = u32::try_from(number).expect("a number");
            let form = format!("token={}", token(number).expose());
            let authorization = format!("Authorization: Bearer {bearer}\r\n");
            post(to, "/oauth2/introspect", &authorization, &form)
        };
        Arc::new(drawn.map(question).collect())
    }
}

async fn change(store: &Arc<dyn Store>, change: Change) {
    let entry = NewAuditEntry {
        at: now(),
        actor: owner(0),
        subject: owner(0),
        action: "principal.create",
        outcome: Outcome::Ok,
        token_id: None,
        certificate: None,
        address: None,
        reason: None,
    };
    store.change(change, entry).await.expect("a change");
}

fn now() -> UnixTime {
    SystemClock.now()
}
