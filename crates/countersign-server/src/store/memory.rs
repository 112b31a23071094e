//! How does a platform remember while its process lives?

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, PoisonError},
};

use countersign_proto::{
    management::{AuditEntry, Page},
    time::UnixTime,
};

use super::{
    DENIED_KEPT_AFTER_END, JtiKey, JtiRecord, NewAuditEntry, Recorded, Store, StoreError,
    StoreFuture, StoredKey,
};
use crate::registry::{Change, Registry, Rules};

/// The store of tests and of `store.url = "memory:"`: everything is gone with the process.
#[derive(Debug)]
pub struct MemoryStore {
    state: Mutex<State>,
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
    keys: Vec<StoredKey>,
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
                keys: Vec::new(),
            }),
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
            work(&mut state)
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
            state.registry = state.registry.apply(&change)?;
            state.append(audit);
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

    fn audit(&self, after: Option<u64>, limit: u32) -> StoreFuture<'_, Page<AuditEntry>> {
        self.call(move |state| {
            let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
            let mut rows = state
                .audit
                .iter()
                .rev()
                .filter(|entry| after.is_none_or(|after| entry.sequence < after));
            let items: Vec<AuditEntry> = rows.by_ref().take(wanted).cloned().collect();
            let next = match (rows.next(), items.last()) {
                (Some(_), Some(last)) => Some(last.sequence.to_string()),
                _ => None,
            };
            Ok(Page { items, next })
        })
    }

    fn deny_token(
        &self,
        jti: String,
        until: UnixTime,
        audit: NewAuditEntry,
    ) -> StoreFuture<'_, ()> {
        self.call(move |state| {
            let end = state.denied.entry(jti).or_insert(until);
            *end = until.max(*end);
            state.append(audit);
            Ok(())
        })
    }

    fn is_token_denied(&self, jti: &str) -> StoreFuture<'_, bool> {
        let jti = jti.to_owned();
        self.call(move |state| Ok(state.denied.contains_key(&jti)))
    }

    fn issuer_keys(&self) -> StoreFuture<'_, Vec<StoredKey>> {
        self.call(|state| Ok(state.keys.clone()))
    }

    fn add_issuer_key(&self, key: StoredKey) -> StoreFuture<'_, ()> {
        self.call(move |state| {
            if !state.keys.iter().any(|old| old.kid == key.kid) {
                state.keys.push(key);
                state.keys.sort_by_key(|key| key.created_at);
            }
            Ok(())
        })
    }

    fn cleanup(&self, now: UnixTime, batch: u32) -> StoreFuture<'_, u64> {
        self.call(move |state| {
            let mut forgotten = 0;
            while forgotten < u64::from(batch)
                && let Some((end, key)) = state.seen_by_end.first().copied()
                && end < now
            {
                state.seen_by_end.remove(&(end, key));
                state.seen.remove(&key);
                state.forgotten_up_to = state.forgotten_up_to.max(Some(end));
                forgotten += 1;
            }
            let ended: Vec<String> = state
                .denied
                .iter()
                .filter(|(_, until)| until.plus(DENIED_KEPT_AFTER_END) < now)
                .map(|(jti, _)| jti.clone())
                .take(usize::try_from(u64::from(batch) - forgotten).unwrap_or(usize::MAX))
                .collect();
            for jti in ended {
                state.denied.remove(&jti);
                forgotten += 1;
            }
            Ok(forgotten)
        })
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

impl State {
    fn append(&mut self, new: NewAuditEntry) {
        let sequence = self.audit.last().map_or(1, |last| last.sequence + 1);
        self.audit.push(AuditEntry {
            sequence,
            at: new.at,
            actor: new.actor,
            subject: new.subject,
            action: new.action.to_owned(),
            outcome: new.outcome.name().to_owned(),
            token_id: new.token_id,
            certificate: new.certificate,
            address: new.address,
            reason: new.reason,
        });
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::store::laws::laws_of;

    async fn empty() -> (Arc<dyn Store>, ()) {
        (Arc::new(MemoryStore::new(Rules::default())), ())
    }

    laws_of!(empty);
}
