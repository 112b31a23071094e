//! Which public keys are in a PEM text?

use super::KeyRefusal;
use crate::{
    certificate::Certificate,
    der::{self, Reader},
    key::{KeyError, LocalKey, PublicKey, SigningKey as _},
    pem,
};

/// A public key, and the certificate that it came in.
pub(super) struct Found {
    pub(super) key: PublicKey,
    pub(super) certificate: Option<Certificate>,
}

/// Every certificate and public key, in order; the public half of the first private key when there
/// is nothing else.
pub(super) fn public_keys(text: &str) -> Result<Vec<Found>, KeyRefusal> {
    const NOT_PEM: KeyError = KeyError::Malformed("the PEM text does not end as it began");
    const NOT_BASE64: KeyError = KeyError::Malformed("the PEM text is not base64");
    let alone = |key| Found {
        key,
        certificate: None,
    };
    let mut found = Vec::new();
    for block in pem::blocks(text).ok_or(NOT_PEM)? {
        let der = || block.der().ok_or(NOT_BASE64);
        found.push(match block.label {
            "CERTIFICATE" | "X509 CERTIFICATE" => {
                let certificate = Certificate::from_der(&der()?)?;
                Found {
                    key: certificate.public_key().clone(),
                    certificate: Some(certificate),
                }
            }
            "PUBLIC KEY" => alone(PublicKey::from_spki(&der()?)?),
            "RSA PUBLIC KEY" => alone(rsa_public_key(&der()?)?),
            _ => continue,
        });
    }
    if found.is_empty() {
        found.push(alone(LocalKey::from_pem(text)?.public_key().clone()));
    }
    Ok(found)
}

/// RFC 8017 App. A.1.1.
fn rsa_public_key(der: &[u8]) -> Result<PublicKey, KeyError> {
    (|| {
        let mut key = Reader::inside(der, der::SEQUENCE)?;
        let numbers = (key.unsigned()?, key.unsigned()?);
        key.end()?;
        Some(numbers)
    })()
    .ok_or(KeyError::Malformed("not an RSAPublicKey"))
    .and_then(|(modulus, exponent)| PublicKey::from_rsa(modulus, exponent))
}
