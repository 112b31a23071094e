//! What does the walk hold of everything that was ever given out, and does it still open something?

use std::net::IpAddr;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode, header},
};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::{
    idp::{IdpRefusal, Password},
    service::sign_in::{self, SignInRefusal},
    tests::world::World,
};

/// Something that was given out once.
#[derive(Clone, Debug)]
pub(super) enum Held {
    /// A token that somebody granted.
    Token {
        /// Its public name.
        id: String,
        /// The string.
        text: String,
        /// For the platform itself, or for the API.
        for_api: bool,
    },
    /// A session of the console.
    Session {
        /// Its public name.
        id: String,
        /// The cookie, name and value.
        cookie: String,
    },
    /// A password of the platform.
    Password {
        /// Who signs in by it: its public name.
        principal: String,
        /// The password.
        text: &'static str,
    },
}

/// What the listing says of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// It is good.
    Good,
    /// It is good for as much of its scopes as its owner still has: that may be nothing.
    Narrowed,
    /// It is over, or whoever it stands for is gone or disabled.
    Over,
    /// It is not there.
    Unknown,
}

impl Held {
    pub(super) fn id(&self) -> &str {
        match self {
            Held::Token { id, .. } | Held::Session { id, .. } => id,
            Held::Password { principal, .. } => principal,
        }
    }

    pub(super) fn is_session(&self) -> bool {
        matches!(self, Held::Session { .. })
    }

    /// Whether it is a password: to try one costs so much that it is not done after each step.
    pub(super) fn is_password(&self) -> bool {
        matches!(self, Held::Password { .. })
    }

    /// Whether it opens anything at this node. Nobody can tell of a password whose name has to wait.
    pub(super) async fn opens(&self, node: &World, api: &str) -> Option<bool> {
        Some(match self {
            Held::Token {
                text,
                for_api: false,
                ..
            } => {
                let answer = node.api(Method::GET, "whoami", text, None).await;
                yes_or_no(answer.status)
            }
            Held::Token { text, .. } => {
                let answer = node.introspect(api, text).await;
                assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
                answer.json()["active"] == true
            }
            Held::Session { cookie, .. } => {
                let request = with_cookie(Method::GET, "whoami", cookie, None);
                yes_or_no(node.send(request).await.status)
            }
            Held::Password { principal, text } => {
                let password = Password::typed(Zeroizing::new((*text).to_owned()));
                let peer: IpAddr = [192, 0, 2, 7].into();
                let signed_in =
                    sign_in::by_password(&node.platform, principal, &password, Some(peer)).await;
                match signed_in {
                    Ok(_) => true,
                    Err(SignInRefusal::NotProved(IdpRefusal::Throttled { .. })) => return None,
                    Err(_) => false,
                }
            }
        })
    }

    /// What the listing at this node says of it, by its name and in the list.
    pub(super) async fn listed(&self, node: &World, admin: &str) -> Listed {
        let noun = match self {
            Held::Token { .. } => "tokens",
            Held::Session { .. } => "sessions",
            Held::Password { .. } => "principals",
        };
        let path = format!("{noun}/{}", self.id());
        let answer = node.api(Method::GET, &path, admin, None).await;
        if answer.status == StatusCode::NOT_FOUND {
            return Listed::Unknown;
        }
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
        let shown = answer.json();
        let stands = match self {
            Held::Token { .. } => &shown["owner"],
            Held::Session { .. } => &shown["principal"],
            Held::Password { .. } => &shown["name"],
        };
        let lives = match self {
            Held::Password { .. } => shown["password_set_at"].is_u64(),
            _ => ["active", "expiring", "rotated"].contains(&shown["state"].as_str().unwrap()),
        };
        let good = lives && enabled(node, admin, stands).await;
        let narrowed = shown["scopes"].as_array().is_some_and(|it| !it.is_empty());
        match (good, narrowed) {
            (false, _) => Listed::Over,
            (true, true) => Listed::Narrowed,
            (true, false) => Listed::Good,
        }
    }

    /// All that is listed of it, for whoever looks for a fault.
    pub(super) async fn shown(&self, node: &World, admin: &str) -> String {
        let path = match self {
            Held::Token { id, .. } => format!("tokens/{id}"),
            Held::Session { id, .. } => format!("sessions/{id}"),
            Held::Password { principal, .. } => format!("principals/{principal}"),
        };
        let answer = node.api(Method::GET, &path, admin, None).await;
        String::from_utf8_lossy(&answer.body).into_owned()
    }

    /// Where it is revoked.
    pub(super) fn revocation(&self) -> (Method, String, Option<Value>) {
        match self {
            Held::Token { id, .. } => (
                Method::POST,
                format!("tokens/{id}/revoke"),
                Some(serde_json::json!({"reason": "the walk is over"})),
            ),
            Held::Session { id, .. } => (Method::POST, format!("sessions/{id}/end"), None),
            Held::Password { principal, .. } => (
                Method::DELETE,
                format!("principals/{principal}/password"),
                None,
            ),
        }
    }
}

/// A request of the console's own pages to the API.
pub(super) fn with_cookie(
    method: Method,
    path: &str,
    cookie: &str,
    body: Option<Value>,
) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(format!("/api/v1/{path}"))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::COOKIE, cookie)
        .header("sec-fetch-site", "same-origin")
        .header("x-countersign-console", "1")
        .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
        .unwrap()
}

async fn enabled(node: &World, admin: &str, principal: &Value) -> bool {
    let Some(name) = principal.as_str() else {
        return true;
    };
    let path = format!("principals/{name}");
    let answer = node.api(Method::GET, &path, admin, None).await;
    answer.status == StatusCode::OK && answer.json()["enabled"] == true
}

fn yes_or_no(status: StatusCode) -> bool {
    match status {
        StatusCode::OK => true,
        StatusCode::UNAUTHORIZED => false,
        other => panic!("neither yes nor no: {other}"),
    }
}
