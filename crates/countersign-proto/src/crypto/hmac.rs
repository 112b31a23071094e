//! What is a keyed hash (RFC 2104)?
//!
//! For the module `jwt` alone: nothing of the protocol is believed because of a shared secret.

pub(crate) use super::backend::hmac::{fill, sign, verify};

/// The hash below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl Hash {
    /// Bytes of its value, which are also the fewest that a key may have (RFC 7518 §3.2).
    pub(crate) const fn bytes(self) -> usize {
        match self {
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
            Hash::Sha512 => 64,
        }
    }
}
