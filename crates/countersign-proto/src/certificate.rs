//! What does an X.509 certificate say, and may it sign?

use crate::{
    distinguished_name::DistinguishedName, key::PublicKey, thumbprint::Thumbprint, time::UnixTime,
};

/// An X.509 v3 certificate (RFC 5280), parsed once. Cheap to clone.
#[derive(Clone)]
pub struct Certificate {/* Arc<Inner>: der, subject, issuer, serial, validity, public key, thumbprints, key usage, eku, ca */}

/// A leaf certificate and its issuers, leaf first (RFC 7515 §4.1.6 `x5c` order). Cheap to clone.
#[derive(Clone, Debug)]
pub struct CertificateChain {/* leaf, issuers */}

/// Why bytes are not a certificate, or a certificate may not sign (security.md items 13, 24, 51, 52).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    TooLarge,
    NotDer,
    NotPem,
    NoCertificate,
    Version,
    SerialTooLong,
    UnsupportedKey(crate::key::KeyError),
    UnknownCriticalExtension(String),
    Name,
}

/// Where `now` is in a certificate's validity, both ends included (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    NotYet { from: UnixTime },
    Valid,
    Expired { since: UnixTime },
}

/// Why a leaf may not sign assertions (RFC 5280 §4.2.1.3, §4.2.1.9, §4.2.1.12).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeafPolicyError {
    KeyUsage,
    ExtendedKeyUsage,
    CertificateAuthority,
}

impl Certificate {
    /// Parses one DER certificate of at most 64 KiB.
    pub fn from_der(_der: &[u8]) -> Result<Certificate, CertificateError> {
        todo!()
    }
    /// Parses every `CERTIFICATE` block of a PEM text (RFC 7468), in order; other blocks are passed over.
    pub fn all_from_pem(_pem: &str) -> Result<Vec<Certificate>, CertificateError> {
        todo!()
    }
    /// The DER bytes.
    pub fn der(&self) -> &[u8] {
        todo!()
    }
    /// One PEM block.
    pub fn to_pem(&self) -> String {
        todo!()
    }
    /// Subject.
    pub fn subject(&self) -> &DistinguishedName {
        todo!()
    }
    /// Issuer.
    pub fn issuer(&self) -> &DistinguishedName {
        todo!()
    }
    /// Serial number, big-endian, without leading zeros.
    pub fn serial(&self) -> &[u8] {
        todo!()
    }
    /// First moment of validity.
    pub fn not_before(&self) -> UnixTime {
        todo!()
    }
    /// Last moment of validity.
    pub fn not_after(&self) -> UnixTime {
        todo!()
    }
    /// The subject's public key.
    pub fn public_key(&self) -> &PublicKey {
        todo!()
    }
    /// SHA-1 of the DER.
    pub fn sha1(&self) -> Thumbprint {
        todo!()
    }
    /// SHA-256 of the DER.
    pub fn sha256(&self) -> Thumbprint {
        todo!()
    }
    /// Whether `thumbprint`, of either kind, names this certificate.
    pub fn has_thumbprint(&self, _thumbprint: &Thumbprint) -> bool {
        todo!()
    }
    /// Where `now` is in the validity.
    pub fn validity(&self, _now: UnixTime) -> Validity {
        todo!()
    }
    /// Whether the extensions permit this leaf to sign assertions.
    pub fn leaf_policy(&self) -> Result<(), LeafPolicyError> {
        todo!()
    }
}

/// Equal when the DER is equal.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}
impl Eq for Certificate {}
impl std::fmt::Debug for Certificate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Certificate")
            .field(&self.sha256().to_hex())
            .finish()
    }
}

impl CertificateChain {
    /// A leaf alone, or with its issuers in order.
    pub fn new(_leaf: Certificate, _issuers: Vec<Certificate>) -> CertificateChain {
        todo!()
    }
    /// Sorts a bag of certificates (at most 8) into the chain of `leaf` by issuer name; the rest is left out.
    pub fn order(_leaf: Certificate, _bag: &[Certificate]) -> CertificateChain {
        todo!()
    }
    /// The leaf.
    pub fn leaf(&self) -> &Certificate {
        todo!()
    }
    /// The issuers, nearest first.
    pub fn issuers(&self) -> &[Certificate] {
        todo!()
    }
    /// `x5c`: standard base64 of each DER, leaf first (RFC 7515 §4.1.6).
    pub fn x5c(&self) -> Vec<String> {
        todo!()
    }
}
