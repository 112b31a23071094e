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
            Changed::Session(_) | Changed::Registry => {}
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
