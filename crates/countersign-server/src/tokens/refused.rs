//! Was the use of this dead token written down already, a moment ago?

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use countersign_proto::time::UnixTime;

/// The use of a dead token is written down once in this time.
const ONCE_IN: Duration = Duration::from_secs(60);
/// Tokens that are remembered. When more are used in a minute, some are written down twice.
const REMEMBERED_MAX: usize = 10_000;

/// Which dead tokens were used, and written down, in the last minute.
#[derive(Default)]
pub(crate) struct RefusedUses(Mutex<HashMap<String, UnixTime>>);

impl RefusedUses {
    /// Whether this use is to be written down; of any number at once one is.
    pub(crate) fn is_news(&self, id: &str, now: UnixTime) -> bool {
        let mut written = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if written.get(id).is_some_and(|at| is_recent(*at, now)) {
            return false;
        }
        if written.len() >= REMEMBERED_MAX {
            written.retain(|_, at| is_recent(*at, now));
        }
        if written.len() >= REMEMBERED_MAX {
            written.clear();
        }
        written.insert(id.to_owned(), now);
        true
    }
}

/// A clock that was set back does not silence anybody.
fn is_recent(at: UnixTime, now: UnixTime) -> bool {
    at <= now && now < at.plus(ONCE_IN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> UnixTime {
        UnixTime::from_secs(1_800_000_000 + seconds)
    }

    #[test]
    fn a_token_is_news_once_a_minute() {
        let refused = RefusedUses::default();
        assert!(refused.is_news("a", at(0)));
        assert!(!refused.is_news("a", at(59)));
        assert!(refused.is_news("b", at(59)));
        assert!(refused.is_news("a", at(60)));
        assert!(refused.is_news("a", at(10)), "the clock was set back");
    }

    #[test]
    fn only_so_many_tokens_are_remembered() {
        let refused = RefusedUses::default();
        for number in 0..3 * REMEMBERED_MAX {
            assert!(refused.is_news(&number.to_string(), at(0)));
        }
        assert!(refused.0.lock().unwrap().len() <= REMEMBERED_MAX);
    }
}
