//! How does aws-lc do the arithmetic?

pub(super) mod hmac;

use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::{
    digest,
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    signature::{
        self, EcdsaKeyPair, EcdsaSigningAlgorithm, EcdsaVerificationAlgorithm, Ed25519KeyPair,
        KeyPair, ParsedPublicKey, RsaEncoding, RsaKeyPair, RsaParameters, UnparsedPublicKey,
    },
};
use zeroize::Zeroizing;

use super::{Curve, PublicHalf};
use crate::key::{Algorithm, KeyType};

/// What is read, made and used here, for whoever came with something else.
pub(crate) const KINDS: &str = "RSA, EC P-256, P-384 or P-521, or Ed25519";

/// Every kind.
pub(super) const fn takes(_key_type: KeyType) -> bool {
    true
}

/// SHA-1, to find a certificate and never to trust one.
pub(crate) fn sha1(data: &[u8]) -> [u8; 20] {
    fixed(&digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, data))
}

/// SHA-256.
pub(crate) fn sha256(data: &[u8]) -> [u8; 32] {
    fixed(&digest::digest(&digest::SHA256, data))
}

impl Curve {
    fn verification(self) -> &'static EcdsaVerificationAlgorithm {
        match self {
            Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED,
            Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED,
            Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED,
        }
    }

    fn signing(self) -> &'static EcdsaSigningAlgorithm {
        match self {
            Curve::P256 => &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            Curve::P384 => &signature::ECDSA_P384_SHA384_FIXED_SIGNING,
            Curve::P521 => &signature::ECDSA_P521_SHA512_FIXED_SIGNING,
        }
    }
}

/// A parsed public key.
pub(crate) enum Verifier {
    /// One key for each padding of the protocol, because the library binds the padding to the
    /// parsed key.
    Rsa {
        pkcs1: Box<ParsedPublicKey>,
        pss: Box<ParsedPublicKey>,
    },
    Ecdsa(Curve, ParsedPublicKey),
    Ed25519(ParsedPublicKey),
}

impl Verifier {
    /// From a DER `RSAPublicKey` (RFC 8017 App. A.1.1) of 2048 to 8192 bits.
    pub(crate) fn rsa(pkcs1: &[u8]) -> Option<Verifier> {
        let parse = |parameters| ParsedPublicKey::new(parameters, pkcs1).ok().map(Box::new);
        Some(Verifier::Rsa {
            pkcs1: parse(&signature::RSA_PKCS1_2048_8192_SHA256)?,
            pss: parse(&signature::RSA_PSS_2048_8192_SHA256)?,
        })
    }

    /// From an uncompressed point (SEC 1 §2.3.3), which must be on the curve and not infinity.
    pub(crate) fn ecdsa(curve: Curve, point: &[u8]) -> Option<Verifier> {
        let key = ParsedPublicKey::new(curve.verification(), point).ok()?;
        Some(Verifier::Ecdsa(curve, key))
    }

    /// From the 32 bytes of RFC 8032 §5.1.5. The library does not check the point.
    pub(crate) fn ed25519(point: &[u8; 32]) -> Option<Verifier> {
        let key = ParsedPublicKey::new(&signature::ED25519, point).ok()?;
        Some(Verifier::Ed25519(key))
    }

    /// Whether the signature is good. Lengths are exact: the other lengths that a library may
    /// forgive make a second signature out of one.
    pub(crate) fn verify(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let key = match (self, algorithm) {
            (Verifier::Rsa { pkcs1, .. }, Algorithm::RS256) => pkcs1,
            (Verifier::Rsa { pss, .. }, Algorithm::PS256) => pss,
            (Verifier::Rsa { pkcs1, .. }, _) => {
                return other_rsa(algorithm).is_some_and(|parameters| {
                    let key = UnparsedPublicKey::new(parameters, pkcs1.as_ref());
                    key.verify(message, signature).is_ok()
                });
            }
            (Verifier::Ecdsa(curve, key), _)
                if algorithm == curve.algorithm() && signature.len() == 2 * curve.bytes() =>
            {
                key
            }
            (Verifier::Ed25519(key), Algorithm::EdDSA) if signature.len() == 64 => key,
            _ => return false,
        };
        key.verify_sig(message, signature).is_ok()
    }
}

/// A parsed private key. The library wipes it when it is dropped.
pub(crate) enum Signer {
    Rsa(RsaKeyPair),
    Ecdsa(Curve, EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

impl Signer {
    /// From a DER `RSAPrivateKey` (RFC 8017 App. A.1.2).
    pub(crate) fn rsa(pkcs1: &[u8]) -> Option<Signer> {
        RsaKeyPair::from_der(pkcs1).ok().map(Signer::Rsa)
    }

    /// From a DER `ECPrivateKey` (RFC 5915) on this curve.
    pub(crate) fn ecdsa(curve: Curve, sec1: &[u8]) -> Option<Signer> {
        EcdsaKeyPair::from_private_key_der(curve.signing(), sec1)
            .ok()
            .map(|pair| Signer::Ecdsa(curve, pair))
    }

    /// From PKCS#8, with the public key (RFC 5958) or without it (RFC 5208, as openssl writes).
    pub(crate) fn ed25519(pkcs8: &[u8]) -> Option<Signer> {
        Ed25519KeyPair::from_pkcs8(pkcs8).ok().map(Signer::Ed25519)
    }

    /// A new RSA key of 2048, 3072, 4096 or 8192 bits, and its PKCS#8 form.
    pub(crate) fn generate_rsa(bits: u16) -> Option<(Signer, Zeroizing<Vec<u8>>)> {
        let size = match bits {
            2048 => KeySize::Rsa2048,
            3072 => KeySize::Rsa3072,
            4096 => KeySize::Rsa4096,
            8192 => KeySize::Rsa8192,
            _ => return None,
        };
        let pair = RsaKeyPair::generate(size).ok()?;
        let der: Pkcs8V1Der<'_> = pair.as_der().ok()?;
        let pkcs8 = Zeroizing::new(der.as_ref().to_vec());
        Some((Signer::Rsa(pair), pkcs8))
    }

    /// A new key on this curve, and its PKCS#8 form.
    pub(crate) fn generate_ecdsa(curve: Curve) -> Option<(Signer, Zeroizing<Vec<u8>>)> {
        let pair = EcdsaKeyPair::generate(curve.signing()).ok()?;
        let pkcs8 = Zeroizing::new(pair.to_pkcs8v1().ok()?.as_ref().to_vec());
        Some((Signer::Ecdsa(curve, pair), pkcs8))
    }

    /// A new Ed25519 key, and its PKCS#8 form without the public key, which every tool reads.
    pub(crate) fn generate_ed25519() -> Option<(Signer, Zeroizing<Vec<u8>>)> {
        let pair = Ed25519KeyPair::generate().ok()?;
        let pkcs8 = Zeroizing::new(pair.to_pkcs8v1().ok()?.as_ref().to_vec());
        Some((Signer::Ed25519(pair), pkcs8))
    }

    pub(crate) fn public_half(&self) -> PublicHalf<'_> {
        match self {
            Signer::Rsa(pair) => PublicHalf::Rsa(pair.public_key().as_ref()),
            Signer::Ecdsa(curve, pair) => PublicHalf::Ecdsa(*curve, pair.public_key().as_ref()),
            Signer::Ed25519(pair) => PublicHalf::Ed25519(pair.public_key().as_ref()),
        }
    }

    /// Signs; `None` when the algorithm is not of this key, or when the library fails.
    pub(crate) fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Option<Vec<u8>> {
        match (self, algorithm) {
            (Signer::Rsa(pair), _) => sign_rsa(pair, rsa_encoding(algorithm)?, message),
            (Signer::Ecdsa(curve, pair), _) if algorithm == curve.algorithm() => pair
                .sign(&SystemRandom::new(), message)
                .ok()
                .map(|signature| signature.as_ref().to_vec()),
            (Signer::Ed25519(pair), Algorithm::EdDSA) => pair
                .try_sign(message)
                .ok()
                .map(|signature| signature.as_ref().to_vec()),
            _ => None,
        }
    }
}

/// What verifies by an algorithm of RSA that the protocol does not use, and for which no parsed key
/// is kept therefore.
fn other_rsa(algorithm: Algorithm) -> Option<&'static RsaParameters> {
    match algorithm {
        Algorithm::RS384 => Some(&signature::RSA_PKCS1_2048_8192_SHA384),
        Algorithm::RS512 => Some(&signature::RSA_PKCS1_2048_8192_SHA512),
        Algorithm::PS384 => Some(&signature::RSA_PSS_2048_8192_SHA384),
        Algorithm::PS512 => Some(&signature::RSA_PSS_2048_8192_SHA512),
        _ => None,
    }
}

fn rsa_encoding(algorithm: Algorithm) -> Option<&'static dyn RsaEncoding> {
    match algorithm {
        Algorithm::RS256 => Some(&signature::RSA_PKCS1_SHA256),
        Algorithm::RS384 => Some(&signature::RSA_PKCS1_SHA384),
        Algorithm::RS512 => Some(&signature::RSA_PKCS1_SHA512),
        Algorithm::PS256 => Some(&signature::RSA_PSS_SHA256),
        Algorithm::PS384 => Some(&signature::RSA_PSS_SHA384),
        Algorithm::PS512 => Some(&signature::RSA_PSS_SHA512),
        _ => None,
    }
}

fn sign_rsa(
    pair: &RsaKeyPair,
    padding: &'static dyn RsaEncoding,
    message: &[u8],
) -> Option<Vec<u8>> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature)
        .ok()?;
    Some(signature)
}

fn fixed<const N: usize>(digest: &digest::Digest) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(digest.as_ref());
    bytes
}
