//! How is an encrypted PKCS#8 key opened, and what if it is encrypted in a way that is not?

use std::path::Path;

use pkcs8::{
    EncryptedPrivateKeyInfoRef, SecretDocument,
    pkcs5::{self, EncryptionScheme},
};

use super::{Password, derivation_cost};

/// Why what is encrypted stays closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Closed {
    /// Another password may open it.
    Locked(String),
    /// No password opens it here.
    Unusable(String),
}

/// Decrypts a DER `EncryptedPrivateKeyInfo` (RFC 5958 §3) by PBES2 (RFC 8018 §6.2): PBKDF2 or scrypt
/// with AES or triple DES. The cost of the derivation is judged before any of it is done.
pub(super) fn decrypt(
    der: &[u8],
    password: Option<&Password>,
    path: &Path,
) -> Result<SecretDocument, Closed> {
    let info = EncryptedPrivateKeyInfoRef::try_from(der)
        .map_err(|_| Closed::Unusable(unsupported("this encryption", path)))?;
    match &info.encryption_algorithm {
        EncryptionScheme::Pbes2(parameters) => derivation_cost::judge_pbes2(parameters)
            .map_err(|excess| Closed::Unusable(excess.to_string()))?,
        _ => {
            return Err(Closed::Unusable(unsupported(
                "the old encryption PBES1",
                path,
            )));
        }
    }
    let Some(password) = password else {
        return Err(Closed::Locked(NO_PASSWORD.to_owned()));
    };
    info.decrypt(password.expose())
        .map_err(|error| match error {
            pkcs8::Error::EncryptedPrivateKey(pkcs5::Error::UnsupportedAlgorithm { .. }) => {
                Closed::Unusable(unsupported("this encryption", path))
            }
            // With the wrong key the padding, or what is inside it, makes no sense.
            _ => Closed::Locked(WRONG_PASSWORD.to_owned()),
        })
}

const NO_PASSWORD: &str = "the private key is encrypted and no password was given";
const WRONG_PASSWORD: &str = "the password does not open the private key";

/// What to say about `Proc-Type: 4,ENCRYPTED`.
pub(super) fn traditional(path: &Path) -> String {
    unsupported("the old PEM encryption (Proc-Type: 4,ENCRYPTED)", path)
}

fn unsupported(what: &str, path: &Path) -> String {
    let path = path.display();
    format!(
        "the private key is encrypted by {what}, which is not read here; convert it: \
         openssl pkcs8 -topk8 -v2 aes-256-cbc -in {path} -out {path}.new"
    )
}
