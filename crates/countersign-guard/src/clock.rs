//! What time is it, and how does the guard wait?

use std::{pin::Pin, sync::OnceLock, time::Duration};

use countersign_proto::time::UnixTime;

/// The clock of one guard. Tests turn theirs by hand.
pub trait Clock: Send + Sync {
    /// The time of day, by which tokens are judged.
    fn now(&self) -> UnixTime;

    /// Time since some fixed moment, by which is measured how old an answer is. It never goes back.
    ///
    /// The default is [`Clock::now`], in whole seconds.
    fn elapsed(&self) -> Duration {
        Duration::from_secs(self.now().as_secs())
    }

    /// Ends when `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The clock of the operating system. It waits on the Tokio runtime of its caller.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // this is the room where the clock is read
    fn now(&self) -> UnixTime {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        UnixTime::from_secs(since_1970.map_or(0, |elapsed| elapsed.as_secs()))
    }

    #[allow(clippy::disallowed_methods)] // this is the room where the clock is read
    fn elapsed(&self) -> Duration {
        static FIRST_ASKED: OnceLock<std::time::Instant> = OnceLock::new();
        FIRST_ASKED.get_or_init(std::time::Instant::now).elapsed()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// What `work` gives, or `None` when `limit` passes first; the work is dropped then.
pub(crate) async fn within<F: Future>(
    clock: &dyn Clock,
    limit: Duration,
    work: F,
) -> Option<F::Output> {
    tokio::select! {
        biased;
        output = work => Some(output),
        () = clock.sleep(limit) => None,
    }
}
