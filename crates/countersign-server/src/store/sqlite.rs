//! How does a platform remember in one file?

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use countersign_proto::{
    management::{AuditEntry, Page},
    time::UnixTime,
};
use sqlx::{Connection as _, Sqlite, SqliteConnection, SqlitePool, pool::PoolConnection};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::{
    AccountRow, AuditQuery, Changed, JtiKey, JtiRecord, KeyChange, LoginRow, LoginUpdate,
    NewAuditEntry, PastSecret, Recorded, SessionAdvance, SessionQuery, SessionRow, Settlement,
    Store, StoreError, StoreFuture, StoredKeys, TokenCount, TokenCreated, TokenQuery, TokenRotated,
    TokenRotation, TokenRow, TokenSelector, TokenUse, Waker,
    account::Rehash,
    sql::{
        self, Ping, Request,
        accounts::{self, DeleteAccount, PutAccount},
        audit,
        cleanup::Cleanup,
        granted::{self, CreateToken, DescribeToken},
        keys, logins,
        registry::{self, RegistryChange},
        restoration::{self, Ended, Restoration},
        rotation::SettleRotation,
        sessions::{self, BeginSession, EndSession, EndSessionsOf, EndUnrefreshedSession, Ending},
        token_ends::{self, RevokeTokens},
        token_uses::RecordUses,
        tokens::{self, Deny},
    },
};
use crate::registry::{Change, Registry, Rules};

mod open;
pub(super) use open::open_alone;

mod draft;

mod backup;
pub use backup::{BackedUp, backup};

mod restore;
pub use restore::TakenBack;
pub(crate) use restore::{Place, Returning};

mod writer;
use writer::{Answer, Write};

mod batch;

mod statement;

#[cfg(test)]
mod plans;

/// The store of one platform in one SQLite file (WAL, every commit synced to the disk).
///
/// One task owns the one connection that writes. It takes all writes that wait, commits them
/// together, and only then answers each of them. Reads have connections of their own and never
/// wait for a writer.
pub struct SqliteStore {
    rules: Rules,
    writes: mpsc::Sender<Write>,
    readers: SqlitePool,
    believed_from: UnixTime,
    /// The registry as it was last seen, so that a read of the same version reads one row.
    seen: Arc<ArcSwap<Registry>>,
    waker: Waker,
}

/// Which promise a store breaks, so that a test of durability can show that it would notice.
/// Never for a platform that anybody relies on.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Control {
    /// None.
    #[default]
    Sound,
    /// `synchronous=OFF`: nothing is synced, so a crash of the machine loses what was acknowledged.
    NotSynced,
    /// Each write is acknowledged before it is committed, and commits wait for 64 writes, so that
    /// a crash of the process loses what was acknowledged.
    AnsweredBeforeCommit,
}

impl SqliteStore {
    /// Opens the file, or makes it with mode 0600, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`] names the file, what is wrong and what to do: a missing folder,
    /// missing rights, a file that is no database of ours, or one of a newer version.
    pub async fn open(path: &Path, rules: Rules) -> Result<SqliteStore, StoreError> {
        SqliteStore::open_control(path, rules, Control::Sound).await
    }

    /// The same, breaking a promise: for the tests of durability only.
    #[doc(hidden)]
    pub async fn open_control(
        path: &Path,
        rules: Rules,
        control: Control,
    ) -> Result<SqliteStore, StoreError> {
        let (mut connection, readers) = open::open(path, control).await?;
        let registry = load(&mut connection, rules)
            .await
            .map_err(|error| match error {
                StoreError::Registry(error) => StoreError::Open(format!(
                    "{}: the registry in it does not hold together: {error}; bring back a backup",
                    path.display()
                )),
                other => other,
            })?;
        let believed_from = restoration::believed_from(&mut connection).await?;
        let seen = Arc::new(ArcSwap::from_pointee(registry));
        let waker = Waker::new();
        let writes = writer::start(connection, Arc::clone(&seen), waker.clone(), control);
        Ok(SqliteStore {
            rules,
            writes,
            readers,
            believed_from,
            seen,
            waker,
        })
    }

    /// Ends what must not come back to life with a copy.
    pub(crate) fn restored(&self, restoration: Restoration) -> StoreFuture<'_, Ended> {
        self.request(restoration)
    }

    /// Hands a request to the writer and waits for its commit.
    fn request<R: Request>(&self, request: R) -> StoreFuture<'_, R::Answer> {
        self.write(|answer| Write::Request(Box::new((request, answer))))
    }

    fn write<'a, T: Send + 'a>(
        &'a self,
        write: impl FnOnce(Answer<T>) -> Write + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let (answer, answered) = oneshot::channel();
            self.writes
                .send(write(answer))
                .await
                .map_err(|_| StoreError::Closed)?;
            answered.await.map_err(|_| StoreError::Closed)?
        })
    }

    async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(fault)
    }
}

impl Store for SqliteStore {
    fn registry(&self) -> StoreFuture<'_, Registry> {
        Box::pin(async move {
            let mut reader = self.reader().await?;
            let version = registry::version(&mut *reader).await?;
            let seen = self.seen.load();
            if seen.version() == version {
                return Ok(Registry::clone(&seen));
            }
            load(&mut reader, self.rules).await
        })
    }

    fn registry_version(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move { registry::version(&mut *self.reader().await?).await })
    }

    fn change(&self, change: Change, audit: NewAuditEntry) -> StoreFuture<'_, Registry> {
        self.request(RegistryChange::new(change, audit))
    }

    fn record_jti(&self, record: JtiRecord) -> StoreFuture<'_, Recorded> {
        let key = JtiKey::of(&record);
        let forget_after = sql::signed(record.forget_after.as_secs());
        self.write(move |answer| Write::Jti(key, forget_after, answer))
    }

    fn append_audit(&self, entry: NewAuditEntry) -> StoreFuture<'_, ()> {
        self.write(|answer| Write::Audit(entry, answer))
    }

    fn audit_matching(&self, query: AuditQuery) -> StoreFuture<'_, Page<AuditEntry>> {
        Box::pin(async move { audit::list(&mut *self.reader().await?, query).await })
    }

    fn deny_token(
        &self,
        jti: String,
        until: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, ()> {
        self.request(Deny { jti, until, audit })
    }

    fn is_token_denied(&self, jti: &str) -> StoreFuture<'_, bool> {
        let jti = jti.to_owned();
        Box::pin(async move { tokens::is_denied(&mut *self.reader().await?, jti).await })
    }

    fn issuer_keys(&self) -> StoreFuture<'_, StoredKeys> {
        Box::pin(async move { keys::list(&mut *self.reader().await?).await })
    }

    fn change_issuer_keys(&self, change: KeyChange) -> StoreFuture<'_, bool> {
        self.request(change)
    }

    fn create_login(&self, row: LoginRow) -> StoreFuture<'_, ()> {
        self.request(row)
    }

    fn login(&self, id: &str) -> StoreFuture<'_, Option<LoginRow>> {
        let id = id.to_owned();
        Box::pin(async move { logins::by_id(&mut *self.reader().await?, id).await })
    }

    fn login_by_handle(&self, handle: &str) -> StoreFuture<'_, Option<LoginRow>> {
        let handle = handle.to_owned();
        Box::pin(async move { logins::by_handle(&mut *self.reader().await?, handle).await })
    }

    fn live_logins(&self, source: &str, now: UnixTime) -> StoreFuture<'_, u64> {
        let source = source.to_owned();
        Box::pin(async move { logins::count_live(&mut *self.reader().await?, source, now).await })
    }

    fn update_login(&self, update: LoginUpdate) -> StoreFuture<'_, bool> {
        self.request(update)
    }

    fn create_session(&self, row: SessionRow, audit: NewAuditEntry) -> StoreFuture<'_, ()> {
        self.request(BeginSession { row, audit })
    }

    fn session(&self, id: &str) -> StoreFuture<'_, Option<SessionRow>> {
        let id = id.to_owned();
        Box::pin(async move { sessions::by_id(&mut *self.reader().await?, id).await })
    }

    fn sessions_matching(&self, query: SessionQuery) -> StoreFuture<'_, Page<SessionRow>> {
        Box::pin(async move { sessions::list(&mut *self.reader().await?, query).await })
    }

    fn past_secret(&self, id: &str, digest: &[u8]) -> StoreFuture<'_, Option<PastSecret>> {
        let (id, digest) = (id.to_owned(), digest.to_owned());
        Box::pin(async move { sessions::past_secret(&mut *self.reader().await?, id, digest).await })
    }

    fn advance_session(&self, advance: SessionAdvance) -> StoreFuture<'_, Option<SessionRow>> {
        self.request(advance)
    }

    fn end_session(
        &self,
        id: &str,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool> {
        self.request(EndSession(Ending::new(id, reason, at, audit)))
    }

    fn end_unrefreshed_session(
        &self,
        id: &str,
        generation: u32,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool> {
        let ending = Ending::new(id, reason, at, audit);
        self.request(EndUnrefreshedSession { ending, generation })
    }

    fn end_sessions_of(
        &self,
        principal: &str,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, u64> {
        self.request(EndSessionsOf(Ending::new(principal, reason, at, audit)))
    }

    fn account(&self, principal: &str) -> StoreFuture<'_, Option<AccountRow>> {
        let principal = principal.to_owned();
        Box::pin(async move { accounts::by_principal(&mut *self.reader().await?, principal).await })
    }

    fn passwords_set(&self) -> StoreFuture<'_, BTreeMap<String, UnixTime>> {
        Box::pin(async move { accounts::passwords_set(&mut *self.reader().await?).await })
    }

    fn put_account(&self, row: AccountRow, audit: NewAuditEntry) -> StoreFuture<'_, ()> {
        self.request(PutAccount { row, audit })
    }

    fn rehash_account(
        &self,
        principal: &str,
        instead_of: &str,
        hash: &str,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool> {
        let rehash = Rehash {
            principal: principal.to_owned(),
            instead_of: instead_of.to_owned(),
            hash: hash.to_owned(),
            audit,
        };
        self.request(rehash)
    }

    fn delete_account(&self, principal: &str, audit: NewAuditEntry) -> StoreFuture<'_, bool> {
        let principal = principal.to_owned();
        self.request(DeleteAccount { principal, audit })
    }

    fn create_token(
        &self,
        row: TokenRow,
        limit: u32,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, TokenCreated> {
        self.request(CreateToken { row, limit, audit })
    }

    fn token(&self, id: &str) -> StoreFuture<'_, Option<TokenRow>> {
        let id = id.to_owned();
        Box::pin(async move { granted::by_id(&mut *self.reader().await?, id).await })
    }

    fn token_by_digest(&self, digest: &[u8]) -> StoreFuture<'_, Option<TokenRow>> {
        let digest = digest.to_owned();
        Box::pin(async move { granted::by_digest(&mut *self.reader().await?, digest).await })
    }

    fn tokens(&self, query: TokenQuery) -> StoreFuture<'_, Page<TokenRow>> {
        Box::pin(async move { granted::list(&mut *self.reader().await?, query).await })
    }

    fn describe_token(
        &self,
        id: &str,
        name: &str,
        description: &str,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool> {
        self.request(DescribeToken::new(id, name, description, audit))
    }

    fn rotate_token(&self, rotation: TokenRotation) -> StoreFuture<'_, TokenRotated> {
        self.request(rotation)
    }

    fn settle_rotation(
        &self,
        successor: &str,
        settlement: Settlement,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool> {
        self.request(SettleRotation::new(successor, settlement, at, audit))
    }

    fn revoke_tokens(
        &self,
        which: TokenSelector,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, Vec<String>> {
        let revocation = RevokeTokens::new(which, reason, at, audit);
        Box::pin(async move { Ok(self.request(revocation).await?.unwrap_or_default()) })
    }

    fn tokens_reached(&self, which: TokenSelector, at: UnixTime) -> StoreFuture<'_, Vec<TokenRow>> {
        Box::pin(async move { token_ends::reached(&mut *self.reader().await?, which, at).await })
    }

    fn revoke_judged_tokens(
        &self,
        which: TokenSelector,
        judged: BTreeSet<String>,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, Option<Vec<String>>> {
        self.request(RevokeTokens::new(which, reason, at, audit).judged(judged))
    }

    fn record_token_uses(&self, uses: Vec<TokenUse>) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            for uses in RecordUses::of(uses) {
                self.request(uses).await?;
            }
            Ok(())
        })
    }

    fn token_version(&self) -> StoreFuture<'_, u64> {
        Box::pin(async move { token_ends::version(&mut *self.reader().await?).await })
    }

    fn token_counts(&self, now: UnixTime, warned: Duration) -> StoreFuture<'_, Vec<TokenCount>> {
        Box::pin(async move { granted::count(&mut *self.reader().await?, now, warned).await })
    }

    fn believed_from(&self) -> UnixTime {
        self.believed_from
    }

    fn watch(&self) -> broadcast::Receiver<Changed> {
        self.waker.watch()
    }

    fn cleanup(&self, now: UnixTime, batch: u32) -> StoreFuture<'_, u64> {
        self.request(Cleanup { now, batch })
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        self.request(Ping)
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.readers.close().await;
            self.write(Write::Close).await
        })
    }
}

/// Reads the whole registry as it is at one moment.
async fn load(connection: &mut SqliteConnection, rules: Rules) -> Result<Registry, StoreError> {
    let mut moment = connection.begin().await.map_err(fault)?;
    registry::load(&mut *moment, rules).await
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

// By value, because that is what `map_err` hands over.
#[allow(clippy::needless_pass_by_value)]
fn fault(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => StoreError::Closed,
        other => StoreError::Fault(other.to_string()),
    }
}

/// Runs one statement that has no parameters.
async fn execute(connection: &mut SqliteConnection, sql: &'static str) -> Result<(), StoreError> {
    sqlx::query(sql)
        .execute(connection)
        .await
        .map(drop)
        .map_err(fault)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::store::laws::{self, laws_of};

    async fn empty() -> (Arc<dyn Store>, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = open(&folder).await;
        (Arc::new(store), folder)
    }

    async fn open(folder: &TempDir) -> SqliteStore {
        SqliteStore::open(&folder.path().join("a.db"), Rules::default())
            .await
            .unwrap()
    }

    laws_of!(empty);

    #[tokio::test]
    async fn law_1_what_was_acknowledged_is_there_again() {
        let (store, folder) = empty().await;
        laws::acknowledged::law_1_what_was_acknowledged_is_there_again(store, async || {
            Arc::new(open(&folder).await) as Arc<dyn Store>
        })
        .await;
    }

    /// A copy of the files as they are is what a crash of the process leaves.
    async fn after_a_crash(folder: &TempDir) -> (SqliteStore, TempDir) {
        let copy = tempfile::tempdir().unwrap();
        for name in ["a.db", "a.db-wal"] {
            std::fs::copy(folder.path().join(name), copy.path().join(name)).unwrap();
        }
        (open(&copy).await, copy)
    }

    // security.md 36, B2
    #[tokio::test]
    async fn what_was_acknowledged_is_there_after_a_crash() {
        let (store, folder) = empty().await;
        for number in 0..10 {
            store
                .record_jti(laws::jti(&number.to_string(), 100))
                .await
                .unwrap();
        }
        store
            .change(laws::role("auditors"), laws::audit("role.create"))
            .await
            .unwrap();
        let (again, _copy) = after_a_crash(&folder).await;
        for number in 0..10 {
            let found = again
                .record_jti(laws::jti(&number.to_string(), 100))
                .await
                .unwrap();
            assert_eq!(found, Recorded::Replayed);
        }
        assert!(again.registry().await.unwrap().role("auditors").is_some());
    }

    #[tokio::test]
    async fn the_control_that_answers_before_its_commit_loses_what_it_acknowledged() {
        let folder = tempfile::tempdir().unwrap();
        let store = SqliteStore::open_control(
            &folder.path().join("a.db"),
            Rules::default(),
            Control::AnsweredBeforeCommit,
        )
        .await
        .unwrap();
        store.record_jti(laws::jti("a", 100)).await.unwrap();
        let (again, _copy) = after_a_crash(&folder).await;
        assert_eq!(
            again.record_jti(laws::jti("a", 100)).await.unwrap(),
            Recorded::Fresh
        );
    }

    #[tokio::test]
    async fn a_change_of_another_process_is_seen_and_kept() {
        let (store, folder) = empty().await;
        let other = open(&folder).await;
        other
            .change(laws::role("theirs"), laws::audit("role.create"))
            .await
            .unwrap();
        assert!(store.registry().await.unwrap().role("theirs").is_some());
        store
            .change(laws::role("ours"), laws::audit("role.create"))
            .await
            .unwrap();
        assert!(
            store
                .change(laws::role("theirs"), laws::audit("role.create"))
                .await
                .is_err()
        );
        let registry = other.registry().await.unwrap();
        assert!(registry.role("ours").is_some() && registry.role("theirs").is_some());
        assert_eq!(registry.version(), 2);
        assert_eq!(
            store.record_jti(laws::jti("x", 9)).await.unwrap(),
            Recorded::Fresh
        );
        assert_eq!(
            other.record_jti(laws::jti("x", 9)).await.unwrap(),
            Recorded::Replayed
        );
    }

    #[tokio::test]
    async fn audit_rows_are_neither_deleted_nor_changed_by_hand() {
        let (store, folder) = empty().await;
        store
            .append_audit(laws::audit("token.issue"))
            .await
            .unwrap();
        let (mut connection, _readers) = open::open(&folder.path().join("a.db"), Control::Sound)
            .await
            .unwrap();
        for sql in ["DELETE FROM audit", "UPDATE audit SET actor = 'nobody'"] {
            assert!(
                sqlx::query(sql).execute(&mut connection).await.is_err(),
                "{sql}"
            );
        }
        assert_eq!(store.audit(None, 10).await.unwrap().items.len(), 1);
    }

    #[tokio::test]
    async fn a_commit_that_fails_is_a_fault_for_all_and_leaves_nothing() {
        let (store, folder) = empty().await;
        let mut holder = sqlx::ConnectOptions::connect(
            &sqlx::sqlite::SqliteConnectOptions::new().filename(folder.path().join("a.db")),
        )
        .await
        .unwrap();
        sqlx::query("CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk on fire'); END")
            .execute(&mut holder)
            .await
            .unwrap();
        let (recorded, appended) = tokio::join!(
            store.record_jti(laws::jti("a", 100)),
            store.append_audit(laws::audit("token.issue")),
        );
        assert!(
            matches!(appended, Err(StoreError::Fault(_))),
            "{appended:?}"
        );
        let change = store
            .change(laws::role("auditors"), laws::audit("role.create"))
            .await;
        assert!(matches!(change, Err(StoreError::Fault(_))), "{change:?}");
        sqlx::query("DROP TRIGGER broken")
            .execute(&mut holder)
            .await
            .unwrap();
        // What was refused may be sent again; what was acknowledged may not.
        let again = store.record_jti(laws::jti("a", 100)).await.unwrap();
        assert_eq!(again == Recorded::Fresh, recorded.is_err());
        assert!(store.registry().await.unwrap().role("auditors").is_none());
        store
            .change(laws::role("auditors"), laws::audit("role.create"))
            .await
            .unwrap();
        assert_eq!(store.audit(None, 10).await.unwrap().items.len(), 1);
    }
}
