//! What is in a PKCS#12 file?
//!
//! The library keeps the decrypted key in a buffer of its own, which it frees without wiping it.
//! PEM and PKCS#8 leave no such copy.

use std::path::Path;

use p12_keystore::{Pkcs12Archive, error::Error as Pkcs12Error};

use super::{
    KeyState, Password,
    contents::{Contents, certificate_problem, key_state},
    derivation_cost::{self, Excess},
};
use countersign_proto::{certificate::Certificate, key::LocalKey};

/// Opens a PKCS#12 file (RFC 7292) with the password, or with the empty one: PBES2, or the old
/// encryptions by triple DES and 40-bit RC2. The cost of it is judged before any of it is done.
pub(super) fn read(der: &[u8], password: Option<&Password>, path: &Path) -> Contents {
    if let Err(excess) = derivation_cost::judge_pkcs12(der) {
        return Contents::damaged(match excess {
            Excess::Malformed => not_der(path),
            excess => format!("the PKCS#12 file {excess}"),
        });
    }
    if password.is_some_and(|password| password.expose().chars().any(|c| c > '\u{ffff}')) {
        return Contents::locked(
            "the password has a character that passwords of PKCS#12 files cannot have here",
        );
    }
    match open(der, password) {
        Ok(archive) => contents_of(&archive),
        Err(Pkcs12Error::MacError(_) | Pkcs12Error::UnpadError | Pkcs12Error::Pkcs5Error(_)) => {
            Contents::locked(match password {
                Some(_) => "the password does not open the PKCS#12 file",
                None => "the PKCS#12 file is encrypted and no password was given",
            })
        }
        Err(
            Pkcs12Error::UnsupportedEncryptionScheme
            | Pkcs12Error::UnsupportedMacAlgorithm
            | Pkcs12Error::UnsupportedContentType,
        ) => Contents::damaged(format!(
            "the PKCS#12 file is encrypted or authenticated in a way that is not read here; {}",
            rewrite(path)
        )),
        Err(_) => Contents::damaged(not_der(path)),
    }
}

/// A file without a password has the empty one, and people give a password that nothing needs.
fn open(der: &[u8], password: Option<&Password>) -> Result<Pkcs12Archive, Pkcs12Error> {
    let Some(password) = password else {
        return Pkcs12Archive::from_pkcs12(der, "");
    };
    Pkcs12Archive::from_pkcs12(der, password.expose())
        .or_else(|error| Pkcs12Archive::from_pkcs12(der, "").map_err(|_| error))
}

fn contents_of(archive: &Pkcs12Archive) -> Contents {
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

fn not_der(path: &Path) -> String {
    format!("is not a PKCS#12 file in DER; {}", rewrite(path))
}

fn rewrite(path: &Path) -> String {
    let path = path.display();
    format!(
        "write it anew: openssl pkcs12 -in {path} -nodes -legacy | openssl pkcs12 -export -out {path}.new"
    )
}
