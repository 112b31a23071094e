//! By what must the holder of a token prove that it is the holder (RFC 7800)?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;

use super::mistyped;
use crate::{
    json::Value,
    jws::{ClaimError, Claims},
    thumbprint::Thumbprint,
};

/// What `cnf` demands of whoever presents a token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Confirmation {
    /// Nothing: whoever holds it may use it.
    #[default]
    None,
    /// `jkt`: a proof by the key with this RFC 7638 thumbprint (RFC 9449 §6).
    Key(String),
    /// `x5t#S256`: a TLS connection by the certificate with this thumbprint (RFC 8705 §3.1).
    Certificate(Thumbprint),
    /// Both.
    KeyAndCertificate(String, Thumbprint),
}

impl Confirmation {
    /// Reads `cnf`.
    ///
    /// # Errors
    ///
    /// `cnf` is no object, is empty, or has a member that is not understood here: what cannot be
    /// checked must not read as nothing to check (RFC 7800 §3.1).
    pub fn of(claims: &Claims) -> Result<Confirmation, ClaimError> {
        let members = match claims.members().get("cnf") {
            None => return Ok(Confirmation::None),
            Some(Value::Object(members)) => members,
            Some(_) => return Err(mistyped("cnf")),
        };
        let (mut key, mut certificate) = (None, None);
        for (name, value) in members {
            match (name.as_str(), value) {
                ("jkt", Value::String(jkt)) => key = Some(jkt.clone()),
                ("x5t#S256", Value::String(text)) => {
                    certificate = Some(sha256(text).ok_or(mistyped("cnf"))?);
                }
                _ => return Err(mistyped("cnf")),
            }
        }
        match (key, certificate) {
            (Some(key), None) => Ok(Confirmation::Key(key)),
            (None, Some(certificate)) => Ok(Confirmation::Certificate(certificate)),
            (Some(key), Some(certificate)) => Ok(Confirmation::KeyAndCertificate(key, certificate)),
            (None, None) => Err(mistyped("cnf")),
        }
    }
}

/// `cnf` of a token that is bound to a key.
#[derive(Serialize)]
pub(super) struct OfKey<'a> {
    jkt: &'a str,
}

pub(super) fn of_key(jkt: &str) -> OfKey<'_> {
    OfKey { jkt }
}

/// The base64url form of a SHA-256 digest.
pub(super) fn sha256(text: &str) -> Option<Thumbprint> {
    let digest = URL_SAFE_NO_PAD.decode(text).ok()?;
    digest.try_into().ok().map(Thumbprint::Sha256)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::{self, Limits};

    fn of(cnf: &str) -> Result<Confirmation, ClaimError> {
        let text = format!("{{\"cnf\":{cnf}}}");
        let members = json::object(text.as_bytes(), &Limits::CLAIMS).unwrap();
        Confirmation::of(&Claims::of(members))
    }

    // The thumbprints are those of RFC 9449 §6.1 and RFC 8705 App. A.
    const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
    const X5T: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";

    #[test]
    fn each_way_to_bind_a_token_is_read() {
        let certificate = sha256(X5T).unwrap();
        assert_eq!(certificate.to_base64url(), X5T);
        assert_eq!(
            of(&format!(r#"{{"jkt":"{JKT}"}}"#)),
            Ok(Confirmation::Key(JKT.to_owned()))
        );
        assert_eq!(
            of(&format!(r#"{{"x5t#S256":"{X5T}"}}"#)),
            Ok(Confirmation::Certificate(certificate))
        );
        assert_eq!(
            of(&format!(r#"{{"x5t#S256":"{X5T}","jkt":"{JKT}"}}"#)),
            Ok(Confirmation::KeyAndCertificate(JKT.to_owned(), certificate))
        );
        let nothing = json::object(b"{}", &Limits::CLAIMS).unwrap();
        assert_eq!(
            Confirmation::of(&Claims::of(nothing)),
            Ok(Confirmation::None)
        );
    }

    // security.md 103, 106: what cannot be checked must not read as nothing to check.
    #[test]
    fn a_way_that_is_not_understood_is_refused_and_never_passed_over() {
        for cnf in [
            "null",
            "{}",
            "[]",
            r#""x""#,
            r#"{"kid":"a"}"#,
            r#"{"jwk":{"kty":"EC"}}"#,
            r#"{"jkt":1}"#,
            r#"{"jkt":null}"#,
            r#"{"x5t#S256":"AAAA"}"#,
            r#"{"x5t#S256":"A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0="}"#,
            &format!(r#"{{"jkt":"{JKT}","kid":"a"}}"#),
        ] {
            assert_eq!(of(cnf), Err(mistyped("cnf")), "{cnf}");
        }
    }
}
