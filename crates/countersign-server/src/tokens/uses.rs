//! When and from where was each token last used, without a write for each use?
//!
//! Uses wait here, one for each token, and are written together from time to time. A use is given up
//! only when it was written: a store that fails, and a writer that is stopped, lose nothing.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use countersign_proto::time::UnixTime;
use tokio::sync::Notify;

use crate::store::{Store, StoreError, TokenUse};

/// How many tokens may wait to be written. Uses of more are not remembered.
const WAITING_MAX: usize = 100_000;
/// How many are written at once.
const BATCH: usize = 1_000;

/// Uses that were not written yet.
#[derive(Default)]
pub(crate) struct TokenUses {
    waiting: Mutex<HashMap<String, TokenUse>>,
    many: Notify,
}

impl TokenUses {
    /// Remembers a use, to be written later.
    pub(crate) fn note(&self, id: &str, at: UnixTime, from: Option<IpAddr>) {
        let mut waiting = self.waiting();
        if let Some(latest) = waiting.get_mut(id) {
            if at >= latest.at {
                (latest.at, latest.from) = (at, from);
            }
            return;
        }
        if waiting.len() >= WAITING_MAX {
            return;
        }
        let id = id.to_owned();
        let latest = TokenUse {
            id: id.clone(),
            at,
            from,
        };
        waiting.insert(id, latest);
        if waiting.len() >= WAITING_MAX / 2 {
            self.many.notify_one();
        }
    }

    /// Waits until so many wait that they should be written soon.
    pub(crate) async fn are_many(&self) {
        self.many.notified().await;
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// [`StoreError`]: what was not written goes on waiting.
    pub(crate) async fn flush(&self, store: &dyn Store) -> Result<(), StoreError> {
        let all: Vec<TokenUse> = self.waiting().values().cloned().collect();
        for batch in all.chunks(BATCH) {
            store.record_token_uses(batch.to_vec()).await?;
            let mut waiting = self.waiting();
            for written in batch {
                // Used again meanwhile: that waits for the next time.
                if waiting.get(&written.id) == Some(written) {
                    waiting.remove(&written.id);
                }
            }
        }
        Ok(())
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<String, TokenUse>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_secs(seconds)
    }

    fn from(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn of_many_uses_of_a_token_the_latest_waits() {
        let uses = TokenUses::default();
        uses.note("a", at(10), from("192.0.2.1"));
        uses.note("a", at(12), from("192.0.2.2"));
        uses.note("a", at(11), from("192.0.2.3"));
        uses.note("b", at(5), None);
        let waiting = uses.waiting();
        assert_eq!(waiting.len(), 2);
        assert_eq!(
            (waiting["a"].at, waiting["a"].from),
            (at(12), from("192.0.2.2"))
        );
    }

    #[test]
    fn no_more_tokens_wait_than_there_is_room_for() {
        let uses = TokenUses::default();
        for number in 0..=WAITING_MAX {
            uses.note(&number.to_string(), at(1), None);
        }
        assert_eq!(uses.waiting().len(), WAITING_MAX);
        uses.note("0", at(2), None);
        assert_eq!(uses.waiting()["0"].at, at(2), "who is there is kept");
    }

    #[tokio::test]
    async fn many_are_told_before_the_room_is_used_up() {
        let uses = TokenUses::default();
        for number in 0..WAITING_MAX / 2 {
            uses.note(&number.to_string(), at(1), None);
        }
        uses.are_many().await;
    }
}
