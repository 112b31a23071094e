//! What does the platform remember, and what does it promise about it?

use std::{future::Future, pin::Pin};

use countersign_proto::{
    assertion::Purpose,
    management::{AuditEntry, Page},
    time::UnixTime,
};

use crate::registry::{Change, Registry, RegistryError};

/// What a store answers with.
pub type StoreFuture<'a, T> = Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send + 'a>>;

/// The platform's memory. One law suite holds every implementation to these:
///
/// 1. What was acknowledged is there after a crash of the process or the machine (memory store: while the process lives).
/// 2. A read sees every write that was acknowledged before it began.
/// 3. `record_jti` is atomic: of any number of equal records exactly one is `Fresh`, until `forget_after`.
/// 4. A change and its audit row become visible together or not at all; a change that does not fit changes nothing.
/// 5. A dropped future leaves either everything or nothing of its write.
pub trait Store: Send + Sync {
    /// The whole registry as it is now.
    fn registry(&self) -> StoreFuture<'_, Registry>;
    /// Its version, cheaply: to see whether another node changed it.
    fn registry_version(&self) -> StoreFuture<'_, u64>;
    /// Makes a change and its audit row durable. Answers the new registry.
    fn change(&self, change: Change, audit: NewAuditEntry) -> StoreFuture<'_, Registry>;
    /// Records a `jti`, durably, unless it is there.
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
    /// Forgets at most `batch` records of `jti` and denied tokens that ended before `now`; how many it forgot.
    fn cleanup(&self, now: UnixTime, batch: u32) -> StoreFuture<'_, u64>;
    /// Whether it can write: for readiness.
    fn ping(&self) -> StoreFuture<'_, ()>;
    /// Flushes and closes. Later calls fail.
    fn close(&self) -> StoreFuture<'_, ()>;
}

/// One `jti` of one client for one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JtiRecord {
    pub client_id: String,
    pub purpose: Purpose,
    pub jti: String,
    /** `exp` + leeway */
    pub forget_after: UnixTime,
}

/// Whether a `jti` was new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Recorded {
    Fresh,
    Replayed,
}

/// An audit row that has no number yet. Has no place for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewAuditEntry {
    pub at: UnixTime,
    pub actor: String,
    pub subject: String,
    pub action: &'static str,
    pub outcome: Outcome,
    pub token_id: Option<String>,
    pub certificate: Option<String>,
    pub address: Option<String>,
    pub reason: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    Refused,
}

/// A key of the issuer as it is stored: encrypted under the key-encryption key, which is not in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredKey {
    pub kid: String,
    pub algorithm: String,
    pub created_at: UnixTime,
    /** which key-encryption key */
    pub key_version: u32,
    /** nonce ‖ ciphertext ‖ tag */
    pub sealed: Vec<u8>,
}

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The change does not fit: the caller's problem.
    #[error("{0:?}")]
    Registry(RegistryError),
    /// Ours: logged, and shown as `server_error`.
    #[error("store: {0}")]
    Fault(String),
    /// The store was closed.
    #[error("store is closed")]
    Closed,
}
