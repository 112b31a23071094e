//! Which granted tokens does this node know, and which signed ones that nobody denied; and may it
//! still go by what it knows?
//!
//! A node is in step while it saw less than a second ago that nothing has changed in the store by
//! which a token is good no more. Only then it goes by what it knows; otherwise the store is read.
//! So what one node revokes is refused by the others within a second, whatever becomes of wake-up
//! calls. A change empties the cache by beginning a new turn: what was read from the store in an
//! earlier one is never used again, however late it arrives.

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use countersign_proto::opaque::TokenId;
use quick_cache::sync::Cache;

use crate::{clock::Moment, store::TokenRow};

/// For so long a node goes by what it knows without having asked.
const IN_STEP: Duration = Duration::from_secs(1);

/// Signed tokens that are remembered: those of the applications that ask at a time.
const NOT_DENIED_MAX: usize = 10_000;

/// By what a token is looked for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TokenKey {
    Id(TokenId),
    /// Of its string, under the newest pepper.
    Digest(Vec<u8>),
}

/// A token as it was when it was read.
#[derive(Debug)]
pub(crate) struct KnownToken {
    pub(crate) row: Arc<TokenRow>,
    settled: AtomicBool,
}

/// What a node knows of tokens.
pub(crate) struct TokenCache {
    known: Cache<TokenKey, Entry>,
    /// The turn in which nobody had denied the signed token with this `jti`.
    not_denied: Cache<String, u64>,
    turn: AtomicU64,
    version: Mutex<Option<u64>>,
    began: Moment,
    /// Milliseconds after `began`, and one more; 0 before the store was ever asked.
    in_step_at: AtomicU64,
}

#[derive(Clone)]
struct Entry {
    token: Arc<KnownToken>,
    turn: u64,
}

/// When a read of the store began.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turn(u64);

impl KnownToken {
    pub(crate) fn of(row: TokenRow) -> Arc<KnownToken> {
        // A first use settles before it is noted, so a token that was used is settled.
        let settled = row.predecessor.is_none() || row.last_used_at.is_some();
        Arc::new(KnownToken {
            row: Arc::new(row),
            settled: AtomicBool::new(settled),
        })
    }

    /// Whether nothing waits for its first use.
    pub(crate) fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire)
    }

    /// From now on nothing waits for its first use.
    pub(crate) fn settled(&self) {
        self.settled.store(true, Ordering::Release);
    }
}

impl TokenCache {
    /// Room for about `max` tokens; none for 0.
    pub(crate) fn new(max: usize) -> TokenCache {
        TokenCache {
            known: Cache::new(max),
            not_denied: Cache::new(max.min(NOT_DENIED_MAX)),
            turn: AtomicU64::new(0),
            version: Mutex::new(None),
            began: Moment::now(),
            in_step_at: AtomicU64::new(0),
        }
    }

    /// A token, if it is known and the node is in step at `at`.
    pub(crate) fn find(&self, key: &TokenKey, at: Moment) -> Option<Arc<KnownToken>> {
        // First the step, then the turn: whoever makes this a node in step again has begun the
        // turn before that.
        if !self.is_in_step(at) {
            return None;
        }
        let entry = self.known.get(key)?;
        (entry.turn == self.turn.load(Ordering::Acquire)).then_some(entry.token)
    }

    /// To be taken before the store is read.
    pub(crate) fn turn(&self) -> Turn {
        Turn(self.turn.load(Ordering::Acquire))
    }

    /// Keeps what was read from the store since `turn`, unless a change came in between.
    pub(crate) fn fill(&self, turn: Turn, key: TokenKey, token: &Arc<KnownToken>) {
        if turn.0 == self.turn.load(Ordering::Acquire) {
            let entry = Entry {
                token: Arc::clone(token),
                turn: turn.0,
            };
            self.known.insert(key, entry);
        }
    }

    /// Whether it is known that nobody has denied this signed token, and the node is in step at `at`.
    pub(crate) fn is_not_denied(&self, jti: &str, at: Moment) -> bool {
        // In this order, as above.
        self.is_in_step(at) && self.not_denied.get(jti) == Some(self.turn.load(Ordering::Acquire))
    }

    /// Keeps that nobody had denied this signed token when the store was read since `turn`, unless a
    /// change came in between.
    pub(crate) fn fill_not_denied(&self, turn: Turn, jti: &str) {
        if turn.0 == self.turn.load(Ordering::Acquire) {
            self.not_denied.insert(jti.to_owned(), turn.0);
        }
    }

    /// Something was changed: what was known until now is not used again.
    pub(crate) fn forget(&self) {
        self.turn.fetch_add(1, Ordering::AcqRel);
    }

    /// The store had this version when it was asked, at `asked` or later.
    pub(crate) fn saw(&self, version: u64, asked: Moment) {
        let mut known = self.version.lock().unwrap_or_else(PoisonError::into_inner);
        if *known != Some(version) {
            self.forget();
            *known = Some(version);
        }
        self.in_step_at
            .fetch_max(self.milliseconds(asked) + 1, Ordering::AcqRel);
    }

    fn is_in_step(&self, at: Moment) -> bool {
        match self.in_step_at.load(Ordering::Acquire) {
            0 => false,
            seen => {
                let limit = u64::try_from(IN_STEP.as_millis()).unwrap_or(u64::MAX);
                self.milliseconds(at).saturating_sub(seen - 1) <= limit
            }
        }
    }

    fn milliseconds(&self, at: Moment) -> u64 {
        u64::try_from(at.since(self.began).as_millis()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::fixtures::row;

    const A: &str = "02wq5mOzTzPWGCpJqKQcwj";

    fn key() -> TokenKey {
        TokenKey::Id(TokenId::parse(A).unwrap())
    }

    fn filled(cache: &TokenCache) {
        cache.fill(cache.turn(), key(), &KnownToken::of(row(A)));
    }

    fn knows(cache: &TokenCache) -> bool {
        cache.find(&key(), Moment::now()).is_some()
    }

    async fn pass(milliseconds: u64) {
        tokio::time::advance(Duration::from_millis(milliseconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_never_asked_goes_by_nothing() {
        let cache = TokenCache::new(10);
        filled(&cache);
        assert!(!knows(&cache));
        cache.saw(0, Moment::now());
        assert!(!knows(&cache), "it was read before anything was seen");
        filled(&cache);
        assert!(knows(&cache));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_known_is_used_for_a_second_after_the_store_was_asked_and_no_longer() {
        let cache = TokenCache::new(10);
        let asked = Moment::now();
        pass(300).await;
        cache.saw(7, asked);
        filled(&cache);
        pass(700).await;
        assert!(knows(&cache));
        pass(1).await;
        assert!(!knows(&cache), "the answer is as old as the question");
        cache.saw(7, Moment::now());
        assert!(knows(&cache), "nothing had changed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_that_is_answered_late_does_not_set_the_node_back() {
        let cache = TokenCache::new(10);
        let (early, ()) = (Moment::now(), pass(900).await);
        cache.saw(7, Moment::now());
        filled(&cache);
        cache.saw(7, early);
        pass(900).await;
        assert!(knows(&cache));
    }

    #[tokio::test(start_paused = true)]
    async fn another_version_makes_everything_unknown() {
        let cache = TokenCache::new(10);
        cache.saw(7, Moment::now());
        filled(&cache);
        cache.saw(8, Moment::now());
        assert!(!knows(&cache));
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_being_read_when_something_changed_is_never_used() {
        let cache = TokenCache::new(10);
        cache.saw(7, Moment::now());
        let forgotten: &dyn Fn() = &|| cache.forget();
        let seen: &dyn Fn() = &|| cache.saw(8, Moment::now());
        for change in [forgotten, seen] {
            let turn = cache.turn();
            let read = KnownToken::of(row(A));
            change();
            cache.fill(turn, key(), &read);
            assert!(!knows(&cache));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn that_a_token_is_not_denied_is_known_in_its_turn_and_in_step_alone() {
        let cache = TokenCache::new(10);
        let knows = |jti| cache.is_not_denied(jti, Moment::now());
        cache.fill_not_denied(cache.turn(), "a");
        assert!(!knows("a"), "it never asked");
        cache.saw(7, Moment::now());
        let turn = cache.turn();
        cache.fill_not_denied(turn, "a");
        assert!(knows("a") && !knows("b"));
        pass(1_001).await;
        assert!(!knows("a"), "it did not look for a second");
        cache.saw(7, Moment::now());
        assert!(knows("a"), "nothing had changed");
        cache.forget();
        assert!(!knows("a"));
        cache.fill_not_denied(turn, "a");
        assert!(!knows("a"), "it was read before something changed");
        let without = TokenCache::new(0);
        without.saw(7, Moment::now());
        without.fill_not_denied(without.turn(), "a");
        assert!(!without.is_not_denied("a", Moment::now()));
    }

    #[tokio::test(start_paused = true)]
    async fn there_is_no_more_room_than_was_given() {
        for max in [0_u32, 100] {
            let cache = TokenCache::new(max as usize);
            cache.saw(7, Moment::now());
            let ids = (0..10_000_u32).map(|number| {
                let mut bytes = [0; 16];
                bytes[..4].copy_from_slice(&number.to_be_bytes());
                TokenId::from_bytes(bytes)
            });
            for id in ids {
                cache.fill(cache.turn(), TokenKey::Id(id), &KnownToken::of(row(A)));
            }
            // The library divides the room among shards and rounds up.
            assert!(
                cache.known.len() <= 2 * max as usize,
                "{}",
                cache.known.len()
            );
        }
    }
}
