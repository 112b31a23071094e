//! What does the token endpoint answer (RFC 6749 §5)?

use std::{fmt, time::Duration};

use http::{StatusCode, header::CONTENT_TYPE};
use serde::Serialize;
use zeroize::Zeroizing;

use super::refresh_token::RefreshToken;
use crate::{
    json::{self, JsonError, Limits, Map, Value, Wiped},
    oauth_error::OAuthError,
    scope::Scope,
    token::{AccessToken, TokenKind, TokenType},
};

/// The lifetime that is assumed when the server does not tell one (RFC 6749 §5.1 recommends it
/// only): 300 s, so that such a token is asked for anew rather than used past its end.
pub const EXPIRES_IN_UNKNOWN: Duration = Duration::from_secs(300);

/// The platform's yes (RFC 6749 §5.1 and our members).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenResponse {
    /// `access_token`
    pub access_token: AccessToken,
    /// `token_type`
    pub token_type: TokenType,
    /// `expires_in`, in whole seconds.
    pub expires_in: Duration,
    /// `scope`; absent means: as asked.
    pub scope: Option<Scope>,
    /// `kind`; absent from other servers.
    pub kind: Option<TokenKind>,
    /// `principal`; absent from other servers.
    pub principal: Option<String>,
    /// `refresh_token`: for kind 0, and from other servers.
    pub refresh_token: Option<RefreshToken>,
    /// `refreshes_remaining`: how often the session can still be refreshed; for kind 0.
    pub refreshes_remaining: Option<u32>,
}

impl TokenResponse {
    /// An answer without optional members.
    pub fn new(
        access_token: AccessToken,
        token_type: TokenType,
        expires_in: Duration,
    ) -> TokenResponse {
        TokenResponse {
            access_token,
            token_type,
            expires_in,
            scope: None,
            kind: None,
            principal: None,
            refresh_token: None,
            refreshes_remaining: None,
        }
    }

    /// The JSON body (wiped when dropped).
    pub fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let body = self.to_wire();
        // Room for the worst escapes: growing would leave a copy of the token behind.
        let room = body.access_token.len()
            + 2 * body.refresh_token.map_or(0, str::len)
            + 6 * body.scope.as_deref().map_or(0, str::len)
            + 6 * body.principal.map_or(0, str::len)
            + 256;
        let mut json = Zeroizing::new(Vec::with_capacity(room));
        // Cannot fail: a `Vec` takes every byte. An empty body is an answer that no client takes.
        if serde_json::to_writer(&mut *json, &body).is_err() {
            json.clear();
        }
        json
    }

    /// The members, also for the message that carries them through a socket.
    pub(crate) fn to_wire(&self) -> Body<'_> {
        Body {
            access_token: self.access_token.expose(),
            token_type: self.token_type.name(),
            expires_in: self.expires_in.as_secs(),
            scope: self.scope.as_ref().map(Scope::to_string),
            kind: self.kind.map(TokenKind::number),
            principal: self.principal.as_deref(),
            refresh_token: self.refresh_token.as_ref().map(RefreshToken::expose),
            refreshes_remaining: self.refreshes_remaining,
        }
    }

    /// Reads the members.
    pub(crate) fn read(
        members: &Map<String, Value>,
        expect_dpop: bool,
    ) -> Result<TokenResponse, ExchangeError> {
        let token_type = match members.get("token_type").and_then(Value::as_str) {
            Some(name) if name.eq_ignore_ascii_case("Bearer") => TokenType::Bearer,
            Some(name) if name.eq_ignore_ascii_case("DPoP") => TokenType::DPoP,
            _ => return Err(ExchangeError::Member("token_type")),
        };
        match (token_type, expect_dpop) {
            (TokenType::Bearer, true) => return Err(ExchangeError::NotBound),
            (TokenType::DPoP, false) => return Err(ExchangeError::Member("token_type")),
            _ => {}
        }
        let access_token = members
            .get("access_token")
            .and_then(Value::as_str)
            .and_then(|text| AccessToken::new(text).ok())
            .ok_or(ExchangeError::Member("access_token"))?;
        let scope = optional_string(members, "scope")?
            .map(|text| Scope::parse(text).map_err(|_| ExchangeError::Member("scope")))
            .transpose()?;
        let refresh_token = optional_string(members, "refresh_token")?
            .filter(|text| !text.is_empty())
            .map(|text| RefreshToken::new(text).map_err(|_| ExchangeError::Member("refresh_token")))
            .transpose()?;
        Ok(TokenResponse {
            access_token,
            token_type,
            expires_in: expires_in(members)?,
            scope,
            kind: members
                .get("kind")
                .and_then(Value::as_u64)
                .and_then(TokenKind::from_number),
            principal: members
                .get("principal")
                .and_then(Value::as_str)
                .filter(|name| !name.is_empty() && !name.chars().any(char::is_control))
                .map(str::to_owned),
            refresh_token,
            refreshes_remaining: members
                .get("refreshes_remaining")
                .and_then(Value::as_u64)
                .and_then(|count| u32::try_from(count).ok()),
        })
    }
}

/// Why an answer of the token endpoint is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeError {
    /// The server says no (RFC 6749 §5.2).
    Refused {
        /// The HTTP status.
        status: u16,
        /// What it says.
        error: OAuthError,
    },
    /// Another status than 200, and no OAuth error with it.
    Status(u16),
    /// Not `application/json`.
    ContentType,
    /// Not acceptable JSON.
    Body(JsonError),
    /// This member is missing or malformed.
    Member(&'static str),
    /// A token bound to a key was asked for, and the token is not bound.
    NotBound,
}

/// Reads the answer. `expect_dpop`: refuse a `Bearer` token.
///
/// Answers of other servers are read too: without `kind` and `principal`, without `expires_in`
/// (then [`EXPIRES_IN_UNKNOWN`] is assumed) or with its digits in a string, as the first version
/// of the Entra ID endpoint writes it.
///
/// # Errors
///
/// [`ExchangeError`]. A `DPoP` token that nobody asked for is refused as `token_type`: there is no
/// key to use it with.
pub fn read_response(
    response: &http::Response<impl AsRef<[u8]>>,
    expect_dpop: bool,
) -> Result<TokenResponse, ExchangeError> {
    let status = response.status().as_u16();
    let body = response.body().as_ref();
    if response.status() != StatusCode::OK {
        return Err(match OAuthError::parse(body) {
            Some(error) => ExchangeError::Refused { status, error },
            None => ExchangeError::Status(status),
        });
    }
    if !is_json(response.headers().get(CONTENT_TYPE)) {
        return Err(ExchangeError::ContentType);
    }
    let members = json::object(body, &Limits::DOCUMENT).map_err(ExchangeError::Body)?;
    TokenResponse::read(&Wiped::new(members), expect_dpop)
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExchangeError::Refused { status, error } => {
                write!(f, "the server refused with status {status}: {error}")
            }
            ExchangeError::Status(status) => {
                write!(f, "the token endpoint answered with status {status}")
            }
            ExchangeError::ContentType => {
                f.write_str("the token endpoint's answer is not application/json")
            }
            ExchangeError::Body(why) => write!(f, "the token endpoint's answer: {why}"),
            ExchangeError::Member(name) => write!(
                f,
                "the token endpoint's answer: the member \"{name}\" is missing or malformed"
            ),
            ExchangeError::NotBound => {
                f.write_str("the token is not bound to the key, although that was asked for")
            }
        }
    }
}

impl std::error::Error for ExchangeError {}

#[derive(Serialize)]
pub(crate) struct Body<'a> {
    access_token: &'a str,
    token_type: &'a str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refreshes_remaining: Option<u32>,
}

fn optional_string<'a>(
    members: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, ExchangeError> {
    match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(ExchangeError::Member(name)),
    }
}

fn is_json(content_type: Option<&http::HeaderValue>) -> bool {
    content_type
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

fn expires_in(members: &Map<String, Value>) -> Result<Duration, ExchangeError> {
    let secs = match members.get("expires_in") {
        None | Some(Value::Null) => return Ok(EXPIRES_IN_UNKNOWN),
        Some(Value::Number(number)) => number.as_u64(),
        Some(Value::String(digits)) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok()
        }
        Some(_) => None,
    };
    secs.map(Duration::from_secs)
        .ok_or(ExchangeError::Member("expires_in"))
}

#[cfg(test)]
mod tests {
    use http::Response;

    use super::*;
    use crate::oauth_error::{ErrorCode, Reason};

    fn answer(status: u16, content_type: &str, body: &str) -> Response<Vec<u8>> {
        Response::builder()
            .status(status)
            .header(CONTENT_TYPE, content_type)
            .body(body.as_bytes().to_vec())
            .unwrap()
    }

    fn read(body: &str) -> Result<TokenResponse, ExchangeError> {
        read_response(&answer(200, "application/json", body), false)
    }

    fn error(body: &str) -> ExchangeError {
        read(body).unwrap_err()
    }

    // security.md 56
    #[test]
    fn an_answer_is_written_and_read_back() {
        let token = AccessToken::new("eyJ.eyJ.AA").unwrap();
        let mut response = TokenResponse::new(token, TokenType::DPoP, Duration::from_secs(900));
        response.scope = Some(Scope::parse("read write").unwrap());
        response.kind = Some(TokenKind::NonInteractive);
        response.principal = Some("robot \"é\"".to_owned());
        response.refresh_token = Some(RefreshToken::new("csn_rt_\"x\"").unwrap());
        response.refreshes_remaining = Some(9);
        let body = response.to_json();
        let members: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            members,
            serde_json::json!({"access_token": "eyJ.eyJ.AA", "token_type": "DPoP",
                "expires_in": 900, "scope": "read write", "kind": 1, "principal": "robot \"é\"",
                "refresh_token": "csn_rt_\"x\"", "refreshes_remaining": 9})
        );
        let text = std::str::from_utf8(&body).unwrap();
        let found = read_response(&answer(200, "application/json", text), true).unwrap();
        assert_eq!(found.access_token, response.access_token);
        assert_eq!(found.token_type, TokenType::DPoP);
        assert_eq!(found.expires_in, response.expires_in);
        assert_eq!(found.scope, response.scope);
        assert_eq!(found.kind, response.kind);
        assert_eq!(found.principal, response.principal);
        assert_eq!(found.refresh_token, response.refresh_token);
        assert_eq!(found.refreshes_remaining, Some(9));
        let shown = format!("{found:?}");
        assert!(!shown.contains("eyJ") && !shown.contains("csn"), "{shown}");
    }

    // The example of RFC 6749 §5.1, whose token type and parameter are of others.
    #[test]
    fn the_answer_of_rfc_6749_is_read() {
        let body = r#"{"access_token":"2YotnFZFEjr1zCsicMWpAA","token_type":"bearer",
            "expires_in":3600,"refresh_token":"tGzv3JOkF0XG5Qx2TlKWIA","example_parameter":"v"}"#;
        let content = "Application/JSON;charset=UTF-8";
        let found = read_response(&answer(200, content, body), false).unwrap();
        assert_eq!(found.access_token.expose(), "2YotnFZFEjr1zCsicMWpAA");
        assert_eq!(found.token_type, TokenType::Bearer);
        assert_eq!(found.expires_in, Duration::from_secs(3600));
        let refresh_token = found.refresh_token.unwrap();
        assert_eq!(refresh_token.expose(), "tGzv3JOkF0XG5Qx2TlKWIA");
        assert_eq!(found.refreshes_remaining, None);
        assert_eq!(
            (found.scope, found.kind, found.principal),
            (None, None, None)
        );
    }

    #[test]
    fn a_lifetime_of_another_server_is_read_or_assumed() {
        let lifetime = |member: &str| {
            read(&format!(
                r#"{{"access_token":"a","token_type":"Bearer"{member}}}"#
            ))
            .map(|found| found.expires_in.as_secs())
        };
        assert_eq!(lifetime(r#","expires_in":60"#), Ok(60));
        assert_eq!(lifetime(r#","expires_in":"3599""#), Ok(3599));
        assert_eq!(lifetime(""), Ok(300));
        assert_eq!(lifetime(r#","expires_in":null"#), Ok(300));
        for bad in [
            "-1", "1.5", "\"\"", "\"1h\"", "\"-1\"", "[60]", "true", "1e300",
        ] {
            assert_eq!(
                lifetime(&format!(",\"expires_in\":{bad}")),
                Err(ExchangeError::Member("expires_in")),
                "{bad}"
            );
        }
    }

    #[test]
    fn an_answer_without_a_usable_token_is_refused() {
        for (body, member) in [
            ("{}", "token_type"),
            (r#"{"access_token":"a"}"#, "token_type"),
            (r#"{"access_token":"a","token_type":"mac"}"#, "token_type"),
            (r#"{"token_type":"Bearer"}"#, "access_token"),
            (
                r#"{"access_token":1,"token_type":"Bearer"}"#,
                "access_token",
            ),
            (
                r#"{"access_token":"","token_type":"Bearer"}"#,
                "access_token",
            ),
            (
                r#"{"access_token":"a\r\nX: y","token_type":"Bearer"}"#,
                "access_token",
            ),
            (
                r#"{"access_token":"a","token_type":"Bearer","scope":["a"]}"#,
                "scope",
            ),
            (
                r#"{"access_token":"a","token_type":"Bearer","refresh_token":"a\nb"}"#,
                "refresh_token",
            ),
            (
                r#"{"access_token":"a","token_type":"Bearer","refresh_token":1}"#,
                "refresh_token",
            ),
        ] {
            assert_eq!(error(body), ExchangeError::Member(member), "{body}");
        }
        assert_eq!(error("[]"), ExchangeError::Body(JsonError::NotAnObject));
        assert_eq!(
            error(r#"{"access_token":"a","access_token":"b","token_type":"Bearer"}"#),
            ExchangeError::Body(JsonError::DuplicateMember("access_token".to_owned()))
        );
        let large = format!("{{\"x\":\"{}\"}}", " ".repeat(1024 * 1024));
        assert_eq!(error(&large), ExchangeError::Body(JsonError::TooLarge));
    }

    #[test]
    fn an_answer_that_is_not_json_by_its_type_is_refused() {
        let body = r#"{"access_token":"a","token_type":"Bearer"}"#;
        for content in ["text/html", "application/jsonp", "application/jwt", ""] {
            assert_eq!(
                read_response(&answer(200, content, body), false).unwrap_err(),
                ExchangeError::ContentType,
                "{content}"
            );
        }
    }

    // security.md 107
    #[test]
    fn a_token_that_is_bound_otherwise_than_asked_is_discarded() {
        let bearer = answer(
            200,
            "application/json",
            r#"{"access_token":"a","token_type":"Bearer"}"#,
        );
        assert_eq!(
            read_response(&bearer, true).unwrap_err(),
            ExchangeError::NotBound
        );
        let bound = answer(
            200,
            "application/json",
            r#"{"access_token":"a","token_type":"DPoP"}"#,
        );
        assert_eq!(
            read_response(&bound, false).unwrap_err(),
            ExchangeError::Member("token_type")
        );
        assert!(read_response(&bound, true).is_ok());
    }

    #[test]
    fn a_refusal_is_told_from_a_failure() {
        let body = r#"{"error":"invalid_client","reason":"certificate_expired"}"#;
        match read_response(&answer(401, "application/json", body), false).unwrap_err() {
            ExchangeError::Refused { status, error } => {
                assert_eq!(status, 401);
                assert_eq!(error.code, ErrorCode::InvalidClient);
                assert_eq!(error.reason, Some(Reason::CertificateExpired));
            }
            other => panic!("{other:?}"),
        }
        for (status, body) in [
            (502, "<html>bad gateway</html>"),
            (401, "{}"),
            (302, ""),
            (204, ""),
            (201, r#"{"access_token":"a","token_type":"Bearer"}"#),
        ] {
            assert_eq!(
                read_response(&answer(status, "text/html", body), false).unwrap_err(),
                ExchangeError::Status(status)
            );
        }
    }
}
