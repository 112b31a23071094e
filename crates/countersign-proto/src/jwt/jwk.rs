//! Which key does a JWK hold that may be private or symmetric?
//!
//! [`crate::jwk`] reads what the platform believes, and refuses both.

use zeroize::{Zeroize as _, Zeroizing};

use super::{Algorithm, KeyRefusal, PrivateKey, SymmetricKey, signer::check_kid};
use crate::{
    json::{self, Limits, Map, Value},
    jwk::{self, JwkError, check_purpose, optional, read_key, required},
    key::{KeyError, PublicKey},
};

/// A JWK of any kind that signs (RFC 7517, RFC 7518 §6, RFC 8037 §2).
#[derive(Debug)]
pub(super) struct AnyJwk {
    pub(super) key: AnyKey,
    pub(super) kid: Option<String>,
    pub(super) algorithm: Option<Algorithm>,
}

#[derive(Debug)]
pub(super) enum AnyKey {
    Symmetric(SymmetricKey),
    Private(Box<PrivateKey>),
    Public(PublicKey),
}

impl AnyKey {
    /// The algorithms by which the key signs.
    pub(super) fn algorithms(&self) -> Vec<Algorithm> {
        let signs_by = |algorithm: &Algorithm| match (self, algorithm) {
            (AnyKey::Symmetric(key), algorithm) => key.signs_by(*algorithm),
            (AnyKey::Private(key), Algorithm::KeyPair(algorithm)) => {
                key.public_key().key_type().signs_by(*algorithm)
            }
            (AnyKey::Public(key), Algorithm::KeyPair(algorithm)) => {
                key.key_type().signs_by(*algorithm)
            }
            _ => false,
        };
        Algorithm::ALL.into_iter().filter(signs_by).collect()
    }
}

impl AnyJwk {
    /// Reads one JWK, strictly. `use` other than `sig`, and `key_ops` without signing or verifying,
    /// are refused; an `alg` must be one of the key.
    pub(super) fn read(text: &[u8]) -> Result<AnyJwk, KeyRefusal> {
        let members = json::object(text, &Limits::DOCUMENT).map_err(JwkError::Json)?;
        AnyJwk::from_members(&Members(members))
    }

    pub(super) fn from_members(Members(members): &Members) -> Result<AnyJwk, KeyRefusal> {
        check_purpose(members, &["sign", "verify"])?;
        let kid = optional(members, "kid")?.map(str::to_owned);
        if let Some(kid) = &kid {
            check_kid(kid)?;
        }
        let kty = required(members, "kty")?;
        let key = if kty == "oct" {
            AnyKey::Symmetric(SymmetricKey::from_base64url(required(members, "k")?)?)
        } else {
            let public_key = read_key(kty, members)?;
            if jwk::PRIVATE.iter().any(|name| members.contains_key(*name)) {
                AnyKey::Private(Box::new(private(members, &public_key)?))
            } else {
                AnyKey::Public(public_key)
            }
        };
        let algorithm = match optional(members, "alg")? {
            None => None,
            Some(name) => Some(
                Algorithm::from_name(name)
                    .filter(|algorithm| key.algorithms().contains(algorithm))
                    .ok_or(JwkError::Member("alg"))?,
            ),
        };
        Ok(AnyJwk {
            key,
            kid,
            algorithm,
        })
    }
}

/// The members of a JWK; its texts are wiped when it is dropped.
pub(super) struct Members(pub(super) Map<String, Value>);

impl Drop for Members {
    fn drop(&mut self) {
        for value in self.0.values_mut() {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

fn private(members: &Map<String, Value>, public_key: &PublicKey) -> Result<PrivateKey, KeyRefusal> {
    if members.contains_key("oth") {
        return Err(KeyError::Unsupported("RSA of more than two primes".to_owned()).into());
    }
    let secret = |name| jwk::bytes(members, name).map(Zeroizing::new);
    let number = |name| jwk::unsigned(members, name).map(Zeroizing::new);
    if required(members, "kty")? != "RSA" {
        return Ok(PrivateKey::from_scalar(public_key, &secret("d")?)?);
    }
    let numbers = [
        number("n")?,
        number("e")?,
        number("d")?,
        number("p")?,
        number("q")?,
        number("dp")?,
        number("dq")?,
        number("qi")?,
    ];
    Ok(PrivateKey::from_rsa_numbers(public_key, &numbers)?)
}
