//! What signs, what verifies, and by which algorithm?

/// A JWS signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1). There is no `none` and no HMAC here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    RS256,
    PS256,
    ES256,
    ES384,
    ES512,
    EdDSA,
}

impl Algorithm {
    /// Every algorithm, preferred first: EdDSA? order is: ES256, ES384, ES512, EdDSA, PS256, RS256.
    pub const ALL: [Algorithm; 6] = [
        Algorithm::ES256,
        Algorithm::ES384,
        Algorithm::ES512,
        Algorithm::EdDSA,
        Algorithm::PS256,
        Algorithm::RS256,
    ];
    /// The `alg` value.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::RS256 => "RS256",
            Algorithm::PS256 => "PS256",
            Algorithm::ES256 => "ES256",
            Algorithm::ES384 => "ES384",
            Algorithm::ES512 => "ES512",
            Algorithm::EdDSA => "EdDSA",
        }
    }
    /// Reads an `alg` value, case-sensitively. `Ed25519` (RFC 9864) reads as `EdDSA`.
    pub fn from_name(_name: &str) -> Option<Algorithm> {
        todo!()
    }
}
impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// The kind of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /** modulus bits */
    Rsa {
        bits: u16,
    },
    P256,
    P384,
    P521,
    Ed25519,
}

/// Why a key is refused (security.md items 13, 24, 54).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /** less than 2048 or more than 8192 */
    RsaSize {
        bits: u32,
    },
    RsaExponent,
    RsaRoca,
    Unsupported(String),
    OffCurve,
    Malformed(&'static str),
    Encrypted,
    NotForSigning,
    Private,
    Symmetric,
}

/// A public key that was validated when it was read and is kept parsed. Cheap to clone.
#[derive(Clone)]
pub struct PublicKey {/* Arc */}

impl PublicKey {
    /// Reads a DER `SubjectPublicKeyInfo` (RFC 5280 §4.1.2.7).
    pub fn from_spki(_der: &[u8]) -> Result<PublicKey, KeyError> {
        todo!()
    }
    /// The DER `SubjectPublicKeyInfo`.
    pub fn spki(&self) -> &[u8] {
        todo!()
    }
    /// RSA, which curve.
    pub fn key_type(&self) -> KeyType {
        todo!()
    }
    /// The algorithms that this key verifies, preferred first (RSA: PS256, RS256; else one).
    pub fn algorithms(&self) -> &'static [Algorithm] {
        todo!()
    }
    /// Verifies a JWS signature (ECDSA: R‖S of exact length). An algorithm that is not of this key fails.
    pub fn verify(
        &self,
        _algorithm: Algorithm,
        _message: &[u8],
        _signature: &[u8],
    ) -> Result<(), BadSignature> {
        todo!()
    }
}
impl PartialEq for PublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.spki() == other.spki()
    }
}
impl Eq for PublicKey {}
impl std::fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PublicKey")
            .field("key_type", &self.key_type())
            .finish_non_exhaustive()
    }
}

/// The signature does not verify. Says no more on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSignature;

/// A private key, wherever it is: in memory, in a token, behind a service.
///
/// Laws: `sign` signs exactly these bytes, by exactly this algorithm, as RFC 7518 §3 encodes it
/// (ECDSA as R‖S); it may block when `may_block` says so; it never returns the key. The public
/// key never changes during the life of the value.
pub trait SigningKey: Send + Sync + std::fmt::Debug {
    /// The public half.
    fn public_key(&self) -> &PublicKey;
    /// Signs.
    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError>;
    /// Whether `sign` may wait for a device or a network, and so belongs on a blocking thread.
    fn may_block(&self) -> bool {
        false
    }
}

/// Why a key did not sign.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningError {
    /** not one of the key's algorithms */
    Algorithm(Algorithm),
    /** will not get better by itself */
    Refused(String),
    /** may work later */
    Unavailable(String),
}

/// A private key in the memory of this process, parsed once, wiped when dropped, never printed.
pub struct LocalKey {/* .. */}

impl LocalKey {
    /// Reads an unencrypted PKCS#8 key (RFC 5208, 5958).
    pub fn from_pkcs8(_der: &[u8]) -> Result<LocalKey, KeyError> {
        todo!()
    }
    /// Reads a PKCS#1 `RSAPrivateKey` (RFC 8017 App. A.1.2).
    pub fn from_pkcs1(_der: &[u8]) -> Result<LocalKey, KeyError> {
        todo!()
    }
    /// Reads a SEC1 `ECPrivateKey` (RFC 5915) that names its curve.
    pub fn from_sec1(_der: &[u8]) -> Result<LocalKey, KeyError> {
        todo!()
    }
    /// Reads the first private key block of a PEM text: `PRIVATE KEY`, `RSA PRIVATE KEY`, `EC PRIVATE KEY`.
    /// `ENCRYPTED PRIVATE KEY` and `Proc-Type: 4,ENCRYPTED` give [`KeyError::Encrypted`].
    pub fn from_pem(_pem: &str) -> Result<LocalKey, KeyError> {
        todo!()
    }
    /// Makes a new key with the crypto library's random generator, with its PKCS#8 form to be stored (wiped when dropped).
    pub fn generate(
        _key_type: KeyType,
    ) -> Result<(LocalKey, zeroize::Zeroizing<Vec<u8>>), KeyError> {
        todo!()
    }
}
impl SigningKey for LocalKey {
    fn public_key(&self) -> &PublicKey {
        todo!()
    }
    fn sign(&self, _algorithm: Algorithm, _message: &[u8]) -> Result<Vec<u8>, SigningError> {
        todo!()
    }
}
impl std::fmt::Debug for LocalKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalKey")
            .field("public_key", self.public_key())
            .finish_non_exhaustive()
    }
}
