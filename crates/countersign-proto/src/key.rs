//! What signs, what verifies, and by which algorithm?

mod encoding;
mod local;
mod public;

use std::fmt;

pub(crate) use self::public::Components;
pub use self::{local::LocalKey, public::PublicKey};
use crate::{crypto, showable::showable};

/// A JWS signature algorithm of a key pair (RFC 7518 §3.1, RFC 8037 §3.1). There is no `none` and no
/// HMAC here.
///
/// Client and platform use those of [`Algorithm::PROTOCOL`]; the others are for tokens that are made
/// and read by hand (`jwt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PKCS1-v1_5 with SHA-384. Not of the protocol.
    RS384,
    /// RSASSA-PKCS1-v1_5 with SHA-512. Not of the protocol.
    RS512,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    PS256,
    /// RSASSA-PSS with SHA-384 and a salt of 48 bytes. Not of the protocol.
    PS384,
    /// RSASSA-PSS with SHA-512 and a salt of 64 bytes. Not of the protocol.
    PS512,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    /// The algorithms of the protocol between client and platform, preferred first.
    pub const PROTOCOL: [Algorithm; 6] = [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::EdDSA,
        Algorithm::PS256,
        Algorithm::RS256,
    ];

    /// The `alg` value.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::RS256 => "RS256",
            Algorithm::RS384 => "RS384",
            Algorithm::RS512 => "RS512",
            Algorithm::PS256 => "PS256",
            Algorithm::PS384 => "PS384",
            Algorithm::PS512 => "PS512",
            Algorithm::ES256 => "ES256",
            Algorithm::ES384 => "ES384",
            Algorithm::ES512 => "ES512",
            Algorithm::EdDSA => "EdDSA",
        }
    }

    /// Reads an `alg` value of the protocol, case-sensitively. `Ed25519` (RFC 9864) reads as `EdDSA`.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        match name {
            "Ed25519" => Some(Algorithm::EdDSA),
            _ => Algorithm::PROTOCOL
                .into_iter()
                .find(|alg| alg.name() == name),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The kind of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// RSA.
    Rsa {
        /// Bits of the modulus.
        bits: u16,
    },
    /// Elliptic curve P-256.
    P256,
    /// Elliptic curve P-384.
    P384,
    /// Elliptic curve P-521.
    P521,
    /// Edwards curve Ed25519.
    Ed25519,
}

impl KeyType {
    /// Whether keys of this kind sign by this algorithm at all. The protocol takes fewer:
    /// [`PublicKey::algorithms`].
    pub const fn signs_by(self, algorithm: Algorithm) -> bool {
        match algorithm {
            Algorithm::RS256
            | Algorithm::RS384
            | Algorithm::RS512
            | Algorithm::PS256
            | Algorithm::PS384
            | Algorithm::PS512 => matches!(self, KeyType::Rsa { .. }),
            Algorithm::ES256 => matches!(self, KeyType::P256),
            Algorithm::ES384 => matches!(self, KeyType::P384),
            Algorithm::ES512 => matches!(self, KeyType::P521),
            Algorithm::EdDSA => matches!(self, KeyType::Ed25519),
        }
    }
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyType::Rsa { bits } => write!(f, "RSA {bits}"),
            KeyType::P256 => f.write_str("EC P-256"),
            KeyType::P384 => f.write_str("EC P-384"),
            KeyType::P521 => f.write_str("EC P-521"),
            KeyType::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

/// Why a key is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The modulus has less than 2048 or more than 8192 bits, or a size that is not generated.
    RsaSize {
        /// Bits of the modulus.
        bits: u32,
    },
    /// The public exponent is even, one, or longer than 33 bits.
    RsaExponent,
    /// The key was made by the library of CVE-2017-15361, and can be factored.
    RsaRoca,
    /// A kind of key that does not sign here, or not in a build by `pure-rust`. Names it.
    Unsupported(String),
    /// The public point is not on its curve, or generates only a small group.
    OffCurve,
    /// The encoding is wrong. Says what.
    Malformed(&'static str),
    /// The private key is protected by a password.
    Encrypted,
    /// A JWK whose `use` or `key_ops` does not permit verification.
    NotForSigning,
    /// A private key where a public key is wanted.
    Private,
    /// A symmetric key where a public key is wanted.
    Symmetric,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::RsaSize { bits } => write!(
                f,
                "the RSA key has {bits} bits; from 2048 to 8192 are accepted, and 2048, 3072, 4096 and 8192 are generated"
            ),
            KeyError::RsaExponent => {
                f.write_str("the RSA public exponent must be odd, above one and at most 33 bits long")
            }
            KeyError::RsaRoca => f.write_str(
                "the RSA key was made by a faulty library and can be factored (CVE-2017-15361); make a new key",
            ),
            KeyError::Unsupported(what) => write!(
                f,
                "the key is of a kind that is not supported: {}; use {}",
                // It may be the text of whoever made the key.
                showable(what, 64),
                crypto::KINDS
            ),
            KeyError::OffCurve => f.write_str("the public point is not a usable point of its curve"),
            KeyError::Malformed(what) => write!(f, "the key is malformed: {what}"),
            KeyError::Encrypted => {
                f.write_str("the private key is encrypted; a password is needed to open it")
            }
            KeyError::NotForSigning => f.write_str("the key is not meant for signatures"),
            KeyError::Private => {
                f.write_str("this is a private key; give the public key only")
            }
            KeyError::Symmetric => {
                f.write_str("this is a symmetric key; a public key is needed")
            }
        }
    }
}

impl std::error::Error for KeyError {}

/// The signature does not verify. Says no more on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSignature;

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not verify")
    }
}

impl std::error::Error for BadSignature {}

/// A private key, wherever it is: in memory, in a token, behind a service.
///
/// Laws:
///
/// - `sign` signs exactly these bytes, by exactly this algorithm, as RFC 7518 §3 encodes it (ECDSA as
///   R‖S). It never returns the key.
/// - The public key and the algorithms never change during the life of the value.
/// - It may block when `may_block` says so, and then ends in a time of its own: nobody can call it
///   back. A key behind a network bounds connecting and answering, in a few seconds.
/// - It may be called from several threads at once.
/// - It tells what may work later ([`SigningError::Unavailable`]) from what will not
///   ([`SigningError::Refused`]): the first is tried again until the caller's deadline, and a token
///   that lives stays in use meanwhile. It does not try again itself.
/// - What it tells in an error holds no secret, and fits on one line.
pub trait SigningKey: Send + Sync + fmt::Debug {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// The algorithms by which it signs, preferred first: some of those of its public key. A device
    /// may have fewer than all.
    fn algorithms(&self) -> &[Algorithm] {
        self.public_key().algorithms()
    }

    /// Signs.
    ///
    /// # Errors
    ///
    /// When the algorithm is not one of the key, or when whatever holds the key does not sign.
    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError>;

    /// Whether `sign` may wait for a device or a network, and so belongs on a blocking thread.
    fn may_block(&self) -> bool {
        false
    }
}

/// Why a key did not sign.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningError {
    /// Not one of the key's algorithms.
    Algorithm(Algorithm),
    /// Will not get better by itself.
    Refused(String),
    /// May work later.
    Unavailable(String),
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SigningError::Algorithm(algorithm) => {
                write!(f, "the key does not sign by {algorithm}")
            }
            SigningError::Refused(why) => write!(f, "the key refused to sign: {why}"),
            SigningError::Unavailable(why) => {
                write!(f, "the key cannot sign at the moment: {why}")
            }
        }
    }
}

impl std::error::Error for SigningError {}

#[cfg(test)]
mod tests;
