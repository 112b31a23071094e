//! Where are certificates and their keys kept on this machine?

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_proto::{certificate::CertificateChain, jwt::PrivateKey, key::SigningKey};

mod password;
pub use password::Password;

mod file;
pub(crate) use file::{Exposure, Stamp, read as read_whole};

mod contents;

mod pem;

mod encrypted_key;

mod pkcs12;
pub use pkcs12::{ToPkcs12Error, to_pkcs12};

mod derivation_cost;

mod folder;

mod pairing;

mod lone_key;

/// A folder of certificate files, or one file. It is read anew each time it is asked.
///
/// A folder is read flat. Files ending in `.pem`, `.crt`, `.cer`, `.der`, `.cert`, `.key`, `.p8`,
/// `.pk8`, `.p12` and `.pfx` are looked at, at most 1,000 of them; names that begin with a dot are
/// passed over. A file that is named itself may have any name: what is in it decides. A file may
/// hold at most 1 MiB. Symbolic links are followed, since mounted secrets consist of them; pipes,
/// sockets and devices are refused without being opened.
///
/// A file may hold PEM (certificates and keys in any order), one DER certificate or key, or
/// PKCS#12. The key of a certificate is looked for in its own file, then beside it (`name.key`,
/// `name-key.pem` and the like, for `name.pem`), then, in a folder, in every other file. Issuers
/// are taken from the same file, then from the folder.
///
/// All work here is blocking: in async code call it on a blocking thread.
#[derive(Clone, Debug)]
pub struct CertificateStore {
    path: PathBuf,
    key_file: Option<PathBuf>,
    password: Option<Password>,
}

impl CertificateStore {
    /// A folder or a file. `password` is tried on whatever is encrypted.
    ///
    /// # Errors
    /// When nothing is there, or it may not be read.
    pub fn open(path: &Path, password: Option<Password>) -> Result<CertificateStore, StoreError> {
        std::fs::metadata(path).map_err(|error| StoreError::unreadable(path, error))?;
        Ok(CertificateStore::at(path, None, password))
    }

    /// Takes the key of a certificate file from this file and from nowhere else.
    #[must_use]
    pub fn with_key_file(mut self, key_file: &Path) -> CertificateStore {
        self.key_file = Some(key_file.to_owned());
        self
    }

    /// Every certificate found, with its key if there is one, in the order of the file names. A
    /// file that cannot be read as a certificate is a candidate without a chain, whose key state
    /// says what is wrong.
    ///
    /// # Errors
    /// When the folder cannot be listed, or holds more than 1,000 certificate files.
    pub fn candidates(&self) -> Result<Vec<Candidate>, StoreError> {
        let files = folder::files_to_read(&self.path, self.key_file.as_deref())?;
        let read: Vec<_> = files
            .into_iter()
            .map(|file| contents::read(file, self.password.as_ref()))
            .collect();
        Ok(pairing::candidates(&read))
    }

    /// The first private key in the file itself, whether or not a certificate is with it: for what
    /// signs without a certificate, and for writing a key in another form.
    ///
    /// # Errors
    /// The state of the key, which is never [`KeyState::Present`]: absent, locked or unusable.
    pub fn private_key(&self) -> Result<PrivateKey, KeyState> {
        lone_key::read(&self.path, self.password.as_ref())
    }

    /// The folder or file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A store that need not be there yet.
    pub(crate) fn at(
        path: &Path,
        key_file: Option<&Path>,
        password: Option<Password>,
    ) -> CertificateStore {
        CertificateStore {
            path: path.to_owned(),
            key_file: key_file.map(Path::to_owned),
            password,
        }
    }

    /// What a reader compares to know whether to read again: every file that `candidates` would
    /// read, and the stamp of each. Reads no contents.
    pub(crate) fn stamps(&self) -> Result<Vec<(PathBuf, Option<Stamp>)>, StoreError> {
        let files = folder::files_to_read(&self.path, self.key_file.as_deref())?;
        Ok(files
            .into_iter()
            .map(|file| {
                let stamp = Stamp::of(&file.path).ok();
                (file.path, stamp)
            })
            .collect())
    }
}

/// Why a store cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /// The path, and what the operating system says about it.
    Unreadable(PathBuf, String),
    /// The folder, which holds more certificate files than the limit.
    TooManyFiles(PathBuf, usize),
}

impl StoreError {
    #[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
    fn unreadable(path: &Path, error: std::io::Error) -> StoreError {
        StoreError::Unreadable(path.to_owned(), file::in_words(&error))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Unreadable(path, reason) => {
                write!(f, "certificate store {}: {reason}", path.display())
            }
            StoreError::TooManyFiles(path, limit) => write!(
                f,
                "certificate store {}: more than {limit} certificate files in one folder",
                path.display()
            ),
        }
    }
}

impl std::error::Error for StoreError {}

/// One certificate of a store, or one file that could not be read as one.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Candidate {
    /// Where it was found.
    pub source: PathBuf,
    /// Leaf and issuers; absent when the file could not be read as a certificate.
    pub chain: Option<CertificateChain>,
    /// Its key.
    pub key: KeyState,
    /// What is usable but not as it should be, one line each: a key file that everybody may read.
    pub warnings: Vec<String>,
}

impl Candidate {
    /// A candidate without warnings.
    pub fn new(source: PathBuf, chain: Option<CertificateChain>, key: KeyState) -> Candidate {
        Candidate {
            source,
            chain,
            key,
            warnings: Vec::new(),
        }
    }
}

/// The private key of a candidate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeyState {
    /// There, and it fits the certificate.
    Present(Arc<dyn SigningKey>),
    /// Nowhere.
    Absent,
    /// A key was found where this certificate's key belongs, but of another certificate.
    DoesNotFit,
    /// Encrypted, and no password or the wrong one; says which.
    Locked(String),
    /// What is wrong with the key, or with the file when there is no chain.
    Unusable(String),
}

#[cfg(test)]
pub(crate) mod fixture;

#[cfg(test)]
mod tests;
