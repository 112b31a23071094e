//! What stands behind the guard that is measured, and behind the others?

use std::{
    convert::Infallible,
    future::{Ready, ready},
    hint::black_box,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

use bytes::Bytes;
use countersign_guard::{
    Caller, Clock as _, Guard, Introspector, SystemClock, Transport, TransportError,
};
use countersign_proto::{
    jwk,
    jwt::{JwtBuilder, Signer},
    key::{Algorithm, KeyType, LocalKey, SigningKey as _},
    token::AccessToken,
};
use http::{Request, Response};
use jsonwebtoken::{DecodingKey, Validation, jwk::JwkSet};
use serde_json::{Value, json};
use tower::{Layer as _, Service, service_fn};
use tower_oauth2_resource_server::{
    claims::DefaultClaims, server::OAuth2ResourceServer, tenant::TenantConfiguration,
};

const ISSUER: &str = "https://id.example";
const API: &str = "https://api.example";

/// The service itself: it says whether a caller got through.
pub(crate) fn service()
-> impl Service<Request<()>, Response = Response<bool>, Error = Infallible, Future = Answer> + Clone
{
    service_fn(|request: Request<()>| {
        ready(Ok(Response::new(
            request.extensions().get::<Caller>().is_some(),
        )))
    })
}

type Answer = Ready<Result<Response<bool>, Infallible>>;

/// A key of an issuer, and a token that it signed.
pub(crate) struct Signed {
    pub(crate) key: LocalKey,
    pub(crate) token: String,
    jwks: Value,
}

impl Signed {
    pub(crate) fn new(key_type: KeyType, algorithm: Algorithm) -> Signed {
        let (key, pkcs8) = LocalKey::generate(key_type).expect("a key");
        let signer = LocalKey::from_pkcs8(&pkcs8).expect("a key");
        let signer = Signer::key_pair(Arc::new(signer))
            .with_algorithm(algorithm.into())
            .expect("a signer");
        let token = JwtBuilder::new()
            .typ("at+jwt")
            .issuer(ISSUER)
            .audience(API)
            .subject("3f0b3c52-6f62-4a3f-9d43-1a2b8f8f3c11")
            .id("Zk1h0m3YQ5Wm0kqGQ1cM9A")
            .lifetime(Duration::from_secs(86_400))
            .claim("client_id", "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5")
            .claim("scope", "orders.read orders.write")
            .claim("roles", json!(["Reader", "Clerk"]))
            .build(&signer, SystemClock.now())
            .expect("a token");
        let mut published = Value::Object(jwk::required_members(key.public_key()));
        published["kid"] = json!(signer.kid());
        published["alg"] = json!(algorithm.name());
        published["use"] = json!("sig");
        Signed {
            key,
            token: token.expose().to_owned(),
            jwks: json!({ "keys": [published] }),
        }
    }

    /// What is signed, and the signature.
    pub(crate) fn halves(&self) -> (&[u8], Vec<u8>) {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let (signed, signature) = self.token.rsplit_once('.').expect("a signature");
        let signature = URL_SAFE_NO_PAD.decode(signature).expect("base64url");
        (signed.as_bytes(), signature)
    }

    /// A guard that has fetched the key already.
    pub(crate) fn guard(&self) -> Guard {
        let guard = builder(Issuer {
            jwks: self.jwks.clone(),
        });
        warmed(guard.build().expect("a guard"), &self.token)
    }

    /// The other layer, with the same demands.
    pub(crate) fn other_layer(
        &self,
    ) -> impl Service<Request<()>, Response = Response<bool>, Error = Infallible> + use<> {
        let tenant = TenantConfiguration::static_builder(self.jwks.to_string())
            .identifier(ISSUER)
            .audiences(&[API])
            .build()
            .expect("a tenant");
        let server = OAuth2ResourceServer::<DefaultClaims>::builder().add_tenant(tenant);
        let server = block_on(server.build()).expect("a server");
        server
            .into_layer()
            .layer(service_fn(|request: Request<()>| {
                ready(Ok(Response::new(
                    request.extensions().get::<DefaultClaims>().is_some(),
                )))
            }))
    }

    /// `jsonwebtoken`, with the same demands.
    pub(crate) fn decoder(&self, algorithm: jsonwebtoken::Algorithm) -> (DecodingKey, Validation) {
        let keys: JwkSet = serde_json::from_value(self.jwks.clone()).expect("keys");
        let key = DecodingKey::from_jwk(&keys.keys[0]).expect("a key");
        let mut demands = Validation::new(algorithm);
        demands.leeway = 0;
        demands.validate_nbf = true;
        demands.set_audience(&[API]);
        demands.set_issuer(&[ISSUER]);
        demands.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        (key, demands)
    }
}

/// A guard that was told about this opaque token already.
pub(crate) fn opaque() -> (Guard, String) {
    let token = "k7Jm2vQ0cXo5r1sT9uLwZyBdAeFgHiKl0123456789-".to_owned();
    let jwks = json!({ "keys": [] });
    let own = AccessToken::new("the-token-of-the-API").expect("a token");
    let introspector = Introspector::token(move || ready(Ok(own.clone())));
    let guard = builder(Issuer { jwks }).introspect_with(introspector);
    let guard = guard.clock(Arc::new(Still(SystemClock)));
    (warmed(guard.build().expect("a guard"), &token), token)
}

fn builder(issuer: Issuer) -> countersign_guard::GuardBuilder {
    Guard::builder(ISSUER)
        .audience(API)
        .transport(Arc::new(issuer))
}

fn warmed(guard: Guard, token: &str) -> Guard {
    let (parts, ()) = request(token).into_parts();
    block_on(guard.check(&parts)).expect("it is believed");
    guard
}

/// A request with a token, as a server hands it on.
pub(crate) fn request(token: &str) -> Request<()> {
    Request::get("/orders")
        .header("host", "api.example")
        .header("authorization", format!("Bearer {token}"))
        .body(())
        .expect("a request")
}

/// Whether a caller got through; nobody may have to be asked.
pub(crate) fn call<S>(service: &mut S, request: Request<()>) -> bool
where
    S: Service<Request<()>, Response = Response<bool>, Error = Infallible>,
{
    let answer = pin!(service.call(request));
    let mut context = Context::from_waker(Waker::noop());
    match answer.poll(&mut context) {
        Poll::Ready(Ok(answer)) => answer.into_body(),
        Poll::Pending => panic!("somebody was asked"),
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(future)
}

/// Publishes its keys, and says of every token that it is good.
struct Issuer {
    jwks: Value,
}

impl Transport for Issuer {
    fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, TransportError>> + Send + '_>> {
        let body = match request.uri().path() {
            "/jwks.json" => self.jwks.clone(),
            "/introspect" => json!({
                "active": true,
                "iss": ISSUER,
                "sub": "3f0b3c52-6f62-4a3f-9d43-1a2b8f8f3c11",
                "aud": API,
                "client_id": "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5",
                "scope": "orders.read orders.write",
                "exp": SystemClock.now().plus(Duration::from_secs(86_400)).as_secs(),
            }),
            _ => json!({
                "issuer": ISSUER,
                "token_endpoint": format!("{ISSUER}/token"),
                "jwks_uri": format!("{ISSUER}/jwks.json"),
                "introspection_endpoint": format!("{ISSUER}/introspect"),
            }),
        };
        let response = Response::builder()
            .header("content-type", "application/json")
            .body(Bytes::from(body.to_string()))
            .expect("a response");
        Box::pin(ready(Ok(response)))
    }
}

/// The clock of the system, read as often, on which an answer does not get old.
struct Still(SystemClock);

impl countersign_guard::Clock for Still {
    fn now(&self) -> countersign_proto::time::UnixTime {
        self.0.now()
    }

    fn elapsed(&self) -> Duration {
        black_box(self.0.elapsed());
        Duration::ZERO
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.0.sleep(duration)
    }
}
