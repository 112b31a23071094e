//! Which of many equal events is worth telling?
//!
//! The first is told at once. Those that follow within a minute are held back, and told as one when
//! the minute is over, with their number: none is lost, and none floods anybody.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use countersign_proto::time::UnixTime;

use super::{Event, EventName};
use crate::source::Source;

/// Time in which one event of a kind is told.
const WINDOW: Duration = Duration::from_secs(60);
/// Whatever may be told apart at one time. What comes beyond is told apart by its name alone.
const KEYS_MAX: usize = 10_000;

/// Remembers what was told lately.
#[derive(Default)]
pub(super) struct Coalescing(Mutex<HashMap<Key, Window>>);

/// An event, and how many others it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) event: Event,
    /// Equal ones that were held back until this one.
    pub(super) repeats: u64,
}

/// What makes two events equal: the name, and the most telling thing that it is about.
type Key = (EventName, About);

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum About {
    Token(String),
    Certificate(String),
    Source(Source),
    Subject(String),
    /// One of too many.
    Anything,
}

struct Window {
    since: UnixTime,
    held: u64,
    newest: Option<Event>,
}

impl Coalescing {
    /// What to tell now that `event` has happened, if anything.
    pub(super) fn judge(&self, event: Event) -> Option<Told> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut key = (event.name, about(&event));
        if windows.len() >= KEYS_MAX && !windows.contains_key(&key) {
            key.1 = About::Anything;
        }
        match windows.get_mut(&key) {
            Some(window) if window.holds(event.at) => {
                window.held += 1;
                window.newest = Some(event);
                None
            }
            known => {
                let repeats = known.map_or(0, |window| window.held);
                windows.insert(key, Window::from(event.at));
                Some(Told { event, repeats })
            }
        }
    }

    /// What was held back in a minute that is over. Forgets what has been quiet.
    pub(super) fn settle(&self, now: UnixTime) -> Vec<Told> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut told = Vec::new();
        windows.retain(|_, window| {
            if window.holds(now) {
                return true;
            }
            let Some(event) = window.newest.take() else {
                return false;
            };
            let repeats = window.held.saturating_sub(1);
            told.push(Told { event, repeats });
            *window = Window::from(now);
            true
        });
        told
    }
}

impl Window {
    fn from(since: UnixTime) -> Window {
        Window {
            since,
            held: 0,
            newest: None,
        }
    }

    /// A clock that was set back does not make a minute longer.
    fn holds(&self, now: UnixTime) -> bool {
        (self.since..self.since.plus(WINDOW)).contains(&now)
    }
}

fn about(event: &Event) -> About {
    if let Some(id) = &event.token_id {
        About::Token(id.clone())
    } else if let Some(certificate) = &event.certificate {
        About::Certificate(certificate.clone())
    } else if event.address.is_some() {
        // Whoever makes up names from one place is one.
        About::Source(Source::of(event.address))
    } else {
        About::Subject(event.subject.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn after(seconds: u64) -> UnixTime {
        NOW.plus(Duration::from_secs(seconds))
    }

    fn used(id: &str, at: UnixTime) -> Event {
        Event::new(EventName::TokenRevokedUsed, "anders", at).token(id)
    }

    #[test]
    fn of_one_token_one_event_a_minute_is_told_and_the_next_says_how_many_were_not() {
        let coalescing = Coalescing::default();
        assert_eq!(coalescing.judge(used("a", NOW)).unwrap().repeats, 0);
        for second in 0..60 {
            assert_eq!(coalescing.judge(used("a", after(second))), None);
        }
        let told = coalescing.judge(used("a", after(60))).unwrap();
        assert_eq!((told.event.at, told.repeats), (after(60), 60));
        assert_eq!(coalescing.judge(used("a", after(61))), None);
    }

    #[test]
    fn other_tokens_and_other_names_are_told_apart() {
        let coalescing = Coalescing::default();
        assert!(coalescing.judge(used("a", NOW)).is_some());
        assert!(coalescing.judge(used("b", NOW)).is_some());
        let mut other = used("a", NOW);
        other.name = EventName::TokenExpiredUsed;
        assert!(coalescing.judge(other).is_some());
    }

    #[test]
    fn names_that_one_source_makes_up_are_one_event() {
        let coalescing = Coalescing::default();
        let from = |name: &str, address: &str| {
            Event::new(EventName::SignInRefused, name, NOW).address(Some(address.parse().unwrap()))
        };
        assert!(coalescing.judge(from("one", "192.0.2.1")).is_some());
        assert!(coalescing.judge(from("two", "192.0.2.1")).is_none());
        assert!(coalescing.judge(from("two", "192.0.2.2")).is_some());
    }

    #[test]
    fn what_was_held_back_is_told_when_the_minute_is_over() {
        let coalescing = Coalescing::default();
        coalescing.judge(used("a", NOW));
        coalescing.judge(used("b", NOW));
        for second in 1..=3 {
            coalescing.judge(used("a", after(second)));
        }
        assert_eq!(coalescing.settle(after(59)), []);
        // The newest stands for the two before it.
        let told = coalescing.settle(after(60));
        let expected = Told {
            event: used("a", after(3)),
            repeats: 2,
        };
        assert_eq!(told, [expected]);
        assert_eq!(coalescing.judge(used("a", after(61))), None);
        assert!(coalescing.judge(used("b", after(61))).is_some());
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nobody() {
        let coalescing = Coalescing::default();
        coalescing.judge(used("a", after(86_400)));
        assert!(coalescing.judge(used("a", NOW)).is_some());
    }

    #[test]
    fn a_flood_of_sources_neither_fills_the_memory_nor_the_log() {
        let coalescing = Coalescing::default();
        let told = (0..2 * KEYS_MAX)
            .filter(|id| coalescing.judge(used(&id.to_string(), NOW)).is_some())
            .count();
        assert_eq!(told, KEYS_MAX + 1);
        assert!(coalescing.0.lock().unwrap().len() <= KEYS_MAX + 1);
        coalescing.settle(after(60));
        coalescing.settle(after(120));
        assert!(coalescing.0.lock().unwrap().is_empty());
    }
}
