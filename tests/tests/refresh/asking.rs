//! How does a terminal ask for a refresh, at which node, and what did it hear?

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU64, Ordering},
};

use countersign::{
    Transport,
    proto::{
        dpop::{self, ProofRequest},
        exchange::{RefreshToken, TokenRequest},
        json::Value,
        key::LocalKey,
        time::UnixTime,
        token,
    },
};
use tokio::sync::watch;
use url::Url;

/// A node as it is reached.
pub(crate) struct Node {
    transport: Arc<dyn Transport>,
    endpoint: Url,
    /// The nonce that this node gave last.
    nonce: Mutex<Option<String>>,
}

impl Node {
    pub(crate) fn at(origin: &str, transport: Arc<dyn Transport>) -> Node {
        Node {
            transport,
            endpoint: Url::parse(&format!("{origin}/oauth2/token")).unwrap(),
            nonce: Mutex::default(),
        }
    }
}

/// A terminal that knows every node of its platform.
pub(crate) struct Terminal {
    key: Arc<LocalKey>,
    nodes: Vec<Node>,
    /// The token endpoint as the platform calls it: what a proof is for.
    endpoint: Url,
    now: Box<dyn Fn() -> UnixTime + Send + Sync>,
    /// How many answers came.
    answered: watch::Sender<u64>,
}

/// What a terminal hears.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Heard {
    /// A successor.
    Given(Given),
    /// A refusal, by its reason; `?` and its error without one.
    Refused(String),
    /// Nothing.
    Nothing,
}

/// The facts of one successor: whoever hears of it twice must hear the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Given {
    pub(crate) refresh_token: String,
    pub(crate) remaining: u64,
    pub(crate) jti: String,
    pub(crate) issued_at: u64,
    pub(crate) expires_at: u64,
}

impl Terminal {
    pub(crate) fn new(
        key: Arc<LocalKey>,
        issuer: &str,
        nodes: Vec<Node>,
        now: impl Fn() -> UnixTime + Send + Sync + 'static,
    ) -> Terminal {
        Terminal {
            key,
            nodes,
            endpoint: Url::parse(&format!("{issuer}/oauth2/token")).unwrap(),
            now: Box::new(now),
            answered: watch::Sender::new(0),
        }
    }

    /// Counts the answers that came, for whoever wants to disturb at some point.
    pub(crate) fn answers(&self) -> watch::Receiver<u64> {
        self.answered.subscribe()
    }

    /// Asks one node, of which the first is 0 and after the last comes the first.
    pub(crate) async fn ask(&self, node: usize, refresh_token: &str) -> Heard {
        let node = &self.nodes[node % self.nodes.len()];
        // A node that has just started wants a nonce of its own.
        for _ in 0..3 {
            let Ok(answer) = node.transport.send(self.request(node, refresh_token)).await else {
                return Heard::Nothing;
            };
            self.answered.send_modify(|count| *count += 1);
            if let Some(nonce) = answer.headers().get("dpop-nonce") {
                let nonce = nonce.to_str().unwrap().to_owned();
                *node.nonce.lock().unwrap() = Some(nonce);
            }
            let body: Value = serde_json::from_slice(answer.body()).unwrap();
            if body["error"] == "use_dpop_nonce" {
                continue;
            }
            // A platform that stops in the middle says that the fault is its own.
            if answer.status().is_server_error() {
                return Heard::Nothing;
            }
            return read(&body);
        }
        Heard::Nothing
    }

    /// Asks until somebody answers.
    pub(crate) async fn insist(&self, refresh_token: &str) -> Heard {
        let mut node = 0;
        loop {
            match self.ask(node, refresh_token).await {
                Heard::Nothing => node += 1,
                heard => return heard,
            }
            tokio::task::yield_now().await;
        }
    }

    fn request(&self, node: &Node, refresh_token: &str) -> http::Request<Vec<u8>> {
        static PROOFS: AtomicU64 = AtomicU64::new(0);
        let nonce = node.nonce.lock().unwrap().clone();
        let proof = ProofRequest {
            method: &http::Method::POST,
            uri: &self.endpoint,
            access_token: None,
            nonce: nonce.as_deref(),
        };
        let jti = format!("proof-{:016}", PROOFS.fetch_add(1, Ordering::Relaxed));
        let proof = dpop::mint(&proof, &*self.key, (self.now)(), &jti).unwrap();
        let refresh_token = RefreshToken::new(refresh_token).unwrap();
        let mut request = TokenRequest::Refresh {
            refresh_token: &refresh_token,
            scope: None,
        }
        .to_http(&node.endpoint);
        request.headers_mut().insert("dpop", proof.parse().unwrap());
        request
    }
}

fn read(body: &Value) -> Heard {
    let text = |name: &str| body[name].as_str().map(str::to_owned);
    let Some(access_token) = text("access_token") else {
        return Heard::Refused(text("reason").unwrap_or_else(|| format!("? {}", body["error"])));
    };
    let claims = token::inspect(&access_token).unwrap().claims;
    Heard::Given(Given {
        refresh_token: text("refresh_token").unwrap(),
        remaining: body["refreshes_remaining"].as_u64().unwrap(),
        jti: claims["jti"].as_str().unwrap().to_owned(),
        issued_at: claims["iat"].as_u64().unwrap(),
        expires_at: claims["exp"].as_u64().unwrap(),
    })
}
