//! How does a provider behave in the tests, well or badly?

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{Response, StatusCode, header},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::{
    jwk,
    jws::SigningInput,
    key::{Algorithm, KeyType, LocalKey, SigningKey as _},
};
use http_body_util::BodyExt as _;
use serde_json::{Value, json};

pub(crate) const CONFIGURATION: &str = "/.well-known/openid-configuration";
pub(crate) const JWKS: &str = "/jwks";
pub(crate) const TOKEN: &str = "/token";

/// A provider on loopback that answers what a test says, and remembers what it was asked.
pub(crate) struct Fake {
    pub(crate) issuer: String,
    pub(crate) key: LocalKey,
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    replies: HashMap<String, Reply>,
    asked: Vec<Asked>,
}

/// What is answered at one path.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) location: Option<&'static str>,
    pub(crate) body: Vec<u8>,
    pub(crate) comes: Comes,
}

/// Whether an answer comes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comes {
    AtOnce,
    Never,
}

/// One question.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) path: String,
    pub(crate) authorization: Option<String>,
    pub(crate) form: HashMap<String, String>,
}

impl Fake {
    /// A well-behaved provider with a P-256 key named `one`.
    pub(crate) async fn start() -> Fake {
        Fake::with_key(LocalKey::generate(KeyType::P256).unwrap().0).await
    }

    pub(crate) async fn with_key(key: LocalKey) -> Fake {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let shared = Arc::<Mutex<Shared>>::default();
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let fake = Fake {
            issuer,
            key,
            shared,
        };
        fake.reply(CONFIGURATION, Reply::json(&fake.description(&json!({}))));
        fake.reply(JWKS, Reply::json(&fake.jwks(&json!({}))));
        fake
    }

    pub(crate) fn reply(&self, path: &str, reply: Reply) {
        let mut shared = self.shared.lock().unwrap();
        shared.replies.insert(path.to_owned(), reply);
    }

    pub(crate) fn asked(&self, path: &str) -> Vec<Asked> {
        let shared = self.shared.lock().unwrap();
        let asked = shared.asked.iter().filter(|asked| asked.path == path);
        asked.cloned().collect()
    }

    /// Its metadata with changes.
    pub(crate) fn description(&self, changes: &Value) -> Value {
        let issuer = &self.issuer;
        changed(
            json!({
                "issuer": issuer,
                "authorization_endpoint": format!("{issuer}/auth"),
                "token_endpoint": format!("{issuer}{TOKEN}"),
                "jwks_uri": format!("{issuer}{JWKS}"),
                "authorization_response_iss_parameter_supported": true,
                "code_challenge_methods_supported": ["S256"],
            }),
            changes,
        )
    }

    /// Its keys; `changes` are of the one key.
    pub(crate) fn jwks(&self, changes: &Value) -> Value {
        let members = Value::Object(jwk::required_members(self.key.public_key()));
        let named = changed(members, &json!({ "kid": "one", "use": "sig" }));
        json!({ "keys": [changed(named, changes)] })
    }

    /// The algorithm of its key.
    pub(crate) fn algorithm(&self) -> Algorithm {
        self.key.public_key().algorithms()[0]
    }

    /// The claims of a good ID token, to be spoilt.
    pub(crate) fn claims(&self, client_id: &str, nonce: &str, now: u64) -> Value {
        json!({
            "iss": self.issuer, "sub": "248289761001", "aud": client_id, "nonce": nonce,
            "iat": now, "exp": now + 300, "name": "Anna Example",
        })
    }

    /// An ID token of these claims; `header` are changes of the good header.
    pub(crate) fn sign(&self, header: &Value, claims: &Value) -> String {
        sign_with(&self.key, self.algorithm(), header, claims)
    }

    /// Lets the token endpoint give this ID token, and an access token.
    pub(crate) fn gives(&self, id_token: &str) {
        let body = json!({
            "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 60,
            "id_token": id_token,
        });
        self.reply(TOKEN, Reply::json(&body));
    }
}

pub(crate) const ACCESS_TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";

/// A JWS by any key; `header` are changes of `{alg, kid: "one"}`, and `null` takes a member away.
pub(crate) fn sign_with(
    key: &LocalKey,
    algorithm: Algorithm,
    header: &Value,
    claims: &Value,
) -> String {
    let header = changed(json!({ "alg": algorithm.name(), "kid": "one" }), header);
    let input = SigningInput::encode(header.as_object().unwrap(), claims.as_object().unwrap());
    let signature = key.sign(algorithm, input.as_bytes()).unwrap();
    input.finish(&signature)
}

/// A JWS whose parts are whatever they are.
pub(crate) fn pasted(header: &[u8], claims: &[u8], signature: &[u8]) -> String {
    let encode = |part: &[u8]| URL_SAFE_NO_PAD.encode(part);
    format!(
        "{}.{}.{}",
        encode(header),
        encode(claims),
        encode(signature)
    )
}

/// An object with members put in its place; `null` takes one away.
pub(crate) fn changed(mut object: Value, changes: &Value) -> Value {
    let members = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    object
}

impl Reply {
    pub(crate) fn json(body: &Value) -> Reply {
        Reply::text(&body.to_string())
    }

    pub(crate) fn text(body: &str) -> Reply {
        Reply {
            status: StatusCode::OK,
            content_type: "application/json",
            location: None,
            body: body.as_bytes().to_vec(),
            comes: Comes::AtOnce,
        }
    }

    pub(crate) fn status(status: u16) -> Reply {
        Reply {
            status: StatusCode::from_u16(status).unwrap(),
            ..Reply::text("{}")
        }
    }

    pub(crate) fn never() -> Reply {
        Reply {
            comes: Comes::Never,
            ..Reply::text("")
        }
    }
}

async fn answer(State(shared): State<Arc<Mutex<Shared>>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body: Bytes = body.collect().await.unwrap().to_bytes();
    let reply = {
        let mut shared = shared.lock().unwrap();
        let authorization = parts.headers.get(header::AUTHORIZATION);
        shared.asked.push(Asked {
            path: parts.uri.path().to_owned(),
            authorization: authorization.map(|value| value.to_str().unwrap().to_owned()),
            form: url::form_urlencoded::parse(&body).into_owned().collect(),
        });
        let reply = shared.replies.get(parts.uri.path()).cloned();
        reply.unwrap_or_else(|| Reply::status(404))
    };
    if reply.comes == Comes::Never {
        std::future::pending::<()>().await;
    }
    let mut response = Response::builder()
        .status(reply.status)
        .header(header::CONTENT_TYPE, reply.content_type);
    if let Some(location) = reply.location {
        response = response.header(header::LOCATION, location);
    }
    response.body(Body::from(reply.body)).unwrap()
}
