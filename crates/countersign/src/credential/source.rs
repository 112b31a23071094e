//! Where does a client take its credential from when the files are replaced?

use std::{
    fmt,
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use arc_swap::ArcSwapOption;
use countersign_proto::{certificate::CertificateChain, time::UnixTime};

use super::{Credential, CredentialError, from_candidate, the_one};
use crate::{
    certificate_store::{Candidate, CertificateStore, Password, Stamps},
    selector::{CertificateSelector, Selection},
};

/// Where a client takes its credential from: fixed, or looked up again when files or tokens change,
/// when the certificate in use ends or another one begins, when the server refuses it, or when its key
/// does not sign.
///
/// A replacement is taken only whole: chain and key are read together, from one version of each
/// file, and must fit, be permitted to sign and be valid. Until then the last good one stays.
///
/// Clones share what they know.
#[derive(Clone)]
pub struct CredentialSource {
    inner: Arc<Inner>,
}

/// Whether to look at the files although it is not yet time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// When they may have changed: files once a second of `now`, tokens every five.
    IfDue,
    /// Now, and whatever the files' dates say.
    Now,
}

/// The credential in use, and why a newer one was not taken.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Current {
    /// To sign with.
    pub credential: Credential,
    /// What is wrong on disk, when the last good one is kept.
    pub kept_because: Option<CredentialError>,
    /// The next newest that the selector takes, of the same subject, for as long as the newest is not
    /// believed.
    pub predecessor: Option<Credential>,
}

impl Current {
    /// This one, and nothing to say about it.
    pub(crate) fn only(credential: Credential) -> Current {
        Current {
            credential,
            kept_because: None,
            predecessor: None,
        }
    }
}

impl CredentialSource {
    /// Always this one.
    pub fn fixed(credential: Credential) -> CredentialSource {
        let source = CredentialSource::new(Origin::Fixed);
        let known = Ok(Current::only(credential));
        source.inner.known.store(Some(Arc::new(known)));
        source
    }

    /// A certificate file with its key in the file, beside it or in `key`, read as
    /// [`Credential::from_files`] does, and again as a pair when one of them changes. Nothing is
    /// read yet.
    pub fn files(
        certificate: &Path,
        key: Option<&Path>,
        password: Option<Password>,
    ) -> CredentialSource {
        CredentialSource::new(Origin::Files(CertificateStore::at(
            certificate,
            key,
            password,
        )))
    }

    /// What a selector takes from a store, asked again when the store changes. Nothing is read yet.
    pub fn store(store: CertificateStore, selector: CertificateSelector) -> CredentialSource {
        CredentialSource::new(Origin::Store(store, selector))
    }

    /// The credential to sign with at `now`.
    ///
    /// When [`CredentialSource::is_due`] says no and `reload` is [`Reload::IfDue`], this reads no
    /// files, takes no lock and does not block. Otherwise it reads files and derives keys from
    /// passwords: call it on a blocking thread. While one caller looks at the files, others are
    /// given what is known.
    ///
    /// # Errors
    /// Why there is none: nothing usable was there yet, or the last good one is not valid at `now`.
    pub fn current(&self, now: UnixTime, reload: Reload) -> Result<Current, CredentialError> {
        match reload {
            Reload::IfDue if !self.is_due(now) => {}
            Reload::IfDue => self.look_unless_another_does(now),
            Reload::Now => self.look(self.inner.lock(), now, Reload::Now),
        }
        let known = self.inner.known.load();
        match known.as_deref() {
            Some(Ok(current)) => {
                current
                    .credential
                    .valid_at(now)
                    .map_err(|expired| current.kept_because.clone().unwrap_or(expired))?;
                Ok(current.clone())
            }
            Some(Err(error)) => Err(error.clone()),
            None => Err(CredentialError::File {
                path: self.inner.origin.path().display().to_string(),
                problem: "has not been read".to_owned(),
            }),
        }
    }

    /// Whether [`CredentialSource::current`] would look at files or into tokens, and so block. Costs a
    /// few nanoseconds. A fixed credential is never due.
    pub fn is_due(&self, now: UnixTime) -> bool {
        let Some(store) = self.inner.origin.store() else {
            return false;
        };
        let looked_at = self.inner.looked_at.load(Ordering::Acquire);
        // A clock that was set back must not stop the looking.
        now.as_secs() < looked_at || now.as_secs() - looked_at >= store.patience().as_secs()
    }

    fn new(origin: Origin) -> CredentialSource {
        CredentialSource {
            inner: Arc::new(Inner {
                origin,
                known: ArcSwapOption::empty(),
                looked_at: AtomicU64::new(NEVER),
                last_look: Mutex::new(LastLook::default()),
            }),
        }
    }

    fn look_unless_another_does(&self, now: UnixTime) {
        match self.inner.last_look.try_lock() {
            Ok(last) => self.look(last, now, Reload::IfDue),
            Err(std::sync::TryLockError::Poisoned(poisoned)) => {
                self.look(poisoned.into_inner(), now, Reload::IfDue);
            }
            Err(std::sync::TryLockError::WouldBlock) => {
                // Nothing is known before the first look ends; and what is known may have ended,
                // while the other finds what came in its place.
                if !self.inner.known_is_valid(now) {
                    drop(self.inner.lock());
                }
            }
        }
    }

    fn look(&self, mut last: MutexGuard<'_, LastLook>, now: UnixTime, reload: Reload) {
        let inner = &*self.inner;
        let Some(store) = inner.origin.store() else {
            return;
        };
        let stamps = store.stamps().ok();
        let unchanged = last.settled && stamps.is_some() && last.stamps == stamps;
        let time_matters =
            last.changes_at.is_some_and(|at| at <= now) || !inner.known_is_valid(now);
        if !unchanged || time_matters || reload == Reload::Now {
            let found = inner.origin.find(now);
            last.settled = is_settled(&last.stamps, &stamps, &store.stamps().ok());
            last.changes_at = found.changes_at;
            last.stamps = stamps;
            inner.take(found.credential, now);
        }
        inner.looked_at.store(now.as_secs(), Ordering::Release);
    }
}

impl From<Credential> for CredentialSource {
    fn from(credential: Credential) -> Self {
        CredentialSource::fixed(credential)
    }
}

impl fmt::Debug for CredentialSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CredentialSource")
            .field("origin", &self.inner.origin)
            .finish_non_exhaustive()
    }
}

/// No second of any clock.
const NEVER: u64 = u64::MAX;

struct Inner {
    origin: Origin,
    /// What the last look found; `None` before the first.
    known: ArcSwapOption<Result<Current, CredentialError>>,
    /// The second of the last look.
    looked_at: AtomicU64,
    last_look: Mutex<LastLook>,
}

#[derive(Default)]
struct LastLook {
    /// `None` when the store could not be listed.
    stamps: Option<Stamps>,
    settled: bool,
    /// When a certificate begins or ends, which changes the choice though no file changes.
    changes_at: Option<UnixTime>,
}

/// Whether equal stamps mean from now on that nothing changed.
///
/// A file that was changed within the granularity of the file system's clock keeps its stamp, so a
/// new stamp is believed only at the second look that reads behind it, and only when it stood still
/// during that look.
fn is_settled(last: &Option<Stamps>, before: &Option<Stamps>, after: &Option<Stamps>) -> bool {
    last == before && before == after
}

impl Inner {
    /// Nothing that panics leaves a half-made state behind, so a poisoned lock is as good.
    fn lock(&self) -> MutexGuard<'_, LastLook> {
        self.last_look
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Also false when the clock was set back to before the certificate in use.
    fn known_is_valid(&self, now: UnixTime) -> bool {
        let known = self.known.load();
        matches!(known.as_deref(), Some(Ok(current)) if current.credential.valid_at(now).is_ok())
    }

    /// Puts what was found in the place of what was known, unless that is better.
    fn take(&self, found: Result<Usable, CredentialError>, now: UnixTime) {
        let known = self.known.load_full();
        let last_good = match known.as_deref() {
            Some(Ok(current)) => Some(current),
            _ => None,
        };
        let next = match (found, last_good) {
            (Ok(usable), _) => {
                let Usable {
                    credential,
                    predecessor,
                    warnings,
                } = usable;
                let same = last_good.is_some_and(|last| same_leaf(&last.credential, &credential));
                if !same {
                    let leaf = credential.chain().leaf();
                    tracing::info!(
                        thumbprint = %leaf.sha256(),
                        expires = %leaf.not_after(),
                        "signing with this certificate"
                    );
                    for warning in &warnings {
                        tracing::warn!("{warning}");
                    }
                }
                Ok(Current {
                    credential,
                    kept_because: None,
                    predecessor,
                })
            }
            (Err(reason), Some(last)) => {
                if last.kept_because.as_ref() != Some(&reason) {
                    let valid = last.credential.valid_at(now).is_ok();
                    tracing::warn!(%reason, valid, "the last good certificate is kept");
                }
                Ok(Current {
                    kept_because: Some(reason),
                    ..last.clone()
                })
            }
            (Err(reason), None) => Err(reason),
        };
        self.known.store(Some(Arc::new(next)));
    }
}

fn same_leaf(a: &Credential, b: &Credential) -> bool {
    a.chain().leaf() == b.chain().leaf()
}

#[derive(Debug)]
enum Origin {
    Fixed,
    Files(CertificateStore),
    Store(CertificateStore, CertificateSelector),
}

/// What a look found.
struct Found {
    credential: Result<Usable, CredentialError>,
    changes_at: Option<UnixTime>,
}

/// What may be signed with.
struct Usable {
    credential: Credential,
    predecessor: Option<Credential>,
    warnings: Vec<String>,
}

impl Origin {
    fn store(&self) -> Option<&CertificateStore> {
        match self {
            Origin::Fixed => None,
            Origin::Files(store) | Origin::Store(store, _) => Some(store),
        }
    }

    fn path(&self) -> &Path {
        self.store().map_or(Path::new(""), CertificateStore::path)
    }

    fn find(&self, now: UnixTime) -> Found {
        match self {
            Origin::Fixed => Found::nothing(CredentialError::File {
                path: String::new(),
                problem: "has not been read".to_owned(),
            }),
            Origin::Files(store) => match the_one(store) {
                Err(error) => Found::nothing(error),
                Ok(candidate) => Found {
                    changes_at: next_change(std::slice::from_ref(&candidate), now),
                    credential: from_candidate(&candidate).and_then(|credential| {
                        credential.valid_at(now)?;
                        Ok(Usable {
                            credential,
                            predecessor: None,
                            warnings: candidate.warnings,
                        })
                    }),
                },
            },
            Origin::Store(store, selector) => match store.candidates() {
                Err(error) => Found::nothing(error.into()),
                Ok(candidates) => Found {
                    changes_at: next_change(&candidates, now),
                    credential: selector
                        .select(&candidates, now)
                        .map(|selection| Usable {
                            predecessor: predecessor(&candidates, selector, &selection, now),
                            credential: selection.credential,
                            warnings: selection.notes,
                        })
                        .map_err(CredentialError::Select),
                },
            },
        }
    }
}

impl Found {
    fn nothing(error: CredentialError) -> Found {
        Found {
            credential: Err(error),
            changes_at: None,
        }
    }
}

/// What the selector would take if the newest were not there. Of the same subject only: another name is
/// another identity, not another certificate.
fn predecessor(
    candidates: &[Candidate],
    selector: &CertificateSelector,
    newest: &Selection,
    now: UnixTime,
) -> Option<Credential> {
    let taken = newest.credential.chain().leaf();
    let others: Vec<Candidate> = candidates
        .iter()
        .filter(|candidate| {
            let leaf = candidate.chain.as_ref().map(CertificateChain::leaf);
            leaf.is_some_and(|leaf| leaf != taken && leaf.subject() == taken.subject())
        })
        .cloned()
        .collect();
    let next = selector.select(&others, now).ok()?;
    Some(next.credential)
}

/// The next moment after `now` at which a candidate begins to be valid, or no longer is.
fn next_change(candidates: &[Candidate], now: UnixTime) -> Option<UnixTime> {
    candidates
        .iter()
        .filter_map(|candidate| candidate.chain.as_ref())
        .flat_map(|chain| {
            let leaf = chain.leaf();
            let past_end = leaf.not_after().plus(std::time::Duration::from_secs(1));
            [leaf.not_before(), past_end]
        })
        .filter(|at| *at > now)
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_believed_at_the_second_look_that_reads_behind_it() {
        let stamps = |name: &str| Some(Stamps::Files(vec![(name.into(), None)]));
        let (old, new) = (stamps("old"), stamps("new"));
        assert!(!is_settled(&None, &new, &new));
        assert!(!is_settled(&old, &new, &new));
        assert!(!is_settled(&new, &new, &old));
        assert!(is_settled(&new, &new, &new));
    }
}
