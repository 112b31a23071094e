//! How are a key and its certificate made?

mod signer;

use std::time::Duration;

use countersign::proto::{
    certificate::Certificate,
    distinguished_name::DistinguishedName,
    jwt::PrivateKey,
    key::{KeyType, SigningKey},
    time::UnixTime,
};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use zeroize::Zeroizing;

use self::signer::Signer;
use crate::{args::KeyChoice, failure::Failure};

/// What to make.
pub(crate) struct Wanted<'a> {
    /// RFC 4514.
    pub(crate) subject: &'a str,
    pub(crate) key: KeyChoice,
    pub(crate) role: CertificateRole,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

/// A leaf for a key that is there already.
pub(crate) struct WantedFor<'a> {
    /// RFC 4514.
    pub(crate) subject: &'a str,
    /// PEM of PKCS#8.
    pub(crate) key: Zeroizing<String>,
    pub(crate) not_before: UnixTime,
    pub(crate) not_after: UnixTime,
}

/// What the certificate is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CertificateRole {
    /// Signs assertions.
    Leaf,
    /// Signs other certificates.
    Authority,
}

/// A certificate and its key, as PEM.
pub(crate) struct Made {
    pub(crate) certificate: String,
    pub(crate) key: Zeroizing<String>,
}

/// How far a new certificate is dated back, for machines whose clock is behind.
pub(crate) const BACK_DATED: Duration = Duration::from_secs(300);

impl Made {
    /// Certificate, then what follows it, then the key: one file.
    pub(crate) fn bundle(&self, issuers: &str) -> Zeroizing<String> {
        Zeroizing::new(format!("{}{issuers}{}", self.certificate, *self.key))
    }
}

/// Makes a key and a certificate, signed by `authority` or by its own key.
pub(crate) fn make(wanted: &Wanted<'_>, authority: Option<&Made>) -> Result<Made, Failure> {
    let params = params(
        wanted.subject,
        wanted.role,
        wanted.not_before,
        wanted.not_after,
    )?;
    let key = generate(wanted.key)?;
    let certificate = match authority {
        Some(authority) => {
            let issuer_key = KeyPair::from_pem(&authority.key).map_err(|error| {
                Failure::other(format!("the authority's key cannot be used: {error}"))
                    .hint("it must be an unencrypted PEM key")
            })?;
            let issuer =
                Issuer::from_ca_cert_pem(&authority.certificate, issuer_key).map_err(|error| {
                    Failure::other(format!(
                        "the authority's certificate cannot be used: {error}"
                    ))
                })?;
            params.signed_by(&key, &issuer)
        }
        None => params.self_signed(&key),
    };
    let certificate = certificate.map_err(refused)?;
    check_subject(certificate.der(), wanted.subject)?;
    Ok(Made {
        certificate: certificate.pem(),
        key: Zeroizing::new(key.serialize_pem()),
    })
}

/// Makes a certificate of a key that is there already, signed by that key.
pub(crate) fn self_signed(wanted: WantedFor<'_>) -> Result<Made, Failure> {
    let key = KeyPair::from_pem(&wanted.key).map_err(refused)?;
    let role = CertificateRole::Leaf;
    let params = params(wanted.subject, role, wanted.not_before, wanted.not_after)?;
    let certificate = params.self_signed(&key).map_err(refused)?;
    check_subject(certificate.der(), wanted.subject)?;
    Ok(Made {
        certificate: certificate.pem(),
        key: wanted.key,
    })
}

/// A request for a certificate (RFC 2986) by a key wherever it is, as PEM.
pub(crate) fn request(subject: &str, key: &dyn SigningKey) -> Result<String, Failure> {
    let signer = Signer::new(key).map_err(refused)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen_name(subject)?;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let request = params.serialize_request(&signer).map_err(|error| {
        let why = signer.refusal();
        why.map_or_else(|| refused(error), |why| Failure::other(why.to_string()))
    })?;
    request.pem().map_err(refused)
}

/// A new key as PEM of PKCS#8.
pub(crate) fn new_key(kind: KeyChoice) -> Result<Zeroizing<String>, Failure> {
    let key_type = match kind {
        KeyChoice::P256 => KeyType::P256,
        KeyChoice::P384 => KeyType::P384,
        KeyChoice::P521 => KeyType::P521,
        KeyChoice::Ed25519 => KeyType::Ed25519,
        KeyChoice::Rsa2048 => KeyType::Rsa { bits: 2048 },
        KeyChoice::Rsa3072 => KeyType::Rsa { bits: 3072 },
        KeyChoice::Rsa4096 => KeyType::Rsa { bits: 4096 },
    };
    PrivateKey::generate(key_type)
        .map(|key| key.to_pem())
        .map_err(|error| Failure::other(error.to_string()))
}

fn params(
    subject: &str,
    role: CertificateRole,
    not_before: UnixTime,
    not_after: UnixTime,
) -> Result<CertificateParams, Failure> {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen_name(subject)?;
    params.not_before = moment(not_before)?;
    params.not_after = moment(not_after)?;
    params.use_authority_key_identifier_extension = true;
    match role {
        CertificateRole::Leaf => {
            params.is_ca = IsCa::ExplicitNoCa;
            params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        }
        CertificateRole::Authority => {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        }
    }
    Ok(params)
}

/// Made by the protocol's own library, whose PKCS#8 every tool reads; that of rcgen for Ed25519 has
/// the public key in it, which OpenSSL before 3.2 refuses.
fn generate(key: KeyChoice) -> Result<KeyPair, Failure> {
    KeyPair::from_pem(&new_key(key)?).map_err(refused)
}

/// Plain names only: one attribute at a time, each once. What does not survive is found afterwards.
fn rcgen_name(subject: &str) -> Result<rcgen::DistinguishedName, Failure> {
    DistinguishedName::parse(subject).map_err(|error| {
        Failure::usage(format!("subject {subject:?}: {error}"))
            .hint("for example CN=inventory,O=Example")
    })?;
    let mut name = rcgen::DistinguishedName::new();
    // RFC 4514 writes the last part of the name first.
    for part in subject.rsplit(',') {
        let Some((attribute, value)) = part.split_once('=') else {
            return Err(cannot_make(subject));
        };
        let kind = match attribute.trim().to_ascii_uppercase().as_str() {
            "CN" => DnType::CommonName,
            "O" => DnType::OrganizationName,
            "OU" => DnType::OrganizationalUnitName,
            "L" => DnType::LocalityName,
            "ST" => DnType::StateOrProvinceName,
            "C" => DnType::CountryName,
            _ => return Err(cannot_make(subject)),
        };
        name.push(kind, value.trim());
    }
    Ok(name)
}

/// The certificate must carry the name that was asked for, whatever happened on the way.
fn check_subject(der: &[u8], subject: &str) -> Result<(), Failure> {
    let made = Certificate::from_der(der).ok();
    let wanted = DistinguishedName::parse(subject).ok();
    if made.is_some() && made.as_ref().map(Certificate::subject) == wanted.as_ref() {
        Ok(())
    } else {
        Err(cannot_make(subject))
    }
}

fn cannot_make(subject: &str) -> Failure {
    Failure::usage(format!("subject {subject:?} is more than can be made here"))
        .hint("use CN, O, OU, L, ST and C, each once and without escapes; openssl makes the rest")
}

#[allow(clippy::needless_pass_by_value)] // for map_err
fn refused(error: rcgen::Error) -> Failure {
    Failure::other(format!("cannot make the certificate: {error}"))
}

fn moment(at: UnixTime) -> Result<time::OffsetDateTime, Failure> {
    i64::try_from(at.as_secs())
        .ok()
        .and_then(|secs| time::OffsetDateTime::from_unix_timestamp(secs).ok())
        .ok_or_else(|| Failure::usage("the certificate would be valid for too long"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(subject: &str, key: KeyChoice, role: CertificateRole) -> Wanted<'_> {
        Wanted {
            subject,
            key,
            role,
            not_before: UnixTime::from_secs(1_700_000_000),
            not_after: UnixTime::from_secs(4_000_000_000),
        }
    }

    fn read(made: &Made) -> Certificate {
        Certificate::all_from_pem(&made.certificate)
            .unwrap()
            .remove(0)
    }

    #[test]
    fn a_leaf_has_the_subject_that_was_asked_for_and_may_sign() {
        for key in [
            KeyChoice::P256,
            KeyChoice::P384,
            KeyChoice::P521,
            KeyChoice::Ed25519,
        ] {
            let made = make(
                &wanted("CN=inventory,O=Example,C=DE", key, CertificateRole::Leaf),
                None,
            );
            let leaf = read(&made.unwrap());
            assert_eq!(leaf.subject().to_string(), "CN=inventory,O=Example,C=DE");
            assert_eq!(leaf.not_before().as_secs(), 1_700_000_000);
            assert_eq!(leaf.not_after().as_secs(), 4_000_000_000);
            leaf.leaf_policy().unwrap();
        }
    }

    #[test]
    fn an_authority_signs_a_leaf_and_is_none_itself() {
        let authority = make(
            &wanted("CN=ca", KeyChoice::P256, CertificateRole::Authority),
            None,
        )
        .unwrap();
        let leaf = make(
            &wanted("CN=x", KeyChoice::P256, CertificateRole::Leaf),
            Some(&authority),
        )
        .unwrap();
        assert_eq!(read(&leaf).issuer().to_string(), "CN=ca");
        assert!(read(&authority).leaf_policy().is_err());
    }

    #[test]
    fn a_subject_that_cannot_be_made_is_refused_rather_than_changed() {
        for subject in [
            "CN=a+OU=b",
            "OU=a,OU=b",
            r"CN=a\,b",
            "CN=a,1.2.3=b",
            "nonsense",
            "",
        ] {
            let failure = make(
                &wanted(subject, KeyChoice::P256, CertificateRole::Leaf),
                None,
            )
            .err();
            assert_eq!(failure.expect(subject).code(), 2, "{subject}");
        }
    }
}
