//! How is a private key read, made and used in the memory of this process?

use std::fmt;

use zeroize::Zeroizing;

use super::{
    Algorithm, KeyError, KeyType, PublicKey, SigningError, SigningKey,
    encoding::{self, Kind, rsa_public_key},
};
use crate::{
    crypto::{self, Curve, PublicHalf, Signer},
    der::{self, Reader},
    pem, weak_key,
};

/// A private key in the memory of this process, parsed once, wiped when dropped, never printed.
///
/// It cannot be cloned, compared or written out:
///
/// ```compile_fail
/// fn copy(key: &countersign_proto::key::LocalKey) -> countersign_proto::key::LocalKey {
///     key.clone()
/// }
/// ```
pub struct LocalKey {
    signer: Signer,
    public_key: PublicKey,
}

impl LocalKey {
    /// Reads an unencrypted PKCS#8 key (RFC 5208, 5958).
    ///
    /// # Errors
    ///
    /// [`KeyError::Encrypted`] for an `EncryptedPrivateKeyInfo`, and the refusals of
    /// [`PublicKey::from_spki`].
    pub fn from_pkcs8(der: &[u8]) -> Result<LocalKey, KeyError> {
        const MALFORMED: KeyError = KeyError::Malformed("not a PKCS#8 private key");
        let mut info = Reader::inside(der, der::SEQUENCE).ok_or(MALFORMED)?;
        if info.peek() == Some(der::SEQUENCE) {
            return Err(KeyError::Encrypted);
        }
        let (algorithm, private) = (|| {
            info.unsigned()?;
            Some((info.expect(der::SEQUENCE)?, info.expect(der::OCTET_STRING)?))
        })()
        .ok_or(MALFORMED)?;
        match Kind::from_algorithm(algorithm)? {
            Kind::Rsa => LocalKey::from_pkcs1(private),
            Kind::Ec(curve) => LocalKey::from_ec_private_key(private, curve),
            Kind::Ed25519 => {
                crypto::check_taken(KeyType::Ed25519)?;
                Signer::ed25519(der)
                    .ok_or(KeyError::Malformed("not an Ed25519 private key"))
                    .and_then(LocalKey::from_signer)
            }
        }
    }

    /// Reads a PKCS#1 `RSAPrivateKey` (RFC 8017 App. A.1.2).
    ///
    /// # Errors
    ///
    /// When the encoding is wrong, the numbers do not fit each other, or the key is too weak.
    pub fn from_pkcs1(der: &[u8]) -> Result<LocalKey, KeyError> {
        const MALFORMED: KeyError = KeyError::Malformed("not an RSA private key");
        let (modulus, exponent) = (|| {
            let mut key = Reader::inside(der, der::SEQUENCE)?;
            key.unsigned()?;
            Some((key.unsigned()?, key.unsigned()?))
        })()
        .ok_or(MALFORMED)?;
        // Before the library refuses it without a reason.
        weak_key::check_rsa(modulus, exponent)?;
        Signer::rsa(der)
            .ok_or(MALFORMED)
            .and_then(LocalKey::from_signer)
    }

    /// Reads a SEC1 `ECPrivateKey` (RFC 5915) that names its curve.
    ///
    /// # Errors
    ///
    /// When the encoding is wrong, the curve is not named or not supported, or the public half
    /// does not fit.
    pub fn from_sec1(der: &[u8]) -> Result<LocalKey, KeyError> {
        LocalKey::from_ec_private_key(der, None)
    }

    /// Reads the first private key block of a PEM text: `PRIVATE KEY`, `RSA PRIVATE KEY`,
    /// `EC PRIVATE KEY`.
    ///
    /// # Errors
    ///
    /// [`KeyError::Encrypted`] for `ENCRYPTED PRIVATE KEY` and `Proc-Type: 4,ENCRYPTED`, and what
    /// the other three refuse.
    pub fn from_pem(pem: &str) -> Result<LocalKey, KeyError> {
        let blocks =
            pem::blocks(pem).ok_or(KeyError::Malformed("the PEM text does not end as it began"))?;
        let block = blocks
            .iter()
            .find(|block| block.label.ends_with("PRIVATE KEY"))
            .ok_or(KeyError::Malformed("the PEM text has no private key"))?;
        if block.encrypted || block.label == "ENCRYPTED PRIVATE KEY" {
            return Err(KeyError::Encrypted);
        }
        let der = block
            .der()
            .ok_or(KeyError::Malformed("the PEM text is not base64"))?;
        match block.label {
            "PRIVATE KEY" => LocalKey::from_pkcs8(&der),
            "RSA PRIVATE KEY" => LocalKey::from_pkcs1(&der),
            "EC PRIVATE KEY" => LocalKey::from_sec1(&der),
            other => Err(KeyError::Unsupported(other.to_owned())),
        }
    }

    /// Makes a new key with the crypto library's random generator, with its PKCS#8 form to be
    /// stored (wiped when dropped).
    ///
    /// This is the one function of this crate whose result is not decided by its arguments.
    ///
    /// # Errors
    ///
    /// [`KeyError::RsaSize`] when an RSA key is not to have 2048, 3072, 4096 or 8192 bits, and
    /// [`KeyError::Unsupported`] for a kind of key that this build has not.
    pub fn generate(key_type: KeyType) -> Result<(LocalKey, Zeroizing<Vec<u8>>), KeyError> {
        const FAILED: KeyError = KeyError::Malformed("the crypto library made no key");
        crypto::check_taken(key_type)?;
        let (signer, pkcs8) = match key_type {
            KeyType::Rsa { bits } => {
                Signer::generate_rsa(bits).ok_or(KeyError::RsaSize { bits: bits.into() })?
            }
            KeyType::P256 => Signer::generate_ecdsa(Curve::P256).ok_or(FAILED)?,
            KeyType::P384 => Signer::generate_ecdsa(Curve::P384).ok_or(FAILED)?,
            KeyType::P521 => Signer::generate_ecdsa(Curve::P521).ok_or(FAILED)?,
            KeyType::Ed25519 => Signer::generate_ed25519().ok_or(FAILED)?,
        };
        Ok((LocalKey::from_signer(signer)?, pkcs8))
    }

    /// `curve` is what the PKCS#8 around it says. A curve said twice must be the same.
    fn from_ec_private_key(der: &[u8], curve: Option<Curve>) -> Result<LocalKey, KeyError> {
        const MALFORMED: KeyError = KeyError::Malformed("not an EC private key");
        const PARAMETERS: u8 = 0xa0;
        let mut key = Reader::inside(der, der::SEQUENCE).ok_or(MALFORMED)?;
        key.unsigned().ok_or(MALFORMED)?;
        key.expect(der::OCTET_STRING).ok_or(MALFORMED)?;
        let named = match key.optional(PARAMETERS) {
            Some(parameters) => Some(encoding::curve_of(Reader::new(parameters))?),
            None => None,
        };
        let curve = match (curve, named) {
            (Some(outer), Some(inner)) if outer != inner => return Err(MALFORMED),
            (outer, inner) => outer
                .or(inner)
                .ok_or(KeyError::Malformed("the EC key does not name its curve"))?,
        };
        crypto::check_taken(curve.key_type())?;
        Signer::ecdsa(curve, der)
            .ok_or(MALFORMED)
            .and_then(LocalKey::from_signer)
    }

    fn from_signer(signer: Signer) -> Result<LocalKey, KeyError> {
        let public_key = match signer.public_half() {
            PublicHalf::Rsa(pkcs1) => {
                let (modulus, exponent) = rsa_public_key(pkcs1)?;
                PublicKey::from_rsa(modulus, exponent)?
            }
            PublicHalf::Ecdsa(curve, point) => PublicKey::from_point(curve, point)?,
            PublicHalf::Ed25519(point) => match point.try_into() {
                Ok(point) => PublicKey::from_ed25519(point)?,
                Err(_) => return Err(KeyError::Malformed("an Ed25519 key has 32 bytes")),
            },
        };
        Ok(LocalKey { signer, public_key })
    }
}

impl SigningKey for LocalKey {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        if !self.public_key.key_type().signs_by(algorithm) {
            return Err(SigningError::Algorithm(algorithm));
        }
        self.signer
            .sign(algorithm, message)
            .ok_or_else(|| SigningError::Refused("the crypto library failed".to_owned()))
    }
}

impl fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey")
            .field("public_key", self.public_key())
            .finish_non_exhaustive()
    }
}
