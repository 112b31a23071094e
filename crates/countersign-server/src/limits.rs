//! Has this source asked too often?
//!
//! Failures count twice: among all requests, and by a stricter limit of their own, after which the
//! source waits. Behind a proxy every request has the proxy's address: to count them as one source
//! would let one person stop everybody, so the proxy has to see to its clients itself.

use std::{
    collections::HashMap,
    net::IpAddr,
    num::NonZeroU32,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use countersign_proto::time::UnixTime;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock as _};

use crate::{config, source::Source};

/// Counts requests and failures of each source.
pub(crate) struct Limiter {
    counts: Counts,
    requests: DefaultKeyedRateLimiter<Source>,
    failures: DefaultKeyedRateLimiter<Source>,
    waiting: Mutex<HashMap<Source, UnixTime>>,
    waiting_count: AtomicUsize,
}

/// Whether sources can be told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Counts {
    BySource,
    /// Behind a proxy.
    Nothing,
}

/// The source has to wait so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMany {
    pub(crate) retry_after: Duration,
}

impl Limiter {
    /// With the limits that are set; none is less than one a minute.
    pub(crate) fn new(settings: &config::Settings) -> Limiter {
        let limits = &settings.limits;
        let a_minute = |limit| Quota::per_minute(NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN));
        Limiter {
            counts: if settings.behind_proxy {
                Counts::Nothing
            } else {
                Counts::BySource
            },
            requests: RateLimiter::keyed(a_minute(limits.per_source_per_minute)),
            failures: RateLimiter::keyed(a_minute(limits.failures_per_source_per_minute)),
            waiting: Mutex::default(),
            waiting_count: AtomicUsize::new(0),
        }
    }

    /// Counts a request at a credential endpoint, before anything is done for it.
    pub(crate) fn admit(&self, peer: Option<IpAddr>, now: UnixTime) -> Result<(), TooMany> {
        if self.counts == Counts::Nothing {
            return Ok(());
        }
        self.waits(peer, now)?;
        wait(&self.requests, Source::of(peer))
            .map_or(Ok(()), |retry_after| Err(TooMany { retry_after }))
    }

    /// Whether the source has failed too often, without counting anything.
    pub(crate) fn waits(&self, peer: Option<IpAddr>, now: UnixTime) -> Result<(), TooMany> {
        match self.waiting_until(Source::of(peer), now) {
            Some(until) => Err(TooMany {
                retry_after: until.since(now),
            }),
            None => Ok(()),
        }
    }

    /// Counts a failure: nobody was recognised.
    pub(crate) fn failed(&self, peer: Option<IpAddr>, now: UnixTime) {
        if self.counts == Counts::Nothing {
            return;
        }
        let source = Source::of(peer);
        let Some(retry_after) = wait(&self.failures, source) else {
            return;
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.insert(source, now.plus(retry_after));
        self.waiting_count.store(waiting.len(), Ordering::Release);
    }

    /// Forgets sources that have been quiet.
    pub(crate) fn forget_quiet_sources(&self, now: UnixTime) {
        self.requests.retain_recent();
        self.failures.retain_recent();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, until| *until > now);
        self.waiting_count.store(waiting.len(), Ordering::Release);
    }

    fn waiting_until(&self, source: Source, now: UnixTime) -> Option<UnixTime> {
        // Nearly always nobody waits: then nobody queues for the lock either.
        if self.waiting_count.load(Ordering::Acquire) == 0 {
            return None;
        }
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get(&source).copied().filter(|until| *until > now)
    }
}

/// How long the source has to wait, rounded up to a second.
fn wait(limiter: &DefaultKeyedRateLimiter<Source>, source: Source) -> Option<Duration> {
    let not_until = limiter.check_key(&source).err()?;
    let wait = not_until.wait_time_from(limiter.clock().now());
    Some(Duration::from_secs(wait.as_secs() + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn limiter(requests: u32, failures: u32) -> Limiter {
        Limiter::new(&settings(requests, failures))
    }

    fn settings(requests: u32, failures: u32) -> config::Settings {
        let mut settings = config::Settings::in_memory("http://127.0.0.1:8085".parse().unwrap());
        settings.limits.per_source_per_minute = requests;
        settings.limits.failures_per_source_per_minute = failures;
        settings
    }

    fn peer(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_source_that_asks_too_often_waits_and_others_do_not() {
        let limiter = limiter(3, 3);
        for _ in 0..3 {
            assert_eq!(limiter.admit(peer("192.0.2.1"), NOW), Ok(()));
        }
        assert!(limiter.admit(peer("192.0.2.1"), NOW).is_err());
        assert!(limiter.admit(peer("::ffff:192.0.2.1"), NOW).is_err());
        assert_eq!(limiter.admit(peer("192.0.2.2"), NOW), Ok(()));
    }

    #[test]
    fn an_ipv6_network_is_one_source() {
        let limiter = limiter(1, 1);
        assert_eq!(limiter.admit(peer("2001:db8::1"), NOW), Ok(()));
        assert!(limiter.admit(peer("2001:db8::ffff"), NOW).is_err());
        assert_eq!(limiter.admit(peer("2001:db8:0:1::1"), NOW), Ok(()));
    }

    #[test]
    fn behind_a_proxy_one_person_does_not_stop_everybody() {
        let mut settings = settings(2, 1);
        settings.behind_proxy = true;
        let limiter = Limiter::new(&settings);
        for _ in 0..100 {
            assert_eq!(limiter.admit(peer("192.0.2.1"), NOW), Ok(()));
            limiter.failed(peer("192.0.2.1"), NOW);
        }
    }

    #[test]
    fn failures_have_a_stricter_limit() {
        let limiter = limiter(100, 2);
        for _ in 0..3 {
            assert_eq!(limiter.admit(peer("192.0.2.1"), NOW), Ok(()));
            limiter.failed(peer("192.0.2.1"), NOW);
        }
        let TooMany { retry_after } = limiter.admit(peer("192.0.2.1"), NOW).unwrap_err();
        assert!(retry_after <= Duration::from_secs(31), "{retry_after:?}");
        assert_eq!(
            limiter.admit(peer("192.0.2.1"), NOW.plus(retry_after)),
            Ok(())
        );
    }
}
