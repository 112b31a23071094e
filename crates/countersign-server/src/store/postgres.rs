//! How do several platforms remember in one PostgreSQL?

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    sync::Arc,
    time::Duration,
};

use arc_swap::ArcSwap;
use countersign_proto::{
    management::{AuditEntry, Page},
    time::UnixTime,
};
use sqlx::PgPool;
use tokio::{
    sync::{Semaphore, broadcast, mpsc, oneshot},
    task::JoinSet,
};

use super::{
    AccountRow, AuditQuery, Changed, JtiKey, JtiRecord, KeyChange, LoginRow, LoginUpdate,
    NewAuditEntry, PastSecret, Recorded, SessionAdvance, SessionQuery, SessionRow, Settlement,
    Store, StoreError, StoreFuture, StoredKeys, TokenCount, TokenCreated, TokenQuery, TokenRotated,
    TokenRotation, TokenRow, TokenSelector, TokenUse, Waker,
    account::Rehash,
    sql::{
        Ping, Request,
        accounts::{self, DeleteAccount, PutAccount},
        audit,
        cleanup::Cleanup,
        granted::{self, CreateToken, DescribeToken},
        keys, logins,
        registry::{self, RegistryChange},
        restoration::believed_from,
        rotation::SettleRotation,
        sessions::{self, BeginSession, EndSession, EndSessionsOf, EndUnrefreshedSession, Ending},
        token_ends::{self, RevokeTokens},
        token_uses::RecordUses,
        tokens::{self, Deny},
    },
};
use crate::{
    config::PostgresUrl,
    registry::{Change, Registry, Rules},
};

mod password;

mod open;
pub(super) use open::connect;

mod work;
pub(super) use work::storable;
use work::{Work, fault};

mod transaction;

mod audit_rows;

mod writer;
use writer::{Answer, Write};

mod listen;
use listen::Node;

/// The store of any number of platforms in one PostgreSQL database.
///
/// Every write is a transaction of its own, decided by the rows as they are in it, never by what a
/// node remembers; those that come with every token are written together. A write goes on when its
/// caller does not wait for it any more. When the server is away, calls fail with
/// [`StoreError::Fault`], and go well again when it is back.
///
/// The audit: an entry has a greater number than every entry that was acknowledged before it was
/// begun. A transaction that failed leaves a gap, and of entries that are written at the same time
/// the one with the smaller number may be seen later.
pub struct PostgresStore {
    rules: Rules,
    believed_from: UnixTime,
    shared: Arc<Shared>,
    writes: mpsc::Sender<Write>,
    /// Ends with the store.
    _listening: JoinSet<()>,
}

struct Shared {
    pool: PgPool,
    /// The registry as it was last seen, so that a read of the same version reads one row.
    seen: ArcSwap<Registry>,
    waker: Waker,
    node: Node,
    /// The turns of writes that wait for each other in the database.
    few: Semaphore,
}

/// How many of them wait there, each with a connection: the others are for those who need not wait.
const FEW: usize = 4;

impl PostgresStore {
    /// Connects and brings the tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Open`] names the server without the password, what is wrong and what to do: it
    /// is not there, it refuses, its certificate is not believed, it is a standby, it would lose
    /// what was acknowledged, its tables are those of another program or of a newer version.
    pub async fn open(url: &PostgresUrl, rules: Rules) -> Result<PostgresStore, StoreError> {
        let refused = |problem: String| StoreError::Open(format!("{url}: {problem}"));
        let pool = open::open(url).await?;
        let listener = listen::begin(&pool)
            .await
            .map_err(|error| refused(error.to_string()))?;
        let registry = load(&pool, rules).await.map_err(|error| match error {
            StoreError::Registry(error) => refused(format!(
                "the registry in it does not hold together: {error}; bring back a backup"
            )),
            other => other,
        })?;
        let shared = Arc::new(Shared {
            pool: pool.clone(),
            seen: ArcSwap::from_pointee(registry),
            waker: Waker::new(),
            node: Node::new(),
            few: Semaphore::new(FEW),
        });
        let mut listening = JoinSet::new();
        listening.spawn(listen::run(
            pool.clone(),
            listener,
            shared.node.clone(),
            shared.waker.clone(),
        ));
        Ok(PostgresStore {
            rules,
            believed_from: reading(&pool, async |mut work| believed_from(&mut work).await).await?,
            shared,
            writes: writer::start(pool),
            _listening: listening,
        })
    }

    /// Performs a request to its end, and waits for that.
    fn request<R: Request>(&self, request: R) -> StoreFuture<'_, R::Answer> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let performed = tokio::spawn(transaction::perform(shared, request)).await;
            performed.unwrap_or_else(|cut_short| Err(StoreError::Fault(cut_short.to_string())))
        })
    }

    /// Hands a write to those that are written together.
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

    fn read<'a, T, F>(&'a self, read: impl FnOnce(Work) -> F + Send + 'a) -> StoreFuture<'a, T>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
    {
        Box::pin(async move { reading(&self.shared.pool, read).await })
    }
}

/// Reads, within a time.
async fn reading<T, F>(pool: &PgPool, read: impl FnOnce(Work) -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    let work = Work::on(pool.acquire().await.map_err(fault)?);
    match tokio::time::timeout(work::LONGEST, read(work)).await {
        Ok(read) => read,
        Err(_) => Err(work::too_late()),
    }
}

/// Reads the whole registry as it is at one moment.
async fn load(pool: &PgPool, rules: Rules) -> Result<Registry, StoreError> {
    reading(pool, async |mut work: Work| {
        work.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await?;
        let registry = registry::load(&mut work, rules).await?;
        work.commit().await?;
        Ok(registry)
    })
    .await
}

impl Shared {
    /// Keeps the newest registry that was seen.
    fn adopt(&self, registry: &Arc<Registry>) {
        self.seen.rcu(|seen| {
            if registry.version() > seen.version() {
                Arc::clone(registry)
            } else {
                Arc::clone(seen)
            }
        });
    }
}

impl Store for PostgresStore {
    fn registry(&self) -> StoreFuture<'_, Registry> {
        Box::pin(async move {
            let version = self.registry_version().await?;
            let seen = self.shared.seen.load_full();
            if seen.version() == version {
                return Ok(Registry::clone(&seen));
            }
            let registry = load(&self.shared.pool, self.rules).await?;
            self.shared.adopt(&Arc::new(registry.clone()));
            Ok(registry)
        })
    }

    fn registry_version(&self) -> StoreFuture<'_, u64> {
        self.read(async |mut work| registry::version(&mut work).await)
    }

    fn change(&self, change: Change, audit: NewAuditEntry) -> StoreFuture<'_, Registry> {
        self.request(RegistryChange::new(change, audit))
    }

    fn record_jti(&self, record: JtiRecord) -> StoreFuture<'_, Recorded> {
        let key = JtiKey::of(&record);
        self.write(move |answer| Write::Jti(key, record.forget_after.as_secs(), answer))
    }

    fn append_audit(&self, entry: NewAuditEntry) -> StoreFuture<'_, ()> {
        self.write(|answer| Write::Audit(entry, answer))
    }

    fn audit_matching(&self, query: AuditQuery) -> StoreFuture<'_, Page<AuditEntry>> {
        self.read(move |mut work| async move { audit::list(&mut work, query).await })
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
        self.read(|mut work| async move { tokens::is_denied(&mut work, jti).await })
    }

    fn issuer_keys(&self) -> StoreFuture<'_, StoredKeys> {
        self.read(|mut work| async move { keys::list(&mut work).await })
    }

    fn change_issuer_keys(&self, change: KeyChange) -> StoreFuture<'_, bool> {
        self.request(change)
    }

    fn create_login(&self, row: LoginRow) -> StoreFuture<'_, ()> {
        self.request(row)
    }

    fn login(&self, id: &str) -> StoreFuture<'_, Option<LoginRow>> {
        let id = id.to_owned();
        self.read(|mut work| async move { logins::by_id(&mut work, id).await })
    }

    fn login_by_handle(&self, handle: &str) -> StoreFuture<'_, Option<LoginRow>> {
        let handle = handle.to_owned();
        self.read(|mut work| async move { logins::by_handle(&mut work, handle).await })
    }

    fn live_logins(&self, source: &str, now: UnixTime) -> StoreFuture<'_, u64> {
        let source = source.to_owned();
        self.read(move |mut work| async move { logins::count_live(&mut work, source, now).await })
    }

    fn update_login(&self, update: LoginUpdate) -> StoreFuture<'_, bool> {
        self.request(update)
    }

    fn create_session(&self, row: SessionRow, audit: NewAuditEntry) -> StoreFuture<'_, ()> {
        self.request(BeginSession { row, audit })
    }

    fn session(&self, id: &str) -> StoreFuture<'_, Option<SessionRow>> {
        let id = id.to_owned();
        self.read(|mut work| async move { sessions::by_id(&mut work, id).await })
    }

    fn sessions_matching(&self, query: SessionQuery) -> StoreFuture<'_, Page<SessionRow>> {
        self.read(move |mut work| async move { sessions::list(&mut work, query).await })
    }

    fn past_secret(&self, id: &str, digest: &[u8]) -> StoreFuture<'_, Option<PastSecret>> {
        let (id, digest) = (id.to_owned(), digest.to_owned());
        self.read(|mut work| async move { sessions::past_secret(&mut work, id, digest).await })
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
        self.read(|mut work| async move { accounts::by_principal(&mut work, principal).await })
    }

    fn passwords_set(&self) -> StoreFuture<'_, BTreeMap<String, UnixTime>> {
        self.read(|mut work| async move { accounts::passwords_set(&mut work).await })
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
        self.request(Rehash {
            principal: principal.to_owned(),
            instead_of: instead_of.to_owned(),
            hash: hash.to_owned(),
            audit,
        })
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
        self.read(move |mut work| async move { granted::by_id(&mut work, id).await })
    }

    fn token_by_digest(&self, digest: &[u8]) -> StoreFuture<'_, Option<TokenRow>> {
        let digest = digest.to_owned();
        self.read(move |mut work| async move { granted::by_digest(&mut work, digest).await })
    }

    fn tokens(&self, query: TokenQuery) -> StoreFuture<'_, Page<TokenRow>> {
        self.read(move |mut work| async move { granted::list(&mut work, query).await })
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
        self.read(move |mut work| async move { token_ends::reached(&mut work, which, at).await })
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
        self.read(move |mut work| async move { token_ends::version(&mut work).await })
    }

    fn token_counts(&self, now: UnixTime, warned: Duration) -> StoreFuture<'_, Vec<TokenCount>> {
        self.read(move |mut work| async move { granted::count(&mut work, now, warned).await })
    }

    fn believed_from(&self) -> UnixTime {
        self.believed_from
    }

    fn watch(&self) -> broadcast::Receiver<Changed> {
        self.shared.waker.watch()
    }

    fn cleanup(&self, now: UnixTime, batch: u32) -> StoreFuture<'_, u64> {
        self.request(Cleanup { now, batch })
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        self.request(Ping)
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        Box::pin(async move {
            self.shared.pool.close().await;
            Ok(())
        })
    }
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore")
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
pub(super) mod tests;
