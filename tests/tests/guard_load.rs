//! What do many callers at once learn about a guard while the time passes and the issuer fails?

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
};

use axum::Router;
use countersign_proto::time::UnixTime;
use countersign_testkit::ManualClock;
use http::StatusCode;
use tokio::task::JoinHandle;

use crate::{
    guard_scene::{self, Answer},
    guard_site::Issued,
};

const CALLERS: usize = 6;
/// Each token is presented at least so often in each phase, by all together.
const CALLS: usize = 12;

/// Callers that present all tokens again and again, until the end, and judge every answer.
pub(crate) struct Load {
    shared: Arc<Shared>,
    callers: Vec<JoinHandle<()>>,
}

struct Shared {
    api: Router,
    clock: ManualClock,
    held: Mutex<Arc<Vec<Arc<Held>>>>,
    is_away: AtomicBool,
    stop: AtomicBool,
    rounds: AtomicUsize,
    believed: AtomicUsize,
    refused: AtomicUsize,
    unavailable: AtomicUsize,
}

/// A token, and what must come of it when.
pub(crate) struct Held {
    what: &'static str,
    token: String,
    by: By,
    /// Before this second every call with it succeeds.
    good_until: AtomicU64,
    /// From this second on none does.
    dead_from: AtomicU64,
    /// It names a key that the guard does not have, and may not look for whenever somebody wants.
    waits: AtomicBool,
}

/// By what it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    Signature,
    Introspection,
}

/// What was counted.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) believed: usize,
    pub(crate) refused: usize,
    pub(crate) unavailable: usize,
}

impl Load {
    pub(crate) fn begin(api: Router, clock: &ManualClock) -> Load {
        let shared = Arc::new(Shared {
            api,
            clock: clock.clone(),
            held: Mutex::default(),
            is_away: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            rounds: AtomicUsize::new(0),
            believed: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            unavailable: AtomicUsize::new(0),
        });
        let caller = |_| tokio::spawn(Arc::clone(&shared).calls());
        Load {
            callers: (0..CALLERS).map(caller).collect(),
            shared,
        }
    }

    /// From now on a token is presented that is good until its end.
    pub(crate) fn good(&self, what: &'static str, by: By, token: &Issued) -> Arc<Held> {
        let ends = token.ends.as_secs();
        self.hold(what, by, token.token.clone(), ends)
    }

    /// From now on a token is presented that never was good.
    pub(crate) fn bad(&self, what: &'static str, token: String) -> Arc<Held> {
        self.hold(what, By::Signature, token, 0)
    }

    fn hold(&self, what: &'static str, by: By, token: String, ends: u64) -> Arc<Held> {
        let held = Arc::new(Held {
            what,
            token,
            by,
            good_until: AtomicU64::new(ends),
            dead_from: AtomicU64::new(ends),
            waits: AtomicBool::new(false),
        });
        let mut all = self.shared.lock();
        *all = Arc::new(all.iter().chain([&held]).cloned().collect());
        held
    }

    /// Whether the issuer is away: then what only it can judge may be answered with 503.
    pub(crate) fn issuer_is(&self, standing: Standing) {
        let is_away = standing == Standing::Away;
        self.shared.is_away.store(is_away, Ordering::SeqCst);
    }

    /// Ends when every token was presented some times more.
    pub(crate) async fn some_calls(&self) {
        let rounds = &self.shared.rounds;
        // Rounds that are under way do not count.
        let enough = rounds.load(Ordering::SeqCst) + CALLERS + CALLS;
        while rounds.load(Ordering::SeqCst) < enough
            && self.callers.iter().all(|it| !it.is_finished())
        {
            tokio::task::yield_now().await;
        }
    }

    /// Ends all calls. Panics when an answer was not as it must be.
    pub(crate) async fn end(self) -> Counted {
        self.shared.stop.store(true, Ordering::SeqCst);
        for caller in self.callers {
            caller.await.expect("every answer is as it must be");
        }
        let read = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        Counted {
            believed: read(&self.shared.believed),
            refused: read(&self.shared.refused),
            unavailable: read(&self.shared.unavailable),
        }
    }
}

/// Whether the issuer can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    There,
    Away,
}

impl Held {
    /// It is being taken back: from now on it may be refused, ...
    pub(crate) fn ends_at(&self, moment: UnixTime) {
        self.good_until.store(moment.as_secs(), Ordering::SeqCst);
    }

    /// ... and from this moment on it must.
    pub(crate) fn is_dead_from(&self, moment: UnixTime) {
        self.dead_from.store(moment.as_secs(), Ordering::SeqCst);
    }

    /// It may be answered with 503 until the guard has looked for its key, ...
    pub(crate) fn waits_for_its_key(&self) {
        self.waits.store(true, Ordering::SeqCst);
    }

    /// ... which it has by now.
    pub(crate) fn waits_no_longer(&self) {
        self.waits.store(false, Ordering::SeqCst);
    }
}

impl Shared {
    async fn calls(self: Arc<Self>) {
        while !self.stop.load(Ordering::SeqCst) {
            let all = Arc::clone(&self.lock());
            for held in all.iter() {
                let may_fail = || {
                    let may_wait = held.waits.load(Ordering::SeqCst);
                    (self.is_away.load(Ordering::SeqCst), may_wait)
                };
                let (was_away, waited) = may_fail();
                let dead_from = held.dead_from.load(Ordering::SeqCst);
                let before = self.clock.now().as_secs();
                let answer = guard_scene::call(&self.api, &held.token).await;
                let after = self.clock.now().as_secs();
                let is_good = after < held.good_until.load(Ordering::SeqCst);
                let (is_away, waits) = may_fail();
                let is_known = held.by == By::Signature && is_good;
                let may_fail = ((was_away || is_away) && !is_known) || waited || waits;
                self.judge(held, &answer, is_good, before >= dead_from, may_fail);
            }
            self.rounds.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
        }
    }

    fn judge(&self, held: &Held, answer: &Answer, is_good: bool, is_dead: bool, may_fail: bool) {
        let what = held.what;
        let counter = match answer.status {
            StatusCode::OK => {
                assert!(!is_dead, "{what} is accepted: {answer:?}");
                &self.believed
            }
            StatusCode::UNAUTHORIZED => {
                assert!(!is_good, "{what} is refused: {answer:?}");
                &self.refused
            }
            StatusCode::SERVICE_UNAVAILABLE => {
                assert!(may_fail, "{what} is not judged: {answer:?}");
                assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
                &self.unavailable
            }
            _ => panic!("{what}: {answer:?}"),
        };
        counter.fetch_add(1, Ordering::SeqCst);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Arc<Vec<Arc<Held>>>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
