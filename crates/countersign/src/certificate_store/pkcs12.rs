//! How is a PKCS#12 file opened, and what if it cannot be?
//!
//! The library keeps the decrypted key in a buffer of its own, which it frees without wiping it.
//! PEM and PKCS#8 leave no such copy.

use std::path::Path;

use p12_keystore::{Pkcs12Archive, error::Error as Pkcs12Error};

use super::{
    Password,
    derivation_cost::{self, Excess},
    encrypted_key::Closed,
};

/// Opens a PKCS#12 file (RFC 7292) with the password, or with the empty one: PBES2, or the old
/// encryptions by triple DES and 40-bit RC2. The cost of it is judged before any of it is done.
pub(super) fn open(
    der: &[u8],
    password: Option<&Password>,
    path: &Path,
) -> Result<Pkcs12Archive, Closed> {
    if let Err(excess) = derivation_cost::judge_pkcs12(der) {
        return Err(Closed::Unusable(match excess {
            Excess::Malformed => not_der(path),
            excess => format!("the PKCS#12 file {excess}"),
        }));
    }
    if password.is_some_and(|password| password.expose().chars().any(|c| c > '\u{ffff}')) {
        return Err(Closed::Locked(IMPOSSIBLE_PASSWORD.to_owned()));
    }
    decrypt(der, password).map_err(|error| match error {
        Pkcs12Error::MacError(_) | Pkcs12Error::UnpadError | Pkcs12Error::Pkcs5Error(_) => {
            Closed::Locked(match password {
                Some(_) => WRONG_PASSWORD.to_owned(),
                None => NO_PASSWORD.to_owned(),
            })
        }
        Pkcs12Error::UnsupportedEncryptionScheme
        | Pkcs12Error::UnsupportedMacAlgorithm
        | Pkcs12Error::UnsupportedContentType => Closed::Unusable(format!(
            "the PKCS#12 file is encrypted or authenticated in a way that is not read here; {}",
            rewrite(path)
        )),
        _ => Closed::Unusable(not_der(path)),
    })
}

const IMPOSSIBLE_PASSWORD: &str =
    "the password has a character that passwords of PKCS#12 files cannot have here";
const NO_PASSWORD: &str = "the PKCS#12 file is encrypted and no password was given";
const WRONG_PASSWORD: &str = "the password does not open the PKCS#12 file";

/// A file without a password has the empty one, and people give a password that nothing needs.
fn decrypt(der: &[u8], password: Option<&Password>) -> Result<Pkcs12Archive, Pkcs12Error> {
    let Some(password) = password else {
        return Pkcs12Archive::from_pkcs12(der, "");
    };
    Pkcs12Archive::from_pkcs12(der, password.expose())
        .or_else(|error| Pkcs12Archive::from_pkcs12(der, "").map_err(|_| error))
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
