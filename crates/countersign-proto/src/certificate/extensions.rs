//! What do the extensions of a certificate say (RFC 5280 §4.2)?

use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
};

use super::CertificateError;
use crate::{
    der::{self, Reader},
    distinguished_name::DistinguishedName,
};

/// What the extensions say.
#[derive(Default)]
pub(super) struct Extensions {
    pub(super) is_authority: bool,
    pub(super) digital_signature: Option<bool>,
    pub(super) key_usages: Option<Vec<&'static str>>,
    pub(super) extended_key_usages: Option<Vec<String>>,
    pub(super) subject_alt_names: Vec<String>,
    pub(super) subject_key_identifier: Option<Vec<u8>>,
    pub(super) authority_key_identifier: Option<Vec<u8>>,
}

impl Extensions {
    pub(super) fn read(certificate: &X509Certificate<'_>) -> Result<Extensions, CertificateError> {
        let mut said = Extensions::default();
        let mut seen = std::collections::BTreeSet::new();
        for extension in certificate.extensions() {
            let oid = extension.oid.to_id_string();
            let first = seen.insert(oid.clone());
            match extension.parsed_extension() {
                _ if !first => return Err(CertificateError::Extension(oid)),
                ParsedExtension::ParseError { .. } => {
                    return Err(CertificateError::Extension(oid));
                }
                // The parser does not look at what stands behind the value it expects.
                ParsedExtension::BasicConstraints(_)
                | ParsedExtension::KeyUsage(_)
                | ParsedExtension::SubjectAlternativeName(_)
                    if !is_one_element(extension.value) =>
                {
                    return Err(CertificateError::Extension(oid));
                }
                ParsedExtension::BasicConstraints(constraints) => {
                    said.is_authority = constraints.ca;
                }
                ParsedExtension::KeyUsage(usage) => {
                    said.digital_signature = Some(usage.digital_signature());
                    said.key_usages = Some(key_usage_names(usage.flags));
                }
                ParsedExtension::ExtendedKeyUsage(_) => {
                    said.extended_key_usages =
                        Some(purposes(extension.value).ok_or(CertificateError::Extension(oid))?);
                }
                ParsedExtension::SubjectAlternativeName(names) => {
                    said.subject_alt_names =
                        names.general_names.iter().filter_map(alt_name).collect();
                }
                ParsedExtension::SubjectKeyIdentifier(identifier) => {
                    said.subject_key_identifier = Some(identifier.0.to_vec());
                }
                ParsedExtension::AuthorityKeyIdentifier(identifier) => {
                    said.authority_key_identifier =
                        identifier.key_identifier.as_ref().map(|id| id.0.to_vec());
                }
                // They restrict the paths below an authority. Trust here is in the registered
                // certificate itself, and who builds a path checks them there.
                ParsedExtension::NameConstraints(_)
                | ParsedExtension::CertificatePolicies(_)
                | ParsedExtension::PolicyConstraints(_)
                | ParsedExtension::PolicyMappings(_)
                | ParsedExtension::InhibitAnyPolicy(_)
                | ParsedExtension::IssuerAlternativeName(_)
                | ParsedExtension::CRLDistributionPoints(_) => {}
                _ if extension.critical => {
                    return Err(CertificateError::UnknownCriticalExtension(oid));
                }
                _ => {}
            }
        }
        Ok(said)
    }
}

fn is_one_element(value: &[u8]) -> bool {
    let mut reader = Reader::new(value);
    reader.next().is_some() && reader.is_empty()
}

/// Names of the bits of `KeyUsage`, in their order (RFC 5280 §4.2.1.3).
fn key_usage_names(flags: u16) -> Vec<&'static str> {
    [
        "digitalSignature",
        "contentCommitment",
        "keyEncipherment",
        "dataEncipherment",
        "keyAgreement",
        "keyCertSign",
        "cRLSign",
        "encipherOnly",
        "decipherOnly",
    ]
    .into_iter()
    .enumerate()
    .filter(|(bit, _)| flags >> bit & 1 == 1)
    .map(|(_, name)| name)
    .collect()
}

fn purposes(der: &[u8]) -> Option<Vec<String>> {
    let mut sequence = Reader::inside(der, der::SEQUENCE)?;
    let mut purposes = Vec::new();
    while !sequence.is_empty() {
        purposes.push(der::dotted_oid(sequence.expect(der::OBJECT_IDENTIFIER)?)?);
    }
    Some(purposes)
}

fn alt_name(name: &GeneralName<'_>) -> Option<String> {
    let shown = match name {
        GeneralName::DNSName(host) => format!("DNS:{host}"),
        GeneralName::RFC822Name(address) => format!("email:{address}"),
        GeneralName::URI(uri) => format!("URI:{uri}"),
        GeneralName::RegisteredID(oid) => format!("RID:{}", oid.to_id_string()),
        GeneralName::DirectoryName(name) => {
            format!("DN:{}", DistinguishedName::from_der(name.as_raw()).ok()?)
        }
        GeneralName::IPAddress(bytes) => format!("IP:{}", ip_address(bytes)?),
        _ => return None,
    };
    Some(
        shown
            .chars()
            .flat_map(|c| {
                let plain = !c.is_control() && (c.is_ascii() || c.is_alphanumeric());
                if plain {
                    c.to_string()
                } else {
                    c.escape_unicode().to_string()
                }
                .chars()
                .collect::<Vec<_>>()
            })
            .collect(),
    )
}

fn ip_address(bytes: &[u8]) -> Option<std::net::IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return Some(v4.into());
    }
    <[u8; 16]>::try_from(bytes).ok().map(Into::into)
}
