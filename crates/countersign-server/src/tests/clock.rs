//! What time is it in the tests, and who turns the clock?

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use countersign_proto::time::UnixTime;
use tokio::time::Instant;

use super::world::NOW;
use crate::Clock;

/// A clock turned by hand, or by the clock of Tokio, which a test has paused.
pub(super) struct HandClock {
    turned_to: AtomicU64,
    by_tokio_since: Option<Instant>,
}

impl HandClock {
    pub(super) fn turned_by_hand() -> HandClock {
        HandClock {
            turned_to: AtomicU64::new(NOW),
            by_tokio_since: None,
        }
    }

    pub(super) fn turned_by_tokio() -> HandClock {
        HandClock {
            turned_to: AtomicU64::new(NOW),
            by_tokio_since: Some(Instant::now()),
        }
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.turned_to.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(super) fn set_back(&self, seconds: u64) {
        self.turned_to.fetch_sub(seconds, Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> UnixTime {
        let passed = self.by_tokio_since.map(|start| start.elapsed());
        UnixTime::from_secs(self.turned_to.load(Ordering::SeqCst))
            .plus(passed.unwrap_or(Duration::ZERO))
    }
}
