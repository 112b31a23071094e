//! What does the issuer say in these tests, and what time is it there?

use std::{
    collections::{BTreeMap, VecDeque},
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use countersign_proto::{
    dpop::{self, ProofRequest},
    jwt::{JwtBuilder, Signer, TrustedKeys},
    key::{KeyType, LocalKey, SigningKey},
    time::UnixTime,
    token::{AccessToken, UnverifiedToken, inspect},
};
use http::{Method, request::Parts};
use serde_json::{Value, json};
use tokio::sync::Notify;
use url::Url;

use crate::{Clock, Guard, GuardBuilder, Introspector, Transport, TransportError};

pub(crate) const ISSUER: &str = "https://id.example";
pub(crate) const API: &str = "https://api.example";
/// An opaque token of RFC 6749.
pub(crate) const OPAQUE: &str = "2YotnFZFEjr1zCsicMWpAA";
pub(crate) const NOW: u64 = 1_800_000_000;

/// Stands still until it is turned; the time of day can be set apart from the time that passes.
pub(crate) struct TestClock {
    millis: AtomicU64,
    off: AtomicI64,
    turned: Notify,
}

impl TestClock {
    pub(crate) fn new() -> Arc<TestClock> {
        Arc::new(TestClock {
            millis: AtomicU64::new(0),
            off: AtomicI64::new(0),
            turned: Notify::new(),
        })
    }

    pub(crate) fn advance(&self, by: Duration) {
        let by = u64::try_from(by.as_millis()).unwrap();
        self.millis.fetch_add(by, Ordering::SeqCst);
        self.turned.notify_waiters();
    }

    /// Sets the time of day off by so many seconds.
    pub(crate) fn set_off(&self, seconds: i64) {
        self.off.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        let seconds = NOW + self.elapsed().as_secs();
        UnixTime::from_secs(seconds.saturating_add_signed(self.off.load(Ordering::SeqCst)))
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::SeqCst))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let until = self.elapsed() + duration;
        Box::pin(async move {
            loop {
                let turned = self.turned.notified();
                if self.elapsed() >= until {
                    return;
                }
                turned.await;
            }
        })
    }
}

/// A request as the issuer saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: http::HeaderMap,
    pub(crate) form: BTreeMap<String, String>,
}

impl Seen {
    pub(crate) fn assertion(&self) -> UnverifiedToken {
        inspect(&self.form["client_assertion"]).expect("no JWT")
    }
}

/// An issuer that publishes what it is told to, and answers about the tokens that it is told of.
pub(crate) struct ScriptedIssuer {
    issuer: String,
    state: Mutex<State>,
    /// Answers wait for it while they are held.
    opened: Notify,
}

struct State {
    seen: Vec<Seen>,
    metadata: Value,
    keys: Value,
    tokens: BTreeMap<String, Value>,
    /// What comes instead, once each.
    next: VecDeque<Instead>,
    /// What comes instead, always.
    always: Option<Instead>,
    held: bool,
}

/// What comes instead of an answer.
#[derive(Clone)]
pub(crate) enum Instead {
    Fails(TransportError),
    Says(http::Response<Bytes>),
    Hangs,
}

impl ScriptedIssuer {
    pub(crate) fn new(signers: &[&Signer]) -> Arc<ScriptedIssuer> {
        ScriptedIssuer::named(ISSUER, signers)
    }

    pub(crate) fn named(issuer: &str, signers: &[&Signer]) -> Arc<ScriptedIssuer> {
        let keys = published(signers);
        Arc::new(ScriptedIssuer {
            issuer: issuer.to_owned(),
            state: Mutex::new(State {
                seen: Vec::new(),
                metadata: json!({
                    "issuer": issuer,
                    "token_endpoint": format!("{issuer}/token"),
                    "jwks_uri": format!("{issuer}/jwks.json"),
                    "introspection_endpoint": format!("{issuer}/introspect"),
                }),
                keys,
                tokens: BTreeMap::new(),
                next: VecDeque::new(),
                always: None,
                held: false,
            }),
            opened: Notify::new(),
        })
    }

    pub(crate) fn publish(&self, signers: &[&Signer]) {
        self.state.lock().unwrap().keys = published(signers);
    }

    pub(crate) fn publish_text(&self, keys: Value) {
        self.state.lock().unwrap().keys = keys;
    }

    pub(crate) fn metadata(&self, member: &str, value: Value) {
        self.state.lock().unwrap().metadata[member] = value;
    }

    /// Says this about a token.
    pub(crate) fn know(&self, token: &str, answer: Value) {
        let mut state = self.state.lock().unwrap();
        state.tokens.insert(token.to_owned(), answer);
    }

    pub(crate) fn next(&self, instead: Instead) {
        self.state.lock().unwrap().next.push_back(instead);
    }

    pub(crate) fn always(&self, instead: Option<Instead>) {
        self.state.lock().unwrap().always = instead;
    }

    /// Holds all answers back until told otherwise.
    pub(crate) fn hold(&self, held: bool) {
        self.state.lock().unwrap().held = held;
        self.opened.notify_waiters();
    }

    pub(crate) fn seen(&self, path: &str) -> Vec<Seen> {
        let state = self.state.lock().unwrap();
        let seen = state.seen.iter().filter(|seen| seen.path == path);
        seen.cloned().collect()
    }

    pub(crate) fn count(&self, path: &str) -> usize {
        self.seen(path).len()
    }

    /// All requests of whatever kind.
    pub(crate) fn requests(&self) -> usize {
        self.state.lock().unwrap().seen.len()
    }

    fn answer(&self, seen: &Seen) -> Instead {
        let mut state = self.state.lock().unwrap();
        state.seen.push(seen.clone());
        if let Some(instead) = state.next.pop_front().or_else(|| state.always.clone()) {
            return instead;
        }
        Instead::Says(match seen.path.as_str() {
            "/.well-known/oauth-authorization-server" => ok(&state.metadata),
            "/jwks.json" => ok(&state.keys),
            "/introspect" => {
                let inactive = json!({ "active": false });
                ok(state.tokens.get(&seen.form["token"]).unwrap_or(&inactive))
            }
            _ => says(404, "text/plain", "nothing here"),
        })
    }
}

impl Transport for ScriptedIssuer {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + '_>>
    {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let url = Url::parse(&parts.uri.to_string()).unwrap();
            assert_eq!(url.origin().ascii_serialization(), self.issuer);
            let answer = self.answer(&Seen {
                method: parts.method,
                path: url.path().to_owned(),
                headers: parts.headers,
                form: url::form_urlencoded::parse(&body).into_owned().collect(),
            });
            // A real one does not answer before others had their turn.
            tokio::task::yield_now().await;
            loop {
                let opened = self.opened.notified();
                if !self.state.lock().unwrap().held {
                    break;
                }
                opened.await;
            }
            match answer {
                Instead::Says(response) => Ok(response),
                Instead::Fails(error) => Err(error),
                Instead::Hangs => std::future::pending().await,
            }
        })
    }
}

pub(crate) fn ok(body: &Value) -> http::Response<Bytes> {
    says(200, "application/json", &body.to_string())
}

pub(crate) fn says(status: u16, media_type: &str, body: &str) -> http::Response<Bytes> {
    http::Response::builder()
        .status(status)
        .header("Content-Type", media_type)
        .body(Bytes::from(body.to_owned()))
        .unwrap()
}

/// A key set as it is published.
pub(crate) fn published(signers: &[&Signer]) -> Value {
    let keys: Vec<Value> = signers.iter().map(|signer| jwk(signer)).collect();
    json!({ "keys": keys })
}

fn jwk(signer: &Signer) -> Value {
    let key = signer.public_key().expect("a key pair");
    let mut jwk = Value::Object(countersign_proto::jwk::required_members(key));
    jwk["kid"] = json!(signer.kid());
    jwk["alg"] = json!(signer.algorithm().name());
    jwk
}

/// A new key pair, named by its thumbprint.
pub(crate) fn signer() -> Signer {
    Signer::key_pair(key())
}

pub(crate) fn key() -> Arc<LocalKey> {
    Arc::new(LocalKey::generate(KeyType::P256).unwrap().0)
}

pub(crate) fn keys(signer: &Signer) -> TrustedKeys {
    TrustedKeys::of(signer)
}

/// What a good token says; it lives for 600 s.
pub(crate) fn token_builder() -> JwtBuilder {
    JwtBuilder::new()
        .typ("at+jwt")
        .issuer(ISSUER)
        .audience(API)
        .subject("alice")
        .lifetime(Duration::from_secs(600))
        .claim("client_id", "app-1")
        .claim("scope", "orders.read orders.write")
        .claim("roles", json!(["Reader"]))
}

pub(crate) fn token(signer: &Signer) -> String {
    built(&token_builder(), signer)
}

pub(crate) fn built(builder: &JwtBuilder, signer: &Signer) -> String {
    let now = UnixTime::from_secs(NOW);
    builder.build(signer, now).unwrap().expose().to_owned()
}

/// A token of any header and claims with a good signature.
pub(crate) fn forged(header: &Value, claims: &Value, key: &LocalKey) -> String {
    let input = countersign_proto::jws::SigningInput::encode(
        header.as_object().unwrap(),
        claims.as_object().unwrap(),
    );
    let algorithm = key.public_key().algorithms()[0];
    let signature = key.sign(algorithm, input.as_bytes()).unwrap();
    input.finish(&signature)
}

/// What a platform of ours answers about a good opaque token.
pub(crate) fn active() -> Value {
    json!({
        "active": true,
        "token_type": "Bearer",
        "iss": ISSUER,
        "sub": "alice",
        "aud": API,
        "client_id": "countersign:granted",
        "principal": "alice",
        "type": 3,
        "scope": "orders.read",
        "roles": ["Reader"],
        "iat": NOW - 10,
        "nbf": NOW - 10,
        "exp": NOW + 600,
        "jti": "0123456789abcdef",
    })
}

/// A guard of that issuer by that clock.
pub(crate) fn builder(issuer: &Arc<ScriptedIssuer>, clock: &Arc<TestClock>) -> GuardBuilder {
    Guard::builder(&issuer.issuer)
        .audience(API)
        .transport(Arc::clone(issuer) as Arc<dyn Transport>)
        .clock(Arc::clone(clock) as Arc<dyn Clock>)
}

/// A guard of an issuer with this key.
pub(crate) fn setting(signer: &Signer) -> (Guard, Arc<ScriptedIssuer>, Arc<TestClock>) {
    let issuer = ScriptedIssuer::new(&[signer]);
    let clock = TestClock::new();
    let guard = builder(&issuer, &clock).build().unwrap();
    (guard, issuer, clock)
}

/// A guard that asks its issuer about opaque tokens.
pub(crate) fn asking() -> (Guard, Arc<ScriptedIssuer>, Arc<TestClock>) {
    asking_for(Duration::from_secs(5))
}

/// The same, which uses an answer for so long.
pub(crate) fn asking_for(kept: Duration) -> (Guard, Arc<ScriptedIssuer>, Arc<TestClock>) {
    let issuer = ScriptedIssuer::new(&[]);
    let clock = TestClock::new();
    let builder = builder(&issuer, &clock).introspect_with(introspector());
    let guard = builder.opaque_cache(kept).build().unwrap();
    (guard, issuer, clock)
}

/// What comes of a token, in a word.
pub(crate) async fn word(guard: &Guard, token: &str) -> &'static str {
    match guard.check(&bearer(token)).await {
        Ok(_) => "believed",
        Err(refusal) => refusal.word(),
    }
}

/// A token that lives for a day.
pub(crate) fn long(signer: &Signer) -> String {
    let builder = token_builder().lifetime(Duration::from_secs(86_400));
    built(&builder, signer)
}

/// Asks with a token of its own.
pub(crate) fn introspector() -> Introspector {
    Introspector::token(|| async { Ok(AccessToken::new("mine").unwrap()) })
}

/// The head of a request with these headers.
pub(crate) fn head(headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::get("/orders?page=2").header("Host", "api.example");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

pub(crate) fn bearer(token: &str) -> Parts {
    head(&[("Authorization", &format!("Bearer {token}"))])
}

/// The head of a request with a bound token and a proof of this key.
pub(crate) fn proved(token: &str, key: &LocalKey, proof: &Proof<'_>) -> Parts {
    let method: Method = proof.method.parse().unwrap();
    let request = ProofRequest {
        method: &method,
        uri: &Url::parse(proof.uri).unwrap(),
        access_token: Some(proof.token.unwrap_or(token)),
        nonce: proof.nonce,
    };
    let now = UnixTime::from_secs(proof.at);
    let text = dpop::mint(&request, key, now, proof.jti).unwrap();
    head(&[("Authorization", &format!("DPoP {token}")), ("DPoP", &text)])
}

/// What a proof says, each member of which a test can make another.
pub(crate) struct Proof<'a> {
    pub(crate) method: &'a str,
    pub(crate) uri: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) at: u64,
    pub(crate) jti: &'a str,
}

/// A proof that fits [`head`].
pub(crate) const PROOF: Proof<'static> = Proof {
    method: "GET",
    uri: "https://api.example/orders",
    token: None,
    nonce: None,
    at: NOW,
    jti: "proof-0001",
};
