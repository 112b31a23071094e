//! How does a platform remember while its process lives?

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use countersign_proto::{
    management::{AuditEntry, Page},
    time::UnixTime,
};

use tokio::sync::broadcast;

use super::{
    AccountRow, AuditQuery, Changed, JtiKey, JtiRecord, KeyChange, LoginRow, LoginUpdate,
    NewAuditEntry, PastSecret, Recorded, SessionAdvance, SessionQuery, SessionRow, Settlement,
    Store, StoreError, StoreFuture, StoredKeys, TokenCount, TokenCreated, TokenQuery, TokenRotated,
    TokenRotation, TokenRow, TokenSelector, TokenUse, Waker,
    resting::{self, Resting},
};
use crate::registry::{Change, Registry, Rules};

mod audit;

mod pages;
use pages::page;

mod sign_in;

mod granted;

mod origin;

mod token_ends;

mod forgetting;

/// The store of tests and of `store.url = "memory:"`: everything is gone with the process.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
    waker: Waker,
    #[cfg(test)]
    control: tests::Control,
}

#[derive(Debug)]
struct State {
    closed: bool,
    registry: Registry,
    seen: HashMap<JtiKey, UnixTime>,
    seen_by_end: BTreeSet<(UnixTime, JtiKey)>,
    /// The latest `forget_after` of anything forgotten.
    forgotten_up_to: Option<UnixTime>,
    denied: HashMap<String, UnixTime>,
    audit: Vec<AuditEntry>,
    keys: StoredKeys,
    logins: HashMap<String, LoginRow>,
    sessions: BTreeMap<String, SessionRow>,
    past_secrets: HashMap<String, Vec<(Vec<u8>, PastSecret)>>,
    accounts: HashMap<String, AccountRow>,
    tokens: BTreeMap<String, TokenRow>,
    token_version: u64,
    /// What has changed since somebody was woken.
    changes: Vec<Changed>,
}

impl MemoryStore {
    /// An empty store whose registry is held to `rules`.
    pub fn new(rules: Rules) -> MemoryStore {
        MemoryStore {
            state: Mutex::new(State {
                closed: false,
                registry: Registry::new(rules),
                seen: HashMap::new(),
                seen_by_end: BTreeSet::new(),
                forgotten_up_to: None,
                denied: HashMap::new(),
                audit: Vec::new(),
                keys: StoredKeys::default(),
                logins: HashMap::new(),
                sessions: BTreeMap::new(),
                past_secrets: HashMap::new(),
                accounts: HashMap::new(),
                tokens: BTreeMap::new(),
                token_version: 0,
                changes: Vec::new(),
            }),
            waker: Waker::new(),
            #[cfg(test)]
            control: tests::Control::Sound,
        }
    }

    /// Does the whole of one call under the lock, when its future is first polled.
    fn call<'a, T: Send + 'a>(
        &'a self,
        work: impl FnOnce(&mut State) -> Result<T, StoreError> + Send + 'a,
    ) -> StoreFuture<'a, T> {
        Box::pin(async move {
            let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
            if state.closed {
                return Err(StoreError::Closed);
            }
            let outcome = work(&mut state);
            self.waker.wake(state.changes.drain(..));
            outcome
        })
    }
}

impl Store for MemoryStore {
    fn registry(&self) -> StoreFuture<'_, Registry> {
        self.call(|state| Ok(state.registry.clone()))
    }

    fn registry_version(&self) -> StoreFuture<'_, u64> {
        self.call(|state| Ok(state.registry.version()))
    }

    fn change(&self, change: Change, audit: NewAuditEntry) -> StoreFuture<'_, Registry> {
        self.call(move |state| {
            let next = state.registry.apply(&change)?;
            let before = std::mem::replace(&mut state.registry, next);
            state.forget_deleted(&change, audit.at);
            for (ground, reason) in resting::taken_away(&change, &before) {
                state.revoke(&ground, reason, audit.at);
            }
            for role in resting::roles_deleted(&change) {
                state.take_role_away(role, audit.at);
            }
            state.append(audit);
            state.changes.push(Changed::Registry);
            Ok(state.registry.clone())
        })
    }

    fn record_jti(&self, record: JtiRecord) -> StoreFuture<'_, Recorded> {
        self.call(move |state| {
            if Some(record.forget_after) <= state.forgotten_up_to {
                return Ok(Recorded::Replayed);
            }
            let key = JtiKey::of(&record);
            if state.seen.contains_key(&key) {
                return Ok(Recorded::Replayed);
            }
            state.seen.insert(key, record.forget_after);
            state.seen_by_end.insert((record.forget_after, key));
            Ok(Recorded::Fresh)
        })
    }

    fn append_audit(&self, entry: NewAuditEntry) -> StoreFuture<'_, ()> {
        self.call(move |state| {
            state.append(entry);
            Ok(())
        })
    }

    fn audit_matching(&self, query: AuditQuery) -> StoreFuture<'_, Page<AuditEntry>> {
        self.call(move |state| {
            let rows = state.audit.iter().rev().filter(|entry| query.takes(entry));
            Ok(page(rows, query.limit, |last| last.sequence.to_string()))
        })
    }

    fn deny_token(
        &self,
        jti: String,
        until: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, ()> {
        self.call(move |state| {
            if state.denied.get(&jti).is_none_or(|end| *end < until) {
                state.denied.insert(jti.clone(), until);
                state.tell(&[jti]);
            }
            state.append(audit);
            Ok(())
        })
    }

    fn is_token_denied(&self, jti: &str) -> StoreFuture<'_, bool> {
        let jti = jti.to_owned();
        self.call(move |state| Ok(state.denied.contains_key(&jti)))
    }

    fn issuer_keys(&self) -> StoreFuture<'_, StoredKeys> {
        self.call(|state| Ok(state.keys.clone()))
    }

    fn change_issuer_keys(&self, change: KeyChange) -> StoreFuture<'_, bool> {
        self.call(move |state| {
            if state.keys.version != change.version {
                return Ok(false);
            }
            state.keys.version += 1;
            let keys = &mut state.keys.keys;
            keys.retain(|old| !change.keys.iter().any(|new| new.kid == old.kid));
            keys.extend(change.keys);
            keys.sort_by(|a, b| (a.created_at, &a.kid).cmp(&(b.created_at, &b.kid)));
            for entry in change.audit {
                state.append(entry);
            }
            state.changes.push(Changed::Registry);
            Ok(true)
        })
    }

    fn cleanup(&self, now: UnixTime, batch: u32) -> StoreFuture<'_, u64> {
        self.call(move |state| {
            let mut left = usize::try_from(batch).unwrap_or(usize::MAX);
            state.forget_jtis(now, &mut left);
            state.forget_denied(now, &mut left);
            state.forget_logins(now, &mut left);
            state.forget_sessions(now, &mut left);
            state.end_unacknowledged(now, &mut left);
            state.forget_tokens(now, &mut left);
            state.end_graces(now, &mut left);
            Ok(u64::from(batch).saturating_sub(left as u64))
        })
    }

    fn create_login(&self, row: LoginRow) -> StoreFuture<'_, ()> {
        self.call(move |state| state.create_login(row))
    }

    fn login(&self, id: &str) -> StoreFuture<'_, Option<LoginRow>> {
        let id = id.to_owned();
        self.call(move |state| Ok(state.logins.get(&id).cloned()))
    }

    fn login_by_handle(&self, handle: &str) -> StoreFuture<'_, Option<LoginRow>> {
        let handle = handle.to_owned();
        self.call(move |state| {
            let found = state.logins.values().find(|row| row.handle == handle);
            Ok(found.cloned())
        })
    }

    fn live_logins(&self, source: &str, now: UnixTime) -> StoreFuture<'_, u64> {
        let source = source.to_owned();
        self.call(move |state| Ok(state.live_logins(&source, now)))
    }

    fn update_login(&self, update: LoginUpdate) -> StoreFuture<'_, bool> {
        self.call(move |state| state.update_login(update))
    }

    fn create_session(&self, row: SessionRow, audit: NewAuditEntry) -> StoreFuture<'_, ()> {
        self.call(move |state| state.create_session(row, audit))
    }

    fn session(&self, id: &str) -> StoreFuture<'_, Option<SessionRow>> {
        let id = id.to_owned();
        self.call(move |state| Ok(state.sessions.get(&id).cloned()))
    }

    fn sessions_matching(&self, query: SessionQuery) -> StoreFuture<'_, Page<SessionRow>> {
        self.call(move |state| {
            let rows = state.sessions.values().rev();
            let rows = rows.filter(|row| query.takes(row));
            Ok(page(rows, query.limit, |last| last.id.clone()))
        })
    }

    fn past_secret(&self, id: &str, digest: &[u8]) -> StoreFuture<'_, Option<PastSecret>> {
        let (id, digest) = (id.to_owned(), digest.to_owned());
        self.call(move |state| Ok(state.past_secret(&id, &digest)))
    }

    fn advance_session(&self, advance: SessionAdvance) -> StoreFuture<'_, Option<SessionRow>> {
        #[cfg(test)]
        if let tests::Control::ReadsThenWrites(all_have_read) = &self.control {
            return self.read_then_write(advance, all_have_read);
        }
        self.call(move |state| Ok(state.advance_session(advance)))
    }

    fn end_session(
        &self,
        id: &str,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool> {
        let (id, reason) = (id.to_owned(), reason.to_owned());
        self.call(move |state| {
            let ended = state.end_session(&id, &reason, at);
            if ended {
                state.append(audit);
            }
            Ok(ended)
        })
    }

    fn end_unrefreshed_session(
        &self,
        id: &str,
        generation: u32,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool> {
        let (id, reason) = (id.to_owned(), reason.to_owned());
        self.call(move |state| {
            let session = state.sessions.get(&id);
            let ended = session.is_some_and(|session| session.generation == generation)
                && state.end_session(&id, &reason, at);
            if ended {
                state.append(audit);
            }
            Ok(ended)
        })
    }

    fn end_sessions_of(
        &self,
        principal: &str,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, u64> {
        let (principal, reason) = (principal.to_owned(), reason.to_owned());
        self.call(move |state| {
            let ended = state.end_sessions_of(&principal, &reason, at);
            if ended > 0 {
                state.append(audit);
            }
            Ok(ended)
        })
    }

    fn account(&self, principal: &str) -> StoreFuture<'_, Option<AccountRow>> {
        let principal = principal.to_owned();
        self.call(move |state| Ok(state.accounts.get(&principal).cloned()))
    }

    fn passwords_set(&self) -> StoreFuture<'_, BTreeMap<String, UnixTime>> {
        self.call(|state| Ok(state.passwords_set()))
    }

    fn put_account(&self, row: AccountRow, audit: NewAuditEntry) -> StoreFuture<'_, ()> {
        self.call(move |state| {
            state.require_principal(&row.principal)?;
            state.accounts.insert(row.principal.clone(), row);
            state.append(audit);
            Ok(())
        })
    }

    fn rehash_account(
        &self,
        principal: &str,
        instead_of: &str,
        hash: &str,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool> {
        let (principal, hash) = (principal.to_owned(), hash.to_owned());
        let instead_of = instead_of.to_owned();
        self.call(move |state| {
            match state.accounts.get_mut(&principal) {
                Some(row) if row.password == instead_of => row.password = hash,
                _ => return Ok(false),
            }
            state.append(audit);
            Ok(true)
        })
    }

    fn delete_account(&self, principal: &str, audit: NewAuditEntry) -> StoreFuture<'_, bool> {
        let principal = principal.to_owned();
        self.call(move |state| {
            let deleted = state.accounts.remove(&principal).is_some();
            if deleted {
                state.append(audit);
            }
            Ok(deleted)
        })
    }

    fn create_token(
        &self,
        row: TokenRow,
        limit: u32,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, TokenCreated> {
        self.call(move |state| state.create_token(row, limit, audit))
    }

    fn token(&self, id: &str) -> StoreFuture<'_, Option<TokenRow>> {
        let id = id.to_owned();
        self.call(move |state| Ok(state.tokens.get(&id).cloned()))
    }

    fn token_by_digest(&self, digest: &[u8]) -> StoreFuture<'_, Option<TokenRow>> {
        let digest = digest.to_owned();
        self.call(move |state| Ok(state.token_by_digest(&digest)))
    }

    fn tokens(&self, query: TokenQuery) -> StoreFuture<'_, Page<TokenRow>> {
        self.call(move |state| Ok(state.list_tokens(&query)))
    }

    fn describe_token(
        &self,
        id: &str,
        name: &str,
        description: &str,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool> {
        let (id, name, description) = (id.to_owned(), name.to_owned(), description.to_owned());
        self.call(move |state| Ok(state.describe_token(&id, name, description, audit)))
    }

    fn rotate_token(&self, rotation: TokenRotation) -> StoreFuture<'_, TokenRotated> {
        self.call(move |state| state.rotate_token(rotation))
    }

    fn settle_rotation(
        &self,
        successor: &str,
        settlement: Settlement,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, bool> {
        let successor = successor.to_owned();
        self.call(move |state| Ok(state.settle_rotation(&successor, settlement, at, audit)))
    }

    fn revoke_tokens(
        &self,
        which: TokenSelector,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, Vec<String>> {
        let reason = reason.to_owned();
        self.call(move |state| Ok(state.revoke_tokens(which, &reason, at, audit)))
    }

    fn tokens_reached(&self, which: TokenSelector, at: UnixTime) -> StoreFuture<'_, Vec<TokenRow>> {
        self.call(move |state| {
            let reached = state.reached(&Resting::Selected(which), at);
            let rows = reached.iter().filter_map(|id| state.tokens.get(id));
            Ok(rows.cloned().collect())
        })
    }

    fn revoke_judged_tokens(
        &self,
        which: TokenSelector,
        judged: BTreeSet<String>,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, Option<Vec<String>>> {
        let reason = reason.to_owned();
        self.call(move |state| {
            let reached = state.reached(&Resting::Selected(which.clone()), at);
            let is_judged = reached.iter().all(|id| judged.contains(id));
            Ok(is_judged.then(|| state.revoke_tokens(which, &reason, at, audit)))
        })
    }

    fn record_token_uses(&self, uses: Vec<TokenUse>) -> StoreFuture<'_, ()> {
        self.call(move |state| {
            state.record_token_uses(uses);
            Ok(())
        })
    }

    fn token_version(&self) -> StoreFuture<'_, u64> {
        self.call(|state| Ok(state.token_version))
    }

    fn token_counts(&self, now: UnixTime, warned: Duration) -> StoreFuture<'_, Vec<TokenCount>> {
        self.call(move |state| Ok(state.count_tokens(now, warned)))
    }

    fn watch(&self) -> broadcast::Receiver<Changed> {
        self.waker.watch()
    }

    fn ping(&self) -> StoreFuture<'_, ()> {
        self.call(|_| Ok(()))
    }

    fn close(&self) -> StoreFuture<'_, ()> {
        self.call(|state| {
            state.closed = true;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::sync::Barrier;

    use super::*;
    use crate::store::laws::{
        laws_of,
        sessions::{active, advances_made, begin},
        with_carol,
    };

    async fn empty() -> (Arc<dyn Store>, ()) {
        (Arc::new(MemoryStore::new(Rules::default())), ())
    }

    laws_of!(empty);

    /// Which promise a store breaks, so that a law can show that it would notice.
    #[derive(Debug)]
    pub(super) enum Control {
        Sound,
        /// Reads whether a session may advance, and then writes that it did; it is unlucky, and
        /// everybody reads before anybody writes.
        ReadsThenWrites(Barrier),
    }

    impl MemoryStore {
        pub(super) fn read_then_write<'a>(
            &'a self,
            advance: SessionAdvance,
            all_have_read: &'a Barrier,
        ) -> StoreFuture<'a, Option<SessionRow>> {
            Box::pin(async move {
                let read = self.session(&advance.id).await?;
                all_have_read.wait().await;
                self.call(move |state| {
                    let Some(stored) = state.sessions.get_mut(&advance.id) else {
                        return Ok(None);
                    };
                    if let Some(read) = read {
                        *stored = read;
                    }
                    Ok(state.advance_session(advance))
                })
                .await
            })
        }
    }

    // security.md 65: what the law is there to catch
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_store_that_reads_then_writes_counts_less_than_it_gives_and_law_6_sees_it() {
        let mut store = MemoryStore::new(Rules::default());
        store.control = Control::ReadsThenWrites(Barrier::new(20));
        let store: Arc<dyn Store> = Arc::new(store);
        with_carol(&store).await;
        begin(&store, active("s")).await;
        let given = advances_made(&store, 0, 20).await;
        let counted = store.session("s").await.unwrap().unwrap().generation;
        assert_eq!((given, counted), (20, 1));
    }
}
