//! Which library computes a keyed hash (RFC 2104)?
//!
//! For the module `jwt` alone: nothing of the protocol is believed because of a shared secret.

use aws_lc_rs::{hmac, rand};

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

    const fn algorithm(self) -> hmac::Algorithm {
        match self {
            Hash::Sha256 => hmac::HMAC_SHA256,
            Hash::Sha384 => hmac::HMAC_SHA384,
            Hash::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// The whole value.
pub(crate) fn sign(hash: Hash, key: &[u8], message: &[u8]) -> Vec<u8> {
    let key = hmac::Key::new(hash.algorithm(), key);
    hmac::sign(&key, message).as_ref().to_vec()
}

/// Compares the whole value, in a time that does not tell where a wrong one differs.
pub(crate) fn verify(hash: Hash, key: &[u8], message: &[u8], value: &[u8]) -> bool {
    let key = hmac::Key::new(hash.algorithm(), key);
    value.len() == hash.bytes() && hmac::verify(&key, message, value).is_ok()
}

/// Fills a new key with chance. `false` when the operating system gives none.
#[expect(
    clippy::disallowed_methods,
    reason = "a key is made, as key pairs are; a jti or nonce is an argument"
)]
pub(crate) fn fill(key: &mut [u8]) -> bool {
    rand::fill(key).is_ok()
}
