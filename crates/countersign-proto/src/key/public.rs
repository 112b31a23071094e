//! What is kept of a public key, and what does it verify?

use std::{fmt, sync::Arc};

use super::{
    Algorithm, BadSignature, KeyError, KeyType,
    encoding::{self, Kind, rsa_public_key},
};
use crate::{
    crypto::{self, Curve, Verifier},
    der::{self, Reader},
    weak_key,
};

/// A public key that was validated when it was read and is kept parsed. Cheap to clone.
///
/// Two keys are equal when they are the same key, however they were written.
#[derive(Clone)]
pub struct PublicKey(Arc<Inner>);

struct Inner {
    spki: Vec<u8>,
    key_type: KeyType,
    components: Components,
    verifier: Verifier,
}

/// The numbers of a public key, big-endian. RSA without leading zeros, coordinates at full width.
pub(crate) enum Components {
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    Ec { x: Vec<u8>, y: Vec<u8> },
    Ed25519 { x: [u8; 32] },
}

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    ///
    /// # Errors
    ///
    /// When the encoding is wrong, the kind of key does not sign here, the key is too weak, or
    /// the point is not on its curve.
    pub fn from_spki(der: &[u8]) -> Result<PublicKey, KeyError> {
        let (algorithm, key) = (|| {
            let mut spki = Reader::inside(der, der::SEQUENCE)?;
            let algorithm = spki.expect(der::SEQUENCE)?;
            let key = spki.bit_string()?;
            spki.end()?;
            Some((algorithm, key))
        })()
        .ok_or(KeyError::Malformed("not a SubjectPublicKeyInfo"))?;
        match Kind::from_algorithm(algorithm)? {
            Kind::Rsa => {
                let (modulus, exponent) = rsa_public_key(key)?;
                PublicKey::from_rsa(modulus, exponent)
            }
            Kind::Ec(Some(curve)) => PublicKey::from_point(curve, key),
            Kind::Ec(None) => Err(KeyError::Malformed("the EC key does not name its curve")),
            Kind::Ed25519 => match key.try_into() {
                Ok(point) => PublicKey::from_ed25519(point),
                Err(_) => Err(KeyError::Malformed("an Ed25519 key has 32 bytes")),
            },
        }
    }

    /// The DER `SubjectPublicKeyInfo`, in the one form that RFC 3279, 5480 and 8410 prescribe.
    pub fn spki(&self) -> &[u8] {
        &self.0.spki
    }

    /// RSA, which curve.
    pub fn key_type(&self) -> KeyType {
        self.0.key_type
    }

    /// The algorithms of the protocol by which this key verifies, preferred first (RSA: PS256,
    /// RS256; else one). Whoever believes a token of the protocol permits no other.
    pub fn algorithms(&self) -> &'static [Algorithm] {
        match self.0.key_type {
            KeyType::Rsa { .. } => &[Algorithm::PS256, Algorithm::RS256],
            KeyType::P256 => &[Algorithm::ES256],
            KeyType::P384 => &[Algorithm::ES384],
            KeyType::P521 => &[Algorithm::ES512],
            KeyType::Ed25519 => &[Algorithm::EdDSA],
        }
    }

    /// Verifies a JWS signature (ECDSA: R‖S of exact length, RFC 7518 §3.4).
    ///
    /// # Errors
    ///
    /// When the signature is not good, or when the algorithm is not one of this key.
    pub fn verify(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), BadSignature> {
        if self.0.verifier.verify(algorithm, message, signature) {
            Ok(())
        } else {
            Err(BadSignature)
        }
    }

    pub(crate) fn components(&self) -> &Components {
        &self.0.components
    }

    /// From big-endian magnitudes without leading zeros.
    pub(crate) fn from_rsa(modulus: &[u8], exponent: &[u8]) -> Result<PublicKey, KeyError> {
        let bits = weak_key::check_rsa(modulus, exponent)?;
        let pkcs1 = der::encode(
            der::SEQUENCE,
            &[
                &der::encode_unsigned(modulus),
                &der::encode_unsigned(exponent),
            ],
        );
        let verifier =
            Verifier::rsa(&pkcs1).ok_or(KeyError::Malformed("not a usable RSA public key"))?;
        let algorithm = [
            der::encode(der::OBJECT_IDENTIFIER, &[encoding::RSA_ENCRYPTION]),
            der::encode(der::NULL, &[]),
        ];
        Ok(PublicKey::assemble(
            KeyType::Rsa { bits },
            &algorithm.concat(),
            &pkcs1,
            Components::Rsa {
                modulus: modulus.to_vec(),
                exponent: exponent.to_vec(),
            },
            verifier,
        ))
    }

    /// From coordinates of full width.
    pub(crate) fn from_coordinates(
        curve: Curve,
        x: &[u8],
        y: &[u8],
    ) -> Result<PublicKey, KeyError> {
        if x.len() != curve.bytes() || y.len() != curve.bytes() {
            return Err(KeyError::Malformed(
                "a coordinate of the point has the wrong length",
            ));
        }
        PublicKey::from_point(curve, &[&[4], x, y].concat())
    }

    /// From the 32 bytes of RFC 8032 §5.1.5.
    pub(crate) fn from_ed25519(point: &[u8; 32]) -> Result<PublicKey, KeyError> {
        crypto::check_taken(KeyType::Ed25519)?;
        weak_key::check_ed25519(point)?;
        let verifier = Verifier::ed25519(point).ok_or(KeyError::OffCurve)?;
        Ok(PublicKey::assemble(
            KeyType::Ed25519,
            &der::encode(der::OBJECT_IDENTIFIER, &[encoding::ED25519]),
            point,
            Components::Ed25519 { x: *point },
            verifier,
        ))
    }

    pub(super) fn from_point(curve: Curve, point: &[u8]) -> Result<PublicKey, KeyError> {
        let (x, y) = match point {
            [4, coordinates @ ..] if coordinates.len() == 2 * curve.bytes() => {
                coordinates.split_at(curve.bytes())
            }
            [2 | 3, ..] => {
                return Err(KeyError::Unsupported("EC point in compressed form".into()));
            }
            _ => return Err(KeyError::Malformed("the EC point has the wrong length")),
        };
        let key_type = curve.key_type();
        crypto::check_taken(key_type)?;
        let verifier = Verifier::ecdsa(curve, point).ok_or(KeyError::OffCurve)?;
        let oid = encoding::CURVES
            .iter()
            .find(|(named, _)| *named == curve)
            .map(|(_, oid)| *oid)
            .ok_or(KeyError::OffCurve)?;
        let algorithm = [
            der::encode(der::OBJECT_IDENTIFIER, &[encoding::EC_PUBLIC_KEY]),
            der::encode(der::OBJECT_IDENTIFIER, &[oid]),
        ];
        Ok(PublicKey::assemble(
            key_type,
            &algorithm.concat(),
            point,
            Components::Ec {
                x: x.to_vec(),
                y: y.to_vec(),
            },
            verifier,
        ))
    }

    fn assemble(
        key_type: KeyType,
        algorithm: &[u8],
        key: &[u8],
        components: Components,
        verifier: Verifier,
    ) -> PublicKey {
        let spki = der::encode(
            der::SEQUENCE,
            &[
                &der::encode(der::SEQUENCE, &[algorithm]),
                &der::encode(der::BIT_STRING, &[&[0], key]),
            ],
        );
        PublicKey(Arc::new(Inner {
            spki,
            key_type,
            components,
            verifier,
        }))
    }
}

impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki() == other.spki()
    }
}

impl Eq for PublicKey {}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PublicKey")
            .field("key_type", &self.key_type())
            .finish_non_exhaustive()
    }
}
