//! Where are certificates and their keys kept on this machine?

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use countersign_proto::{certificate::CertificateChain, jwt::PrivateKey, key::SigningKey};

#[cfg(feature = "pkcs11")]
use crate::pkcs11::{Pkcs11Uri, TokenStore};

mod password;
pub use password::Password;

mod file;
pub(crate) use file::{Exposure, Stamp, read as read_whole};

mod stamps;
pub(crate) use stamps::Stamps;

mod contents;

mod pem;

mod encrypted_key;

mod pkcs12;
pub use pkcs12::{ToPkcs12Error, to_pkcs12};

mod derivation_cost;

mod folder;

mod pairing;

mod lone_key;

/// A folder of certificate files, or one file, or what is in hardware tokens. It is read anew each
/// time it is asked.
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
/// In a token (feature `pkcs11`) the key of a certificate is the one with its `CKA_ID` or its public
/// half, and signs where it is. A token is logged in to with a PIN once; a PIN that it refused is not
/// tried again by this process. It is looked for by its label and serial number, so it may be pulled
/// out and put in again.
///
/// All work here is blocking: in async code call it on a blocking thread.
#[derive(Clone, Debug)]
pub struct CertificateStore {
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Files {
        path: PathBuf,
        key_file: Option<PathBuf>,
        password: Option<Password>,
    },
    #[cfg(feature = "pkcs11")]
    Tokens(Box<TokenStore>),
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

    /// The tokens that a URI names (RFC 7512). `password` is the PIN; without it the PIN is read
    /// from the URI's `pin-source`. It is shown to one token only: where several are meant, none is
    /// logged in to. Nothing is loaded yet.
    ///
    /// The module is that of the URI's `module-path` or `module-name`, then that of
    /// [`CertificateStore::with_default_module`], then p11-kit's proxy. A process loads and starts a
    /// module once, and keeps it. When a token is in no slot any more, the module is started anew,
    /// unless the application had started it itself.
    ///
    /// # Errors
    /// When the URI names no token, or no place where a PIN can be.
    #[cfg(feature = "pkcs11")]
    pub fn in_token(
        uri: &Pkcs11Uri,
        password: Option<Password>,
    ) -> Result<CertificateStore, StoreError> {
        Ok(CertificateStore {
            place: Place::Tokens(Box::new(TokenStore::new(uri, password)?)),
        })
    }

    /// The PKCS#11 module where the URI names none. Files need none.
    #[cfg(feature = "pkcs11")]
    #[must_use]
    pub fn with_default_module(mut self, module: &Path) -> CertificateStore {
        if let Place::Tokens(tokens) = &mut self.place {
            tokens.set_default_module(module);
        }
        self
    }

    /// Takes the key of a certificate file from this file and from nowhere else.
    #[must_use]
    pub fn with_key_file(mut self, file: &Path) -> CertificateStore {
        match &mut self.place {
            Place::Files { key_file, .. } => *key_file = Some(file.to_owned()),
            #[cfg(feature = "pkcs11")]
            Place::Tokens(_) => {}
        }
        self
    }

    /// Every certificate found, with its key if there is one, in the order of the file names. A
    /// file that cannot be read as a certificate is a candidate without a chain, whose key state
    /// says what is wrong.
    ///
    /// # Errors
    /// When the folder cannot be listed, or holds more than 1,000 certificate files; when there is no
    /// such token, or it cannot be read.
    pub fn candidates(&self) -> Result<Vec<Candidate>, StoreError> {
        match &self.place {
            Place::Files {
                path,
                key_file,
                password,
            } => {
                let files = folder::files_to_read(path, key_file.as_deref())?;
                let read: Vec<_> = files
                    .into_iter()
                    .map(|file| contents::read(file, password.as_ref()))
                    .collect();
                Ok(pairing::candidates(&read))
            }
            #[cfg(feature = "pkcs11")]
            Place::Tokens(tokens) => tokens.candidates(),
        }
    }

    /// The first private key in the file itself, whether or not a certificate is with it: for what
    /// signs without a certificate, and for writing a key in another form.
    ///
    /// # Errors
    /// The state of the key, which is never [`KeyState::Present`]: absent, locked or unusable. A key
    /// in a token does not leave it: see [`CertificateStore::signing_key`].
    pub fn private_key(&self) -> Result<PrivateKey, KeyState> {
        match &self.place {
            Place::Files { path, password, .. } => lone_key::read(path, password.as_ref()),
            #[cfg(feature = "pkcs11")]
            Place::Tokens(_) => Err(KeyState::Unusable(
                "a key in a token does not leave it".to_owned(),
            )),
        }
    }

    /// The one private key in the file or in the token, to sign with, whether or not a certificate is
    /// with it: for asking for a certificate.
    ///
    /// # Errors
    /// The state of the key, which is never [`KeyState::Present`]: absent, locked, unusable, or one of
    /// several in a token.
    pub fn signing_key(&self) -> Result<Arc<dyn SigningKey>, KeyState> {
        match &self.place {
            Place::Files { path, password, .. } => contents::first_key(path, password.as_ref()),
            #[cfg(feature = "pkcs11")]
            Place::Tokens(tokens) => tokens.signing_key(),
        }
    }

    /// The folder or file; for tokens the text of their URI.
    pub fn path(&self) -> &Path {
        match &self.place {
            Place::Files { path, .. } => path,
            #[cfg(feature = "pkcs11")]
            Place::Tokens(tokens) => tokens.place(),
        }
    }

    /// A store that need not be there yet.
    pub(crate) fn at(
        path: &Path,
        key_file: Option<&Path>,
        password: Option<Password>,
    ) -> CertificateStore {
        CertificateStore {
            place: Place::Files {
                path: path.to_owned(),
                key_file: key_file.map(Path::to_owned),
                password,
            },
        }
    }

    /// What a reader compares to know whether to read again: of files, which there are and the stamp
    /// of each, without reading them; of tokens, what is in them.
    pub(crate) fn stamps(&self) -> Result<Stamps, StoreError> {
        match &self.place {
            Place::Files { path, key_file, .. } => {
                let files = folder::files_to_read(path, key_file.as_deref())?;
                Ok(Stamps::of_files(files.into_iter().map(|file| file.path)))
            }
            #[cfg(feature = "pkcs11")]
            Place::Tokens(tokens) => tokens.contents().map(Stamps::Tokens),
        }
    }

    /// For how long what was read is believed without a look.
    pub(crate) fn patience(&self) -> Duration {
        match &self.place {
            Place::Files { .. } => Duration::from_secs(1),
            // A card is slow, and signs meanwhile.
            #[cfg(feature = "pkcs11")]
            Place::Tokens(_) => Duration::from_secs(5),
        }
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
    /// The URI of a token, and what is wrong with it, with the token or with its module.
    Token(PathBuf, String),
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
            StoreError::Unreadable(path, reason) | StoreError::Token(path, reason) => {
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
    /// Where it was found: a path, or the text of a PKCS#11 URI.
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
