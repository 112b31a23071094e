//! Which library does the arithmetic?
//!
//! aws-lc by default. Where there is no C toolchain, feature `pure-rust` instead: RSA, ECDSA on P-256
//! and HMAC, some times slower. With both features it is aws-lc.
//!
//! This file and the two below it know signatures and digests, not formats: [`crate::key`] takes keys
//! apart and puts them together. The interface is the same for both: two digests, [`Verifier`] and
//! [`Signer`], which kinds of keys there are at all, and [`hmac`] for the one module that has
//! symmetric keys. The tests hold one library against the other.

pub(crate) mod hmac;

#[cfg(feature = "aws-lc")]
mod aws_lc;

#[cfg(any(test, all(feature = "pure-rust", not(feature = "aws-lc"))))]
#[cfg_attr(
    feature = "aws-lc",
    allow(dead_code, reason = "only compared with the other")
)]
mod pure_rust;

#[cfg(feature = "aws-lc")]
use self::aws_lc as backend;
#[cfg(not(feature = "aws-lc"))]
use self::pure_rust as backend;

use crate::key::{Algorithm, KeyError, KeyType};
pub(crate) use backend::{KINDS, Signer, Verifier, sha1, sha256};

/// The curves of ECDSA here (RFC 7518 §3.4). Each has the hash of its algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Curve {
    P256,
    P384,
    P521,
}

impl Curve {
    /// Bytes of a coordinate, and of each half of a signature.
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Curve::P256 => 32,
            Curve::P384 => 48,
            Curve::P521 => 66,
        }
    }

    pub(crate) const fn key_type(self) -> KeyType {
        match self {
            Curve::P256 => KeyType::P256,
            Curve::P384 => KeyType::P384,
            Curve::P521 => KeyType::P521,
        }
    }

    const fn algorithm(self) -> Algorithm {
        match self {
            Curve::P256 => Algorithm::ES256,
            Curve::P384 => Algorithm::ES384,
            Curve::P521 => Algorithm::ES512,
        }
    }
}

/// The public half of a private key, as a [`Verifier`] is made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(
    not(feature = "aws-lc"),
    allow(dead_code, reason = "not every library has every kind")
)]
pub(crate) enum PublicHalf<'a> {
    /// DER `RSAPublicKey`.
    Rsa(&'a [u8]),
    /// The uncompressed point.
    Ecdsa(Curve, &'a [u8]),
    /// The 32 bytes.
    Ed25519(&'a [u8]),
}

/// Refuses a kind of key that the library has not, before the library does it without a reason.
pub(crate) fn check_taken(key_type: KeyType) -> Result<(), KeyError> {
    if backend::takes(key_type) {
        Ok(())
    } else {
        Err(KeyError::Unsupported(key_type.to_string()))
    }
}

#[cfg(test)]
mod tests;
