//! How does rcgen sign by a key that it cannot have?

use std::sync::{Mutex, PoisonError};

use countersign::proto::key::{Algorithm, KeyType, SigningError, SigningKey};
use rcgen::{PublicKeyData, SignatureAlgorithm, SubjectPublicKeyInfo};

/// A key wherever it is, as rcgen wants one.
pub(super) struct Signer<'a> {
    key: &'a dyn SigningKey,
    algorithm: Algorithm,
    by_rcgen: &'static SignatureAlgorithm,
    public: SubjectPublicKeyInfo,
    /// rcgen does not tell why a key did not sign.
    refusal: Mutex<Option<SigningError>>,
}

impl<'a> Signer<'a> {
    pub(super) fn new(key: &'a dyn SigningKey) -> Result<Signer<'a>, rcgen::Error> {
        let public_key = key.public_key();
        let (algorithm, by_rcgen) = match public_key.key_type() {
            KeyType::Rsa { .. } => (Algorithm::RS256, &rcgen::PKCS_RSA_SHA256),
            KeyType::P256 => (Algorithm::ES256, &rcgen::PKCS_ECDSA_P256_SHA256),
            KeyType::P384 => (Algorithm::ES384, &rcgen::PKCS_ECDSA_P384_SHA384),
            KeyType::P521 => (Algorithm::ES512, &rcgen::PKCS_ECDSA_P521_SHA512),
            KeyType::Ed25519 => (Algorithm::EdDSA, &rcgen::PKCS_ED25519),
            _ => return Err(rcgen::Error::UnsupportedSignatureAlgorithm),
        };
        Ok(Signer {
            key,
            algorithm,
            by_rcgen,
            public: SubjectPublicKeyInfo::from_der(public_key.spki())?,
            refusal: Mutex::default(),
        })
    }

    pub(super) fn refusal(&self) -> Option<SigningError> {
        let mut refusal = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        refusal.take()
    }
}

impl PublicKeyData for Signer<'_> {
    fn der_bytes(&self) -> &[u8] {
        self.public.der_bytes()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        self.by_rcgen
    }
}

impl rcgen::SigningKey for Signer<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        match self.key.sign(self.algorithm, message) {
            Ok(signature) if matches!(self.algorithm, Algorithm::RS256 | Algorithm::EdDSA) => {
                Ok(signature)
            }
            Ok(signature) => Ok(der_of(&signature)),
            Err(refusal) => {
                let mut place = self.refusal.lock().unwrap_or_else(PoisonError::into_inner);
                *place = Some(refusal);
                Err(rcgen::Error::RemoteKeyError)
            }
        }
    }
}

/// R‖S as certificates have it (RFC 3279 §2.2.3). No half is longer than 66 bytes.
fn der_of(signature: &[u8]) -> Vec<u8> {
    let (r, s) = signature.split_at(signature.len() / 2);
    let numbers = [integer(r), integer(s)].concat();
    element(0x30, &numbers)
}

fn integer(half: &[u8]) -> Vec<u8> {
    let zeros = half.iter().take_while(|byte| **byte == 0).count();
    let number = &half[zeros.min(half.len().saturating_sub(1))..];
    match number.first() {
        Some(0x80..) => element(2, &[&[0], number].concat()),
        _ => element(2, number),
    }
}

fn element(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len()).unwrap_or(u8::MAX);
    let header = match length {
        0..0x80 => vec![tag, length],
        _ => vec![tag, 0x81, length],
    };
    [header, content.to_vec()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_two_numbers_without_signs_and_without_zeros_before_them() {
        let halves = [[0, 0, 0x7f, 1], [0x80, 0, 0, 1]].concat();
        assert_eq!(
            der_of(&halves),
            [0x30, 11, 2, 2, 0x7f, 1, 2, 5, 0, 0x80, 0, 0, 1]
        );
        assert_eq!(der_of(&[0, 0]), [0x30, 6, 2, 1, 0, 2, 1, 0]);
        let long = der_of(&[0x11; 132]);
        assert_eq!(long[..5], [0x30, 0x81, 136, 2, 66]);
    }
}
