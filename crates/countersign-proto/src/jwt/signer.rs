//! What signs a JWT, by which algorithm, and under which name?

use std::{fmt, str::FromStr, sync::Arc};

use super::{
    Algorithm, KeyRefusal, SymmetricKey,
    jwk::{AnyJwk, AnyKey},
};
use crate::{
    assertion::{KidForm, KidFormError},
    certificate::{Certificate, CertificateChain, CertificateError},
    json::{Map, Value},
    jwk,
    jws::MAX_KID_BYTES,
    key::{self, LocalKey, PublicKey, SigningError, SigningKey},
};

/// A key with the one algorithm that it signs by here, its `kid`, and its certificate if it has one.
/// Cheap to clone; what is set on a clone is not set on the original.
///
/// The `kid` is the RFC 7638 thumbprint of the key unless another is asked for: the same at every
/// start and on every machine, so that a set of keys can be published.
#[derive(Clone)]
pub struct Signer {
    key: Key,
    algorithm: Algorithm,
    kid: Option<String>,
    chain: Option<CertificateChain>,
    header: ChainIn,
}

#[derive(Clone)]
pub(super) enum Key {
    Symmetric(SymmetricKey),
    Pair(Arc<dyn SigningKey>),
}

/// Whether the certificates go into the header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChainIn {
    Nothing,
    X5c,
}

/// What becomes the `kid`.
///
/// As text: `thumbprint`, or one of the forms of [`KidForm`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Kid {
    /// The RFC 7638 thumbprint of the key.
    #[default]
    Thumbprint,
    /// A thumbprint of the certificate, a text, or none.
    Form(KidForm),
}

impl Signer {
    /// A secret, by the longest HMAC that it is long enough for.
    pub fn symmetric(key: SymmetricKey) -> Signer {
        Signer {
            algorithm: key.algorithm(),
            kid: Some(key.thumbprint()),
            key: Key::Symmetric(key),
            chain: None,
            header: ChainIn::Nothing,
        }
    }

    /// A key pair, wherever it is: RSA by RS256, which everybody reads, any other by its one
    /// algorithm.
    pub fn key_pair(key: Arc<dyn SigningKey>) -> Signer {
        let public_key = key.public_key();
        Signer {
            // The protocol's list ends with what everybody reads.
            algorithm: Algorithm::KeyPair(
                public_key
                    .algorithms()
                    .last()
                    .copied()
                    .unwrap_or(key::Algorithm::RS256),
            ),
            kid: Some(jwk::thumbprint(public_key)),
            key: Key::Pair(key),
            chain: None,
            header: ChainIn::Nothing,
        }
    }

    /// The first private key of a PEM text, with its certificate when that is in the text too.
    ///
    /// # Errors
    ///
    /// When there is no private key that can be used, or only certificates of other keys with it.
    pub fn from_pem(text: &str) -> Result<Signer, KeyRefusal> {
        let signer = Signer::key_pair(Arc::new(LocalKey::from_pem(text)?));
        let certificates = match Certificate::all_from_pem(text) {
            Ok(certificates) => certificates,
            Err(CertificateError::NoCertificate) => return Ok(signer),
            Err(error) => return Err(error.into()),
        };
        let leaf = certificates
            .iter()
            .find(|certificate| Some(certificate.public_key()) == signer.public_key())
            .ok_or(KeyRefusal::CertificateOfAnotherKey)?;
        signer.with_certificate(CertificateChain::order(leaf.clone(), &certificates))
    }

    /// A private or symmetric JWK, by its `alg` and under its `kid` when it has them.
    ///
    /// # Errors
    ///
    /// When the JWK is refused, is public, or is not for signing.
    pub fn from_jwk(text: &[u8]) -> Result<Signer, KeyRefusal> {
        let jwk = AnyJwk::read(text)?;
        let mut signer = match jwk.key {
            AnyKey::Symmetric(key) => Signer::symmetric(key),
            AnyKey::Private(key) => Signer::key_pair(Arc::new(key.to_local_key()?)),
            AnyKey::Public(_) => return Err(KeyRefusal::PublicKey),
        };
        if let Some(algorithm) = jwk.algorithm {
            signer = signer.with_algorithm(algorithm)?;
        }
        if let Some(kid) = jwk.kid {
            signer.kid = Some(kid);
        }
        Ok(signer)
    }

    /// Signs by this algorithm.
    ///
    /// # Errors
    ///
    /// When it is not one of the key.
    pub fn with_algorithm(mut self, algorithm: Algorithm) -> Result<Signer, KeyRefusal> {
        let has = self.key.algorithms();
        if !has.contains(&algorithm) {
            return Err(KeyRefusal::Algorithm {
                asked: algorithm,
                has,
            });
        }
        self.algorithm = algorithm;
        Ok(self)
    }

    /// Names the certificate in the header (`x5t#S256`).
    ///
    /// # Errors
    ///
    /// When the certificate is of another key.
    pub fn with_certificate(mut self, chain: CertificateChain) -> Result<Signer, KeyRefusal> {
        if self.public_key() != Some(chain.leaf().public_key()) {
            return Err(KeyRefusal::CertificateOfAnotherKey);
        }
        self.chain = Some(chain);
        Ok(self)
    }

    /// Sends the certificates along (`x5c`).
    ///
    /// # Errors
    ///
    /// When there is no certificate.
    pub fn with_x5c(mut self) -> Result<Signer, KeyRefusal> {
        if self.chain.is_none() {
            return Err(KeyRefusal::NoCertificate);
        }
        self.header = ChainIn::X5c;
        Ok(self)
    }

    /// Signs under this name.
    ///
    /// # Errors
    ///
    /// When it is to name a certificate and there is none, or when the text cannot be a `kid`.
    pub fn with_kid(mut self, kid: &Kid) -> Result<Signer, KeyRefusal> {
        self.kid = match kid {
            Kid::Thumbprint => Some(self.key.thumbprint()),
            Kid::Form(KidForm::None) => None,
            Kid::Form(KidForm::Literal(text)) => {
                check_kid(text)?;
                Some(text.clone())
            }
            Kid::Form(form) => {
                let chain = self.chain.as_ref().ok_or(KeyRefusal::NoCertificate)?;
                form.of(chain.leaf())
            }
        };
        Ok(self)
    }

    /// The algorithm.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The `kid`.
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// The certificate and its issuers.
    pub fn chain(&self) -> Option<&CertificateChain> {
        self.chain.as_ref()
    }

    /// The public half of a key pair.
    pub fn public_key(&self) -> Option<&PublicKey> {
        match &self.key {
            Key::Symmetric(_) => None,
            Key::Pair(key) => Some(key.public_key()),
        }
    }

    /// Whether signing may wait for a device or a network, and so belongs on a blocking thread.
    pub fn may_block(&self) -> bool {
        match &self.key {
            Key::Symmetric(_) => false,
            Key::Pair(key) => key.may_block(),
        }
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// The members of a header that come from the key.
    pub(super) fn header(&self) -> Map<String, Value> {
        let mut header = Map::new();
        header.insert("alg".to_owned(), self.algorithm.name().into());
        if let Some(kid) = &self.kid {
            header.insert("kid".to_owned(), kid.as_str().into());
        }
        if let Some(chain) = &self.chain {
            let thumbprint = chain.leaf().sha256().to_base64url();
            header.insert("x5t#S256".to_owned(), thumbprint.into());
            if self.header == ChainIn::X5c {
                header.insert("x5c".to_owned(), chain.x5c().into());
            }
        }
        header
    }

    pub(super) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        match (&self.key, self.algorithm, self.algorithm.hash()) {
            (Key::Symmetric(key), _, Some(hash)) => Ok(key.sign(hash, message)),
            (Key::Pair(key), Algorithm::KeyPair(algorithm), _) => key.sign(algorithm, message),
            // Not reached: an algorithm is taken only when it is one of the key.
            _ => Err(SigningError::Refused(
                "the algorithm is not of the key".to_owned(),
            )),
        }
    }
}

impl Key {
    fn algorithms(&self) -> Vec<Algorithm> {
        let signs_by = |algorithm: &Algorithm| match (self, algorithm) {
            (Key::Symmetric(key), algorithm) => key.signs_by(*algorithm),
            (Key::Pair(key), Algorithm::KeyPair(algorithm)) => {
                key.public_key().key_type().signs_by(*algorithm)
            }
            (Key::Pair(_), _) => false,
        };
        Algorithm::ALL.into_iter().filter(signs_by).collect()
    }

    fn thumbprint(&self) -> String {
        match self {
            Key::Symmetric(key) => key.thumbprint(),
            Key::Pair(key) => jwk::thumbprint(key.public_key()),
        }
    }
}

/// Whether a text can be a `kid`.
pub(super) fn check_kid(kid: &str) -> Result<(), KeyRefusal> {
    if kid.is_empty() || kid.len() > MAX_KID_BYTES || kid.chars().any(char::is_control) {
        return Err(KeyRefusal::Kid);
    }
    Ok(())
}

impl fmt::Display for Kid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Kid::Thumbprint => f.write_str("thumbprint"),
            Kid::Form(form) => form.fmt(f),
        }
    }
}

impl FromStr for Kid {
    type Err = KidFormError;

    fn from_str(text: &str) -> Result<Kid, KidFormError> {
        match text {
            "thumbprint" => Ok(Kid::Thumbprint),
            _ => text.parse().map(Kid::Form),
        }
    }
}

/// Shows nothing of the key.
impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("algorithm", &self.algorithm)
            .field("kid", &self.kid)
            .finish_non_exhaustive()
    }
}
