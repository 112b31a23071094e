//! How is a PKCS#12 file opened, what if it cannot be, and how is one written?
//!
//! The library keeps the decrypted key in a buffer of its own, which it frees without wiping it.
//! PEM and PKCS#8 leave no such copy.

use std::{fmt, path::Path};

use countersign_proto::{certificate::CertificateChain, jwt::PrivateKey};
use p12_keystore::{
    EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, Pkcs12Archive, PrivateKeyChain,
    error::Error as Pkcs12Error,
};
use zeroize::Zeroizing;

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

/// Writes key and certificates as PKCS#12 (RFC 7292) under a password: PBES2 with AES-256, HMAC with
/// SHA-256, which OpenSSL 1.1, Java and Windows since 2019 read.
///
/// # Errors
///
/// When the key is not of the leaf, or the password is empty or has a character that passwords of
/// PKCS#12 files cannot have here.
pub fn to_pkcs12(
    chain: &CertificateChain,
    key: &PrivateKey,
    password: &Password,
) -> Result<Zeroizing<Vec<u8>>, ToPkcs12Error> {
    if key.public_key() != chain.leaf().public_key() {
        return Err(ToPkcs12Error::KeyOfAnother);
    }
    let password = password.expose();
    if password.is_empty() || password.chars().any(|c| c > '\u{ffff}') {
        return Err(ToPkcs12Error::Password);
    }
    let failed = |_| ToPkcs12Error::Failed;
    let certificates = std::iter::once(chain.leaf())
        .chain(chain.issuers())
        .map(|certificate| p12_keystore::Certificate::from_der(certificate.der()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    let bag = p12_keystore::PrivateKey::from_der(key.pkcs8()).map_err(failed)?;
    let thumbprint = chain.leaf().sha1();
    let entry = PrivateKeyChain::new(thumbprint.as_bytes(), bag, certificates);
    let mut keystore = KeyStore::new();
    keystore.add_entry(&thumbprint.to_hex(), KeyStoreEntry::PrivateKeyChain(entry));
    keystore
        .writer(password)
        .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .encryption_iterations(ITERATIONS)
        .mac_iterations(ITERATIONS)
        .write()
        .map(Zeroizing::new)
        .map_err(failed)
}

/// What a guesser of the password has to do for each guess.
const ITERATIONS: u32 = 100_000;

/// Why no PKCS#12 file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ToPkcs12Error {
    /// The key is not of the certificate.
    KeyOfAnother,
    /// The password is empty, or has a character that it cannot have.
    Password,
    /// The library failed.
    Failed,
}

impl fmt::Display for ToPkcs12Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ToPkcs12Error::KeyOfAnother => "the key is not of the certificate",
            ToPkcs12Error::Password => {
                "the password is empty, or has a character that passwords of PKCS#12 files cannot have here"
            }
            ToPkcs12Error::Failed => "the PKCS#12 file cannot be made",
        })
    }
}

impl std::error::Error for ToPkcs12Error {}

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
