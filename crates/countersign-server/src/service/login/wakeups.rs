//! Who is woken when a login changes?
//!
//! The store tells every change to whoever watches. One task of a platform watches for all of its
//! sockets and wakes those whose login has changed, so that thousands of idle sockets cost nothing.
//! The task is there while somebody waits.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::{
    sync::{Notify, broadcast},
    task::AbortHandle,
};

use crate::store::{Changed, Store};

/// Who waits for which login. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Wakeups {
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Default)]
struct Waiting {
    by_login: HashMap<String, Vec<Arc<Notify>>>,
    watching: Option<AbortHandle>,
}

/// Waits for changes of one login, from when it was made until it is dropped.
pub(crate) struct Wakeup {
    login: String,
    notify: Arc<Notify>,
    waiting: Arc<Mutex<Waiting>>,
}

impl Wakeups {
    /// From now on no change of this login is missed. Take it before reading the login.
    pub(crate) fn of(&self, login: &str, store: &dyn Store) -> Wakeup {
        let notify = Arc::new(Notify::new());
        let mut waiting = lock(&self.waiting);
        waiting
            .by_login
            .entry(login.to_owned())
            .or_default()
            .push(notify.clone());
        if waiting
            .watching
            .as_ref()
            .is_none_or(AbortHandle::is_finished)
        {
            let task = tokio::spawn(watch(store.watch(), self.waiting.clone()));
            waiting.watching = Some(task.abort_handle());
        }
        Wakeup {
            login: login.to_owned(),
            notify,
            waiting: self.waiting.clone(),
        }
    }
}

impl Wakeup {
    /// Waits for the next change; returns at once when there was one since the last wait.
    pub(crate) async fn woken(&self) {
        self.notify.notified().await;
    }
}

impl Drop for Wakeup {
    fn drop(&mut self) {
        let mut waiting = lock(&self.waiting);
        if let Some(those) = waiting.by_login.get_mut(&self.login) {
            those.retain(|other| !Arc::ptr_eq(other, &self.notify));
            if those.is_empty() {
                waiting.by_login.remove(&self.login);
            }
        }
        if waiting.by_login.is_empty()
            && let Some(task) = waiting.watching.take()
        {
            task.abort();
        }
    }
}

async fn watch(mut changes: broadcast::Receiver<Changed>, waiting: Arc<Mutex<Waiting>>) {
    while let Some(changed) = Changed::next(&mut changes).await {
        let waiting = lock(&waiting);
        match changed {
            Changed::Login(login) => waiting.by_login.get(&login).into_iter().for_each(wake),
            Changed::Anything => waiting.by_login.values().for_each(wake),
            Changed::Session(_) | Changed::Registry | Changed::Token(_) | Changed::Tokens => {}
        }
    }
}

fn wake(those: &Vec<Arc<Notify>>) {
    for notify in those {
        notify.notify_one();
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use countersign_proto::time::UnixTime;
    use tokio::time::timeout;

    use super::*;
    use crate::{
        registry::Rules,
        store::{LoginRow, LoginUpdate, MemoryStore},
    };

    fn row(id: &str, version: u64) -> LoginRow {
        LoginRow {
            id: id.to_owned(),
            handle: format!("handle of {id}"),
            version,
            source: String::new(),
            live: true,
            expires_at: UnixTime::from_secs(2_000_000_000),
            body: version.to_string(),
        }
    }

    async fn change(store: &MemoryStore, id: &str, version: u64) {
        let update = LoginUpdate {
            row: row(id, version),
            new_session: None,
            acknowledge: None,
            end_session: None,
            audit: Vec::new(),
        };
        assert!(store.update_login(update).await.unwrap());
    }

    async fn is_woken(wakeup: &Wakeup) -> bool {
        timeout(Duration::from_secs(1), wakeup.woken())
            .await
            .is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_wakes_those_who_wait_for_it_and_nobody_else() {
        let store = MemoryStore::new(Rules::default());
        store.create_login(row("a", 0)).await.unwrap();
        store.create_login(row("b", 0)).await.unwrap();
        let wakeups = Wakeups::default();
        let [one, other] = [wakeups.of("a", &store), wakeups.of("a", &store)];
        let third = wakeups.of("b", &store);
        change(&store, "a", 0).await;
        assert!(is_woken(&one).await && is_woken(&other).await);
        assert!(!is_woken(&third).await);
        assert!(!is_woken(&one).await, "once for one change");
        // A change that comes before somebody waits is not missed.
        change(&store, "b", 0).await;
        change(&store, "a", 1).await;
        assert!(is_woken(&third).await && is_woken(&one).await);
    }

    #[tokio::test(start_paused = true)]
    async fn while_nobody_waits_nothing_runs() {
        let store = MemoryStore::new(Rules::default());
        store.create_login(row("a", 0)).await.unwrap();
        let wakeups = Wakeups::default();
        for version in 0..2 {
            let many: Vec<Wakeup> = (0..100).map(|_| wakeups.of("a", &store)).collect();
            change(&store, "a", version).await;
            for wakeup in &many {
                assert!(is_woken(wakeup).await);
            }
            let task = lock(&wakeups.waiting).watching.clone().unwrap();
            drop(many);
            tokio::task::yield_now().await;
            assert!(task.is_finished());
            assert!(lock(&wakeups.waiting).by_login.is_empty());
        }
    }
}
