//! Why is a key not taken, to sign with or to verify by?

use std::fmt;

use super::{Algorithm, SymmetricKeyError};
use crate::{certificate::CertificateError, jwk::JwkError, key::KeyError};

/// Why a key is refused. Says nothing of the key itself.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyRefusal {
    /// A key pair, or a half of one, that cannot be used.
    Key(KeyError),
    /// A JWK, or a set of them.
    Jwk(JwkError),
    /// A secret that is none.
    Symmetric(SymmetricKeyError),
    /// A certificate.
    Certificate(CertificateError),
    /// The algorithm is not one of this key, which has these.
    Algorithm {
        /// What was asked for.
        asked: Algorithm,
        /// What there is.
        has: Vec<Algorithm>,
    },
    /// The certificate is of another key.
    CertificateOfAnotherKey,
    /// The `kid` is to be that of a certificate, and there is none.
    NoCertificate,
    /// A `kid` is empty, longer than 256 bytes, or has a control character.
    Kid,
    /// Two keys have this `kid`.
    DuplicateKid(String),
    /// A public key cannot sign.
    PublicKey,
    /// The text holds no key.
    NoKey,
}

impl From<KeyError> for KeyRefusal {
    fn from(error: KeyError) -> KeyRefusal {
        KeyRefusal::Key(error)
    }
}

impl From<JwkError> for KeyRefusal {
    fn from(error: JwkError) -> KeyRefusal {
        match error {
            JwkError::Key(error) => KeyRefusal::Key(error),
            other => KeyRefusal::Jwk(other),
        }
    }
}

impl From<SymmetricKeyError> for KeyRefusal {
    fn from(error: SymmetricKeyError) -> KeyRefusal {
        KeyRefusal::Symmetric(error)
    }
}

impl From<CertificateError> for KeyRefusal {
    fn from(error: CertificateError) -> KeyRefusal {
        KeyRefusal::Certificate(error)
    }
}

impl fmt::Display for KeyRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyRefusal::Key(why) => why.fmt(f),
            KeyRefusal::Jwk(why) => why.fmt(f),
            KeyRefusal::Symmetric(why) => why.fmt(f),
            KeyRefusal::Certificate(why) => why.fmt(f),
            KeyRefusal::Algorithm { asked, has } => {
                write!(f, "the key does not sign by {asked}; it has ")?;
                for (index, algorithm) in has.iter().enumerate() {
                    let separator = if index == 0 { "" } else { ", " };
                    write!(f, "{separator}{algorithm}")?;
                }
                Ok(())
            }
            KeyRefusal::CertificateOfAnotherKey => {
                f.write_str("the certificate is not of this key")
            }
            KeyRefusal::NoCertificate => {
                f.write_str("the kid is to name a certificate, and there is none")
            }
            KeyRefusal::Kid => f.write_str("a kid has 1 to 256 bytes and no control character"),
            KeyRefusal::DuplicateKid(kid) => write!(f, "two keys have the kid {kid:?}"),
            KeyRefusal::PublicKey => {
                f.write_str("this is a public key; a private key is needed to sign")
            }
            KeyRefusal::NoKey => f.write_str("there is no key in the text"),
        }
    }
}

impl std::error::Error for KeyRefusal {}
