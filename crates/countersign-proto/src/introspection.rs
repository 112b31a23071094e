//! Is this token still good (RFC 7662)?

use serde::Serialize;

use crate::{
    exchange::{Form, JWT_BEARER_ASSERTION_TYPE, Presented, post, take_client_assertion},
    json::{self, JsonError, Limits, Value},
    oauth_error::OAuthError,
    token::{TokenClaims, TokenType},
};

/// A request, both ways.
#[derive(Debug)]
pub struct IntrospectionRequest {
    /// The token asked about.
    pub token: Presented,
    /// A hint; a wrong one still finds the token.
    pub token_type_hint: Option<String>,
    /// The caller's client assertion, when it has no bearer.
    pub client_assertion: Option<Presented>,
    /// `client_id`; when it is there it must be the assertion's `iss`.
    pub client_id: Option<String>,
}

impl IntrospectionRequest {
    /// Decodes a form.
    ///
    /// # Errors
    ///
    /// `invalid_request` when `token` is missing or the client's authentication is malformed;
    /// `invalid_client` for a `client_secret`.
    pub fn from_form(mut form: Form) -> Result<IntrospectionRequest, OAuthError> {
        Ok(IntrospectionRequest {
            client_assertion: take_client_assertion(&mut form)?,
            token: Presented::new(form.require("token")?),
            token_type_hint: form.take("token_type_hint"),
            client_id: form.take("client_id"),
        })
    }

    /// A POST request with a form body.
    pub fn to_http(&self, endpoint: &url::Url) -> http::Request<Vec<u8>> {
        let mut parameters = vec![("token", self.token.expose())];
        if let Some(hint) = &self.token_type_hint {
            parameters.push(("token_type_hint", hint));
        }
        if let Some(client_id) = &self.client_id {
            parameters.push(("client_id", client_id));
        }
        if let Some(assertion) = &self.client_assertion {
            parameters.push(("client_assertion_type", JWT_BEARER_ASSERTION_TYPE));
            parameters.push(("client_assertion", assertion.expose()));
        }
        post(endpoint, &parameters)
    }
}

/// The answer. Inactive says nothing else.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Introspection {
    /// Unknown, expired, revoked or not for the caller.
    Inactive,
    /// Good now, with what it says.
    Active(Box<TokenClaims>),
}

impl Introspection {
    /// The JSON body. Inactive is byte for byte `{"active":false}`.
    pub fn to_json(&self) -> Vec<u8> {
        let inactive = || br#"{"active":false}"#.to_vec();
        match self {
            Introspection::Inactive => inactive(),
            Introspection::Active(claims) => {
                let bound = claims.confirmation.is_some();
                let body = ActiveBody {
                    active: true,
                    token_type: if bound {
                        TokenType::DPoP.name()
                    } else {
                        TokenType::Bearer.name()
                    },
                    claims: claims.to_wire(),
                };
                serde_json::to_vec(&body).unwrap_or_else(|_| inactive())
            }
        }
    }

    /// Reads an answer of ours or of another server: only `active` is demanded.
    ///
    /// # Errors
    ///
    /// The body is not acceptable JSON, or `active` is not a boolean.
    pub fn active_from_json(body: &[u8]) -> Result<bool, JsonError> {
        match json::object(body, &Limits::DOCUMENT)?.get("active") {
            Some(Value::Bool(active)) => Ok(*active),
            _ => Err(JsonError::Member("active")),
        }
    }
}

#[derive(Serialize)]
struct ActiveBody<T> {
    active: bool,
    token_type: &'static str,
    #[serde(flatten)]
    claims: T,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{oauth_error::ErrorCode, time::UnixTime, token::TokenKind};

    fn claims() -> TokenClaims {
        TokenClaims::new(
            "https://id.example".to_owned(),
            "robot".to_owned(),
            "https://api.example".to_owned(),
            "app-1".to_owned(),
            TokenKind::NonInteractive,
            UnixTime::from_secs(1_700_000_000),
            UnixTime::from_secs(1_700_000_900),
            "0123456789abcdef".to_owned(),
        )
    }

    // security.md 74
    #[test]
    fn an_inactive_answer_says_nothing_else() {
        assert_eq!(Introspection::Inactive.to_json(), br#"{"active":false}"#);
    }

    #[test]
    fn an_active_answer_tells_the_claims() {
        let mut claims = claims();
        claims.confirmation = Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".to_owned());
        let body = Introspection::Active(Box::new(claims)).to_json();
        let members = json::object(&body, &Limits::DOCUMENT).unwrap();
        assert_eq!(members["active"], true);
        assert_eq!(members["sub"], "robot");
        assert_eq!(members["exp"], 1_700_000_900);
        assert_eq!(members["type"], 1);
        assert_eq!(members["token_type"], "DPoP");
        assert_eq!(
            members["cnf"]["jkt"],
            "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
        );
        assert_eq!(Introspection::active_from_json(&body), Ok(true));
    }

    #[test]
    fn an_answer_without_a_boolean_is_no_answer() {
        assert_eq!(
            Introspection::active_from_json(b"{\"active\":false}"),
            Ok(false)
        );
        for body in [
            "{}",
            r#"{"active":"true"}"#,
            r#"{"active":1}"#,
            r#"{"active":null}"#,
        ] {
            assert_eq!(
                Introspection::active_from_json(body.as_bytes()),
                Err(JsonError::Member("active")),
                "{body}"
            );
        }
        assert!(Introspection::active_from_json(br#"{"active":false,"active":true}"#).is_err());
    }

    // security.md 73, 77
    #[test]
    fn a_request_is_written_and_read_back() {
        let request = IntrospectionRequest {
            token: Presented::new("2YotnFZFEjr1zCsicMWpAA".to_owned()),
            token_type_hint: Some("refresh_token".to_owned()),
            client_assertion: Some(Presented::new("a.b.c".to_owned())),
            client_id: Some("app-1".to_owned()),
        };
        let http =
            request.to_http(&url::Url::parse("https://id.example/oauth2/introspect").unwrap());
        let read = IntrospectionRequest::from_form(Form::parse(http.body()).unwrap()).unwrap();
        assert_eq!(read.token.expose(), "2YotnFZFEjr1zCsicMWpAA");
        assert_eq!(read.token_type_hint.as_deref(), Some("refresh_token"));
        assert_eq!(read.client_assertion.unwrap().expose(), "a.b.c");
        assert_eq!(read.client_id.as_deref(), Some("app-1"));
    }

    // security.md 39
    #[test]
    fn a_request_without_token_or_with_a_secret_is_refused() {
        let code = |body: &str| {
            IntrospectionRequest::from_form(Form::parse(body.as_bytes()).unwrap())
                .unwrap_err()
                .code
        };
        let typed =
            format!("token=t&client_assertion=a&client_assertion_type={JWT_BEARER_ASSERTION_TYPE}");
        assert_eq!(code("token="), ErrorCode::InvalidRequest);
        assert_eq!(
            code("token=t&client_assertion=a"),
            ErrorCode::InvalidRequest
        );
        assert_eq!(code("token=t&client_secret=s"), ErrorCode::InvalidClient);
        assert_eq!(
            code(&format!("{typed}&client_secret=s")),
            ErrorCode::InvalidRequest
        );
    }
}
