//! What certificates and keys are in this file?

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_proto::{
    certificate::{Certificate, CertificateError},
    key::{KeyError, LocalKey, SigningKey},
};
use pkcs8::der::{Decode, SliceReader, Tag, Tagged, asn1::AnyRef};

use super::{
    KeyState, Password,
    encrypted_key::{self, Closed},
    file::{self, Exposure},
    folder::{FileToRead, Role},
    pem, pkcs12,
};

/// So many certificates may stand in one file. A bundle of all public authorities has about 150.
const MAX_CERTIFICATES: usize = 256;

/// A file after reading.
pub(super) struct ReadFile {
    pub(super) path: PathBuf,
    pub(super) role: Role,
    pub(super) exposure: Exposure,
    pub(super) contents: Contents,
}

/// What was found in a file, in its order.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) certificates: Vec<Certificate>,
    /// Keys that are present, locked or unusable.
    pub(super) keys: Vec<KeyState>,
    /// What was meant to be a certificate and is none, or is locked away with one.
    pub(super) problems: Vec<KeyState>,
}

impl Contents {
    /// Nothing of the file is believed.
    fn damaged(reason: String) -> Contents {
        Contents::problem(KeyState::Unusable(reason))
    }

    fn problem(problem: KeyState) -> Contents {
        Contents {
            problems: vec![problem],
            ..Contents::default()
        }
    }
}

/// Reads a file of any of the forms. What fails is in the contents.
pub(super) fn read(file: FileToRead, password: Option<&Password>) -> ReadFile {
    let (exposure, contents) = match file::read(&file.path) {
        Ok(mut read) => {
            let contents = parse(&mut read.bytes, password, &file.path);
            (read.exposure, contents)
        }
        Err(reason) => (Exposure::Guarded, Contents::damaged(reason)),
    };
    ReadFile {
        path: file.path,
        role: file.role,
        exposure,
        contents,
    }
}

/// The first private key of a file, to sign with. The error is never [`KeyState::Present`].
pub(super) fn first_key(
    path: &Path,
    password: Option<&Password>,
) -> Result<Arc<dyn SigningKey>, KeyState> {
    let mut read = file::read(path).map_err(KeyState::Unusable)?;
    let contents = parse(&mut read.bytes, password, path);
    let mut states = contents.keys.into_iter().chain(contents.problems);
    match states.next() {
        Some(KeyState::Present(key)) => Ok(key),
        Some(state) => Err(state),
        None => Err(KeyState::Absent),
    }
}

fn parse(bytes: &mut [u8], password: Option<&Password>, path: &Path) -> Contents {
    if bytes.is_empty() {
        return Contents::damaged("is empty".to_owned());
    }
    if bytes.first() == Some(&0x30) {
        return match form(bytes) {
            Some(Form::Certificate) => certificate(bytes),
            Some(Form::Pkcs12) => pkcs12(bytes, password, path),
            Some(Form::Pkcs8) => key(key_state(LocalKey::from_pkcs8(bytes))),
            Some(Form::Pkcs1) => key(key_state(LocalKey::from_pkcs1(bytes))),
            Some(Form::Sec1) => key(key_state(LocalKey::from_sec1(bytes))),
            Some(Form::EncryptedPkcs8) => key(decrypted(bytes, password, path)),
            None => Contents::damaged("is cut off, or no certificate or key in DER".to_owned()),
        };
    }
    // Names in the text between the blocks may be in any encoding; the blocks are ASCII.
    for byte in bytes.iter_mut().filter(|byte| !byte.is_ascii()) {
        *byte = b'?';
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => parse_pem(text, password, path),
        Err(_) => Contents::damaged("is not text".to_owned()),
    }
}

fn parse_pem(text: &str, password: Option<&Password>, path: &Path) -> Contents {
    let blocks = match pem::blocks(text) {
        Ok(blocks) => blocks,
        Err(reason) => return Contents::damaged(reason),
    };
    let mut contents = Contents::default();
    for block in blocks {
        match block.label {
            "CERTIFICATE" => match Certificate::all_from_pem(block.text) {
                Ok(certificates) => contents.certificates.extend(certificates),
                Err(CertificateError::NotPem | CertificateError::NotDer) => {
                    return Contents::damaged("has a damaged CERTIFICATE block".to_owned());
                }
                Err(error) => contents.problems.push(certificate_problem(&error)),
            },
            label if label.ends_with("PRIVATE KEY") => {
                contents.keys.push(pem_key(block, password, path));
            }
            _ => {}
        }
        if contents.certificates.len() > MAX_CERTIFICATES {
            return Contents::damaged(format!("holds more than {MAX_CERTIFICATES} certificates"));
        }
    }
    if contents.certificates.is_empty() && contents.keys.is_empty() && contents.problems.is_empty()
    {
        return Contents::damaged("holds no certificate and no private key".to_owned());
    }
    contents
}

fn pem_key(block: pem::Block<'_>, password: Option<&Password>, path: &Path) -> KeyState {
    if block.is_traditionally_encrypted() {
        return KeyState::Unusable(encrypted_key::traditional(path));
    }
    match block.label {
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => {
            key_state(LocalKey::from_pem(block.text))
        }
        "ENCRYPTED PRIVATE KEY" => match ::pem::parse(block.text) {
            Ok(parsed) => decrypted(parsed.contents(), password, path),
            Err(_) => KeyState::Unusable("the private key block is damaged".to_owned()),
        },
        label => KeyState::Unusable(format!(
            "{label} is not read here; convert it: openssl pkey -in {0} -out {0}.new",
            path.display()
        )),
    }
}

fn decrypted(der: &[u8], password: Option<&Password>, path: &Path) -> KeyState {
    match encrypted_key::decrypt(der, password, path) {
        Ok(plain) => key_state(LocalKey::from_pkcs8(plain.as_bytes())),
        Err(closed) => closed_state(closed),
    }
}

fn pkcs12(der: &[u8], password: Option<&Password>, path: &Path) -> Contents {
    let archive = match pkcs12::open(der, password, path) {
        Ok(archive) => archive,
        Err(closed) => return Contents::problem(closed_state(closed)),
    };
    let mut contents = Contents::default();
    for bag in &archive.certs {
        match Certificate::from_der(bag.cert.as_der()) {
            Ok(certificate) => contents.certificates.push(certificate),
            Err(error) => contents.problems.push(certificate_problem(&error)),
        }
    }
    for bag in &archive.keys {
        contents
            .keys
            .push(key_state(LocalKey::from_pkcs8(bag.key.as_der())));
    }
    if contents.certificates.is_empty() && contents.problems.is_empty() {
        contents
            .problems
            .push(KeyState::Unusable("holds no certificate".to_owned()));
    }
    contents
}

fn certificate(der: &[u8]) -> Contents {
    match Certificate::from_der(der) {
        Ok(certificate) => Contents {
            certificates: vec![certificate],
            ..Contents::default()
        },
        Err(error) => Contents::problem(certificate_problem(&error)),
    }
}

fn key(state: KeyState) -> Contents {
    Contents {
        keys: vec![state],
        ..Contents::default()
    }
}

fn key_state(key: Result<LocalKey, KeyError>) -> KeyState {
    match key {
        Ok(key) => KeyState::Present(Arc::new(key)),
        Err(error) => KeyState::Unusable(format!("the private key is refused: {error}")),
    }
}

pub(super) fn closed_state(closed: Closed) -> KeyState {
    match closed {
        Closed::Locked(reason) => KeyState::Locked(reason),
        Closed::Unusable(reason) => KeyState::Unusable(reason),
    }
}

fn certificate_problem(error: &CertificateError) -> KeyState {
    KeyState::Unusable(format!("the certificate is refused: {error}"))
}

/// The forms in DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Certificate,
    Pkcs12,
    Pkcs8,
    EncryptedPkcs8,
    Pkcs1,
    Sec1,
}

/// Tells the forms apart by the tags of their first elements.
pub(super) fn form(der: &[u8]) -> Option<Form> {
    let outer = AnyRef::from_der(der).ok()?;
    let mut reader = SliceReader::new(outer.value()).ok()?;
    let first = AnyRef::decode(&mut reader).ok()?;
    let second = AnyRef::decode(&mut reader).ok()?;
    match (first.tag(), second.tag()) {
        (Tag::Sequence, Tag::Sequence) => Some(Form::Certificate),
        (Tag::Sequence, Tag::OctetString) => Some(Form::EncryptedPkcs8),
        (Tag::Integer, Tag::Sequence) if first.value() == [3] => Some(Form::Pkcs12),
        (Tag::Integer, Tag::Sequence) => Some(Form::Pkcs8),
        (Tag::Integer, Tag::Integer) => Some(Form::Pkcs1),
        (Tag::Integer, Tag::OctetString) => Some(Form::Sec1),
        _ => None,
    }
}
