//! What does the platform remember, and what does it promise about it?

use std::{future::Future, pin::Pin, sync::Arc};

use countersign_proto::{
    assertion::Purpose,
    management::{AuditEntry, Page},
    time::UnixTime,
};

use crate::{
    config::StoreUrl,
    registry::{Change, Registry, RegistryError, Rules},
};

mod jti_key;
use jti_key::JtiKey;

mod memory;
pub use memory::MemoryStore;

mod sqlite;
#[doc(hidden)]
pub use sqlite::Control;
pub use sqlite::SqliteStore;

#[cfg(test)]
mod laws;

/// What a store answers with.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The platform's memory. One law suite holds every implementation to these:
///
/// 1. What was acknowledged is there after a crash of the process or the machine (memory store:
///    while the process lives).
/// 2. A read sees every write that was acknowledged before it began.
/// 3. `record_jti` is atomic: of any number of equal records exactly one is `Fresh`, until
///    `forget_after`, also when the clock is set back.
/// 4. A change and its audit row become visible together or not at all; a change that does not fit
///    changes nothing.
/// 5. A dropped future leaves either everything or nothing of its write.
pub trait Store: Send + Sync {
    /// The whole registry as it is now.
    fn registry(&self) -> StoreFuture<'_, Registry>;

    /// Its version, cheaply: to see whether another node changed it.
    fn registry_version(&self) -> StoreFuture<'_, u64>;

    /// Makes a change and its audit row durable. Answers the new registry.
    fn change(&self, change: Change, audit: NewAuditEntry) -> StoreFuture<'_, Registry>;

    /// Records a `jti`, durably, unless it is there. A `jti` is the same when client, purpose and
    /// `jti` are, whatever its `forget_after`.
    ///
    /// What would have to be forgotten no later than something that was forgotten already is
    /// answered `Replayed`: after the clock was set back nobody can know better.
    fn record_jti(&self, record: JtiRecord) -> StoreFuture<'_, Recorded>;

    /// Makes an audit row durable.
    fn append_audit(&self, entry: NewAuditEntry) -> StoreFuture<'_, ()>;

    /// Newest first. `after`: entries with a smaller sequence than this.
    fn audit(&self, after: Option<u64>, limit: u32) -> StoreFuture<'_, Page<AuditEntry>>;

    /// Refuses a token from now on, by its `jti`, until its end. With its audit row.
    fn deny_token(&self, jti: String, until: UnixTime, audit: NewAuditEntry)
    -> StoreFuture<'_, ()>;

    /// Whether a token was refused by its `jti`.
    fn is_token_denied(&self, jti: &str) -> StoreFuture<'_, bool>;

    /// The platform's own keys, encrypted, oldest first.
    fn issuer_keys(&self) -> StoreFuture<'_, Vec<StoredKey>>;

    /// Adds a key unless one with this `kid` is there.
    fn add_issuer_key(&self, key: StoredKey) -> StoreFuture<'_, ()>;

    /// Forgets at most `batch` records of `jti` and denied tokens that ended before `now`; how many
    /// it forgot. Denied tokens are kept for [`DENIED_KEPT_AFTER_END`] longer. Never the audit.
    fn cleanup(&self, now: UnixTime, batch: u32) -> StoreFuture<'_, u64>;

    /// Whether it can write: for readiness.
    fn ping(&self) -> StoreFuture<'_, ()>;

    /// Flushes and closes. Later calls fail.
    fn close(&self) -> StoreFuture<'_, ()>;
}

/// How long a denied token is remembered after its end: a clock set back by less does not bring it
/// back to life.
pub const DENIED_KEPT_AFTER_END: std::time::Duration = std::time::Duration::from_secs(86_400);

/// Opens the store that the settings name.
///
/// # Errors
/// [`StoreError::Open`] says which file, what is wrong with it and what to do.
pub async fn open(url: &StoreUrl, rules: Rules) -> Result<Arc<dyn Store>, StoreError> {
    match url {
        StoreUrl::Memory => Ok(Arc::new(MemoryStore::new(rules))),
        StoreUrl::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path, rules).await?)),
    }
}

/// One `jti` of one client for one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JtiRecord {
    /// Who signed.
    pub client_id: String,
    /// What for: the same `jti` may stand once under each purpose.
    pub purpose: Purpose,
    /// As it stood in the assertion.
    pub jti: String,
    /// `exp` + leeway.
    pub forget_after: UnixTime,
}

/// Whether a `jti` was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    /// Seen for the first time.
    Fresh,
    /// Seen before.
    Replayed,
}

/// An audit row that has no number yet. Has no place for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuditEntry {
    /// When.
    pub at: UnixTime,
    /// Who did it: a principal, a client, or `system`.
    pub actor: String,
    /// Whom or what it was done to.
    pub subject: String,
    /// `token.issue`, `certificate.revoke`, …
    pub action: &'static str,
    /// Whether it was done.
    pub outcome: Outcome,
    /// `jti` of the token.
    pub token_id: Option<String>,
    /// The certificate's SHA-256.
    pub certificate: Option<String>,
    /// The peer's address.
    pub address: Option<String>,
    /// The `reason` of a refusal or a revocation.
    pub reason: Option<String>,
}

/// Whether what was asked for was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done.
    Ok,
    /// Refused.
    Refused,
}

impl Outcome {
    /// As the management API writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Ok => "ok",
            Outcome::Refused => "refused",
        }
    }
}

/// A key of the issuer as it is stored: encrypted under the key-encryption key, which is not in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    /// Its name in the JWK set.
    pub kid: String,
    /// Its `alg`.
    pub algorithm: String,
    /// When it was made.
    pub created_at: UnixTime,
    /// Which key-encryption key.
    pub key_version: u32,
    /// nonce ‖ ciphertext ‖ tag
    pub sealed: Vec<u8>,
}

/// Why the store did not do it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The change does not fit: the caller's problem.
    #[error("{0}")]
    Registry(RegistryError),
    /// The store cannot be opened: the operator's problem. Says what is wrong and what to do.
    #[error("{0}")]
    Open(String),
    /// Ours: logged, and shown as `server_error`.
    #[error("store: {0}")]
    Fault(String),
    /// The store was closed.
    #[error("store is closed")]
    Closed,
}

impl From<RegistryError> for StoreError {
    fn from(error: RegistryError) -> StoreError {
        StoreError::Registry(error)
    }
}
