//! What is a secret that both sides share, and when is it too weak to be one?

use std::{fmt, sync::Arc};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{
    Algorithm, KeyRefusal,
    jwk::{AnyJwk, AnyKey},
};
use crate::{
    crypto::{
        self,
        hmac::{self, Hash},
    },
    jwk::JwkError,
};

/// A key for HMAC of 32 to 1024 bytes (RFC 7518 §3.2): wiped when the last clone is dropped, never
/// printed. Cheap to clone.
#[derive(Clone)]
pub struct SymmetricKey(Arc<Zeroizing<Vec<u8>>>);

/// Why a secret is refused. Says nothing of the secret itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SymmetricKeyError {
    /// It has so many bytes, and fewer than 32 are fewer than any HMAC here asks for.
    TooShort(usize),
    /// More than 1024 bytes.
    TooLong,
    /// One byte again and again.
    Repetitive,
    /// It is the text or the DER of a key or certificate, and so perhaps known to everybody.
    PublicKnowledge,
    /// Not hexadecimal digits, two for a byte.
    Hex,
    /// Not canonical base64url without padding.
    Base64url,
    /// The operating system gave no random numbers.
    NoChance,
}

impl SymmetricKey {
    /// Takes bytes as they are.
    ///
    /// # Errors
    ///
    /// When they are too few, too many, one byte again and again, or look like something public:
    /// an HMAC by the text of a public key is made by everybody (security.md A2).
    pub fn from_bytes(bytes: &[u8]) -> Result<SymmetricKey, SymmetricKeyError> {
        if bytes.len() < MIN_BYTES {
            return Err(SymmetricKeyError::TooShort(bytes.len()));
        }
        if bytes.len() > MAX_BYTES {
            return Err(SymmetricKeyError::TooLong);
        }
        if bytes.iter().all(|byte| *byte == bytes[0]) {
            return Err(SymmetricKeyError::Repetitive);
        }
        if is_public_knowledge(bytes) {
            return Err(SymmetricKeyError::PublicKnowledge);
        }
        Ok(SymmetricKey(Arc::new(Zeroizing::new(bytes.to_vec()))))
    }

    /// Takes the UTF-8 of a passphrase as it is, as other tools do. Nothing is derived from it: a
    /// passphrase that people can remember can be guessed from one token.
    ///
    /// # Errors
    ///
    /// As [`SymmetricKey::from_bytes`].
    pub fn from_passphrase(text: &str) -> Result<SymmetricKey, SymmetricKeyError> {
        SymmetricKey::from_bytes(text.as_bytes())
    }

    /// Reads hexadecimal digits of either case, without separators.
    ///
    /// # Errors
    ///
    /// When the text is something else, and as [`SymmetricKey::from_bytes`].
    pub fn from_hex(text: &str) -> Result<SymmetricKey, SymmetricKeyError> {
        let digits = text.as_bytes();
        if digits.len() % 2 == 1 || digits.len() > 2 * MAX_BYTES {
            return Err(SymmetricKeyError::Hex);
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(digits.len() / 2));
        for pair in digits.chunks_exact(2) {
            match (nibble(pair[0]), nibble(pair[1])) {
                (Some(high), Some(low)) => bytes.push(high << 4 | low),
                _ => return Err(SymmetricKeyError::Hex),
            }
        }
        SymmetricKey::from_bytes(&bytes)
    }

    /// Reads base64url without padding, as `k` of a JWK has it.
    ///
    /// # Errors
    ///
    /// When the text is something else, and as [`SymmetricKey::from_bytes`].
    pub fn from_base64url(text: &str) -> Result<SymmetricKey, SymmetricKeyError> {
        let mut bytes = Zeroizing::new(vec![0; text.len()]);
        let length = URL_SAFE_NO_PAD
            .decode_slice(text, &mut bytes)
            .map_err(|_| SymmetricKeyError::Base64url)?;
        SymmetricKey::from_bytes(&bytes[..length])
    }

    /// Reads a JWK of type `oct` (RFC 7518 §6.4).
    ///
    /// # Errors
    ///
    /// When the JWK is refused, or is of another type.
    pub fn from_jwk(text: &[u8]) -> Result<SymmetricKey, KeyRefusal> {
        match AnyJwk::read(text)?.key {
            AnyKey::Symmetric(key) => Ok(key),
            AnyKey::Private(_) | AnyKey::Public(_) => Err(JwkError::Member("kty").into()),
        }
    }

    /// Makes a new key, as long as the hash of the algorithm. Its result is not decided by its
    /// arguments, like that of [`crate::key::LocalKey::generate`].
    ///
    /// # Errors
    ///
    /// When there are no random numbers. An algorithm of a key pair gets 64 bytes.
    pub fn generate(algorithm: Algorithm) -> Result<SymmetricKey, SymmetricKeyError> {
        let length = algorithm.hash().unwrap_or(Hash::Sha512).bytes();
        let mut bytes = Zeroizing::new(vec![0; length]);
        if !hmac::fill(&mut bytes) {
            return Err(SymmetricKeyError::NoChance);
        }
        SymmetricKey::from_bytes(&bytes)
    }

    /// The longest HMAC that the key is long enough for: 64 bytes HS512, 48 HS384, 32 HS256.
    pub fn algorithm(&self) -> Algorithm {
        match self.0.len() {
            64.. => Algorithm::HS512,
            48.. => Algorithm::HS384,
            _ => Algorithm::HS256,
        }
    }

    /// Whether the key is long enough for this algorithm (RFC 7518 §3.2), and it is an HMAC.
    pub fn signs_by(&self, algorithm: Algorithm) -> bool {
        algorithm
            .hash()
            .is_some_and(|hash| self.0.len() >= hash.bytes())
    }

    /// Bits of the key.
    pub fn bits(&self) -> usize {
        self.0.len() * 8
    }

    /// The RFC 7638 thumbprint (SHA-256, base64url). It tells a guesser of the key whether the guess
    /// is right, as every token does.
    pub fn thumbprint(&self) -> String {
        let key = self.to_base64url();
        let mut json = Zeroizing::new(Vec::with_capacity(key.len() + 32));
        for part in [r#"{"k":""#, &key, r#"","kty":"oct"}"#] {
            json.extend_from_slice(part.as_bytes());
        }
        URL_SAFE_NO_PAD.encode(crypto::sha256(&json))
    }

    /// To be stored and nowhere else.
    pub fn to_base64url(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(&**self.0))
    }

    /// Lower-case hexadecimal, to be stored and nowhere else.
    pub fn to_hex(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * self.0.len()));
        for nibble in self.0.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
            text.push(char::from(b"0123456789abcdef"[usize::from(nibble)]));
        }
        text
    }

    /// A JWK of type `oct` (RFC 7518 §6.4), to be stored and nowhere else: it has no public half.
    pub fn to_jwk(&self, algorithm: Algorithm, kid: Option<&str>) -> Zeroizing<String> {
        let kid = kid.map(|kid| format!(r#","kid":{}"#, serde_json::Value::from(kid)));
        let kid = kid.unwrap_or_default();
        let key = self.to_base64url();
        let mut json = Zeroizing::new(String::with_capacity(key.len() + kid.len() + 64));
        for part in [
            r#"{"kty":"oct","k":""#,
            &key,
            r#"","use":"sig","alg":""#,
            algorithm.name(),
            "\"",
            &kid,
            "}",
        ] {
            json.push_str(part);
        }
        json
    }

    pub(super) fn sign(&self, hash: Hash, message: &[u8]) -> Vec<u8> {
        hmac::sign(hash, &self.0, message)
    }

    pub(super) fn verify(&self, hash: Hash, message: &[u8], value: &[u8]) -> bool {
        hmac::verify(hash, &self.0, message, value)
    }
}

const MIN_BYTES: usize = 32;
const MAX_BYTES: usize = 1024;

/// Whether the bytes are a PEM text, a JWK or a set of them, or the DER of a key or certificate.
fn is_public_knowledge(bytes: &[u8]) -> bool {
    const DER_SEQUENCE: [u8; 2] = [0x30, 0x82];
    let begin = b"-----BEGIN ";
    let first = bytes.iter().position(|byte| !byte.is_ascii_whitespace());
    let trimmed = &bytes[first.unwrap_or(0)..];
    let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(trimmed).is_ok();
    let der_length = match bytes {
        [0x30, 0x81, length, rest @ ..] => Some((usize::from(*length), rest.len())),
        [first, second, high, low, rest @ ..] if [*first, *second] == DER_SEQUENCE => {
            Some((usize::from(u16::from_be_bytes([*high, *low])), rest.len()))
        }
        [0x30, length @ 0..=0x7f, rest @ ..] => Some((usize::from(*length), rest.len())),
        _ => None,
    };
    bytes.windows(begin.len()).any(|window| window == begin)
        || (trimmed.first() == Some(&b'{') && is_json)
        || der_length.is_some_and(|(said, there)| said == there)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// Shows the length only.
impl fmt::Debug for SymmetricKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SymmetricKey({} bits)", self.bits())
    }
}

impl fmt::Display for SymmetricKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SymmetricKeyError::TooShort(bytes) => write!(
                f,
                "the secret has {bytes} bytes; HS256 needs {MIN_BYTES} or more, HS384 48, HS512 64"
            ),
            SymmetricKeyError::TooLong => {
                write!(f, "the secret is longer than {MAX_BYTES} bytes")
            }
            SymmetricKeyError::Repetitive => f.write_str("the secret is one byte again and again"),
            SymmetricKeyError::PublicKnowledge => {
                f.write_str("the secret is the text of a key or certificate, which others may know")
            }
            SymmetricKeyError::Hex => {
                f.write_str("the secret is not hexadecimal, two digits for a byte")
            }
            SymmetricKeyError::Base64url => {
                f.write_str("the secret is not base64url without padding")
            }
            SymmetricKeyError::NoChance => {
                f.write_str("the operating system gives no random numbers")
            }
        }
    }
}

impl std::error::Error for SymmetricKeyError {}
