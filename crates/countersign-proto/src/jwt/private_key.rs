//! How does a private key change its form: PEM, PKCS#8, JWK?

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{
    Algorithm, KeyRefusal,
    jwk::{AnyJwk, AnyKey},
};
use crate::{
    der::{self, Reader},
    jwk,
    key::{Components, KeyError, KeyType, LocalKey, PublicKey, SigningKey as _},
    pem,
};

/// A private key on its way from one form to another: checked once, wiped when dropped, never
/// printed. To sign with it, take [`PrivateKey::to_local_key`].
///
/// It can be neither cloned nor compared:
///
/// ```compile_fail
/// fn copy(key: &countersign_proto::jwt::PrivateKey) -> countersign_proto::jwt::PrivateKey {
///     key.clone()
/// }
/// ```
pub struct PrivateKey {
    pkcs8: Zeroizing<Vec<u8>>,
    public_key: PublicKey,
}

impl PrivateKey {
    /// Reads an unencrypted PKCS#8 key (RFC 5208, 5958).
    ///
    /// # Errors
    ///
    /// As [`LocalKey::from_pkcs8`].
    pub fn from_pkcs8(der: &[u8]) -> Result<PrivateKey, KeyError> {
        let public_key = LocalKey::from_pkcs8(der)?.public_key().clone();
        Ok(PrivateKey {
            pkcs8: Zeroizing::new(der.to_vec()),
            public_key,
        })
    }

    /// Reads a PKCS#1 `RSAPrivateKey` (RFC 8017 App. A.1.2).
    ///
    /// # Errors
    ///
    /// As [`LocalKey::from_pkcs1`].
    pub fn from_pkcs1(der: &[u8]) -> Result<PrivateKey, KeyError> {
        PrivateKey::wrap(LocalKey::from_pkcs1(der)?.public_key(), der)
    }

    /// Reads a SEC1 `ECPrivateKey` (RFC 5915) that names its curve.
    ///
    /// # Errors
    ///
    /// As [`LocalKey::from_sec1`].
    pub fn from_sec1(der: &[u8]) -> Result<PrivateKey, KeyError> {
        PrivateKey::wrap(LocalKey::from_sec1(der)?.public_key(), der)
    }

    /// Reads the first private key block of a PEM text: `PRIVATE KEY`, `RSA PRIVATE KEY`,
    /// `EC PRIVATE KEY`.
    ///
    /// # Errors
    ///
    /// As [`LocalKey::from_pem`].
    pub fn from_pem(text: &str) -> Result<PrivateKey, KeyError> {
        let public_key = LocalKey::from_pem(text)?.public_key().clone();
        // What follows was read once already, and cannot fail.
        let blocks = pem::blocks(text).ok_or(UNREADABLE)?;
        let block = blocks
            .iter()
            .find(|block| block.label.ends_with("PRIVATE KEY"))
            .ok_or(UNREADABLE)?;
        let der = block.der().ok_or(UNREADABLE)?;
        match block.label {
            "PRIVATE KEY" => PrivateKey::from_pkcs8(&der),
            _ => PrivateKey::wrap(&public_key, &der),
        }
    }

    /// Reads a private JWK (RFC 7518 §6.2.2, §6.3.2, RFC 8037 §2). The private half must fit the
    /// public one, and an RSA key must have all its numbers.
    ///
    /// # Errors
    ///
    /// When the JWK is refused, or is no private key.
    pub fn from_jwk(text: &[u8]) -> Result<PrivateKey, KeyRefusal> {
        match AnyJwk::read(text)?.key {
            AnyKey::Private(key) => Ok(*key),
            AnyKey::Public(_) => Err(KeyRefusal::PublicKey),
            AnyKey::Symmetric(_) => Err(KeyRefusal::Key(KeyError::Symmetric)),
        }
    }

    /// Makes a new key, as [`LocalKey::generate`] does.
    ///
    /// # Errors
    ///
    /// As [`LocalKey::generate`].
    pub fn generate(key_type: KeyType) -> Result<PrivateKey, KeyError> {
        let (key, pkcs8) = LocalKey::generate(key_type)?;
        Ok(PrivateKey {
            pkcs8,
            public_key: key.public_key().clone(),
        })
    }

    /// The public half.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// The key as something that signs.
    ///
    /// # Errors
    ///
    /// None that is known: the key was read once already.
    pub fn to_local_key(&self) -> Result<LocalKey, KeyError> {
        LocalKey::from_pkcs8(&self.pkcs8)
    }

    /// DER of PKCS#8, to be stored and nowhere else.
    pub fn pkcs8(&self) -> &[u8] {
        &self.pkcs8
    }

    /// A `PRIVATE KEY` block, to be stored and nowhere else.
    pub fn to_pem(&self) -> Zeroizing<String> {
        Zeroizing::new(pem::encode("PRIVATE KEY", &self.pkcs8))
    }

    /// A private JWK, to be stored and nowhere else.
    ///
    /// # Errors
    ///
    /// None that is known: the key was read once already.
    pub fn to_jwk(
        &self,
        algorithm: Option<Algorithm>,
        kid: Option<&str>,
    ) -> Result<Zeroizing<String>, KeyError> {
        let numbers = self.secret_numbers().ok_or(UNREADABLE)?;
        let mut members: Vec<(&str, String)> = jwk::required_members(&self.public_key)
            .iter()
            .filter_map(|(name, value)| {
                let name = ["kty", "crv", "x", "y", "n", "e"]
                    .into_iter()
                    .find(|known| known == name)?;
                Some((name, value.to_string()))
            })
            .collect();
        members.push(("use", "\"sig\"".to_owned()));
        if let Some(algorithm) = algorithm {
            members.push(("alg", format!("\"{algorithm}\"")));
        }
        if let Some(kid) = kid {
            members.push(("kid", serde_json::Value::from(kid).to_string()));
        }
        let public = members.iter().map(|(name, value)| name.len() + value.len());
        let secret = numbers.iter().map(|(name, value)| name.len() + value.len());
        let members_in_all = members.len() + numbers.len();
        let room = public.chain(secret).sum::<usize>() + 6 * members_in_all + 2;
        let mut json = Zeroizing::new(String::with_capacity(room));
        for (index, (name, value)) in members.iter().enumerate() {
            json.push(if index == 0 { '{' } else { ',' });
            for part in ["\"", name, "\":", value] {
                json.push_str(part);
            }
        }
        for (name, value) in &numbers {
            for part in [",\"", name, "\":\"", value, "\""] {
                json.push_str(part);
            }
        }
        json.push('}');
        Ok(json)
    }

    /// From the numbers of an RSA key in the order of PKCS#1, big-endian, without leading zeros.
    pub(super) fn from_rsa_numbers(
        public_key: &PublicKey,
        numbers: &[Zeroizing<Vec<u8>>; 8],
    ) -> Result<PrivateKey, KeyError> {
        let encoded: Vec<Zeroizing<Vec<u8>>> = std::iter::once(Zeroizing::new(Vec::new()))
            .chain(numbers.iter().cloned())
            .map(|number| Zeroizing::new(der::encode_unsigned(&number)))
            .collect();
        let parts: Vec<&[u8]> = encoded.iter().map(|number| number.as_slice()).collect();
        let pkcs1 = Zeroizing::new(der::encode(der::SEQUENCE, &parts));
        PrivateKey::wrap(public_key, &pkcs1)
    }

    /// From the secret of an EC or Ed25519 key at full width.
    pub(super) fn from_scalar(
        public_key: &PublicKey,
        secret: &[u8],
    ) -> Result<PrivateKey, KeyError> {
        const LENGTH: KeyError = KeyError::Malformed("the private number has the wrong length");
        let inner = match public_key.components() {
            Components::Ec { x, y } if secret.len() == x.len() => {
                let point = der::encode(der::BIT_STRING, &[&[0, 4], x, y]);
                let secret = Zeroizing::new(der::encode(der::OCTET_STRING, &[secret]));
                let parts = [
                    &der::encode_unsigned(&[1])[..],
                    &secret,
                    &der::encode(PUBLIC_KEY, &[&point]),
                ];
                der::encode(der::SEQUENCE, &parts)
            }
            Components::Ed25519 { .. } if secret.len() == 32 => {
                der::encode(der::OCTET_STRING, &[secret])
            }
            _ => return Err(LENGTH),
        };
        PrivateKey::wrap(public_key, &Zeroizing::new(inner))
    }

    /// Puts a PKCS#1, SEC1 or Ed25519 key into PKCS#8, reads it, and compares the public half.
    fn wrap(public_key: &PublicKey, inner: &[u8]) -> Result<PrivateKey, KeyError> {
        const DOES_NOT_FIT: KeyError =
            KeyError::Malformed("the private half is not of the public half");
        let spki = Reader::inside(public_key.spki(), der::SEQUENCE);
        // The kind of key is said in the same words in a public key.
        let algorithm = spki.and_then(|mut spki| spki.next()).ok_or(UNREADABLE)?;
        let secret = Zeroizing::new(der::encode(der::OCTET_STRING, &[inner]));
        let version = der::encode_unsigned(&[]);
        let parts = [&version[..], algorithm.encoded, &secret];
        let pkcs8 = Zeroizing::new(der::encode(der::SEQUENCE, &parts));
        let read = PrivateKey::from_pkcs8(&pkcs8).map_err(|error| match error {
            KeyError::Malformed(_) => DOES_NOT_FIT,
            other => other,
        })?;
        if read.public_key == *public_key {
            Ok(read)
        } else {
            Err(DOES_NOT_FIT)
        }
    }

    /// The private members of the JWK in base64url.
    fn secret_numbers(&self) -> Option<Vec<(&'static str, Zeroizing<String>)>> {
        let mut info = Reader::inside(&self.pkcs8, der::SEQUENCE)?;
        info.unsigned()?;
        info.expect(der::SEQUENCE)?;
        let inner = info.expect(der::OCTET_STRING)?;
        let encode = |bytes: &[u8]| Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes));
        match self.public_key.components() {
            Components::Rsa { .. } => {
                let mut key = Reader::inside(inner, der::SEQUENCE)?;
                for _version_n_e in 0..3 {
                    key.unsigned()?;
                }
                ["d", "p", "q", "dp", "dq", "qi"]
                    .into_iter()
                    .map(|name| Some((name, encode(key.unsigned()?))))
                    .collect()
            }
            Components::Ec { x, .. } => {
                let mut key = Reader::inside(inner, der::SEQUENCE)?;
                key.unsigned()?;
                let secret = key.expect(der::OCTET_STRING)?;
                // RFC 7518 §6.2.2.1: the width of the curve, whatever zeros the DER has in front.
                let zeros = secret.iter().take_while(|byte| **byte == 0).count();
                let digits = &secret[zeros..];
                let missing = x.len().checked_sub(digits.len())?;
                let mut full = Zeroizing::new(vec![0; x.len()]);
                full[missing..].copy_from_slice(digits);
                Some(vec![("d", encode(&full))])
            }
            Components::Ed25519 { .. } => {
                let secret = Reader::new(inner).expect(der::OCTET_STRING)?;
                Some(vec![("d", encode(secret))])
            }
        }
    }
}

/// `publicKey [1]` of an `ECPrivateKey` (RFC 5915 §3).
const PUBLIC_KEY: u8 = 0xa1;

const UNREADABLE: KeyError = KeyError::Malformed("the private key cannot be taken apart");

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PrivateKey")
            .field("public_key", &self.public_key)
            .finish_non_exhaustive()
    }
}
