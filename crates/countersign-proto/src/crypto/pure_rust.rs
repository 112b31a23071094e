//! How do the crates of RustCrypto do the arithmetic, where there is no C toolchain?
//!
//! RSA and ECDSA on P-256. The other kinds of keys are refused by their names.
//!
//! RSA signs blinded: the private exponent meets no number that somebody outside has chosen. Nothing
//! here decrypts by RSA, which is what the open advisory on the library is about (RUSTSEC-2023-0071).

pub(super) mod hmac;
mod rsa;

use getrandom::SysRng;
use p256::{
    SecretKey,
    ecdsa::{
        Signature, SigningKey, VerifyingKey,
        signature::{RandomizedSigner as _, Verifier as _},
    },
    elliptic_curve::Generate as _,
    pkcs8::EncodePrivateKey as _,
};
use sha1::Sha1;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{Curve, PublicHalf};
use crate::key::{Algorithm, KeyType};

/// What is read, made and used here, for whoever came with something else.
pub(crate) const KINDS: &str = "RSA or EC P-256; the others need the feature aws-lc";

/// RSA and P-256.
pub(super) const fn takes(key_type: KeyType) -> bool {
    matches!(key_type, KeyType::Rsa { .. } | KeyType::P256)
}

/// SHA-1, to find a certificate and never to trust one.
pub(crate) fn sha1(data: &[u8]) -> [u8; 20] {
    Sha1::digest(data).into()
}

/// SHA-256.
pub(crate) fn sha256(data: &[u8]) -> [u8; 32] {
    Sha256::digest(data).into()
}

/// A parsed public key.
pub(crate) enum Verifier {
    Rsa(Box<rsa::PublicKey>),
    P256(VerifyingKey),
}

impl Verifier {
    /// From a DER `RSAPublicKey` (RFC 8017 App. A.1.1) of 2048 to 8192 bits.
    pub(crate) fn rsa(pkcs1: &[u8]) -> Option<Verifier> {
        rsa::PublicKey::read(pkcs1).map(Box::new).map(Verifier::Rsa)
    }

    /// From an uncompressed point (SEC 1 §2.3.3) of P-256, which must be on the curve and not infinity.
    pub(crate) fn ecdsa(curve: Curve, point: &[u8]) -> Option<Verifier> {
        if curve != Curve::P256 || point.first() != Some(&4) {
            return None;
        }
        VerifyingKey::from_sec1_bytes(point)
            .ok()
            .map(Verifier::P256)
    }

    /// There is none.
    pub(crate) fn ed25519(_point: &[u8; 32]) -> Option<Verifier> {
        None
    }

    /// Whether the signature is good. Lengths are exact, as the other library has them.
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Verifier::Rsa(key) => key.verify(algorithm, message, signature),
            Verifier::P256(key) => {
                algorithm == Curve::P256.algorithm()
                    && Signature::from_slice(signature)
                        .is_ok_and(|signature| key.verify(message, &signature).is_ok())
            }
        }
    }
}

/// A parsed private key. The libraries wipe it when it is dropped.
pub(crate) enum Signer {
    Rsa(Box<rsa::PrivateKey>),
    P256 {
        key: Box<SigningKey>,
        point: Vec<u8>,
    },
}

impl Signer {
    /// From a DER `RSAPrivateKey` (RFC 8017 App. A.1.2).
    pub(crate) fn rsa(pkcs1: &[u8]) -> Option<Signer> {
        rsa::PrivateKey::read(pkcs1).map(Box::new).map(Signer::Rsa)
    }

    /// From a DER `ECPrivateKey` (RFC 5915) on P-256.
    pub(crate) fn ecdsa(curve: Curve, sec1: &[u8]) -> Option<Signer> {
        if curve != Curve::P256 {
            return None;
        }
        SecretKey::from_sec1_der(sec1)
            .ok()
            .map(|key| Signer::p256(&key))
    }

    /// There is none.
    pub(crate) fn ed25519(_pkcs8: &[u8]) -> Option<Signer> {
        None
    }

    /// A new RSA key of 2048, 3072, 4096 or 8192 bits, and its PKCS#8 form.
    pub(crate) fn generate_rsa(bits: u16) -> Option<(Signer, Zeroizing<Vec<u8>>)> {
        let (key, pkcs8) = rsa::PrivateKey::generate(bits)?;
        Some((Signer::Rsa(Box::new(key)), pkcs8))
    }

    /// A new key on P-256, and its PKCS#8 form.
    pub(crate) fn generate_ecdsa(curve: Curve) -> Option<(Signer, Zeroizing<Vec<u8>>)> {
        if curve != Curve::P256 {
            return None;
        }
        let key = SecretKey::try_generate_from_rng(&mut SysRng).ok()?;
        let pkcs8 = key.to_pkcs8_der().ok()?;
        Some((Signer::p256(&key), pkcs8.to_bytes()))
    }

    /// There is none.
    pub(crate) fn generate_ed25519() -> Option<(Signer, Zeroizing<Vec<u8>>)> {
        None
    }

    pub(crate) fn public_half(&self) -> PublicHalf<'_> {
        match self {
            Signer::Rsa(key) => PublicHalf::Rsa(key.public_key()),
            Signer::P256 { point, .. } => PublicHalf::Ecdsa(Curve::P256, point),
        }
    }

    /// Signs; `None` when the algorithm is not of this key, or when the library fails.
    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        match self {
            Signer::Rsa(key) => key.sign(algorithm, message),
            // RFC 6979 with chance mixed in (§3.6): neither a bad source of it nor a fault repeats a nonce.
            Signer::P256 { key, .. } if algorithm == Curve::P256.algorithm() => {
                let signature: Signature = key.try_sign_with_rng(&mut SysRng, message).ok()?;
                Some(signature.to_bytes().to_vec())
            }
            Signer::P256 { .. } => None,
        }
    }

    fn p256(key: &SecretKey) -> Signer {
        let key = Box::new(SigningKey::from(key));
        let point = key.verifying_key().to_sec1_point(false).as_bytes().to_vec();
        Signer::P256 { key, point }
    }
}
