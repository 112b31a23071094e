//! What is kept of a certificate that is registered?

use countersign_proto::{
    assertion::PLATFORM_CLIENT_ID,
    certificate::Certificate,
    management::{CertificateUsage, NewCertificate, RegisteredCertificate},
};

use super::{RegistryError, text::invalid};

/// A registered certificate, parsed once.
#[derive(Clone, Debug)]
pub struct CertificateEntry {
    /// What the management API shows.
    pub record: RegisteredCertificate,
    /// The certificate itself: trust rests on it, never on a thumbprint.
    pub certificate: Certificate,
}

impl CertificateEntry {
    /// Reads what somebody asks to register: exactly one PEM block, whose key and extensions
    /// permit it to sign assertions. Validity is judged at each use, not here.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] with the reason.
    pub fn new(asked: &NewCertificate) -> Result<CertificateEntry, RegistryError> {
        let certificate = only_certificate(&asked.pem)?;
        let client_id = match (asked.usage, asked.client_id.as_deref()) {
            (CertificateUsage::Client, Some(client_id)) => client_id,
            (CertificateUsage::Client, None) => {
                return Err(invalid(WHAT, "usage `client` needs a client id".to_owned()));
            }
            (CertificateUsage::Platform, None | Some(PLATFORM_CLIENT_ID)) => PLATFORM_CLIENT_ID,
            (CertificateUsage::Platform, Some(_)) => {
                return Err(invalid(
                    WHAT,
                    "usage `platform` belongs to no application; leave the client id out"
                        .to_owned(),
                ));
            }
        };
        let record = record(
            &certificate,
            client_id,
            asked.usage,
            asked.kid_alias.clone(),
        );
        let entry = CertificateEntry {
            record,
            certificate,
        };
        entry.may_sign()?;
        Ok(entry)
    }

    /// Reads a record again, and checks that it says what its certificate says.
    ///
    /// # Errors
    /// [`RegistryError::Invalid`] when it does not.
    pub fn from_record(record: RegisteredCertificate) -> Result<CertificateEntry, RegistryError> {
        let certificate = only_certificate(&record.pem)?;
        let expected = self::record(
            &certificate,
            &record.client_id,
            record.usage,
            record.kid_alias.clone(),
        );
        let same = expected.sha256 == record.sha256
            && expected.sha1 == record.sha1
            && expected.not_before == record.not_before
            && expected.not_after == record.not_after;
        if !same {
            return Err(invalid(
                WHAT,
                format!(
                    "the record `{}` is not that of its PEM",
                    record.sha256.escape_debug()
                ),
            ));
        }
        Ok(CertificateEntry {
            record,
            certificate,
        })
    }

    /// Its usage, as the management API writes it.
    pub fn usage_name(&self) -> &'static str {
        match self.record.usage {
            CertificateUsage::Client => "client",
            CertificateUsage::Platform => "platform",
        }
    }

    /// Whether key and extensions permit this certificate to sign assertions.
    pub(super) fn may_sign(&self) -> Result<(), RegistryError> {
        self.certificate
            .leaf_policy()
            .map_err(|error| invalid(WHAT, error.to_string()))
    }
}

const WHAT: &str = "certificate";

fn only_certificate(pem: &str) -> Result<Certificate, RegistryError> {
    let mut found =
        Certificate::all_from_pem(pem).map_err(|error| invalid(WHAT, error.to_string()))?;
    match (found.pop(), found.is_empty()) {
        (Some(certificate), true) => Ok(certificate),
        (Some(_), false) => Err(invalid(
            WHAT,
            "the PEM holds several certificates; give the leaf alone".to_owned(),
        )),
        (None, _) => Err(invalid(WHAT, "the PEM holds no certificate".to_owned())),
    }
}

fn record(
    certificate: &Certificate,
    client_id: &str,
    usage: CertificateUsage,
    kid_alias: Option<String>,
) -> RegisteredCertificate {
    RegisteredCertificate {
        sha256: certificate.sha256().to_hex().to_ascii_lowercase(),
        sha1: certificate.sha1().to_hex(),
        client_id: client_id.to_owned(),
        usage,
        kid_alias,
        subject: certificate.subject().to_string(),
        issuer: certificate.issuer().to_string(),
        serial: hexadecimal(certificate.serial()),
        not_before: certificate.not_before(),
        not_after: certificate.not_after(),
        revoked_at: None,
        revocation_reason: None,
        pem: certificate.to_pem(),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
