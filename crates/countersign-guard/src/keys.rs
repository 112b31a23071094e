//! By which keys does an issuer sign, and when are they fetched again?

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use countersign_proto::{
    jwt::{KeyRefusal, TrustedKeys},
    time::UnixTime,
};
use tokio::sync::Mutex;

use crate::{
    clock::within,
    discovery::Discovery,
    fetch::{Away, WHOLE_LIMIT, Wire},
};

/// How long a set is used before it is fetched again: so long, and while that fetch takes, is a key
/// believed that the issuer has withdrawn.
const KEPT: Duration = Duration::from_secs(300);
/// When [`Keys::next_refresh`] wants it: before a caller has to wait for it.
const AHEAD: Duration = Duration::from_secs(60);
/// How long a set that could not be fetched again is used before the next try.
const HOLD_OFF: Duration = Duration::from_secs(30);
/// The longest that a caller waits for newer keys when there are some that are good. The fetch goes on
/// meanwhile: a slow issuer would keep its withdrawn keys in use otherwise.
pub(crate) const REFRESH_LIMIT: Duration = Duration::from_secs(2);
/// From one fetch to the next that keys may cause which nobody knows, in the long run.
const UNKNOWN_KEY_INTERVAL: Duration = Duration::from_secs(5);
/// So many of them may come one after the other, since an issuer may rotate twice.
const UNKNOWN_KEY_BURST: u32 = 4;
/// How far the clock of an issuer may be behind ours.
const CLOCKS_DIFFER: Duration = Duration::from_secs(10);
/// From a fetch that failed to the next that a caller may cause.
const FAILED_INTERVAL: Duration = Duration::from_secs(2);

/// The keys of one issuer, fetched when first needed.
pub(crate) struct Keys {
    known: ArcSwapOption<KeySet>,
    /// When the set is to be fetched again: milliseconds of [`crate::Clock::elapsed`].
    due: AtomicU64,
    /// When the next fetch would be due if those that callers cause came evenly: the same. How far it is
    /// ahead says how much of the burst is used up.
    evenly: AtomicU64,
    /// No caller causes a fetch before, since the last one failed: the same.
    not_before: AtomicU64,
    /// Whether the last fetch failed.
    failing: AtomicBool,
    /// How many fetches have ended.
    landed: AtomicU64,
    flight: Mutex<()>,
}

/// What the issuer published.
pub(crate) struct KeySet {
    /// There may be nothing that verifies.
    keys: Option<TrustedKeys>,
    /// When it was asked for.
    asked_at: UnixTime,
}

/// How things stand with the keys of an issuer.
pub(crate) enum Standing {
    /// These are to be used.
    Good(Arc<KeySet>),
    /// These are to be used, and it is time for somebody to ask for newer ones.
    Due(Arc<KeySet>),
    /// There are none yet.
    Absent,
}

/// What newer keys are wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// The ones that are there are old; they stay in use.
    Newer,
    /// There is none, or not the one that a token names.
    Missing,
}

/// Whether the issuer was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// After the caller came.
    Now,
    /// It was under way when the caller came. What changed meanwhile is not in the answer.
    Before,
    /// It may not be asked now.
    Not,
}

impl KeySet {
    pub(crate) fn keys(&self) -> Option<&TrustedKeys> {
        self.keys.as_ref()
    }

    /// Whether a token of then may be signed by a key that is newer than the set. An issuer publishes
    /// a key before it signs with it: one that was not there afterwards does not exist.
    pub(crate) fn may_be_older_than(&self, issued_at: Option<UnixTime>) -> bool {
        issued_at.is_none_or(|issued_at| issued_at.plus(CLOCKS_DIFFER) > self.asked_at)
    }
}

impl Keys {
    pub(crate) fn new() -> Keys {
        Keys {
            known: ArcSwapOption::empty(),
            due: AtomicU64::new(0),
            evenly: AtomicU64::new(0),
            not_before: AtomicU64::new(0),
            failing: AtomicBool::new(false),
            landed: AtomicU64::new(0),
            flight: Mutex::new(()),
        }
    }

    pub(crate) fn standing(&self, elapsed: Duration) -> Standing {
        match self.known.load_full() {
            None => Standing::Absent,
            // Whoever finds somebody asking already need not wait for the answer.
            Some(keys) if elapsed >= read(&self.due) && !self.is_fetching() => Standing::Due(keys),
            Some(keys) => Standing::Good(keys),
        }
    }

    /// Whether a caller whose token names a key that is not there may wait for newer keys: because a
    /// fetch is under way, or because one may be made.
    pub(crate) fn may_hope(&self, elapsed: Duration) -> bool {
        self.permitted_in(elapsed).is_zero() || self.is_fetching()
    }

    /// Whether the last fetch failed.
    pub(crate) fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Acquire)
    }

    /// How long until a caller may cause a fetch again.
    pub(crate) fn permitted_in(&self, elapsed: Duration) -> Duration {
        let burst = UNKNOWN_KEY_INTERVAL * (UNKNOWN_KEY_BURST - 1);
        let by_rate = read(&self.evenly).saturating_sub(burst);
        by_rate.max(read(&self.not_before)).saturating_sub(elapsed)
    }

    /// When the future of `keep_fresh` should refresh, on [`crate::Clock::elapsed`].
    pub(crate) fn next_refresh(&self) -> Duration {
        let due = read(&self.due);
        if self.is_failing() {
            due
        } else {
            due.saturating_sub(AHEAD)
        }
    }

    /// Fetches them, once for all who want it at the same time.
    pub(crate) async fn refresh(&self, discovery: &Discovery, wire: &Wire, want: Want) -> Asked {
        let landed = self.landed.load(Ordering::Acquire);
        let _flight = self.flight.lock().await;
        if self.landed.load(Ordering::Acquire) > landed {
            return Asked::Before;
        }
        let elapsed = wire.clock.elapsed();
        let is_wanted = match want {
            Want::Newer => elapsed >= self.next_refresh(),
            Want::Missing => self.permitted_in(elapsed).is_zero(),
        };
        if !is_wanted {
            return Asked::Not;
        }
        if want == Want::Missing {
            let before = read(&self.evenly).max(elapsed);
            write(&self.evenly, before + UNKNOWN_KEY_INTERVAL);
        }
        let fetched = within(
            &*wire.clock,
            WHOLE_LIMIT,
            fetch(discovery, wire, elapsed + WHOLE_LIMIT),
        )
        .await;
        let elapsed = wire.clock.elapsed();
        match fetched.unwrap_or_else(|| Err(Away::late())) {
            Ok(keys) => {
                self.known.store(Some(Arc::new(keys)));
                write(&self.due, elapsed + KEPT);
                self.failing.store(false, Ordering::Release);
                tracing::debug!("keys of the issuer fetched");
            }
            Err(away) => {
                tracing::warn!(
                    error = away.why,
                    "the keys of the issuer could not be fetched; those that are known stay in use"
                );
                let asked = away.retry_after.unwrap_or_default().min(HOLD_OFF);
                write(&self.due, elapsed + HOLD_OFF);
                write(&self.not_before, elapsed + FAILED_INTERVAL.max(asked));
                self.failing.store(true, Ordering::Release);
            }
        }
        self.landed.fetch_add(1, Ordering::AcqRel);
        Asked::Now
    }

    fn is_fetching(&self) -> bool {
        self.flight.try_lock().is_err()
    }
}

async fn fetch(discovery: &Discovery, wire: &Wire, deadline: Duration) -> Result<KeySet, Away> {
    let metadata = discovery.metadata(wire, deadline).await?;
    let Some(url) = &metadata.jwks_uri else {
        let issuer = &metadata.issuer;
        return Err(Away::new(format!("{issuer} publishes no jwks_uri")));
    };
    let asked_at = wire.clock.now();
    let body = wire.get(url).await?;
    let keys = match TrustedKeys::from_jwk_set(&body) {
        Ok(keys) => Some(keys),
        // The issuer says that it has none: then nothing that it signed is believed.
        Err(KeyRefusal::NoKey) => None,
        Err(error) => return Err(Away::because(url, error)),
    };
    Ok(KeySet { keys, asked_at })
}

fn read(moment: &AtomicU64) -> Duration {
    Duration::from_millis(moment.load(Ordering::Acquire))
}

fn write(moment: &AtomicU64, at: Duration) {
    let millis = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
    moment.store(millis, Ordering::Release);
}
