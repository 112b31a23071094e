//! How long must somebody wait who typed wrong passwords?
//!
//! Wrong passwords are counted for the name at one source, for the source, and for the name from
//! everywhere. After some that cost nothing, each makes the next wait twice as long, up to a limit.
//! What strangers type must not lock out the owner of a name: a source where the name signed in
//! before does not wait for what came from elsewhere. An attempt counts as wrong from when it begins
//! until it proves right, so that many at once gain nothing. Each node counts for itself.

use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use countersign_proto::time::UnixTime;

use crate::source::Source;

/// Counts wrong passwords.
pub(crate) struct Throttle {
    counts: Mutex<Counts>,
}

struct Counts {
    /// A name at one source.
    here: Table<(Name, Source)>,
    /// A name, wherever from.
    everywhere: Table<Name>,
    sources: Table<Source>,
    /// Where a name signed in, and when.
    at_home: HashMap<(Name, Source), UnixTime>,
}

/// A digest of a name, known or not.
type Name = [u8; 32];

/// An attempt that was let through. It counts as a wrong one until it is told otherwise.
#[derive(Debug)]
#[must_use]
pub(crate) struct Attempt {
    name: Name,
    source: Source,
    /// Behind a proxy nobody's source is known, and to count them all as one would let one person
    /// stop everybody.
    is_source_known: bool,
}

/// How waits grow.
#[derive(Clone, Copy, Debug)]
struct Growth {
    /// Wrong ones that cost nothing.
    free: u32,
    /// The longest wait.
    longest: Duration,
}

const OF_NAME_HERE: Growth = Growth {
    free: 5,
    longest: Duration::from_secs(300),
};
/// For whoever guesses from many sources.
const OF_NAME_EVERYWHERE: Growth = Growth {
    free: 50,
    longest: Duration::from_secs(60),
};
/// Many people may share a source.
const OF_SOURCE: Growth = Growth {
    free: 30,
    longest: Duration::from_secs(900),
};
/// After so long without a wrong one, nothing is remembered.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3600);
/// So long a source is one where the name signed in before.
const AT_HOME_FOR: Duration = Duration::from_secs(30 * 86_400);
/// Names, and sources, that are remembered at one time.
const REMEMBERED: usize = 16_384;

impl Throttle {
    /// With nothing counted.
    pub(crate) fn new() -> Throttle {
        Throttle {
            counts: Mutex::new(Counts {
                here: Table::new(OF_NAME_HERE),
                everywhere: Table::new(OF_NAME_EVERYWHERE),
                sources: Table::new(OF_SOURCE),
                at_home: HashMap::new(),
            }),
        }
    }

    /// Lets an attempt through, or says how long to wait. Whoever has to wait is not counted.
    ///
    /// `name`: a digest, so that a long name takes no room.
    pub(crate) fn admit(
        &self,
        name: Name,
        peer: Option<IpAddr>,
        now: UnixTime,
    ) -> Result<Attempt, Duration> {
        let attempt = Attempt {
            name,
            source: Source::of(peer),
            is_source_known: peer.is_some(),
        };
        let here = (name, attempt.source);
        let mut counts = self.lock();
        let is_at_home = attempt.is_source_known
            && counts
                .at_home
                .get(&here)
                .is_some_and(|at| now.since(*at) < AT_HOME_FOR);
        let waits = [
            counts.here.wait(&here, now),
            counts.everywhere.wait(&name, now).filter(|_| !is_at_home),
            counts
                .sources
                .wait(&attempt.source, now)
                .filter(|_| attempt.is_source_known),
        ];
        if let Some(wait) = waits.into_iter().flatten().max() {
            return Err(wait);
        }
        counts.here.failed(here, now);
        counts.everywhere.failed(name, now);
        if attempt.is_source_known {
            counts.sources.failed(attempt.source, now);
        }
        Ok(attempt)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Attempt {
    /// The password was right: the name starts anew here. Its count from everywhere and that of the
    /// source lose this attempt only, or an account of one's own would wash them clean.
    pub(crate) fn succeeded(self, throttle: &Throttle, now: UnixTime) {
        let here = (self.name, self.source);
        let mut counts = throttle.lock();
        counts.here.rows.remove(&here);
        if self.is_source_known {
            if counts.at_home.len() >= REMEMBERED {
                counts.at_home.retain(|_, at| now.since(*at) < AT_HOME_FOR);
            }
            if counts.at_home.len() < REMEMBERED {
                counts.at_home.insert(here, now);
            }
        }
        self.take_back(&mut counts);
    }

    /// The password was not compared at all.
    pub(crate) fn withdrawn(self, throttle: &Throttle) {
        let mut counts = throttle.lock();
        counts.here.take_back(&(self.name, self.source));
        self.take_back(&mut counts);
    }

    fn take_back(&self, counts: &mut Counts) {
        counts.everywhere.take_back(&self.name);
        if self.is_source_known {
            counts.sources.take_back(&self.source);
        }
    }
}

/// What is remembered about names, or about sources.
struct Table<K> {
    growth: Growth,
    rows: HashMap<K, Row>,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    wrong: u32,
    last: UnixTime,
}

impl<K: Copy + Eq + Hash> Table<K> {
    fn new(growth: Growth) -> Table<K> {
        Table {
            growth,
            rows: HashMap::new(),
        }
    }

    fn wait(&self, key: &K, now: UnixTime) -> Option<Duration> {
        let row = self.rows.get(key).filter(|row| row.is_fresh(now))?;
        let until = row.last.plus(self.growth.wait_after(row.wrong));
        Some(until.since(now)).filter(|wait| !wait.is_zero())
    }

    fn failed(&mut self, key: K, now: UnixTime) {
        if self.rows.len() >= REMEMBERED && !self.rows.contains_key(&key) {
            self.make_room(now);
        }
        let row = self.rows.entry(key).or_insert(Row {
            wrong: 0,
            last: now,
        });
        if !row.is_fresh(now) {
            row.wrong = 0;
        }
        row.wrong = row.wrong.saturating_add(1);
        row.last = now;
    }

    fn take_back(&mut self, key: &K) {
        if let Some(row) = self.rows.get_mut(key) {
            row.wrong = row.wrong.saturating_sub(1);
        }
    }

    /// What is forgotten anyway goes first; else the one that has the least to wait.
    fn make_room(&mut self, now: UnixTime) {
        self.rows.retain(|_, row| row.is_fresh(now));
        if self.rows.len() < REMEMBERED {
            return;
        }
        let least = self
            .rows
            .iter()
            .min_by_key(|(_, row)| (row.wrong, row.last));
        if let Some(key) = least.map(|(key, _)| *key) {
            self.rows.remove(&key);
        }
    }
}

impl Row {
    fn is_fresh(&self, now: UnixTime) -> bool {
        now.since(self.last) < FORGOTTEN_AFTER
    }
}

impl Growth {
    /// 1 s after the first that is not free, then twice as long after each.
    fn wait_after(self, wrong: u32) -> Duration {
        let Some(doublings) = wrong.checked_sub(self.free) else {
            return Duration::ZERO;
        };
        let secs = 1_u64.checked_shl(doublings).unwrap_or(u64::MAX);
        Duration::from_secs(secs).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);
    const ALICE: [u8; 32] = [0xA1; 32];
    const BOB: [u8; 32] = [0xB0; 32];

    fn peer(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    fn alices_source() -> Source {
        Source::of(peer("192.0.2.1"))
    }

    fn wrong(throttle: &Throttle, account: [u8; 32], from: &str, now: UnixTime) {
        let attempt = throttle.admit(account, peer(from), now).unwrap();
        drop(attempt);
    }

    fn wait(throttle: &Throttle, account: [u8; 32], from: &str, now: UnixTime) -> u64 {
        match throttle.admit(account, peer(from), now) {
            Ok(attempt) => {
                attempt.withdrawn(throttle);
                0
            }
            Err(wait) => wait.as_secs(),
        }
    }

    // security.md 98
    #[test]
    fn waits_of_a_name_at_one_source_grow_up_to_a_limit() {
        let throttle = Throttle::new();
        let mut now = NOW;
        let mut waits = Vec::new();
        for _ in 0..20 {
            wrong(&throttle, ALICE, "192.0.2.1", now);
            let wait = wait(&throttle, ALICE, "192.0.2.1", now);
            waits.push(wait);
            now = now.plus(Duration::from_secs(wait));
        }
        assert_eq!(
            waits,
            [
                0, 0, 0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300, 300, 300, 300, 300
            ]
        );
        assert_eq!(wait(&throttle, ALICE, "192.0.2.1", now), 0);
        assert_eq!(wait(&throttle, BOB, "198.51.100.1", now), 0);
    }

    // security.md 98
    #[test]
    fn who_guesses_from_everywhere_waits_and_the_owner_of_the_name_does_not() {
        let throttle = Throttle::new();
        let home = throttle.admit(ALICE, peer("203.0.113.9"), NOW).unwrap();
        home.succeeded(&throttle, NOW);
        for attempt in 0_u8..60 {
            let from = format!("192.0.2.{attempt}");
            let waited = wait(&throttle, ALICE, &from, NOW);
            if waited == 0 {
                wrong(&throttle, ALICE, &from, NOW);
            }
        }
        assert_eq!(wait(&throttle, ALICE, "198.51.100.1", NOW), 1);
        assert_eq!(wait(&throttle, ALICE, "203.0.113.9", NOW), 0);
        let later = NOW.plus(AT_HOME_FOR);
        assert_eq!(wait(&throttle, ALICE, "203.0.113.9", later), 0, "forgotten");
    }

    #[test]
    fn behind_a_proxy_one_who_guesses_stops_nobody_else() {
        let throttle = Throttle::new();
        for account in 0..100 {
            drop(throttle.admit([account; 32], None, NOW).unwrap());
        }
        throttle
            .admit(ALICE, None, NOW)
            .unwrap()
            .withdrawn(&throttle);
        for _ in 0..5 {
            drop(throttle.admit(ALICE, None, NOW).unwrap());
        }
        assert!(throttle.admit(ALICE, None, NOW).is_err(), "the name counts");
        assert!(throttle.admit(BOB, None, NOW).is_ok());
    }

    #[test]
    fn a_source_that_tries_many_names_waits_and_others_do_not() {
        let throttle = Throttle::new();
        for account in 0..30 {
            wrong(&throttle, [account; 32], "192.0.2.1", NOW);
        }
        assert_eq!(wait(&throttle, [99; 32], "192.0.2.1", NOW), 1);
        assert_eq!(wait(&throttle, [99; 32], "::ffff:192.0.2.1", NOW), 1);
        assert_eq!(wait(&throttle, [99; 32], "192.0.2.2", NOW), 0);
    }

    #[test]
    fn many_attempts_at_once_are_counted_before_any_is_found_wrong() {
        let throttle = Throttle::new();
        let admitted = (0..100)
            .filter_map(|_| throttle.admit(ALICE, peer("192.0.2.1"), NOW).ok())
            .count();
        assert_eq!(admitted, 5);
    }

    #[test]
    fn a_right_password_does_not_clear_its_source() {
        let throttle = Throttle::new();
        for account in 0..28 {
            wrong(&throttle, [account; 32], "192.0.2.1", NOW);
        }
        let own = throttle.admit(ALICE, peer("192.0.2.1"), NOW).unwrap();
        own.succeeded(&throttle, NOW);
        wrong(&throttle, [98; 32], "192.0.2.1", NOW);
        assert_eq!(wait(&throttle, BOB, "192.0.2.1", NOW), 0, "29 wrong ones");
        wrong(&throttle, [99; 32], "192.0.2.1", NOW);
        assert_eq!(wait(&throttle, BOB, "192.0.2.1", NOW), 1, "30 wrong ones");
    }

    #[test]
    fn who_has_to_wait_does_not_wait_longer_for_asking() {
        let throttle = Throttle::new();
        for _ in 0..5 {
            wrong(&throttle, ALICE, "192.0.2.1", NOW);
        }
        for _ in 0..50 {
            assert_eq!(wait(&throttle, ALICE, "192.0.2.1", NOW), 1);
        }
        assert_eq!(
            wait(
                &throttle,
                ALICE,
                "192.0.2.1",
                NOW.plus(Duration::from_secs(1))
            ),
            0
        );
    }

    #[test]
    fn wrong_passwords_are_forgotten_after_an_hour() {
        let throttle = Throttle::new();
        for _ in 0..5 {
            wrong(&throttle, ALICE, "192.0.2.1", NOW);
        }
        let later = NOW.plus(FORGOTTEN_AFTER);
        for _ in 0..4 {
            wrong(&throttle, ALICE, "192.0.2.1", later);
        }
        assert_eq!(wait(&throttle, ALICE, "192.0.2.1", later), 0);
    }

    #[test]
    fn a_flood_of_names_does_not_push_out_one_that_has_to_wait() {
        let throttle = Throttle::new();
        for _ in 0..8 {
            wrong(
                &throttle,
                ALICE,
                "192.0.2.1",
                NOW.plus(Duration::from_secs(0)),
            );
            let mut counts = throttle.counts.lock().unwrap();
            let row = counts.here.rows.get_mut(&(ALICE, alices_source()));
            row.unwrap().last = NOW.minus(FORGOTTEN_AFTER / 2);
        }
        let mut counts = throttle.counts.lock().unwrap();
        for number in 0..u32::try_from(REMEMBERED).unwrap() + 100 {
            let mut name = [7; 32];
            name[..4].copy_from_slice(&number.to_be_bytes());
            counts.here.failed((name, alices_source()), NOW);
        }
        assert_eq!(counts.here.rows.len(), REMEMBERED);
        assert_eq!(counts.here.rows[&(ALICE, alices_source())].wrong, 8);
    }
}
