//! How does aws-lc compute a keyed hash?

use aws_lc_rs::{hmac, rand};

use crate::crypto::hmac::Hash;

impl Hash {
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
