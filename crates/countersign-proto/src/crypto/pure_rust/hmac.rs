//! How does the crate `hmac` compute a keyed hash?

use hmac::{Hmac, KeyInit, Mac as _, digest::Key};
use sha2::{Digest, Sha256, Sha384, Sha512};
use zeroize::Zeroize as _;

use crate::crypto::hmac::Hash;

/// The whole value.
pub(crate) fn sign(hash: Hash, key: &[u8], message: &[u8]) -> Vec<u8> {
    match hash {
        Hash::Sha256 => {
            let mac = keyed::<Sha256, Hmac<Sha256>>(key);
            mac.chain_update(message).finalize().into_bytes().to_vec()
        }
        Hash::Sha384 => {
            let mac = keyed::<Sha384, Hmac<Sha384>>(key);
            mac.chain_update(message).finalize().into_bytes().to_vec()
        }
        Hash::Sha512 => {
            let mac = keyed::<Sha512, Hmac<Sha512>>(key);
            mac.chain_update(message).finalize().into_bytes().to_vec()
        }
    }
}

/// Compares the whole value, in a time that does not tell where a wrong one differs.
pub(crate) fn verify(hash: Hash, key: &[u8], message: &[u8], value: &[u8]) -> bool {
    let verified = match hash {
        Hash::Sha256 => {
            let mac = keyed::<Sha256, Hmac<Sha256>>(key);
            mac.chain_update(message).verify_slice(value)
        }
        Hash::Sha384 => {
            let mac = keyed::<Sha384, Hmac<Sha384>>(key);
            mac.chain_update(message).verify_slice(value)
        }
        Hash::Sha512 => {
            let mac = keyed::<Sha512, Hmac<Sha512>>(key);
            mac.chain_update(message).verify_slice(value)
        }
    };
    verified.is_ok()
}

/// Fills a new key with chance. `false` when the operating system gives none.
#[expect(
    clippy::disallowed_methods,
    reason = "a key is made, as key pairs are; a jti or nonce is an argument"
)]
pub(crate) fn fill(key: &mut [u8]) -> bool {
    getrandom::fill(key).is_ok()
}

/// Brings a key to the length of a block (RFC 2104 §2): the library's own way of doing it has an
/// error that never happens.
fn keyed<D: Digest, M: KeyInit>(key: &[u8]) -> M {
    let mut block = Key::<M>::default();
    if key.len() <= block.len() {
        block[..key.len()].copy_from_slice(key);
    } else {
        let digest = D::digest(key);
        block[..digest.len()].copy_from_slice(&digest);
    }
    let mac = M::new(&block);
    block.as_mut_slice().zeroize();
    mac
}
