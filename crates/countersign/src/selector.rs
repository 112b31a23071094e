//! Which certificate is meant, and why not the others?

use std::path::PathBuf;

use countersign_proto::{
    distinguished_name::DistinguishedName, thumbprint::Thumbprint, time::UnixTime,
};

use crate::{certificate_store::Candidate, credential::Credential};

/// What a certificate must be like. The thumbprint wins over the subject, and that is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct CertificateSelector {
    pub subject: Option<DistinguishedName>,
    pub thumbprint: Option<Thumbprint>,
    pub issuer: Option<DistinguishedName>,
    /** big-endian, no leading zeros */
    pub serial: Option<Vec<u8>>,
    /** only from this file */
    pub file: Option<PathBuf>,
    /** several matches are an error */
    pub strict: bool,
}

/// What was taken.
#[derive(Clone, Debug)]
pub struct Selection {
    pub credential: Credential,
    pub source: PathBuf,
    /** lines to tell the person: "thumbprint given: subject ignored", "3 match: newest taken" */
    pub notes: Vec<String>,
}

/// Why none was taken. Names the candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SelectError {
    /** no certificates at all in the store */
    Empty,
    /** some, none usable; the verdict of each */
    NoneUsable(Vec<Verdict>),
    /** strict mode */
    Several(Vec<Verdict>),
    Store(crate::certificate_store::StoreError),
}

/// What was found about one candidate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub source: PathBuf,
    pub subject: String,
    pub thumbprint: Option<Thumbprint>,
    pub not_after: Option<UnixTime>,
    pub taken: bool,
    /** why it was or was not taken */
    pub reason: String,
}

impl CertificateSelector {
    /// Takes one.
    pub fn select(
        &self,
        _candidates: &[Candidate],
        _now: UnixTime,
    ) -> Result<Selection, SelectError> {
        todo!()
    }
    /// Says for every candidate why it is or is not taken.
    pub fn explain(&self, _candidates: &[Candidate], _now: UnixTime) -> Vec<Verdict> {
        todo!()
    }
}
