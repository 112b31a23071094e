//! Is this token still good (RFC 7662)?

use serde::Serialize;

use crate::{
    json::{self, JsonError, Limits, Map, Value},
    jws::Claims,
    token::{TokenClaims, TokenType},
};

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
        active(&json::object(body, &Limits::DOCUMENT)?)
    }

    /// Reads an answer of ours or of another server with what it says of the token: `None` when that
    /// is not active. The answer vouches for the claims; whether they are for the reader, and hold
    /// now, is still to be asked ([`crate::jwt::check_claims`]). They are read within the limits of a
    /// token.
    ///
    /// # Errors
    ///
    /// The body is not acceptable JSON, or `active` is not a boolean.
    pub fn claims_from_json(body: &[u8]) -> Result<Option<Claims>, JsonError> {
        let mut members = json::object(body, &Limits::CLAIMS)?;
        if !active(&members)? {
            return Ok(None);
        }
        members.remove("active");
        Ok(Some(Claims::of(members)))
    }
}

fn active(members: &Map<String, Value>) -> Result<bool, JsonError> {
    match members.get("active") {
        Some(Value::Bool(active)) => Ok(*active),
        _ => Err(JsonError::Member("active")),
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
    use crate::{time::UnixTime, token::TokenKind};

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

        let read = Introspection::claims_from_json(&body).unwrap().unwrap();
        assert_eq!(read.string("sub"), Ok("robot"));
        assert!(!read.members().contains_key("active"));
        let end = UnixTime::from_secs(1_700_000_900);
        assert_eq!(read.time_floor("exp"), Ok(Some(end)));
    }

    #[test]
    fn the_claims_of_an_inactive_token_are_not_read() {
        let body = br#"{"active":false,"sub":"robot"}"#;
        assert_eq!(Introspection::claims_from_json(body), Ok(None));
        assert_eq!(
            Introspection::claims_from_json(br#"{"sub":"robot"}"#),
            Err(JsonError::Member("active"))
        );
    }

    #[test]
    fn a_token_without_an_end_is_told_without_one() {
        let mut claims = claims();
        claims.kind = TokenKind::App;
        claims.expires_at = None;
        let body = Introspection::Active(Box::new(claims)).to_json();
        let members = json::object(&body, &Limits::DOCUMENT).unwrap();
        assert_eq!(members["active"], true);
        assert!(!members.contains_key("exp"), "{members:?}");
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
}
