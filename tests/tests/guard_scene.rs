//! What stands behind a guard in these tests, and how does a guard ask its issuer there?

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use axum::{Extension, Router, body::Body, routing::get};
use bytes::Bytes;
use countersign::proto::{jwt, token::UnverifiedToken};
use countersign_guard::{
    Caller, Clock, Guard, GuardBuilder, How, HttpTransport, Transport, TransportError,
};
use countersign_proto::time::UnixTime;
use countersign_testkit::ManualClock;
use http::{HeaderMap, Request, StatusCode};
use tower::ServiceExt as _;

/// The audience of the API.
pub(crate) const API: &str = "https://api.example";

/// The clock of a test, as a guard reads it.
pub(crate) struct GuardClock(pub(crate) ManualClock);

impl Clock for GuardClock {
    fn now(&self) -> UnixTime {
        self.0.now()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        countersign::Clock::sleep(&self.0, duration)
    }
}

/// The way of a guard to its issuer, over real sockets; it counts what is asked.
pub(crate) struct Counted {
    http: HttpTransport,
    asked: Mutex<BTreeMap<String, usize>>,
}

impl Counted {
    pub(crate) fn new() -> Arc<Counted> {
        Arc::new(Counted {
            http: HttpTransport::new().expect("a transport"),
            asked: Mutex::default(),
        })
    }

    /// How often a path of the issuer was asked for.
    pub(crate) fn asked(&self, path: &str) -> usize {
        let asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        asked.get(path).copied().unwrap_or_default()
    }
}

impl Transport for Counted {
    fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + '_>>
    {
        let path = request.uri().path().to_owned();
        *self
            .asked
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(path)
            .or_default() += 1;
        self.http.send(request)
    }
}

/// A guard of tokens of this issuer for [`API`].
pub(crate) fn guard(issuer: &str, clock: &ManualClock, transport: &Arc<Counted>) -> GuardBuilder {
    Guard::builder(issuer)
        .audience(API)
        .clock(Arc::new(GuardClock(clock.clone())))
        .transport(Arc::clone(transport) as Arc<dyn Transport>)
}

/// An API that says who calls, and how that came to be believed.
pub(crate) fn api(guard: &Guard) -> Router {
    Router::new()
        .route("/orders", get(orders))
        .layer(guard.layer())
}

async fn orders(Extension(caller): Extension<Caller>) -> String {
    let how = match caller.how() {
        How::Signature => "signature",
        How::Introspection => "introspection",
    };
    format!("{} by {how}", caller.principal())
}

/// What the API answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// `error` and `error_description` of the challenge: what is said of a token that is refused.
    pub(crate) fn challenge(&self) -> &str {
        let challenge = self.headers.get("www-authenticate");
        challenge.map_or("", |value| value.to_str().expect("text"))
    }
}

/// Calls the API with a token.
pub(crate) async fn call(api: &Router, token: &str) -> Answer {
    let request = Request::get("/orders")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty())
        .expect("a request");
    answer_to(api, request).await
}

pub(crate) async fn answer_to(api: &Router, request: Request<Body>) -> Answer {
    let Ok(response) = api.clone().oneshot(request).await;
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, 1024).await.expect("a body");
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).expect("text"),
    }
}

/// The header and claims of a token, unverified.
pub(crate) fn opened(token: &str) -> UnverifiedToken {
    countersign_proto::token::inspect(token).expect("a JWT")
}

/// A token like this one by a key of ours, which is named as its own key is, or as it is itself.
pub(crate) fn forged(token: &str, named: Named, now: UnixTime) -> String {
    let genuine = opened(token);
    let key = countersign_proto::key::LocalKey::generate(countersign_proto::key::KeyType::P256);
    let signer = jwt::Signer::key_pair(Arc::new(key.expect("a key").0));
    let signer = match named {
        Named::AsItself => signer,
        Named::AsTheIssuers => {
            let kid = genuine.header["kid"].as_str().expect("a kid").to_owned();
            let form = countersign_proto::assertion::KidForm::Literal(kid);
            signer.with_kid(&jwt::Kid::Form(form)).expect("a signer")
        }
    };
    let text = |claim: &str| genuine.claims[claim].as_str().expect("text").to_owned();
    let builder = jwt::JwtBuilder::new()
        .typ("at+jwt")
        .issuer(&text("iss"))
        .audience(&text("aud"))
        .subject(&text("sub"))
        .claim("client_id", text("client_id"))
        .lifetime(Duration::from_secs(600));
    let token = builder.build(&signer, now).expect("a token");
    token.expose().to_owned()
}

/// How the key of a forged token is named.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Named {
    AsItself,
    AsTheIssuers,
}

/// A token with the claims of another: its signature is genuine, and not over them.
pub(crate) fn altered(token: &str, claims_of: &str) -> String {
    let of: Vec<&str> = token.split('.').collect();
    let other: Vec<&str> = claims_of.split('.').collect();
    format!("{}.{}.{}", of[0], other[1], of[2])
}
