//! What is believed because a secret signed it, and what is not?
//!
//! One kind of token only: an app token that was granted in the form of a JWT. That a token is of
//! this kind is decided here, before anybody sees its claims, so that whoever knows the secret can
//! never speak as a person, an application or a component of the platform.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::{Algorithm, SymmetricKey};
use crate::{
    crypto::hmac::Hash,
    jws::{JwsError, Parts},
    token::{AccessToken, SignedClaims, TokenClaims, TokenError},
};

/// Secrets that sign granted app tokens by HS256: one signs, each verifies. Wiped when dropped, never
/// printed.
///
/// ```compile_fail
/// use countersign_proto::{jwt::SymmetricKey, key::Algorithm, token::SignedClaims};
///
/// fn believe(token: &str, secret: SymmetricKey) {
///     let _ = SignedClaims::verify(token, |_| Some((secret, Algorithm::ES256)));
/// }
/// ```
pub struct LocalSigningKeys {
    signing: LocalSigningKey,
    older: Vec<LocalSigningKey>,
}

struct LocalSigningKey {
    kid: String,
    key: SymmetricKey,
}

impl LocalSigningKeys {
    /// `signing` signs and verifies, the `older` ones verify what they signed.
    pub fn new(signing: SymmetricKey, older: Vec<SymmetricKey>) -> LocalSigningKeys {
        LocalSigningKeys {
            signing: LocalSigningKey::of(signing),
            older: older.into_iter().map(LocalSigningKey::of).collect(),
        }
    }

    /// The public name of the secret that signs. It tells a guesser of the secret whether the guess
    /// is right, as every token does, and nothing else.
    pub fn kid(&self) -> &str {
        &self.signing.kid
    }

    /// Signs a granted app token (RFC 9068, RFC 7518 §3.2).
    ///
    /// # Errors
    ///
    /// [`TokenError::Claim`] when it is another token or has no end, and [`TokenError::Jws`] when it
    /// is too large.
    pub fn sign(&self, claims: &TokenClaims) -> Result<AccessToken, TokenError> {
        claims.check_granted_jwt()?;
        let input = claims.signing_input_by(Algorithm::HS256.name(), self.kid());
        let mac = self.signing.key.sign(Hash::Sha256, input.as_bytes());
        AccessToken::new(&input.finish(&mac)).map_err(|_| TokenError::Jws(JwsError::TooLarge))
    }

    /// Reads a granted app token that one of the secrets signed, by HS256 and nothing else. Whether
    /// its claims hold now is asked of them; whether it was granted, and not revoked since, of
    /// whoever keeps the tokens.
    ///
    /// # Errors
    ///
    /// [`TokenError`] names the first thing that does not hold.
    pub fn verify(&self, text: &str) -> Result<SignedClaims, TokenError> {
        let known = |name: &str| (name == Algorithm::HS256.name()).then_some(Algorithm::HS256);
        let parts = Parts::read(text, known).map_err(TokenError::Jws)?;
        let kid = parts.header.kid.as_deref();
        let key = [&self.signing]
            .into_iter()
            .chain(&self.older)
            .find(|key| kid == Some(&key.kid))
            .ok_or(TokenError::UnknownKey)?;
        let message = parts.signing_input.as_bytes();
        if !key.key.verify(Hash::Sha256, message, &parts.signature) {
            return Err(TokenError::Jws(JwsError::Signature));
        }
        let typ = parts.header.typ.as_deref();
        SignedClaims::of_granted_app(typ, &parts.claims, key.kid.clone())
    }
}

impl LocalSigningKey {
    /// The name is a keyed hash of a text that is no signing input: it holds a space.
    fn of(key: SymmetricKey) -> LocalSigningKey {
        const NAME_BYTES: usize = 12;
        let mac = key.sign(Hash::Sha256, b"countersign local signing key 1");
        let name = URL_SAFE_NO_PAD.encode(&mac[..NAME_BYTES]);
        LocalSigningKey {
            kid: format!("local-{name}"),
            key,
        }
    }
}

/// Shows the public names only.
impl fmt::Debug for LocalSigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let older = self.older.iter().map(|key| &key.kid);
        f.debug_list().entry(&self.kid()).entries(older).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        fixtures::{API, ISSUER, JTI, NOW},
        token::{GRANTED_CLIENT_ID, TokenKind},
    };

    const SECRET: &[u8] = b"k7Qw2ZpX9vRt4YbN6mLs8HdJ3fGc5Ae1";

    fn keys() -> LocalSigningKeys {
        LocalSigningKeys::new(SymmetricKey::from_bytes(SECRET).unwrap(), Vec::new())
    }

    fn claims(kind: TokenKind, client_id: &str) -> TokenClaims {
        TokenClaims::new(
            ISSUER.to_owned(),
            "robot".to_owned(),
            API.to_owned(),
            client_id.to_owned(),
            kind,
            NOW,
            NOW.plus(std::time::Duration::from_secs(900)),
            JTI.to_owned(),
        )
    }

    /// A token with this header, by this secret and hash.
    fn made(header: &Value, claims: &Value, secret: &[u8], hash: Hash) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let input = format!("{}.{}", part(header), part(claims));
        let mac = crate::crypto::hmac::sign(hash, secret, input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    fn app() -> Value {
        serde_json::to_value(claims(TokenKind::App, GRANTED_CLIENT_ID).to_wire()).unwrap()
    }

    fn header() -> Value {
        json!({"alg": "HS256", "typ": "at+jwt", "kid": keys().kid()})
    }

    #[test]
    fn the_name_of_a_secret_is_the_same_everywhere() {
        // python: hmac.new(SECRET, b"countersign local signing key 1", "sha256").digest()[:12]
        assert_eq!(keys().kid(), "local-j4xlWWYPya4Tk7LB");
        assert_eq!(format!("{:?}", keys()), format!("[{:?}]", keys().kid()));
    }

    #[test]
    fn what_one_secret_signed_each_reader_that_has_it_believes() {
        let token = keys()
            .sign(&claims(TokenKind::App, GRANTED_CLIENT_ID))
            .unwrap();
        let second = SymmetricKey::from_bytes(&[SECRET, b"2"].concat()).unwrap();
        let rotated = LocalSigningKeys::new(
            second.clone(),
            vec![SymmetricKey::from_bytes(SECRET).unwrap()],
        );
        for keys in [keys(), rotated] {
            let signed = keys.verify(token.expose()).unwrap();
            assert_eq!((signed.kind(), signed.jti()), (TokenKind::App, JTI));
            assert!(signed.held(ISSUER, API, NOW).is_ok());
        }
        let without = LocalSigningKeys::new(second, Vec::new());
        assert_eq!(
            without.verify(token.expose()).unwrap_err(),
            TokenError::UnknownKey
        );
        assert!(
            keys()
                .verify(&made(&header(), &app(), SECRET, Hash::Sha256))
                .is_ok()
        );
    }

    // security.md A2
    #[test]
    fn every_other_kind_of_token_is_neither_signed_nor_believed() {
        for (kind, client_id) in [
            (TokenKind::Interactive, GRANTED_CLIENT_ID),
            (TokenKind::NonInteractive, GRANTED_CLIENT_ID),
            (TokenKind::Platform, GRANTED_CLIENT_ID),
            (TokenKind::PersonalAccess, GRANTED_CLIENT_ID),
            (TokenKind::System, GRANTED_CLIENT_ID),
            (TokenKind::App, "orders"),
        ] {
            let claims = claims(kind, client_id);
            assert!(matches!(keys().sign(&claims), Err(TokenError::Claim(_))));
            let wire = serde_json::to_value(claims.to_wire()).unwrap();
            let text = made(&header(), &wire, SECRET, Hash::Sha256);
            let refused = keys().verify(&text).unwrap_err();
            assert!(matches!(refused, TokenError::Claim(_)), "{kind}: {refused}");
        }
        let mut endless = claims(TokenKind::App, GRANTED_CLIENT_ID);
        endless.expires_at = None;
        assert!(keys().sign(&endless).is_err());
    }

    #[test]
    fn another_algorithm_type_name_or_secret_is_not_believed() {
        let with = |member: &str, value: Value| {
            let mut header = header();
            header[member] = value;
            header
        };
        let signed = |header: &Value, hash| keys().verify(&made(header, &app(), SECRET, hash));
        for alg in ["none", "None", "hs256", "HS384", "HS512", "RS256", "ES256"] {
            for hash in [Hash::Sha256, Hash::Sha384, Hash::Sha512] {
                let refused = signed(&with("alg", json!(alg)), hash).unwrap_err();
                assert_eq!(refused, TokenError::Jws(JwsError::Algorithm), "{alg}");
            }
        }
        let refused = signed(&with("typ", json!("JWT")), Hash::Sha256);
        assert_eq!(refused.unwrap_err(), TokenError::Type);
        let refused = signed(&with("kid", json!("local-")), Hash::Sha256);
        assert_eq!(refused.unwrap_err(), TokenError::UnknownKey);
        for text in [
            made(&header(), &app(), &SECRET[1..], Hash::Sha256),
            made(&header(), &app(), SECRET, Hash::Sha512),
        ] {
            let refused = keys().verify(&text).unwrap_err();
            assert_eq!(refused, TokenError::Jws(JwsError::Signature));
        }
    }
}
