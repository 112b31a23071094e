//! Where are certificates and their keys kept on this machine?

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_proto::{certificate::CertificateChain, key::SigningKey};

/// A password for an encrypted key or PKCS#12 file: wiped when dropped, never printed.
pub struct Password {}
impl Password {
    /** takes the text over */
    pub fn new(_text: String) -> Password {
        todo!()
    }
}
impl Clone for Password {
    fn clone(&self) -> Self {
        todo!()
    }
}
impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(..)")
    }
}

/// A folder (PEM and PKCS#12 files, flat) or one file. Reads when asked.
#[derive(Clone, Debug)]
pub struct CertificateStore {}

impl CertificateStore {
    /// A folder or a file; `password` is tried on what is encrypted.
    pub fn open(_path: &Path, _password: Option<Password>) -> Result<CertificateStore, StoreError> {
        todo!()
    }
    /// Every certificate found, with its key if there is one; files that cannot be read are candidates with a problem.
    pub fn candidates(&self) -> Result<Vec<Candidate>, StoreError> {
        todo!()
    }
    /// The path.
    pub fn path(&self) -> &Path {
        todo!()
    }
}

/// Why a store cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreError {
    /** path, reason */
    Unreadable(PathBuf, String),
}

/// One certificate of a store.
#[derive(Clone, Debug)]
pub struct Candidate {
    /** where it was found */
    pub source: PathBuf,
    /** leaf and issuers; absent when the file could not be read as a certificate */
    pub chain: Option<CertificateChain>,
    /** its key */
    pub key: KeyState,
}

/// The private key of a candidate.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeyState {
    /** there and fits */
    Present(Arc<dyn SigningKey>),
    Absent,
    DoesNotFit,
    /** encrypted, and no password or the wrong one */
    Locked(String),
    /** what is wrong */
    Unusable(String),
}
