//! What does the header of an assertion say, besides algorithm, `kid` and chain?

use std::{fmt, str::FromStr};

use super::Purpose;

/// Which `typ` the header has.
///
/// As text: `purpose`, `jwt` or `none`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TypForm {
    /// That of the purpose, by which no other token passes for an assertion (RFC 10070).
    #[default]
    Purpose,
    /// `JWT`, which says nothing: for servers that know no other.
    Jwt,
    /// No `typ`.
    None,
}

/// By which digests the header names the certificate.
///
/// As text: `both`, `sha256`, `sha1` or `none`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ThumbprintForm {
    /// `x5t` and `x5t#S256`.
    #[default]
    Both,
    /// `x5t#S256` alone (RFC 7515 §4.1.8).
    Sha256,
    /// `x5t` alone (RFC 7515 §4.1.7).
    Sha1,
    /// Neither.
    None,
}

/// The text is not one of the forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderFormError {
    forms: &'static str,
}

impl TypForm {
    pub(super) fn of(self, purpose: Purpose) -> Option<&'static str> {
        match self {
            TypForm::Purpose => Some(purpose.typ()),
            TypForm::Jwt => Some("JWT"),
            TypForm::None => None,
        }
    }
}

impl ThumbprintForm {
    pub(super) fn names_sha1(self) -> bool {
        matches!(self, ThumbprintForm::Both | ThumbprintForm::Sha1)
    }

    pub(super) fn names_sha256(self) -> bool {
        matches!(self, ThumbprintForm::Both | ThumbprintForm::Sha256)
    }
}

impl fmt::Display for TypForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TypForm::Purpose => "purpose",
            TypForm::Jwt => "jwt",
            TypForm::None => "none",
        })
    }
}

impl FromStr for TypForm {
    type Err = HeaderFormError;

    fn from_str(text: &str) -> Result<TypForm, HeaderFormError> {
        let all = [TypForm::Purpose, TypForm::Jwt, TypForm::None];
        let found = all.into_iter().find(|form| form.to_string() == text);
        found.ok_or(HeaderFormError {
            forms: "purpose, jwt or none",
        })
    }
}

impl fmt::Display for ThumbprintForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ThumbprintForm::Both => "both",
            ThumbprintForm::Sha256 => "sha256",
            ThumbprintForm::Sha1 => "sha1",
            ThumbprintForm::None => "none",
        })
    }
}

impl FromStr for ThumbprintForm {
    type Err = HeaderFormError;

    fn from_str(text: &str) -> Result<ThumbprintForm, HeaderFormError> {
        let all = [
            ThumbprintForm::Both,
            ThumbprintForm::Sha256,
            ThumbprintForm::Sha1,
            ThumbprintForm::None,
        ];
        let found = all.into_iter().find(|form| form.to_string() == text);
        found.ok_or(HeaderFormError {
            forms: "both, sha256, sha1 or none",
        })
    }
}

impl fmt::Display for HeaderFormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "use {}", self.forms)
    }
}

impl std::error::Error for HeaderFormError {}

#[cfg(test)]
mod tests {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

    use super::*;
    use crate::{
        assertion::Assertion,
        fixtures::{CLIENT, ISSUER, Identity, JTI, NOW},
        key::Algorithm,
    };

    #[test]
    fn a_form_of_the_header_is_read_as_it_is_written() {
        for (text, form) in [
            ("purpose", TypForm::Purpose),
            ("jwt", TypForm::Jwt),
            ("none", TypForm::None),
        ] {
            assert_eq!(text.parse(), Ok(form));
            assert_eq!(form.to_string(), text);
        }
        for (text, form) in [
            ("both", ThumbprintForm::Both),
            ("sha256", ThumbprintForm::Sha256),
            ("sha1", ThumbprintForm::Sha1),
            ("none", ThumbprintForm::None),
        ] {
            assert_eq!(text.parse(), Ok(form));
            assert_eq!(form.to_string(), text);
        }
        let typ = "JWT".parse::<TypForm>().unwrap_err();
        assert_eq!(typ.to_string(), "use purpose, jwt or none");
        let thumbprints = "x5t".parse::<ThumbprintForm>().unwrap_err();
        assert_eq!(thumbprints.to_string(), "use both, sha256, sha1 or none");
    }

    #[test]
    fn the_header_says_no_more_than_it_is_told_to() {
        let identity = Identity::named("p256");
        let sha1 = Some(identity.text("x5t"));
        let sha256 = Some(identity.text("x5t_s256"));
        let own = Some("client-authentication+jwt");
        for (typ, thumbprints, expected) in [
            (TypForm::Purpose, ThumbprintForm::Both, (own, sha1, sha256)),
            (
                TypForm::Jwt,
                ThumbprintForm::Sha256,
                (Some("JWT"), None, sha256),
            ),
            (
                TypForm::Jwt,
                ThumbprintForm::Sha1,
                (Some("JWT"), sha1, None),
            ),
            (TypForm::None, ThumbprintForm::None, (None, None, None)),
        ] {
            let mut assertion = Assertion::client(CLIENT, ISSUER);
            (assertion.typ, assertion.thumbprints) = (typ, thumbprints);
            let minted = assertion
                .mint(&identity.chain, &identity.key, Algorithm::ES256, NOW, JTI)
                .unwrap();
            let header = minted.expose().split('.').next().unwrap();
            let header: serde_json::Value =
                serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
            let member = |name: &str| header.get(name).map(|value| value.as_str().unwrap());
            assert_eq!(
                (member("typ"), member("x5t"), member("x5t#S256")),
                expected,
                "{header}"
            );
        }
    }
}
