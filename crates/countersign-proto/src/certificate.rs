//! What does an X.509 certificate say, and may it sign?

mod chain;
mod extensions;

use std::{fmt, sync::Arc, time::Duration};

use x509_parser::{certificate::X509Certificate, prelude::FromDer, time::ASN1Time};

pub use self::chain::CertificateChain;
use self::extensions::Extensions;
use crate::{
    der::{self, Reader},
    distinguished_name::DistinguishedName,
    key::{KeyError, PublicKey},
    pem,
    thumbprint::Thumbprint,
    time::UnixTime,
};

/// Bytes of the DER of one certificate.
const MAX_BYTES: usize = 64 * 1024;
/// Bytes of a serial number (RFC 5280 §4.1.2.2).
const MAX_SERIAL: usize = 20;
const EKU_CLIENT_AUTH: &str = "1.3.6.1.5.5.7.3.2";

/// An X.509 v3 certificate (RFC 5280), parsed once. Cheap to clone.
#[derive(Clone)]
pub struct Certificate(Arc<Inner>);

struct Inner {
    der: Vec<u8>,
    subject: DistinguishedName,
    issuer: DistinguishedName,
    serial: Vec<u8>,
    not_before: UnixTime,
    not_after: UnixTime,
    public_key: PublicKey,
    sha1: Thumbprint,
    sha256: Thumbprint,
    extensions: Extensions,
}

/// Why bytes are not a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CertificateError {
    /// More than 64 KiB.
    TooLarge,
    /// Not the DER of one certificate and nothing else.
    NotDer,
    /// The PEM text is broken.
    NotPem,
    /// The PEM text has no certificate.
    NoCertificate,
    /// Not version 3.
    Version,
    /// The serial number has more than 20 bytes.
    SerialTooLong,
    /// The public key is refused.
    UnsupportedKey(KeyError),
    /// A critical extension that is not understood (RFC 5280 §4.2). Gives its identifier.
    UnknownCriticalExtension(String),
    /// An extension that is malformed or there twice (RFC 5280 §4.2). Gives its identifier.
    Extension(String),
    /// The subject or the issuer is malformed, or the issuer is empty.
    Name,
}

impl fmt::Display for CertificateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CertificateError::TooLarge => f.write_str("the certificate is larger than 64 KiB"),
            CertificateError::NotDer => f.write_str("this is not the DER of a certificate"),
            CertificateError::NotPem => f.write_str("the PEM text is broken"),
            CertificateError::NoCertificate => f.write_str("the PEM text has no CERTIFICATE block"),
            CertificateError::Version => f.write_str("the certificate is not of X.509 version 3"),
            CertificateError::SerialTooLong => {
                f.write_str("the serial number of the certificate is longer than 20 bytes")
            }
            CertificateError::UnsupportedKey(why) => {
                write!(f, "the public key of the certificate is refused: {why}")
            }
            CertificateError::UnknownCriticalExtension(oid) => write!(
                f,
                "the certificate has the critical extension {oid}, which is not understood"
            ),
            CertificateError::Extension(oid) => write!(
                f,
                "the extension {oid} of the certificate is malformed or repeated"
            ),
            CertificateError::Name => {
                f.write_str("the subject or issuer of the certificate is malformed")
            }
        }
    }
}

impl std::error::Error for CertificateError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            CertificateError::UnsupportedKey(why) => Some(why),
            _ => None,
        }
    }
}

/// Where `now` is in a certificate's validity, both ends included (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Validity {
    /// The first moment of validity is to come.
    NotYet {
        /// The first moment of validity.
        from: UnixTime,
    },
    /// Within the validity.
    Valid,
    /// The last moment of validity is over.
    Expired {
        /// The last moment of validity.
        since: UnixTime,
    },
}

/// From which moment on what is valid from `not_before` to `not_after` should be replaced: a third of its
/// life before its end, 30 days at most.
pub fn renew_from(not_before: UnixTime, not_after: UnixTime) -> UnixTime {
    const AT_MOST: Duration = Duration::from_secs(30 * 86_400);
    not_after.minus((not_after.since(not_before) / 3).min(AT_MOST))
}

/// Why a leaf may not sign assertions.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LeafPolicyError {
    /// The key usage is restricted, and digitalSignature is not in it (RFC 5280 §4.2.1.3).
    KeyUsage,
    /// The extended key usage is restricted, and clientAuth is not in it (RFC 5280 §4.2.1.12).
    ExtendedKeyUsage,
    /// A certification authority that somebody else issued (RFC 5280 §4.2.1.9).
    CertificateAuthority,
}

impl fmt::Display for LeafPolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LeafPolicyError::KeyUsage => {
                "the key usage of the certificate does not have digitalSignature"
            }
            LeafPolicyError::ExtendedKeyUsage => {
                "the extended key usage of the certificate does not have clientAuth"
            }
            LeafPolicyError::CertificateAuthority => {
                "the certificate is one of a certification authority; use one that was issued to the application"
            }
        })
    }
}

impl std::error::Error for LeafPolicyError {}

impl Certificate {
    /// Parses one DER certificate of at most 64 KiB.
    ///
    /// # Errors
    ///
    /// When it is not exactly one certificate of version 3, when its key is refused, or when an
    /// extension is malformed, repeated, or critical and unknown.
    pub fn from_der(der: &[u8]) -> Result<Certificate, CertificateError> {
        if der.len() > MAX_BYTES {
            return Err(CertificateError::TooLarge);
        }
        let fields = Fields::read(der).ok_or(CertificateError::NotDer)?;
        if fields.version != [2] {
            return Err(CertificateError::Version);
        }
        let serial = without_leading_zeros(fields.serial);
        if serial.len() > MAX_SERIAL {
            return Err(CertificateError::SerialTooLong);
        }
        let name = |der| DistinguishedName::from_der(der).map_err(|_| CertificateError::Name);
        let (subject, issuer) = (name(fields.subject)?, name(fields.issuer)?);
        if issuer.is_empty() {
            return Err(CertificateError::Name);
        }
        let public_key =
            PublicKey::from_spki(fields.spki).map_err(CertificateError::UnsupportedKey)?;
        let (rest, parsed) =
            X509Certificate::from_der(der).map_err(|_| CertificateError::NotDer)?;
        if !rest.is_empty() {
            return Err(CertificateError::NotDer);
        }
        Ok(Certificate(Arc::new(Inner {
            subject,
            issuer,
            serial: serial.to_vec(),
            not_before: moment(parsed.validity().not_before),
            not_after: moment(parsed.validity().not_after),
            public_key,
            sha1: Thumbprint::sha1_of(der),
            sha256: Thumbprint::sha256_of(der),
            extensions: Extensions::read(&parsed)?,
            der: der.to_vec(),
        })))
    }

    /// Parses every `CERTIFICATE` block of a PEM text (RFC 7468), in order; other blocks are
    /// passed over.
    ///
    /// # Errors
    ///
    /// When there is no such block, or when one of them is refused.
    pub fn all_from_pem(pem: &str) -> Result<Vec<Certificate>, CertificateError> {
        let mut certificates = Vec::new();
        for block in pem::blocks(pem).ok_or(CertificateError::NotPem)? {
            if matches!(block.label, "CERTIFICATE" | "X509 CERTIFICATE") {
                let der = block.der().ok_or(CertificateError::NotPem)?;
                certificates.push(Certificate::from_der(&der)?);
            }
        }
        if certificates.is_empty() {
            return Err(CertificateError::NoCertificate);
        }
        Ok(certificates)
    }

    /// The DER bytes.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// One PEM block.
    pub fn to_pem(&self) -> String {
        pem::encode("CERTIFICATE", self.der())
    }

    /// Whom the certificate is about. May be empty (RFC 5280 §4.1.2.6).
    pub fn subject(&self) -> &DistinguishedName {
        &self.0.subject
    }

    /// Who issued it.
    pub fn issuer(&self) -> &DistinguishedName {
        &self.0.issuer
    }

    /// Serial number, big-endian, without leading zeros.
    pub fn serial(&self) -> &[u8] {
        &self.0.serial
    }

    /// First moment of validity.
    pub fn not_before(&self) -> UnixTime {
        self.0.not_before
    }

    /// Last moment of validity.
    pub fn not_after(&self) -> UnixTime {
        self.0.not_after
    }

    /// From this moment on it should be replaced: a third of its life before its end, 30 days at most.
    pub fn renew_from(&self) -> UnixTime {
        renew_from(self.not_before(), self.not_after())
    }

    /// The subject's public key.
    ///
    /// A private key fits the certificate when its public half equals this one.
    pub fn public_key(&self) -> &PublicKey {
        &self.0.public_key
    }

    /// SHA-1 of the DER.
    pub fn sha1(&self) -> Thumbprint {
        self.0.sha1
    }

    /// SHA-256 of the DER.
    pub fn sha256(&self) -> Thumbprint {
        self.0.sha256
    }

    /// Whether `thumbprint`, of either kind, names this certificate.
    pub fn has_thumbprint(&self, thumbprint: &Thumbprint) -> bool {
        *thumbprint == self.sha1() || *thumbprint == self.sha256()
    }

    /// Where `now` is in the validity.
    pub fn validity(&self, now: UnixTime) -> Validity {
        if now < self.not_before() {
            Validity::NotYet {
                from: self.not_before(),
            }
        } else if now > self.not_after() {
            Validity::Expired {
                since: self.not_after(),
            }
        } else {
            Validity::Valid
        }
    }

    /// Whether the extensions permit this leaf to sign assertions.
    ///
    /// # Errors
    ///
    /// When key usage or extended key usage are there and leave signing out, or when this is a
    /// certification authority that did not issue itself.
    pub fn leaf_policy(&self) -> Result<(), LeafPolicyError> {
        let extensions = &self.0.extensions;
        if extensions.digital_signature == Some(false) {
            return Err(LeafPolicyError::KeyUsage);
        }
        if let Some(purposes) = &extensions.extended_key_usages
            && !purposes.iter().any(|oid| oid == EKU_CLIENT_AUTH)
        {
            return Err(LeafPolicyError::ExtendedKeyUsage);
        }
        if extensions.is_authority && !self.is_self_issued() {
            return Err(LeafPolicyError::CertificateAuthority);
        }
        Ok(())
    }

    /// Whether subject and issuer are the same name. The signature is not looked at.
    pub fn is_self_issued(&self) -> bool {
        self.subject() == self.issuer()
    }

    /// Whether the basic constraints say that this is a certification authority.
    pub fn is_authority(&self) -> bool {
        self.0.extensions.is_authority
    }

    /// The names of the key usages (RFC 5280 §4.2.1.3); `None` when they are not restricted.
    pub fn key_usages(&self) -> Option<&[&'static str]> {
        self.0.extensions.key_usages.as_deref()
    }

    /// The identifiers of the extended key usages (RFC 5280 §4.2.1.12), dotted; `None` when they
    /// are not restricted.
    pub fn extended_key_usages(&self) -> Option<&[String]> {
        self.0.extensions.extended_key_usages.as_deref()
    }

    /// The alternative names of the subject (RFC 5280 §4.2.1.6), each with its kind in front:
    /// `DNS:`, `email:`, `URI:`, `IP:`, `DN:`, `RID:`. Other kinds are left out. Characters that
    /// can move a terminal's cursor are escaped.
    pub fn subject_alt_names(&self) -> &[String] {
        &self.0.extensions.subject_alt_names
    }
}

/// Equal when the DER is equal.
impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.der() == other.der()
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Certificate")
            .field(&self.sha256().to_hex())
            .finish()
    }
}

/// The fields of a `TBSCertificate` (RFC 5280 §4.1), read strictly.
struct Fields<'a> {
    version: &'a [u8],
    serial: &'a [u8],
    issuer: &'a [u8],
    subject: &'a [u8],
    spki: &'a [u8],
}

impl<'a> Fields<'a> {
    fn read(der: &'a [u8]) -> Option<Fields<'a>> {
        const VERSION: u8 = 0xa0;
        let mut certificate = Reader::inside(der, der::SEQUENCE)?;
        let mut tbs = Reader::new(certificate.expect(der::SEQUENCE)?);
        let signature_algorithm = certificate.expect(der::SEQUENCE)?;
        certificate.bit_string()?;
        certificate.end()?;

        let version = match tbs.optional(VERSION) {
            Some(version) => {
                let mut version = Reader::new(version);
                let number = version.expect(der::INTEGER)?;
                version.end()?;
                number
            }
            None => &[],
        };
        let serial = tbs.expect(der::INTEGER)?;
        // RFC 5280 §4.1.1.2: the algorithm that is signed is the one that is said outside.
        if tbs.expect(der::SEQUENCE)? != signature_algorithm || serial.is_empty() {
            return None;
        }
        let issuer = tbs.next()?.encoded;
        tbs.expect(der::SEQUENCE)?;
        let subject = tbs.next()?.encoded;
        let spki = tbs.next()?.encoded;
        Some(Fields {
            version,
            serial,
            issuer,
            subject,
            spki,
        })
    }
}

fn moment(time: ASN1Time) -> UnixTime {
    UnixTime::from_secs(u64::try_from(time.timestamp()).unwrap_or(0))
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|&&byte| byte == 0).count();
    &number[zeros..]
}

#[cfg(test)]
mod tests;
