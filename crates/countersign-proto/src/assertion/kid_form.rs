//! How does an assertion name the certificate that it was signed with?

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::{certificate::Certificate, crypto, jwk, jws::MAX_KID_BYTES};

/// Which value of the certificate becomes the `kid`.
///
/// As text: `sha1-hex`, `sha256-hex`, `sha1-base64url`, `sha256-base64url`, `jwk-thumbprint`,
/// `spki-sha256-base64url`, `none` or `literal:VALUE`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KidForm {
    /// SHA-1, upper-case hexadecimal.
    #[default]
    Sha1Hex,
    /// SHA-256, upper-case hexadecimal.
    Sha256Hex,
    /// SHA-1, base64url without padding: the value of `x5t`.
    Sha1Base64url,
    /// SHA-256, base64url without padding: the value of `x5t#S256`.
    Sha256Base64url,
    /// The RFC 7638 thumbprint of the public key, which many servers give to a key whose owner
    /// gave it no name.
    JwkThumbprint,
    /// SHA-256 of the public key's `SubjectPublicKeyInfo`, base64url without padding: what Keycloak
    /// calls the key of a certificate that was uploaded.
    SpkiSha256Base64url,
    /// No `kid`.
    None,
    /// This text, which the server knows as a name of the certificate or key.
    Literal(String),
}

/// The text is not one of the forms of [`KidForm`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KidFormError;

impl KidForm {
    /// The `kid` of a certificate in this form.
    pub fn of(&self, certificate: &Certificate) -> Option<String> {
        match self {
            KidForm::Sha1Hex => Some(certificate.sha1().to_hex()),
            KidForm::Sha256Hex => Some(certificate.sha256().to_hex()),
            KidForm::Sha1Base64url => Some(certificate.sha1().to_base64url()),
            KidForm::Sha256Base64url => Some(certificate.sha256().to_base64url()),
            KidForm::JwkThumbprint => Some(jwk::thumbprint(certificate.public_key())),
            KidForm::SpkiSha256Base64url => {
                let spki = certificate.public_key().spki();
                Some(URL_SAFE_NO_PAD.encode(crypto::sha256(spki)))
            }
            KidForm::None => None,
            KidForm::Literal(text) => Some(text.clone()),
        }
    }
}

impl fmt::Display for KidForm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KidForm::Sha1Hex => f.write_str("sha1-hex"),
            KidForm::Sha256Hex => f.write_str("sha256-hex"),
            KidForm::Sha1Base64url => f.write_str("sha1-base64url"),
            KidForm::Sha256Base64url => f.write_str("sha256-base64url"),
            KidForm::JwkThumbprint => f.write_str("jwk-thumbprint"),
            KidForm::SpkiSha256Base64url => f.write_str("spki-sha256-base64url"),
            KidForm::None => f.write_str("none"),
            KidForm::Literal(value) => write!(f, "literal:{value}"),
        }
    }
}

impl FromStr for KidForm {
    type Err = KidFormError;

    fn from_str(text: &str) -> Result<KidForm, KidFormError> {
        match text {
            "sha1-hex" => Ok(KidForm::Sha1Hex),
            "sha256-hex" => Ok(KidForm::Sha256Hex),
            "sha1-base64url" => Ok(KidForm::Sha1Base64url),
            "sha256-base64url" => Ok(KidForm::Sha256Base64url),
            "jwk-thumbprint" => Ok(KidForm::JwkThumbprint),
            "spki-sha256-base64url" => Ok(KidForm::SpkiSha256Base64url),
            "none" => Ok(KidForm::None),
            _ => match text.strip_prefix("literal:") {
                Some(value)
                    if !value.is_empty()
                        && value.len() <= MAX_KID_BYTES
                        && !value.chars().any(char::is_control) =>
                {
                    Ok(KidForm::Literal(value.to_owned()))
                }
                _ => Err(KidFormError),
            },
        }
    }
}

impl fmt::Display for KidFormError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not a form of kid: use sha1-hex, sha256-hex, sha1-base64url, sha256-base64url, \
             jwk-thumbprint, spki-sha256-base64url, none or literal:VALUE",
        )
    }
}

impl std::error::Error for KidFormError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_of_kid_is_read_as_it_is_written() {
        for (text, form) in [
            ("sha1-hex", KidForm::Sha1Hex),
            ("sha256-hex", KidForm::Sha256Hex),
            ("sha1-base64url", KidForm::Sha1Base64url),
            ("sha256-base64url", KidForm::Sha256Base64url),
            ("jwk-thumbprint", KidForm::JwkThumbprint),
            ("spki-sha256-base64url", KidForm::SpkiSha256Base64url),
            ("none", KidForm::None),
            ("literal:a:b", KidForm::Literal("a:b".to_owned())),
        ] {
            assert_eq!(text.parse(), Ok(form.clone()));
            assert_eq!(form.to_string(), text);
        }
        for text in [
            "",
            "SHA1-HEX",
            "sha1",
            "literal",
            "literal:",
            "literal:a\nb",
            "None",
        ] {
            assert_eq!(text.parse::<KidForm>(), Err(KidFormError), "{text:?}");
        }
        let long = format!("literal:{}", "x".repeat(257));
        assert_eq!(long.parse::<KidForm>(), Err(KidFormError));
    }

    #[test]
    fn a_kid_made_of_the_public_key_is_what_openssl_and_jose_make_of_it() {
        // openssl x509 -in FILE -noout -pubkey | openssl pkey -pubin -outform DER
        //   | openssl dgst -sha256 -binary | basenc --base64url
        // calculateJwkThumbprint of npm's jose, of what node exports of the same key
        for (pem, by_openssl, by_jose) in [
            (
                include_str!("../../../../testdata/clients/p256/p256.pem"),
                "eVh3CW1OFjIlOAF6FIZgnjwpGywV5TAHTEp8tW8szeI",
                "k_QEvMzeCkpjjxtLIgM-vLc2VBDvEj4z3yxn2Ge24jg",
            ),
            (
                include_str!("../../../../testdata/clients/rsa2048/rsa2048.pem"),
                "UYe1zwCVUHXnMpePDDfLEm7-NdtzoqBWi-45etu9pVU",
                "L7UDm4aCRnZhRS7OfvENXkkbnYLVtY9Uy-d4P2xsWkg",
            ),
        ] {
            let leaf = Certificate::all_from_pem(pem).unwrap().remove(0);
            let spki = KidForm::SpkiSha256Base64url.of(&leaf);
            assert_eq!(spki.as_deref(), Some(by_openssl));
            let jwk = KidForm::JwkThumbprint.of(&leaf);
            assert_eq!(jwk.as_deref(), Some(by_jose));
        }
    }
}
