//! What if the store were not as good as its laws?

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::poll_fn,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use countersign::proto::{
    management::{AuditEntry, Page},
    time::UnixTime,
};
use countersign_server::{
    Change, Registry,
    store::{
        AccountRow, AuditQuery, Changed, JtiRecord, KeyChange, LoginRow, LoginUpdate,
        NewAuditEntry, PastSecret, Recorded, SessionAdvance, SessionQuery, SessionRow, Settlement,
        Store, StoreError, StoreFuture, StoredKeys, TokenCount, TokenCreated, TokenQuery,
        TokenRotated, TokenRotation, TokenRow, TokenSelector, TokenUse,
    },
};
use tokio::sync::{broadcast, watch};

/// A store in front of which every call waits for one turn, so that whoever polls decides who is
/// next.
pub(super) struct Around {
    inner: Arc<dyn Store>,
    counting: Counting,
    /// What was written by [`Counting::ReadThenWrite`].
    written: Mutex<Written>,
    readers: Mutex<Readers>,
}

#[derive(Default)]
struct Written {
    sessions: HashMap<String, SessionRow>,
    past: Vec<(Vec<u8>, PastSecret)>,
}

/// How many have read each generation of a session.
type Readers = HashMap<(String, u32), watch::Sender<usize>>;

/// How a refresh is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// By the store's own conditional write.
    Conditional,
    /// By a read, and then a write that asks no more: what most would write first.
    ReadThenWrite,
    /// The same, and nobody writes before two have read: for a test that asks with many at once.
    TwoReadThenWrite,
}

impl Around {
    pub(super) fn new(inner: Arc<dyn Store>, counting: Counting) -> Around {
        Around {
            inner,
            counting,
            written: Mutex::default(),
            readers: Mutex::default(),
        }
    }

    /// What a select and an update do, one after the other.
    async fn read_then_write(
        &self,
        advance: SessionAdvance,
    ) -> Result<Option<SessionRow>, StoreError> {
        let read = self.session(&advance.id).await?;
        let may = |row: &SessionRow| {
            row.generation == advance.from_generation && row.generation < row.refresh_limit
        };
        let Some(mut row) = read.filter(may) else {
            return Ok(None);
        };
        if self.counting == Counting::TwoReadThenWrite {
            let mut readers = {
                let mut readers = self.readers.lock().unwrap();
                let read = readers.entry((row.id.clone(), row.generation)).or_default();
                read.send_modify(|count| *count += 1);
                read.subscribe()
            };
            readers.wait_for(|count| *count >= 2).await.unwrap();
        }
        turn().await;
        self.inner.append_audit(advance.audit).await?;
        let past = PastSecret {
            generation: row.generation,
            used_at: advance.at,
            successor_used_at: None,
        };
        let secret = std::mem::replace(&mut row.secret, advance.secret);
        row.generation += 1;
        (row.pepper_version, row.key_version) = (advance.pepper_version, advance.key_version);
        (row.jti, row.refreshed_at) = (advance.jti, advance.at);
        (row.issued_at, row.expires_at) = (advance.issued_at, advance.expires_at);
        let mut written = self.written.lock().unwrap();
        written.past.push((secret, past));
        written.sessions.insert(row.id.clone(), row.clone());
        Ok(Some(row))
    }
}

/// Every call, after a turn.
macro_rules! pass_on {
    ($($name:ident($($argument:ident: $of:ty),*) -> $answer:ty;)*) => {
        $(fn $name(&self, $($argument: $of),*) -> StoreFuture<'_, $answer> {
            // Made now, since it may borrow what is only here now; it begins when it is polled.
            let call = self.inner.$name($($argument),*);
            Box::pin(async move {
                turn().await;
                call.await
            })
        })*
    };
}

impl Store for Around {
    fn believed_from(&self) -> UnixTime {
        self.inner.believed_from()
    }

    fn advance_session(&self, advance: SessionAdvance) -> StoreFuture<'_, Option<SessionRow>> {
        Box::pin(async move {
            turn().await;
            match self.counting {
                Counting::Conditional => self.inner.advance_session(advance).await,
                Counting::ReadThenWrite | Counting::TwoReadThenWrite => {
                    self.read_then_write(advance).await
                }
            }
        })
    }

    fn session(&self, id: &str) -> StoreFuture<'_, Option<SessionRow>> {
        let id = id.to_owned();
        Box::pin(async move {
            turn().await;
            let written = self.written.lock().unwrap().sessions.get(&id).cloned();
            match written {
                Some(written) => Ok(Some(written)),
                None => self.inner.session(&id).await,
            }
        })
    }

    fn past_secret(&self, id: &str, digest: &[u8]) -> StoreFuture<'_, Option<PastSecret>> {
        let (id, digest) = (id.to_owned(), digest.to_owned());
        Box::pin(async move {
            turn().await;
            let written = {
                let written = self.written.lock().unwrap();
                let mut past = written.past.iter();
                past.find(|(secret, _)| *secret == digest)
                    .map(|(_, past)| *past)
            };
            match written {
                Some(written) => Ok(Some(written)),
                None => self.inner.past_secret(&id, &digest).await,
            }
        })
    }

    fn watch(&self) -> broadcast::Receiver<Changed> {
        self.inner.watch()
    }

    pass_on! {
        registry() -> Registry;
        registry_version() -> u64;
        change(change: Change, audit: NewAuditEntry) -> Registry;
        record_jti(record: JtiRecord) -> Recorded;
        append_audit(entry: NewAuditEntry) -> ();
        audit_matching(query: AuditQuery) -> Page<AuditEntry>;
        deny_token(jti: String, until: UnixTime, audit: NewAuditEntry) -> ();
        is_token_denied(jti: &str) -> bool;
        issuer_keys() -> StoredKeys;
        change_issuer_keys(change: KeyChange) -> bool;
        create_login(row: LoginRow) -> ();
        login(id: &str) -> Option<LoginRow>;
        login_by_handle(handle: &str) -> Option<LoginRow>;
        live_logins(source: &str, now: UnixTime) -> u64;
        update_login(update: LoginUpdate) -> bool;
        create_session(row: SessionRow, audit: NewAuditEntry) -> ();
        sessions_matching(query: SessionQuery) -> Page<SessionRow>;
        end_session(id: &str, reason: &str, at: UnixTime, audit: NewAuditEntry) -> bool;
        end_unrefreshed_session(id: &str, generation: u32, reason: &str, at: UnixTime, audit: NewAuditEntry) -> bool;
        end_sessions_of(principal: &str, reason: &str, at: UnixTime, audit: NewAuditEntry) -> u64;
        account(principal: &str) -> Option<AccountRow>;
        passwords_set() -> BTreeMap<String, UnixTime>;
        put_account(row: AccountRow, audit: NewAuditEntry) -> ();
        rehash_account(principal: &str, instead_of: &str, hash: &str, audit: NewAuditEntry) -> bool;
        delete_account(principal: &str, audit: NewAuditEntry) -> bool;
        create_token(row: TokenRow, limit: u32, audit: NewAuditEntry) -> TokenCreated;
        token(id: &str) -> Option<TokenRow>;
        token_by_digest(digest: &[u8]) -> Option<TokenRow>;
        tokens(query: TokenQuery) -> Page<TokenRow>;
        describe_token(id: &str, name: &str, description: &str, audit: NewAuditEntry) -> bool;
        rotate_token(rotation: TokenRotation) -> TokenRotated;
        settle_rotation(successor: &str, settlement: Settlement, at: UnixTime, audit: NewAuditEntry) -> bool;
        revoke_tokens(which: TokenSelector, reason: &str, at: UnixTime, audit: NewAuditEntry) -> Vec<String>;
        tokens_reached(which: TokenSelector, at: UnixTime) -> Vec<TokenRow>;
        revoke_judged_tokens(which: TokenSelector, judged: BTreeSet<String>, reason: &str, at: UnixTime, audit: NewAuditEntry) -> Option<Vec<String>>;
        record_token_uses(uses: Vec<TokenUse>) -> ();
        token_version() -> u64;
        token_counts(now: UnixTime, warned: Duration) -> Vec<TokenCount>;
        cleanup(now: UnixTime, batch: u32) -> u64;
        ping() -> ();
        close() -> ();
    }
}

/// Lets everybody else go first, once.
async fn turn() {
    let mut waited = false;
    poll_fn(|context| {
        if waited {
            return Poll::Ready(());
        }
        waited = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
