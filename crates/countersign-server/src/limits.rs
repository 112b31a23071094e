//! Has this source asked too often?
//!
//! Failures count twice: among all requests, and by a stricter limit of their own, after which the
//! source waits. Whoever was recognised is counted by its name too, wherever it asks from. Behind a
//! proxy that does not say by whom it was asked every request has the proxy's
//! address: to count them as one source would let one person stop everybody, so the proxy has to see
//! to its clients itself.

use std::{
    collections::HashMap,
    hash::Hash,
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

use crate::{config, networks::Networks, source::Source};

/// Counts requests and failures of each source.
pub(crate) struct Limiter {
    counts: Counts,
    requests: DefaultKeyedRateLimiter<Source>,
    failures: DefaultKeyedRateLimiter<Source>,
    api: DefaultKeyedRateLimiter<Source>,
    identities: DefaultKeyedRateLimiter<Identity>,
    exempt: Networks,
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

/// Who was recognised. The names of clients and of principals may be the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Identity {
    Client(String),
    /// A component of the platform: they share one client id.
    Certificate(String),
    Principal(String),
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
            counts: if settings.tells_sources_apart() {
                Counts::BySource
            } else {
                Counts::Nothing
            },
            requests: RateLimiter::keyed(a_minute(limits.per_source_per_minute)),
            failures: RateLimiter::keyed(a_minute(limits.failures_per_source_per_minute)),
            api: RateLimiter::keyed(a_minute(limits.api_per_source_per_minute)),
            identities: RateLimiter::keyed(a_minute(limits.per_client_per_minute)),
            exempt: settings.exempt.clone(),
            waiting: Mutex::default(),
            waiting_count: AtomicUsize::new(0),
        }
    }

    /// Counts a request at a credential endpoint, before anything is done for it.
    pub(crate) fn admit(&self, peer: Option<IpAddr>, now: UnixTime) -> Result<(), TooMany> {
        self.admit_to(&self.requests, peer, now)
    }

    /// Counts a request at the management API.
    pub(crate) fn admit_to_api(&self, peer: Option<IpAddr>, now: UnixTime) -> Result<(), TooMany> {
        self.admit_to(&self.api, peer, now)
    }

    /// Counts a request of somebody who was recognised. Never count a name that nobody has proved:
    /// whoever knew it could stop its owner.
    pub(crate) fn admit_identity(
        &self,
        identity: &Identity,
        peer: Option<IpAddr>,
    ) -> Result<(), TooMany> {
        if self.is_exempt(peer) {
            return Ok(());
        }
        not_before(wait(&self.identities, identity))
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
        if self.counts == Counts::Nothing || self.is_exempt(peer) {
            return;
        }
        let source = Source::of(peer);
        let Some(retry_after) = wait(&self.failures, &source) else {
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
        self.api.retain_recent();
        self.identities.retain_recent();
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.retain(|_, until| *until > now);
        self.waiting_count.store(waiting.len(), Ordering::Release);
    }

    fn admit_to(
        &self,
        limiter: &DefaultKeyedRateLimiter<Source>,
        peer: Option<IpAddr>,
        now: UnixTime,
    ) -> Result<(), TooMany> {
        if self.counts == Counts::Nothing || self.is_exempt(peer) {
            return Ok(());
        }
        self.waits(peer, now)?;
        not_before(wait(limiter, &Source::of(peer)))
    }

    fn is_exempt(&self, peer: Option<IpAddr>) -> bool {
        peer.is_some_and(|address| self.exempt.contain(address))
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

fn not_before(retry_after: Option<Duration>) -> Result<(), TooMany> {
    retry_after.map_or(Ok(()), |retry_after| Err(TooMany { retry_after }))
}

/// How long whoever is counted by this key has to wait, rounded up to a second.
fn wait<K: Clone + Eq + Hash>(limiter: &DefaultKeyedRateLimiter<K>, key: &K) -> Option<Duration> {
    let not_until = limiter.check_key(key).err()?;
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
    fn behind_a_trusted_proxy_sources_are_told_apart() {
        let mut settings = settings(1, 1);
        settings.behind_proxy = true;
        settings.trusted_proxies.networks = Networks::parse(["10.0.0.1"]).unwrap();
        let limiter = Limiter::new(&settings);
        assert_eq!(limiter.admit(peer("192.0.2.1"), NOW), Ok(()));
        assert!(limiter.admit(peer("192.0.2.1"), NOW).is_err());
        assert_eq!(limiter.admit(peer("192.0.2.2"), NOW), Ok(()));
    }

    #[test]
    fn whoever_was_recognised_is_counted_wherever_it_asks_from() {
        let mut settings = settings(100, 100);
        settings.limits.per_client_per_minute = 2;
        let limiter = Limiter::new(&settings);
        let client = |name: &str| Identity::Client(name.to_owned());
        for address in ["192.0.2.1", "192.0.2.2"] {
            let admitted = limiter.admit_identity(&client("orders"), peer(address));
            assert_eq!(admitted, Ok(()));
        }
        assert!(
            limiter
                .admit_identity(&client("orders"), peer("192.0.2.3"))
                .is_err()
        );
        for other in [client("billing"), Identity::Principal("orders".to_owned())] {
            assert_eq!(limiter.admit_identity(&other, peer("192.0.2.1")), Ok(()));
        }
    }

    #[test]
    fn nothing_is_limited_from_an_exempt_network_and_everything_from_its_neighbour() {
        let mut settings = settings(1, 1);
        settings.limits.per_client_per_minute = 1;
        settings.limits.api_per_source_per_minute = 1;
        settings.exempt = Networks::parse(["10.1.0.0/16"]).unwrap();
        let limiter = Limiter::new(&settings);
        let gateway = Identity::Client("gateway".to_owned());
        let ask = |address: &str| {
            let from = peer(address);
            limiter.failed(from, NOW);
            let admitted = [
                limiter.admit(from, NOW),
                limiter.admit_to_api(from, NOW),
                limiter.admit_identity(&gateway, from),
            ];
            admitted.iter().filter(|it| it.is_ok()).count()
        };
        for _ in 0..100 {
            assert_eq!(ask("10.1.255.255"), 3);
        }
        assert_eq!(ask("10.2.0.0"), 3);
        assert_eq!(ask("10.2.0.0"), 0);
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
