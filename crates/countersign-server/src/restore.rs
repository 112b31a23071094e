//! What does it take to serve a store as it once was, and what must not come back to life with it?
//!
//! A copy remembers nothing of what came after it. What was revoked since is good in it, what was used
//! up is not, and what was used once was never seen. So a restore ends what it cannot know about:
//!
//! - Every key that signed retires, and another signs at once. Signed tokens from before are refused,
//!   whether they were revoked or not, and whoever lost a key since does not get it back.
//! - Every session ends: its refreshes were counted further, or it had ended.
//! - Assertions and proofs that were signed before are refused: which of them were used is not known.
//! - Sign-ins that were under way are forgotten.
//! - Of granted tokens the person who restores has to say whether they go on.
//!
//! What is registered is as it was: a certificate, a password, a principal. Where the store that is
//! replaced can be read, it says what was changed there since.

use std::path::{Path, PathBuf};

use countersign_proto::{
    assertion::FUTURE_MAX,
    management::{GrantedState, SigningKeyState},
    time::UnixTime,
};

pub use crate::store::{GrantedTokens, TakenBack};
use crate::{
    Rules, StartError, audit,
    config::{Settings, StoreUrl},
    keys::{self, IssuerKeys, Older},
    secrets::Secrets,
    store::{Place, Restoration, Returning, SqliteStore, Store, StoreError},
};

/// A store that was brought back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restored {
    /// What is in it is of this moment.
    pub taken_at: UnixTime,
    /// What stood in its place, unless nothing did.
    pub kept: Option<PathBuf>,
    /// Sessions that ended.
    pub sessions_ended: u64,
    /// Granted tokens that were revoked.
    pub tokens_revoked: u64,
    /// Granted tokens that go on.
    pub tokens_kept: u64,
    /// Keys that verify nothing any more.
    pub keys_retired: u64,
    /// Assertions and proofs count that were signed from then on.
    pub believed_from: UnixTime,
    /// What was changed between the copy and now, in the store that was replaced; `None` when that
    /// was not there.
    pub taken_back: Option<Vec<TakenBack>>,
}

/// Why nothing was brought back. What was there is as it was.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// The settings name no file.
    #[error("store.url is {0}, which is no file")]
    NoFile(&'static str),
    /// Whether granted tokens go on has to be said: there are so many.
    #[error("{0} granted tokens live in the backup, and some of them may have been revoked since")]
    Undecided(u64),
    /// The secrets file is not there, or not that of this store.
    #[error("{0}")]
    Secrets(String),
    /// The backup, or the place for it.
    #[error("{0}")]
    Store(StoreError),
}

/// Brings the backup `from` back to where `settings` have the store, and ends what must not come back
/// to life. No platform may serve that store. On an error everything is as it was.
///
/// # Errors
/// [`RestoreError`] says what is wrong, and what to do.
pub async fn restore(
    from: &Path,
    settings: &Settings,
    granted: Option<GrantedTokens>,
    now: UnixTime,
) -> Result<Restored, RestoreError> {
    let path = match &settings.store {
        StoreUrl::Sqlite(path) => path,
        StoreUrl::Postgres(_) => return Err(RestoreError::NoFile("a PostgreSQL database")),
        StoreUrl::Memory => return Err(RestoreError::NoFile("memory:")),
    };
    let mut place = Place::hold(path).await.map_err(RestoreError::Store)?;
    match prepare(from, path, settings, &mut place, granted, now).await {
        Ok((returning, mut restored)) => {
            let kept = place.give_to(returning, now).await;
            restored.kept = kept.map_err(RestoreError::Store)?;
            Ok(restored)
        }
        Err(error) => {
            place.release().await;
            Err(error)
        }
    }
}

/// The copy beside its place, with everything that has to end in it.
async fn prepare(
    from: &Path,
    path: &Path,
    settings: &Settings,
    place: &mut Place,
    granted: Option<GrantedTokens>,
    now: UnixTime,
) -> Result<(Returning, Restored), RestoreError> {
    let returning = Returning::of(from, path).await;
    let returning = returning.map_err(RestoreError::Store)?;
    let rules = Rules {
        shared_certificate: settings.lab_shared_certificate,
    };
    let store = SqliteStore::open(returning.path(), rules).await;
    let store = store.map_err(RestoreError::Store)?;
    let ended = end(&store, settings, granted, returning.taken_at, now).await;
    // Closed in either case: the log is folded back, and the draft is one file.
    store.close().await.map_err(RestoreError::Store)?;
    let mut restored = ended?;
    let changes = place.changed_since(&returning).await;
    restored.taken_back = changes.map_err(RestoreError::Store)?;
    Ok((returning, restored))
}

/// Ends what may have ended since.
async fn end(
    store: &SqliteStore,
    settings: &Settings,
    granted: Option<GrantedTokens>,
    taken_at: UnixTime,
    now: UnixTime,
) -> Result<Restored, RestoreError> {
    let stored = store.issuer_keys().await.map_err(RestoreError::Store)?;
    let secrets = secrets_of(settings)?;
    // Every key opens: the file is that of this store.
    if !stored.keys.is_empty() {
        IssuerKeys::of(&stored, &secrets).map_err(said)?;
    }
    let counts = store.token_counts(now, std::time::Duration::ZERO).await;
    let live = counts.map_err(RestoreError::Store)?;
    let over = [GrantedState::Expired, GrantedState::Revoked];
    let live = live.iter().filter(|count| !over.contains(&count.state));
    let live: u64 = live.map(|count| count.count).sum();
    let granted = match (granted, live) {
        (Some(granted), _) => granted,
        (None, 0) => GrantedTokens::Keep,
        (None, live) => return Err(RestoreError::Undecided(live)),
    };
    // What was signed before may be dated so far ahead.
    let believed_from = now.plus(FUTURE_MAX);
    let subject = format!("backup of {taken_at}");
    let restoration = Restoration {
        granted,
        believed_from,
        at: now,
        audit: audit::by_system("store.restore", &subject, now),
    };
    let ended = store.restored(restoration).await;
    let ended = ended.map_err(RestoreError::Store)?;
    let verifying = |state| state != SigningKeyState::Retired;
    let keys_retired = stored
        .keys
        .iter()
        .filter(|key| verifying(key.state))
        .count() as u64;
    let plan = keys::emergency(&stored.keys, Older::Retire, &settings.signing, now);
    let entry = |action, kid: &str| audit::by_system(action, kid, now);
    let (change, _) = keys::carry_out(
        plan,
        stored.version,
        &secrets,
        &settings.signing,
        now,
        entry,
    )
    .await
    .map_err(said)?;
    let changed = store.change_issuer_keys(change).await;
    if !changed.map_err(RestoreError::Store)? {
        let problem = "somebody else changes the keys in the copy".to_owned();
        return Err(RestoreError::Secrets(problem));
    }
    Ok(Restored {
        taken_at,
        kept: None,
        sessions_ended: ended.sessions,
        tokens_revoked: ended.tokens,
        tokens_kept: live - ended.tokens.min(live),
        keys_retired,
        believed_from,
        taken_back: None,
    })
}

fn secrets_of(settings: &Settings) -> Result<Secrets, RestoreError> {
    let Some(file) = &settings.secrets_file else {
        return Err(RestoreError::Secrets("secrets.file is not set".to_owned()));
    };
    let read = Secrets::read(file).map_err(|error| RestoreError::Secrets(error.to_string()))?;
    read.ok_or_else(|| {
        RestoreError::Secrets(format!(
            "{}: is missing, and the backup is worth nothing without it; bring back the secrets \
             file that its platform was served with, or say where it is in secrets.file",
            file.display()
        ))
    })
}

// By value, because that is what `map_err` hands over.
#[allow(clippy::needless_pass_by_value)]
fn said(error: StartError) -> RestoreError {
    RestoreError::Secrets(error.to_string())
}
