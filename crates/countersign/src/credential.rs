//! What does a client sign with, and where does it come from when it is replaced?

use std::{path::Path, sync::Arc};

use countersign_proto::{
    certificate::{CertificateChain, LeafPolicyError},
    key::SigningKey,
};

use crate::selector::{CertificateSelector, SelectError};

/// A certificate chain and the key of its leaf, known to fit. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Credential {}

/// Why a chain and a key are no credential.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialError {
    KeyDoesNotFit,
    Leaf(LeafPolicyError),
    Select(SelectError),
    /** file and what is wrong with it */
    File {
        path: String,
        problem: String,
    },
}

impl Credential {
    /// Joins a chain and the key of its leaf.
    pub fn new(
        _chain: CertificateChain,
        _key: Arc<dyn SigningKey>,
    ) -> Result<Credential, CredentialError> {
        todo!()
    }
    /// The chain.
    pub fn chain(&self) -> &CertificateChain {
        todo!()
    }
    /// The key.
    pub fn key(&self) -> &Arc<dyn SigningKey> {
        todo!()
    }
    /// Reads PEM (certificates and key in one file, or the key beside it) or PKCS#12. `password` for encrypted keys.
    pub fn from_files(
        _certificate: &Path,
        _key: Option<&Path>,
        _password: Option<&crate::certificate_store::Password>,
    ) -> Result<Credential, CredentialError> {
        todo!()
    }
}

/// Where a client takes its credential from: fixed, or looked up again when files change or the server refuses it.
#[derive(Clone, Debug)]
pub struct CredentialSource {}

impl CredentialSource {
    /// Always this one.
    pub fn fixed(_credential: Credential) -> CredentialSource {
        todo!()
    }
    /// A pair of files, read again as a pair when they change; a pair that does not fit never replaces a good one.
    pub fn files(
        _certificate: &Path,
        _key: Option<&Path>,
        _password: Option<crate::certificate_store::Password>,
    ) -> CredentialSource {
        todo!()
    }
    /// What a selector takes from a store, asked again when the store changes.
    pub fn store(
        _store: crate::certificate_store::CertificateStore,
        _selector: CertificateSelector,
    ) -> CredentialSource {
        todo!()
    }
    /// The credential to sign with now: cheap when nothing changed (it looks at the files at most once a second of
    /// `now`, or when `reload` is asked for). The last good one stays when what is on disk is not usable, and the reason is
    /// given beside it.
    pub fn current(
        &self,
        _now: countersign_proto::time::UnixTime,
        _reload: Reload,
    ) -> Result<Current, CredentialError> {
        todo!()
    }
}
impl From<Credential> for CredentialSource {
    fn from(credential: Credential) -> Self {
        CredentialSource::fixed(credential)
    }
}

/// Whether to look at the files although it is not yet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /** when they may have changed */
    IfDue,
    /** now */
    Now,
}

/// The credential in use, and why a newer one was not taken.
#[derive(Clone, Debug)]
pub struct Current {
    /** to sign with */
    pub credential: Credential,
    /** what is wrong on disk, when the last good one is kept */
    pub kept_because: Option<CredentialError>,
}
