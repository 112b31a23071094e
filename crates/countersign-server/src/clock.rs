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

/// Measures how long something took. Never decides anything.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stopwatch(std::time::Instant);

impl Stopwatch {
    /// From now on.
    #[allow(clippy::disallowed_methods)] // this is the room where the clock is read
    pub(crate) fn start() -> Stopwatch {
        Stopwatch(std::time::Instant::now())
    }

    /// Until now.
    pub(crate) fn elapsed(self) -> std::time::Duration {
        self.0.elapsed()
    }
}

/// A moment of a clock that nobody sets: tells how old is what a node knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(tokio::time::Instant);

impl Moment {
    /// Now.
    pub(crate) fn now() -> Moment {
        Moment(tokio::time::Instant::now())
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub(crate) fn since(self, earlier: Moment) -> std::time::Duration {
        self.0.saturating_duration_since(earlier.0)
    }
}
