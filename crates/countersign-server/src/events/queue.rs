//! What waits to be delivered, and what is given up when too much does?

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use metrics::Counter;
use tokio::sync::Notify;

use super::Notice;

/// Events that wait at one time.
const WAITING_MAX: usize = 1_000;

/// Notices in the order in which they were told.
pub(super) struct Queue {
    waiting: Mutex<VecDeque<Arc<Notice>>>,
    came: Notify,
    counters: Counters,
}

/// What became of notices.
#[derive(Clone)]
pub(crate) struct Counters {
    /// The receiver took it.
    pub(crate) delivered: Counter,
    /// The receiver will never take it.
    pub(crate) refused: Counter,
    /// Given up: too many waited, or it waited for too long.
    pub(crate) dropped: Counter,
    /// An attempt that is made again.
    pub(crate) failed: Counter,
}

impl Queue {
    pub(super) fn new(counters: Counters) -> Queue {
        Queue {
            waiting: Mutex::default(),
            came: Notify::new(),
            counters,
        }
    }

    /// Puts a notice at the end. When too many wait, the oldest is given up: what is newer says more
    /// about what is going on.
    pub(super) fn put(&self, notice: Notice) {
        let mut waiting = self.waiting();
        if waiting.len() >= WAITING_MAX
            && let Some(oldest) = waiting.pop_front()
        {
            self.counters.dropped.increment(1);
            tracing::warn!(
                id = oldest.id,
                "too many events wait, the oldest is given up"
            );
        }
        waiting.push_back(Arc::new(notice));
        drop(waiting);
        self.came.notify_one();
    }

    /// The oldest, as soon as there is one. It stays until it is taken out.
    pub(super) async fn first(&self) -> Arc<Notice> {
        loop {
            if let Some(first) = self.front() {
                return first;
            }
            self.came.notified().await;
        }
    }

    /// The oldest, if there is one.
    pub(super) fn front(&self) -> Option<Arc<Notice>> {
        self.waiting().front().cloned()
    }

    /// Takes a notice out, unless it was given up meanwhile.
    pub(super) fn take_out(&self, notice: &Notice) {
        let mut waiting = self.waiting();
        if waiting.front().is_some_and(|first| first.id == notice.id) {
            waiting.pop_front();
        }
    }

    pub(super) fn counters(&self) -> &Counters {
        &self.counters
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Arc<Notice>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use countersign_proto::time::UnixTime;

    use super::*;
    use crate::events::EventName;

    pub(in crate::events) fn notice(number: usize, at: UnixTime) -> Notice {
        Notice {
            id: number.to_string(),
            name: EventName::SettingsWeak,
            at,
            body: b"{}".to_vec(),
        }
    }

    pub(in crate::events) fn queue() -> Queue {
        Queue::new(Counters {
            delivered: Counter::noop(),
            refused: Counter::noop(),
            dropped: Counter::noop(),
            failed: Counter::noop(),
        })
    }

    #[tokio::test]
    async fn what_came_first_is_first_until_it_is_taken_out() {
        let (queue, at) = (queue(), UnixTime::from_secs(1));
        queue.put(notice(1, at));
        queue.put(notice(2, at));
        assert_eq!(queue.first().await.id, "1");
        assert_eq!(queue.first().await.id, "1");
        queue.take_out(&notice(1, at));
        // Twice is once.
        queue.take_out(&notice(1, at));
        assert_eq!(queue.first().await.id, "2");
        queue.take_out(&notice(2, at));
        assert_eq!(queue.front(), None);
    }

    #[test]
    fn when_too_many_wait_the_oldest_is_given_up() {
        let (queue, at) = (queue(), UnixTime::from_secs(1));
        for number in 0..=WAITING_MAX {
            queue.put(notice(number, at));
        }
        assert_eq!(queue.waiting().len(), WAITING_MAX);
        assert_eq!(queue.front().unwrap().id, "1");
    }

    #[tokio::test]
    async fn who_waits_is_woken() {
        let queue = Arc::new(queue());
        let waiting = tokio::spawn({
            let queue = Arc::clone(&queue);
            async move { queue.first().await.id.clone() }
        });
        tokio::task::yield_now().await;
        queue.put(notice(7, UnixTime::from_secs(1)));
        assert_eq!(waiting.await.unwrap(), "7");
    }
}
