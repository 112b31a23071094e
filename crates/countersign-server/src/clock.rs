//! What time is it on the platform?

use countersign_proto::time::UnixTime;

/// The clock of one platform. Tests turn theirs by hand.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> UnixTime;
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
}
