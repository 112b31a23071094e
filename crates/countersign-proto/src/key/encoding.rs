//! Which kind of key does an encoding announce (RFC 3279, 5480, 8410)?

use super::KeyError;
use crate::{
    crypto::Curve,
    der::{self, Reader},
};

pub(super) const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
pub(super) const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
pub(super) const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
pub(super) const CURVES: [(Curve, &[u8]); 3] = [
    (
        Curve::P256,
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    ),
    (Curve::P384, &[0x2b, 0x81, 0x04, 0x00, 0x22]),
    (Curve::P521, &[0x2b, 0x81, 0x04, 0x00, 0x23]),
];

/// What an `AlgorithmIdentifier` says of a key.
pub(super) enum Kind {
    Rsa,
    Ec(Option<Curve>),
    Ed25519,
}

impl Kind {
    pub(super) fn from_algorithm(content: &[u8]) -> Result<Kind, KeyError> {
        const MALFORMED: KeyError = KeyError::Malformed("not an AlgorithmIdentifier");
        let mut algorithm = Reader::new(content);
        let oid = algorithm.expect(der::OBJECT_IDENTIFIER).ok_or(MALFORMED)?;
        match oid {
            RSA_ENCRYPTION => {
                algorithm.optional(der::NULL);
                algorithm.end().ok_or(MALFORMED)?;
                Ok(Kind::Rsa)
            }
            EC_PUBLIC_KEY if algorithm.is_empty() => Ok(Kind::Ec(None)),
            EC_PUBLIC_KEY => Ok(Kind::Ec(Some(curve_of(algorithm)?))),
            ED25519 => {
                algorithm.end().ok_or(MALFORMED)?;
                Ok(Kind::Ed25519)
            }
            other => Err(unsupported(other)),
        }
    }
}

pub(super) fn curve_of(mut parameters: Reader<'_>) -> Result<Curve, KeyError> {
    const MALFORMED: KeyError = KeyError::Malformed("not the name of a curve");
    let parameter = parameters.next().ok_or(MALFORMED)?;
    parameters.end().ok_or(MALFORMED)?;
    if parameter.tag != der::OBJECT_IDENTIFIER {
        return Err(KeyError::Unsupported(
            "EC curve given by its parameters".to_owned(),
        ));
    }
    CURVES
        .iter()
        .find(|(_, oid)| *oid == parameter.content)
        .map(|(curve, _)| *curve)
        .ok_or_else(|| unsupported(parameter.content))
}

/// Names of kinds that are met and not supported; the dotted form for the others.
fn unsupported(oid: &[u8]) -> KeyError {
    let Some(dotted) = der::dotted_oid(oid) else {
        return KeyError::Malformed("not an object identifier");
    };
    let name = match dotted.as_str() {
        "1.2.840.113549.1.1.10" => "RSASSA-PSS (RFC 4055)",
        "1.2.840.10040.4.1" => "DSA",
        "1.3.132.0.10" => "EC secp256k1",
        "1.3.132.0.33" => "EC P-224",
        "1.3.101.110" => "X25519",
        "1.3.101.111" => "X448",
        "1.3.101.113" => "Ed448",
        "2.16.840.1.101.3.4.3.17" => "ML-DSA-44",
        "2.16.840.1.101.3.4.3.18" => "ML-DSA-65",
        "2.16.840.1.101.3.4.3.19" => "ML-DSA-87",
        _ => return KeyError::Unsupported(dotted),
    };
    KeyError::Unsupported(name.to_owned())
}

/// Modulus and exponent of a DER `RSAPublicKey`.
pub(super) fn rsa_public_key(der: &[u8]) -> Result<(&[u8], &[u8]), KeyError> {
    (|| {
        let mut key = Reader::inside(der, der::SEQUENCE)?;
        let numbers = (key.unsigned()?, key.unsigned()?);
        key.end()?;
        Some(numbers)
    })()
    .ok_or(KeyError::Malformed("not an RSAPublicKey"))
}
