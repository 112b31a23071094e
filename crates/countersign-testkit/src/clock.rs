//! How does a test turn the time by hand?

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use countersign_proto::time::UnixTime;
use tokio::sync::watch;

/// A clock that stands still until it is turned. Clones are the same clock.
///
/// It is a clock of the SDK and a clock of the platform. A sleeper wakes when the clock is turned
/// past its time, never by itself.
#[derive(Clone, Debug)]
pub struct ManualClock {
    /// Time since 1970; finer than a second, so that short waits can be told apart.
    now: Arc<watch::Sender<Duration>>,
    sleepers: Arc<watch::Sender<usize>>,
    slept: Arc<AtomicUsize>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn new(now: UnixTime) -> ManualClock {
        ManualClock {
            now: Arc::new(watch::Sender::new(Duration::from_secs(now.as_secs()))),
            sleepers: Arc::new(watch::Sender::new(0)),
            slept: Arc::new(AtomicUsize::new(0)),
        }
    }

    /// A clock that shows what the operating system's clock shows now, for tests with other processes.
    pub fn starting_now() -> ManualClock {
        ManualClock::new(countersign::Clock::now(&countersign::SystemClock))
    }

    /// What it shows, in whole seconds.
    pub fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.now.borrow().as_secs())
    }

    /// Turns it forward and wakes whoever has slept long enough.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = now.saturating_add(by));
    }

    /// Sets it, forward or back. Sleepers wait for the moment that they were told, as on a clock
    /// that somebody corrects.
    pub fn set(&self, now: UnixTime) {
        self.now.send_replace(Duration::from_secs(now.as_secs()));
    }

    /// How many sleep on it now.
    pub fn sleepers(&self) -> usize {
        *self.sleepers.borrow()
    }

    /// How many have begun to sleep on it, ever.
    pub fn slept(&self) -> usize {
        self.slept.load(Ordering::SeqCst)
    }

    /// Ends when at least `count` sleep on it: the moment to turn it.
    pub async fn until_sleeping(&self, count: usize) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self
            .sleepers
            .subscribe()
            .wait_for(|sleepers| *sleepers >= count)
            .await;
    }

    async fn sleep_for(&self, duration: Duration) {
        let mut now = self.now.subscribe();
        let wake_at = now.borrow().saturating_add(duration);
        let _sleeping = Sleeping::begin(self);
        let _ = now.wait_for(|now| *now >= wake_at).await;
    }
}

impl Default for ManualClock {
    /// 2026-11-22T08:30:00Z: within the validity of every fixture.
    fn default() -> Self {
        ManualClock::new(UnixTime::from_secs(1_795_336_200))
    }
}

impl countersign::Clock for ManualClock {
    fn now(&self) -> UnixTime {
        ManualClock::now(self)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.sleep_for(duration))
    }
}

impl countersign_server::Clock for ManualClock {
    fn now(&self) -> UnixTime {
        ManualClock::now(self)
    }
}

/// Counts a sleeper for as long as its future lives.
struct Sleeping<'a>(&'a ManualClock);

impl<'a> Sleeping<'a> {
    fn begin(clock: &'a ManualClock) -> Self {
        clock.slept.fetch_add(1, Ordering::SeqCst);
        clock.sleepers.send_modify(|sleepers| *sleepers += 1);
        Sleeping(clock)
    }
}

impl Drop for Sleeping<'_> {
    fn drop(&mut self) {
        self.0.sleepers.send_modify(|sleepers| *sleepers -= 1);
    }
}

#[cfg(test)]
mod tests {
    use countersign::Clock as _;

    use super::*;

    #[tokio::test]
    async fn a_sleeper_wakes_when_the_clock_is_turned_far_enough() {
        let clock = ManualClock::new(UnixTime::from_secs(1000));
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_millis(1500)).await }
        });
        clock.until_sleeping(1).await;

        clock.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
        assert!(!sleeper.is_finished());
        assert_eq!(clock.sleepers(), 1);

        clock.advance(Duration::from_millis(500));
        sleeper.await.unwrap();
        assert_eq!((clock.sleepers(), clock.slept()), (0, 1));
        assert_eq!(clock.now(), UnixTime::from_secs(1001));
    }

    #[tokio::test]
    async fn a_sleeper_that_is_dropped_is_not_counted_any_more() {
        let clock = ManualClock::default();
        let sleeper = tokio::spawn({
            let clock = clock.clone();
            async move { clock.sleep(Duration::from_secs(1)).await }
        });
        clock.until_sleeping(1).await;
        sleeper.abort();
        assert!(sleeper.await.unwrap_err().is_cancelled());
        assert_eq!(clock.sleepers(), 0);
    }
}
