//! What does the platform remember, and what does it promise about it?

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    pin::Pin,
    sync::Arc,
};

pub use countersign_proto::management::AuditOutcome as Outcome;
use countersign_proto::{
    assertion::Purpose,
    management::{AuditEntry, AuditFilter, Page, SessionFilter},
    time::UnixTime,
};

use tokio::sync::broadcast;

use crate::{
    config::StoreUrl,
    registry::{Change, Registry, RegistryError, Rules},
};

mod jti_key;
use jti_key::JtiKey;

mod login;
pub use login::{LOGIN_KEPT_AFTER_END, LoginRow, LoginUpdate};

mod session;
pub use session::{
    NOT_ACKNOWLEDGED, PRINCIPAL_DELETED, PastSecret, RESTORED, SESSION_KEPT_AFTER_END,
    SessionAdvance, SessionRow, SessionState,
};

mod account;
pub use account::AccountRow;

mod query;
pub use query::{AuditQuery, SessionQuery};

mod key;
pub use key::{KeyChange, StoredKey, StoredKeys};

mod token;
pub use token::{
    APPLICATION_DELETED, CERTIFICATE_REVOKED, MAPPING_DELETED, ROLE_DELETED, ROTATED,
    ROTATION_ABORTED, Settlement, TOKEN_KEPT_AFTER_END, TokenCount, TokenCreated, TokenQuery,
    TokenRotated, TokenRotation, TokenRow, TokenSelector, TokenUse,
};

mod resting;

mod changed;
pub use changed::Changed;
use changed::Waker;

mod sql;

mod memory;
pub use memory::MemoryStore;

pub use sql::restoration::GrantedTokens;
pub(crate) use sql::restoration::Restoration;

mod sqlite;
#[doc(hidden)]
pub use sqlite::Control;
pub use sqlite::{BackedUp, SqliteStore, TakenBack, backup};
pub(crate) use sqlite::{Place, Returning};

mod postgres;
pub use postgres::PostgresStore;

#[cfg(test)]
pub(crate) use postgres::tests::nodes::two as two_on_postgresql;

mod migrate;
pub use migrate::{Moved, migrate};

#[cfg(test)]
mod laws;

#[cfg(test)]
mod older;

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
/// 6. Of any number of equal advances of a session exactly one is made, on any number of nodes. So
///    a session has as many refreshes as its limit says and never one more, and none that is
///    pending, has ended, or is past its end.
/// 7. Of any number of updates of the same version of a login exactly one is made, with all that
///    is beside it; the others do nothing.
/// 8. Nobody has a session that lives, or an account, who is not a registered principal.
/// 9. A change wakes whoever watches, once it can be read.
/// 10. A granted token belongs to a registered principal, or to nobody. A revocation of a
///     certificate, and the deletion of a mapping, an application or a principal, revoke the
///     tokens that rest on it, in the same transaction; and what was granted with those, or with any
///     token that they took the place of. A role that is deleted is gone from every token that names
///     it, and a token that names no other is revoked: one of the same name later is another role.
/// 11. A token has at most one successor, and of any number of equal rotations exactly one is made.
/// 12. Nobody ever has more live tokens than the limit that was given; a token and the successor
///     beside which it lives count as one, and a third in their line as another.
/// 13. Of any number of changes of one version of the issuer's keys exactly one is made.
pub trait Store: Send + Sync {
    /// The whole registry as it is now.
    fn registry(&self) -> StoreFuture<'_, Registry>;

    /// Its version, cheaply: to see whether another node changed it.
    fn registry_version(&self) -> StoreFuture<'_, u64>;

    /// Makes a change and its audit row durable. Answers the new registry. With a principal go its
    /// account and, ended at the time of the audit row, its sessions and its tokens; with an
    /// application, a certificate and a mapping go the tokens that rest on it.
    fn change(&self, change: Change, audit: NewAuditEntry) -> StoreFuture<'_, Registry>;

    /// Records a `jti`, durably, unless it is there. A `jti` is the same when client, purpose and
    /// `jti` are, whatever its `forget_after`.
    ///
    /// What would have to be forgotten no later than something that was forgotten already is
    /// answered `Replayed`: after the clock was set back nobody can know better.
    fn record_jti(&self, record: JtiRecord) -> StoreFuture<'_, Recorded>;

    /// Makes an audit row durable.
    fn append_audit(&self, entry: NewAuditEntry) -> StoreFuture<'_, ()>;

    /// Newest first: those that the query lets through.
    fn audit_matching(&self, query: AuditQuery) -> StoreFuture<'_, Page<AuditEntry>>;

    /// The same, whatever stands in them. `after`: entries with a smaller sequence than this.
    fn audit(&self, after: Option<u64>, limit: u32) -> StoreFuture<'_, Page<AuditEntry>> {
        self.audit_matching(AuditQuery {
            filter: AuditFilter::default(),
            after,
            limit,
        })
    }

    /// Refuses a token from now on, by its `jti`, until its end. With its audit row.
    fn deny_token(&self, jti: String, until: UnixTime, audit: NewAuditEntry)
    -> StoreFuture<'_, ()>;

    /// Whether a token was refused by its `jti`.
    fn is_token_denied(&self, jti: &str) -> StoreFuture<'_, bool>;

    /// The platform's own keys, encrypted.
    fn issuer_keys(&self) -> StoreFuture<'_, StoredKeys>;

    /// Adds keys and changes where others stand, with the audit rows; `false`, and nothing done,
    /// when the keys have another version meanwhile. What was made from a key stays as it was.
    fn change_issuer_keys(&self, change: KeyChange) -> StoreFuture<'_, bool>;

    /// Remembers a login that begins. An `id` or a `handle` that is there already is a fault.
    fn create_login(&self, row: LoginRow) -> StoreFuture<'_, ()>;

    /// The login with this id.
    fn login(&self, id: &str) -> StoreFuture<'_, Option<LoginRow>>;

    /// The login with this handle.
    fn login_by_handle(&self, handle: &str) -> StoreFuture<'_, Option<LoginRow>>;

    /// How many logins of `source` are live and end after `now`.
    fn live_logins(&self, source: &str, now: UnixTime) -> StoreFuture<'_, u64>;

    /// Writes a login unless somebody else has written it since it was read; then, and when the
    /// session to acknowledge is pending no longer, it answers `false` and does nothing. What is
    /// written has the version after that of `update.row`.
    ///
    /// A new session needs its principal: [`StoreError::Registry`] when that is not there.
    fn update_login(&self, update: LoginUpdate) -> StoreFuture<'_, bool>;

    /// Keeps a session that begins without a login, with its audit row. Its principal must be
    /// registered: else [`StoreError::Registry`]. An `id` that is there is a fault.
    fn create_session(&self, row: SessionRow, audit: NewAuditEntry) -> StoreFuture<'_, ()>;

    /// The session with this id, in whatever state.
    fn session(&self, id: &str) -> StoreFuture<'_, Option<SessionRow>>;

    /// Newest first, that is by descending id: those that the query lets through.
    fn sessions_matching(&self, query: SessionQuery) -> StoreFuture<'_, Page<SessionRow>>;

    /// The same, in whatever state. `after`: sessions with a smaller id than this.
    fn sessions(
        &self,
        principal: Option<&str>,
        after: Option<&str>,
        limit: u32,
    ) -> StoreFuture<'_, Page<SessionRow>> {
        self.sessions_matching(SessionQuery {
            filter: SessionFilter {
                principal: principal.map(str::to_owned),
                state: None,
            },
            after: after.map(str::to_owned),
            limit,
            now: UnixTime::from_secs(0),
        })
    }

    /// What is remembered of a refresh token, known by its digest, that was this session's before.
    fn past_secret(&self, id: &str, digest: &[u8]) -> StoreFuture<'_, Option<PastSecret>>;

    /// Counts one refresh, durably, and remembers the digest that was current as a past one.
    /// Answers the session as it is then; `None`, and nothing done, unless the session is active,
    /// in this generation, below its limit and before its end.
    fn advance_session(&self, advance: SessionAdvance) -> StoreFuture<'_, Option<SessionRow>>;

    /// Ends a session. `false`, and no audit row, when it is unknown or has ended already.
    fn end_session(
        &self,
        id: &str,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool>;

    /// Ends a session unless it was refreshed meanwhile: as `end_session`, and `false` too when it is
    /// in another generation.
    fn end_unrefreshed_session(
        &self,
        id: &str,
        generation: u32,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool>;

    /// Ends every session of a principal: how many. No audit row when there is none.
    fn end_sessions_of(
        &self,
        principal: &str,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, u64>;

    /// The account of a principal.
    fn account(&self, principal: &str) -> StoreFuture<'_, Option<AccountRow>>;

    /// Everybody who has an account, by name, and when the password was set.
    fn passwords_set(&self) -> StoreFuture<'_, BTreeMap<String, UnixTime>>;

    /// Makes or replaces the account of a principal, who must be there: else
    /// [`StoreError::Registry`].
    fn put_account(&self, row: AccountRow, audit: NewAuditEntry) -> StoreFuture<'_, ()>;

    /// Replaces the hash of an account by one of the same password, unless the account has another
    /// hash than `instead_of` meanwhile, or is gone: then `false`, and nothing is done.
    fn rehash_account(
        &self,
        principal: &str,
        instead_of: &str,
        hash: &str,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool>;

    /// Removes an account. `false`, and no audit row, when there is none.
    fn delete_account(&self, principal: &str, audit: NewAuditEntry) -> StoreFuture<'_, bool>;

    /// Keeps a token that was granted, unless its owner has `limit` live ones at the time of the
    /// audit row. One does not count that lives beside a successor which has none itself, nor one that
    /// is over. A system token counts among system tokens.
    ///
    /// The owner and the roles that it names must be registered, and the token, the session or the
    /// certificate that it was granted with not have ended. Unless it was granted with a granted token,
    /// its application must be registered and a mapping of its certificate stand for who granted it. Else
    /// [`StoreError::Registry`]. An `id` that is there is a fault.
    fn create_token(
        &self,
        row: TokenRow,
        limit: u32,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, TokenCreated>;

    /// The token with this id, in whatever state.
    fn token(&self, id: &str) -> StoreFuture<'_, Option<TokenRow>>;

    /// The token whose string has this digest.
    fn token_by_digest(&self, digest: &[u8]) -> StoreFuture<'_, Option<TokenRow>>;

    /// Newest first, that is by descending id.
    fn tokens(&self, query: TokenQuery) -> StoreFuture<'_, Page<TokenRow>>;

    /// Changes what people read of a token. `false`, and no audit row, when it is unknown.
    fn describe_token(
        &self,
        id: &str,
        name: &str,
        description: &str,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool>;

    /// Gives a token a successor. Nothing is done unless the old one lives and has none, and there is
    /// room for one more where it takes the place of one that lives still.
    /// What the new one was granted with must not be revoked, but may be rotated: else
    /// [`StoreError::Registry`]. An `id` or a digest that is there is a fault.
    fn rotate_token(&self, rotation: TokenRotation) -> StoreFuture<'_, TokenRotated>;

    /// Ends a rotation, named by its new token. `false`, and no audit row, unless both live.
    fn settle_rotation(
        &self,
        successor: &str,
        settlement: Settlement,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool>;

    /// Revokes tokens that live: their ids, in no order. No audit row when there is none.
    fn revoke_tokens(
        &self,
        which: TokenSelector,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, Vec<String>>;

    /// The tokens that `revoke_tokens` would revoke at this moment, in no order.
    fn tokens_reached(&self, which: TokenSelector, at: UnixTime) -> StoreFuture<'_, Vec<TokenRow>>;

    /// As `revoke_tokens`, unless a token would be revoked that is not among `judged`: then `None`,
    /// and nothing is done.
    fn revoke_judged_tokens(
        &self,
        which: TokenSelector,
        judged: BTreeSet<String>,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, Option<Vec<String>>>;

    /// Remembers uses that are newer than those known; of equally new ones of one token the last.
    /// Tokens that are not there are passed over. Of many uses a part may be remembered.
    fn record_token_uses(&self, uses: Vec<TokenUse>) -> StoreFuture<'_, ()>;

    /// Grows with each change by which a token that was good is good no more, or one is good in
    /// another way: rotation, settlement, revocation, denial. Not with a grant, a name or a use.
    fn token_version(&self) -> StoreFuture<'_, u64>;

    /// How many there are of each kind in each state, where there are any. Looks at all of them.
    fn token_counts(
        &self,
        now: UnixTime,
        warned: std::time::Duration,
    ) -> StoreFuture<'_, Vec<TokenCount>>;

    /// Since when assertions and proofs are believed by when they were signed. After a restore not those
    /// from before it: the store has forgotten which of them were used. The same until it is closed.
    fn believed_from(&self) -> UnixTime {
        UnixTime::from_secs(0)
    }

    /// Wakes whoever waits for changes. Take it before you read what you wait for, and wait by
    /// [`Changed::next`]. Changes that another process makes in one SQLite file wake nobody.
    fn watch(&self) -> broadcast::Receiver<Changed>;

    /// Forgets what ended before `now`: records of `jti`, denied tokens ([`DENIED_KEPT_AFTER_END`]
    /// later), logins ([`LOGIN_KEPT_AFTER_END`] later), sessions with their past secrets
    /// ([`SESSION_KEPT_AFTER_END`] later), granted tokens ([`TOKEN_KEPT_AFTER_END`]
    /// later, and not before what was granted with them and what they took the place of). Ends
    /// sessions that were not acknowledged in time, and writes down which tokens ended with their
    /// grace. Never forgets the audit. How many it forgot or ended: at most `batch`.
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
/// [`StoreError::Open`] says which file or server, what is wrong with it and what to do.
pub async fn open(url: &StoreUrl, rules: Rules) -> Result<Arc<dyn Store>, StoreError> {
    match url {
        StoreUrl::Memory => Ok(Arc::new(MemoryStore::new(rules))),
        StoreUrl::Sqlite(path) => Ok(Arc::new(SqliteStore::open(path, rules).await?)),
        StoreUrl::Postgres(url) => Ok(Arc::new(PostgresStore::open(url, rules).await?)),
    }
}

/// One `jti` of one client for one purpose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct JtiRecord {
    /// Who signed: a client, or the thumbprint of the key of a proof.
    pub client_id: String,
    /// What for: the same `jti` may stand once under each purpose.
    pub purpose: JtiPurpose,
    /// As it stood in what was signed.
    pub jti: String,
    /// From then on what was signed is refused for its age.
    pub forget_after: UnixTime,
}

/// What is accepted, or told, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum JtiPurpose {
    /// An assertion.
    Assertion(Purpose),
    /// A DPoP proof (RFC 9449).
    Proof,
    /// A warning about the end of something, that is told once.
    Notice,
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
