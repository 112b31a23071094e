//! What time is it, and how does the SDK wait?

use std::{pin::Pin, time::Duration};

use countersign_proto::time::UnixTime;

/// The clock of one client. Tests turn theirs by hand.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> UnixTime;
    /// Ends when `duration` has passed on this clock.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// The clock of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // this is the room where the clock is read
    fn now(&self) -> UnixTime {
        let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        UnixTime::from_secs(since_1970.map_or(0, |elapsed| elapsed.as_secs()))
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}
