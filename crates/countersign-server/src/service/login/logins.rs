//! What does a platform keep in memory about sign-ins through a browser?

use std::{net::IpAddr, num::NonZeroU32};

use governor::{DefaultDirectRateLimiter, DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::{Mutex, MutexGuard};

use super::Wakeups;
use crate::{Platform, config::Limits, source::Source};

/// Who begins how often, and who is woken.
pub(crate) struct Logins {
    begun: DefaultKeyedRateLimiter<Source>,
    /// What begins is kept for a while: all sources together must not fill the store.
    begun_in_all: DefaultDirectRateLimiter,
    turns: [Mutex<()>; TURNS],
    wakeups: Wakeups,
}

/// Sources that begin at once queue in so many lines.
const TURNS: usize = 32;

impl Logins {
    /// With the limits that are set.
    pub(crate) fn new(limits: &Limits) -> Logins {
        let a_minute = |limit| Quota::per_minute(NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN));
        Logins {
            begun: RateLimiter::keyed(a_minute(limits.logins_per_source_per_minute)),
            begun_in_all: RateLimiter::direct(a_minute(limits.logins_per_minute)),
            turns: std::array::from_fn(|_| Mutex::new(())),
            wakeups: Wakeups::default(),
        }
    }

    /// Counts one that begins. What comes from nowhere counts for no source: behind a proxy all
    /// would come from there.
    pub(super) fn admit(&self, address: Option<IpAddr>) -> bool {
        let source_may = address.is_none() || self.begun.check_key(&Source::of(address)).is_ok();
        source_may && self.begun_in_all.check().is_ok()
    }

    /// One after another for each source.
    pub(super) async fn turn_of(&self, source: Source) -> MutexGuard<'_, ()> {
        self.turns[source.spread(TURNS)].lock().await
    }

    /// Forgets sources that have been quiet.
    pub(crate) fn forget_quiet_sources(&self) {
        self.begun.retain_recent();
    }

    /// Who is woken when a login changes.
    pub(super) fn wakeups(&self) -> &Wakeups {
        &self.wakeups
    }
}

impl Platform {
    /// The address of a peer, as far as it says something: behind a proxy all have the proxy's.
    pub(crate) fn observed(&self, peer: Option<IpAddr>) -> Option<IpAddr> {
        peer.filter(|_| self.settings().tells_sources_apart())
    }
}
