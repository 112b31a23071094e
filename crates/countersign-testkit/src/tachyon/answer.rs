//! What does the server of the dialect answer?

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State as Extracted},
    response::Response,
};
use countersign_proto::tachyon::{
    Begun, CheckRequest, Checked, Generation, TachyonAssertion, certificate, presented, successful,
    verify,
};
use http::{Method, StatusCode, header};
use http_body_util::BodyExt as _;
use url::form_urlencoded;

use super::{Instead, State, Step, lock, socket};

pub(super) fn router(state: Arc<State>) -> Router {
    Router::new().fallback(handle).with_state(state)
}

async fn handle(Extracted(state): Extracted<Arc<State>>, request: Request) -> Response {
    // Servers of the dialect take no notice of case.
    let path = request.uri().path().to_ascii_lowercase();
    state.asked.send_modify(|asked| {
        asked.push(format!("{} {}", request.method(), request.uri().path()));
    });
    let Some(name) = endpoint(&state, &path) else {
        return other(&state, &path, request).await;
    };
    let query = request.uri().query().unwrap_or_default().to_owned();
    let step = match name {
        "information" => Step::Information,
        "authentication/requestauthentication" => Step::Begin,
        "authentication/metadataendpoint" => Step::MetadataEndpoint,
        "authentication/logout" => Step::LogOut,
        "authentication/checkauthenticationstate" => return check(&state, request).await,
        "authentication/requestjwtauthentication" => return exchange(&state, request).await,
        _ => return refused(StatusCode::NOT_FOUND, "there is nothing here"),
    };
    if request.method() != Method::GET {
        return refused(StatusCode::METHOD_NOT_ALLOWED, "ask by GET");
    }
    if let Some(instead) = state.instead(step) {
        return in_place(instead).await;
    }
    match step {
        Step::Information => json(br#"{"Version":"test"}"#),
        Step::MetadataEndpoint => text(&format!(
            "{}/idp/.well-known/openid-configuration",
            state.origin
        )),
        Step::LogOut => log_out(&state, &request),
        _ if state.generation == Generation::WebSocket => socket::upgrade(state, request),
        _ => begin(&state, &query),
    }
}

/// What is asked below the API's root.
fn endpoint<'a>(state: &State, path: &'a str) -> Option<&'a str> {
    let is_information = path.ends_with("/information");
    let root = match state.generation {
        Generation::WebSocket => "/tachyon/api/",
        Generation::Poll if lock(&state.knobs).api_is_elsewhere && !is_information => {
            "/tachyon/api/"
        }
        Generation::Poll => "/api/",
    };
    path.strip_prefix(root)
}

/// The identity provider, and an API that takes the tokens.
async fn other(state: &State, path: &str, request: Request) -> Response {
    match path {
        "/idp/.well-known/openid-configuration" => match state.instead(Step::Configuration) {
            Some(instead) => in_place(instead).await,
            None => {
                let endpoint = state.token_endpoint();
                json(
                    format!(
                        "{{\"issuer\":\"{}/idp\",\"token_endpoint\":\"{endpoint}\"}}",
                        state.origin
                    )
                    .as_bytes(),
                )
            }
        },
        "/consumer/whoami" => match presented(request.headers()) {
            Ok((token, by)) if state.tokens.is_live(token.expose()) => {
                let by = serde_json::Value::from(by.name());
                json(format!("{{\"Principal\":\"URTH\\\\vader\",\"Consumer\":{by}}}").as_bytes())
            }
            _ => refused(StatusCode::UNAUTHORIZED, "No authentication token found"),
        },
        _ => {
            let number = path.strip_prefix("/idp/sign-in/").map(str::parse);
            match number {
                Some(Ok(number)) if state.sign_ins.sign_in(number) => {
                    text("Signed in as Darth Vader. Go back to your terminal.")
                }
                _ => refused(StatusCode::NOT_FOUND, "there is nothing here"),
            }
        }
    }
}

fn begin(state: &State, query: &str) -> Response {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let Some((_, ecpn)) = pairs.find(|(name, _)| name == "ecpn") else {
        return refused(StatusCode::BAD_REQUEST, "ecpn is missing");
    };
    let number = state.sign_ins.begin(Some(ecpn.into_owned()));
    let address = sign_in_address(state, number);
    json(&Begun::write(
        &address,
        &format!("state-{number}"),
        state.knobs().shape,
    ))
}

pub(super) fn sign_in_address(state: &State, number: u64) -> String {
    format!("{}/idp/sign-in/{number}", state.origin)
}

async fn check(state: &State, request: Request) -> Response {
    let Some(body) = posted(request).await else {
        return refused(StatusCode::BAD_REQUEST, "post it as JSON");
    };
    let asked = match CheckRequest::read(&body) {
        Ok(asked) => asked,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let step = match asked.nonce {
        Some(_) => Step::Token,
        None => Step::Check,
    };
    if let Some(instead) = state.instead(step) {
        return in_place(instead).await;
    }
    let number = asked.state.strip_prefix("state-");
    let number = number.and_then(|number| number.parse().ok());
    let knobs = state.knobs();
    match (number, asked.nonce) {
        (Some(number), Some(nonce)) if state.sign_ins.end(number, &nonce.ecpn()) => {
            let token = state.tokens.give(0, &knobs, state.clock.now());
            json(&successful(&token, knobs.shape))
        }
        (Some(number), None) => match state.sign_ins.has_signed_in(number) {
            Some(signed_in) => {
                let is_known = *signed_in.borrow() && !*state.is_held.borrow();
                let said = match is_known {
                    true => Checked::Successful,
                    false => Checked::Waiting,
                };
                json(&said.write(knobs.shape))
            }
            None => refused(StatusCode::BAD_REQUEST, "there is no such sign-in"),
        },
        _ => refused(
            StatusCode::UNAUTHORIZED,
            "the nonce is not the one of this sign-in",
        ),
    }
}

async fn exchange(state: &State, request: Request) -> Response {
    if let Some(instead) = state.instead(Step::Exchange) {
        return in_place(instead).await;
    }
    let Some(body) = posted(request).await else {
        return refused(StatusCode::BAD_REQUEST, "post it as JSON");
    };
    let assertion = match certificate::read_exchange(&body) {
        Ok(assertion) => assertion,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let now = state.clock.now();
    let endpoint = state.token_endpoint();
    let mut why = "no application is registered".to_owned();
    let applications = lock(&state.applications).clone();
    for (app_id, certificate) in applications {
        let claimed = TachyonAssertion::new(&app_id, &endpoint);
        match verify(&assertion, &certificate, &claimed, now) {
            Ok(_) if state.tokens.is_first(&assertion) => {
                return text(&state.tokens.give(1, &state.knobs(), now));
            }
            Ok(_) => "the assertion was shown before".clone_into(&mut why),
            Err(error) => why = error.to_string(),
        }
    }
    refused(StatusCode::UNAUTHORIZED, &why)
}

fn log_out(state: &State, request: &Request) -> Response {
    match presented(request.headers()) {
        Ok((token, _)) if state.tokens.end(token.expose()) => text(""),
        _ => refused(StatusCode::UNAUTHORIZED, "No authentication token found"),
    }
}

async fn posted(request: Request) -> Option<bytes::Bytes> {
    let is_json = request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/json"));
    if request.method() != Method::POST || !is_json {
        return None;
    }
    Some(request.into_body().collect().await.ok()?.to_bytes())
}

/// What was asked for in place of an answer.
async fn in_place(instead: Instead) -> Response {
    match instead {
        Instead::Status(status) => refused(
            StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            "as the test wants it",
        ),
        Instead::Body(body) => json(&body),
        Instead::Silence => std::future::pending().await,
        // A body that ends before it was to end: the connection is closed in the middle of it.
        _ => {
            let broken = futures_util::stream::once(async {
                Err::<bytes::Bytes, _>(std::io::Error::other("closed early"))
            });
            Response::new(Body::from_stream(broken))
        }
    }
}

fn json(body: &[u8]) -> Response {
    let mut response = Response::new(Body::from(body.to_vec()));
    let json = http::HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

fn text(body: &str) -> Response {
    let mut response = Response::new(Body::from(body.to_owned()));
    let plain = http::HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, plain);
    response
}

/// As servers of its kind explain themselves.
pub(super) fn refused(status: StatusCode, why: &str) -> Response {
    let why = serde_json::Value::from(why);
    let mut response = json(format!("{{\"Message\":{why}}}").as_bytes());
    *response.status_mut() = status;
    response
}
