//! What does a client sign with?

use std::{fmt, path::Path, sync::Arc};

use countersign_proto::{
    certificate::{CertificateChain, LeafPolicyError, Validity},
    key::SigningKey,
    time::UnixTime,
};

use crate::{
    certificate_store::{Candidate, CertificateStore, KeyState, Password, StoreError},
    selector::SelectError,
};

mod source;
pub use source::{CredentialSource, Current, Reload};

/// A certificate chain and the key of its leaf, known to fit. Cheap to clone.
#[derive(Clone)]
pub struct Credential {
    parts: Arc<Parts>,
}

struct Parts {
    chain: CertificateChain,
    key: Arc<dyn SigningKey>,
}

/// Why there is nothing to sign with.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CredentialError {
    /// The key is of another certificate.
    KeyDoesNotFit,
    /// The certificate may not sign.
    Leaf(LeafPolicyError),
    /// Nothing in the store can be used.
    Select(SelectError),
    /// A file, and what is wrong with it.
    File {
        /// Where.
        path: String,
        /// What, as a phrase.
        problem: String,
    },
    /// The certificate that was used so far is past its end, or one that was given is before its
    /// begin.
    NotValidNow {
        /// Whose it is (RFC 4514).
        subject: String,
        /// Where the moment of use is in its validity.
        validity: Validity,
    },
}

impl Credential {
    /// Joins a chain and the key of its leaf.
    ///
    /// # Errors
    /// When the key is not the leaf's, or the leaf may not sign (RFC 5280 §4.2.1.3, §4.2.1.12).
    /// Whether it is valid is asked when it is used.
    pub fn new(
        chain: CertificateChain,
        key: Arc<dyn SigningKey>,
    ) -> Result<Credential, CredentialError> {
        if key.public_key() != chain.leaf().public_key() {
            return Err(CredentialError::KeyDoesNotFit);
        }
        chain.leaf().leaf_policy().map_err(CredentialError::Leaf)?;
        Ok(Credential {
            parts: Arc::new(Parts { chain, key }),
        })
    }

    /// The chain.
    pub fn chain(&self) -> &CertificateChain {
        &self.parts.chain
    }

    /// The key.
    pub fn key(&self) -> &Arc<dyn SigningKey> {
        &self.parts.key
    }

    /// Reads a certificate file of any form that a [`CertificateStore`] reads, once. Without `key`
    /// the key is looked for in the file, then beside it. Blocks.
    ///
    /// # Errors
    /// When a file cannot be read, no key fits, the password is missing or wrong, or the file has
    /// several certificates with keys; for those use a selector.
    pub fn from_files(
        certificate: &Path,
        key: Option<&Path>,
        password: Option<&Password>,
    ) -> Result<Credential, CredentialError> {
        let store = CertificateStore::at(certificate, key, password.cloned());
        let candidate = the_one(&store)?;
        from_candidate(&candidate)
    }

    /// An error unless `now` is within the validity of the certificate, both ends included.
    ///
    /// # Errors
    /// [`CredentialError::NotValidNow`].
    pub fn valid_at(&self, now: UnixTime) -> Result<(), CredentialError> {
        let leaf = self.chain().leaf();
        match leaf.validity(now) {
            Validity::Valid => Ok(()),
            validity => Err(CredentialError::NotValidNow {
                subject: leaf.subject().to_string(),
                validity,
            }),
        }
    }
}

/// The one certificate of a file that is meant: the only one with a key, else the first.
fn the_one(store: &CertificateStore) -> Result<Candidate, CredentialError> {
    let mut candidates = store.candidates()?;
    let with_key = |candidate: &Candidate| matches!(candidate.key, KeyState::Present(_));
    match candidates
        .iter()
        .filter(|candidate| with_key(candidate))
        .count()
    {
        0 => {}
        1 => candidates.retain(with_key),
        several => {
            return Err(CredentialError::File {
                path: store.path().display().to_string(),
                problem: format!(
                    "holds {several} certificates with private keys; select one by its thumbprint"
                ),
            });
        }
    }
    // What could not be read explains more than a certificate without a key.
    let unreadable = candidates
        .iter()
        .position(|candidate| candidate.chain.is_none());
    if candidates.is_empty() {
        return Err(CredentialError::File {
            path: store.path().display().to_string(),
            problem: "holds no certificate".to_owned(),
        });
    }
    Ok(candidates.swap_remove(unreadable.unwrap_or(0)))
}

fn from_candidate(candidate: &Candidate) -> Result<Credential, CredentialError> {
    let problem = |problem: &str| CredentialError::File {
        path: candidate.source.display().to_string(),
        problem: problem.to_owned(),
    };
    match (&candidate.chain, &candidate.key) {
        (Some(chain), KeyState::Present(key)) => Credential::new(chain.clone(), Arc::clone(key)),
        (_, KeyState::Locked(reason) | KeyState::Unusable(reason)) => Err(problem(reason)),
        (Some(_), KeyState::DoesNotFit) => Err(problem("the private key does not fit")),
        (Some(_), KeyState::Absent) => Err(problem("no private key in the file or beside it")),
        (None, _) => Err(problem("is not a certificate")),
    }
}

/// The subject and the thumbprint: the key is not asked to print itself.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let leaf = self.chain().leaf();
        f.debug_struct("Credential")
            .field("subject", &leaf.subject().to_string())
            .field("thumbprint", &leaf.sha256().to_hex())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for CredentialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CredentialError::KeyDoesNotFit => {
                f.write_str("the private key does not fit the certificate")
            }
            CredentialError::Leaf(error) => {
                write!(f, "the certificate may not sign assertions: {error}")
            }
            CredentialError::Select(error) => error.fmt(f),
            CredentialError::File { path, problem } => write!(f, "{path}: {problem}"),
            CredentialError::NotValidNow { subject, validity } => match validity {
                Validity::Expired { since } => {
                    write!(f, "the certificate of \"{subject}\" expired at {since}")
                }
                Validity::NotYet { from } => write!(
                    f,
                    "the certificate of \"{subject}\" is not valid before {from}; is the clock right?"
                ),
                Validity::Valid => write!(f, "the certificate of \"{subject}\" is valid"),
            },
        }
    }
}

impl std::error::Error for CredentialError {}

impl From<SelectError> for CredentialError {
    fn from(error: SelectError) -> CredentialError {
        CredentialError::Select(error)
    }
}

impl From<StoreError> for CredentialError {
    fn from(error: StoreError) -> CredentialError {
        CredentialError::Select(SelectError::Store(error))
    }
}

#[cfg(test)]
pub(crate) mod logged;

#[cfg(test)]
mod tests;
