//! What signs, what verifies, and by which algorithm?

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use crate::{
    crypto::{Curve, Signer, Verifier},
    der::{self, Reader},
    pem, weak_key,
};

/// A JWS signature algorithm (RFC 7518 §3.1, RFC 8037 §3.1). There is no `none` and no HMAC here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    RS256,
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes.
    PS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// ECDSA on P-384 with SHA-384.
    ES384,
    /// ECDSA on P-521 with SHA-512.
    ES512,
    /// Ed25519.
    EdDSA,
}

impl Algorithm {
    /// Every algorithm, preferred first.
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
    pub fn from_name(name: &str) -> Option<Algorithm> {
        match name {
            "Ed25519" => Some(Algorithm::EdDSA),
            _ => Algorithm::ALL.into_iter().find(|alg| alg.name() == name),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The kind of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyType {
    /// RSA.
    Rsa {
        /// Bits of the modulus.
        bits: u16,
    },
    /// Elliptic curve P-256.
    P256,
    /// Elliptic curve P-384.
    P384,
    /// Elliptic curve P-521.
    P521,
    /// Edwards curve Ed25519.
    Ed25519,
}

impl fmt::Display for KeyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyType::Rsa { bits } => write!(f, "RSA {bits}"),
            KeyType::P256 => f.write_str("EC P-256"),
            KeyType::P384 => f.write_str("EC P-384"),
            KeyType::P521 => f.write_str("EC P-521"),
            KeyType::Ed25519 => f.write_str("Ed25519"),
        }
    }
}

/// Why a key is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The modulus has less than 2048 or more than 8192 bits, or a size that is not generated.
    RsaSize {
        /// Bits of the modulus.
        bits: u32,
    },
    /// The public exponent is even, one, or longer than 33 bits.
    RsaExponent,
    /// The key was made by the library of CVE-2017-15361, and can be factored.
    RsaRoca,
    /// A kind of key that does not sign here. Names it.
    Unsupported(String),
    /// The public point is not on its curve, or generates only a small group.
    OffCurve,
    /// The encoding is wrong. Says what.
    Malformed(&'static str),
    /// The private key is protected by a password.
    Encrypted,
    /// A JWK whose `use` or `key_ops` does not permit verification.
    NotForSigning,
    /// A private key where a public key is wanted.
    Private,
    /// A symmetric key where a public key is wanted.
    Symmetric,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyError::RsaSize { bits } => write!(
                f,
                "the RSA key has {bits} bits; from 2048 to 8192 are accepted, and 2048, 3072, 4096 and 8192 are generated"
            ),
            KeyError::RsaExponent => {
                f.write_str("the RSA public exponent must be odd, above one and at most 33 bits long")
            }
            KeyError::RsaRoca => f.write_str(
                "the RSA key was made by a faulty library and can be factored (CVE-2017-15361); make a new key",
            ),
            KeyError::Unsupported(what) => write!(
                f,
                "the key is of a kind that is not supported: {what}; use RSA, EC P-256, P-384 or P-521, or Ed25519"
            ),
            KeyError::OffCurve => f.write_str("the public point is not a usable point of its curve"),
            KeyError::Malformed(what) => write!(f, "the key is malformed: {what}"),
            KeyError::Encrypted => {
                f.write_str("the private key is encrypted; a password is needed to open it")
            }
            KeyError::NotForSigning => f.write_str("the key is not meant for signatures"),
            KeyError::Private => {
                f.write_str("this is a private key; give the public key only")
            }
            KeyError::Symmetric => {
                f.write_str("this is a symmetric key; a public key is needed")
            }
        }
    }
}

impl std::error::Error for KeyError {}

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

const RSA_ENCRYPTION: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
const EC_PUBLIC_KEY: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const CURVES: [(Curve, KeyType, &[u8]); 3] = [
    (
        Curve::P256,
        KeyType::P256,
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
    ),
    (Curve::P384, KeyType::P384, &[0x2b, 0x81, 0x04, 0x00, 0x22]),
    (Curve::P521, KeyType::P521, &[0x2b, 0x81, 0x04, 0x00, 0x23]),
];

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

    /// The algorithms that this key verifies, preferred first (RSA: PS256, RS256; else one).
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
            der::encode(der::OBJECT_IDENTIFIER, &[RSA_ENCRYPTION]),
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
        weak_key::check_ed25519(point)?;
        let verifier = Verifier::ed25519(point).ok_or(KeyError::OffCurve)?;
        Ok(PublicKey::assemble(
            KeyType::Ed25519,
            &der::encode(der::OBJECT_IDENTIFIER, &[ED25519]),
            point,
            Components::Ed25519 { x: *point },
            verifier,
        ))
    }

    fn from_point(curve: Curve, point: &[u8]) -> Result<PublicKey, KeyError> {
        let (x, y) = match point {
            [4, coordinates @ ..] if coordinates.len() == 2 * curve.bytes() => {
                coordinates.split_at(curve.bytes())
            }
            [2 | 3, ..] => {
                return Err(KeyError::Unsupported("EC point in compressed form".into()));
            }
            _ => return Err(KeyError::Malformed("the EC point has the wrong length")),
        };
        let verifier = Verifier::ecdsa(curve, point).ok_or(KeyError::OffCurve)?;
        let (key_type, oid) = CURVES
            .iter()
            .find(|(named, ..)| *named == curve)
            .map(|(_, key_type, oid)| (*key_type, *oid))
            .ok_or(KeyError::OffCurve)?;
        let algorithm = [
            der::encode(der::OBJECT_IDENTIFIER, &[EC_PUBLIC_KEY]),
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

/// The signature does not verify. Says no more on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadSignature;

impl fmt::Display for BadSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the signature does not verify")
    }
}

impl std::error::Error for BadSignature {}

/// A private key, wherever it is: in memory, in a token, behind a service.
///
/// Laws: `sign` signs exactly these bytes, by exactly this algorithm, as RFC 7518 §3 encodes it
/// (ECDSA as R‖S); it may block when `may_block` says so; it never returns the key. The public
/// key never changes during the life of the value.
pub trait SigningKey: Send + Sync + fmt::Debug {
    /// The public half.
    fn public_key(&self) -> &PublicKey;

    /// Signs.
    ///
    /// # Errors
    ///
    /// When the algorithm is not one of the key, or when whatever holds the key does not sign.
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
    /// Not one of the key's algorithms.
    Algorithm(Algorithm),
    /// Will not get better by itself.
    Refused(String),
    /// May work later.
    Unavailable(String),
}

impl fmt::Display for SigningError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SigningError::Algorithm(algorithm) => {
                write!(f, "the key does not sign by {algorithm}")
            }
            SigningError::Refused(why) => write!(f, "the key refused to sign: {why}"),
            SigningError::Unavailable(why) => {
                write!(f, "the key cannot sign at the moment: {why}")
            }
        }
    }
}

impl std::error::Error for SigningError {}

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
            Kind::Ed25519 => Signer::ed25519(der)
                .ok_or(KeyError::Malformed("not an Ed25519 private key"))
                .and_then(LocalKey::from_signer),
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
    /// [`KeyError::RsaSize`] when an RSA key is not to have 2048, 3072, 4096 or 8192 bits.
    pub fn generate(key_type: KeyType) -> Result<(LocalKey, Zeroizing<Vec<u8>>), KeyError> {
        const FAILED: KeyError = KeyError::Malformed("the crypto library made no key");
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
            Some(parameters) => Some(curve_of(Reader::new(parameters))?),
            None => None,
        };
        let curve = match (curve, named) {
            (Some(outer), Some(inner)) if outer != inner => return Err(MALFORMED),
            (outer, inner) => outer
                .or(inner)
                .ok_or(KeyError::Malformed("the EC key does not name its curve"))?,
        };
        Signer::ecdsa(curve, der)
            .ok_or(MALFORMED)
            .and_then(LocalKey::from_signer)
    }

    fn from_signer(signer: Signer) -> Result<LocalKey, KeyError> {
        let public = signer.public_key();
        let public_key = match &signer {
            Signer::Rsa(_) => {
                let (modulus, exponent) = rsa_public_key(public)?;
                PublicKey::from_rsa(modulus, exponent)?
            }
            Signer::Ecdsa(curve, _) => PublicKey::from_point(*curve, public)?,
            Signer::Ed25519(_) => match public.try_into() {
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
        if !self.public_key.algorithms().contains(&algorithm) {
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

/// What an `AlgorithmIdentifier` says of a key.
enum Kind {
    Rsa,
    Ec(Option<Curve>),
    Ed25519,
}

impl Kind {
    fn from_algorithm(content: &[u8]) -> Result<Kind, KeyError> {
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

fn curve_of(mut parameters: Reader<'_>) -> Result<Curve, KeyError> {
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
        .find(|(.., oid)| *oid == parameter.content)
        .map(|(curve, ..)| *curve)
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
fn rsa_public_key(der: &[u8]) -> Result<(&[u8], &[u8]), KeyError> {
    (|| {
        let mut key = Reader::inside(der, der::SEQUENCE)?;
        let numbers = (key.unsigned()?, key.unsigned()?);
        key.end()?;
        Some(numbers)
    })()
    .ok_or(KeyError::Malformed("not an RSAPublicKey"))
}
