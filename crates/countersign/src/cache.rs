//! Which token is held, and how fresh is it?

use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use countersign_proto::{thumbprint::Thumbprint, time::UnixTime};

use crate::{Token, retry::part};

/// The one token of a client. Reading it waits for nobody.
#[derive(Default)]
pub(crate) struct Cache {
    held: ArcSwapOption<Held>,
}

struct Held {
    /// The same token behind several counters; a thread keeps to one of them.
    handles: [Token; HANDLES],
    /// From when on it is to be renewed, in seconds since 1970. Moved when a renewal fails.
    renew_at: AtomicU64,
    /// From when on everybody waits for the new one.
    late_at: UnixTime,
}

const HANDLES: usize = 16;

/// What the cache has to offer at some moment.
#[derive(Debug)]
pub(crate) enum Offer {
    /// To be used as it is.
    Fresh(Token),
    /// To be used, and one caller is to renew it.
    Ageing(Token),
    /// About to end: to be used only if no new one can be had.
    Late(Token),
    /// There is none that lives.
    Nothing,
}

impl Cache {
    /// What there is at `now`.
    pub(crate) fn offer(&self, now: UnixTime) -> Offer {
        let held = self.held.load();
        let Some(held) = held.as_ref() else {
            return Offer::Nothing;
        };
        let token = &held.handles[slot()];
        if !token.lives(now) {
            Offer::Nothing
        } else if now.as_secs() < held.renew_at.load(Ordering::Relaxed) {
            Offer::Fresh(token.clone())
        } else if now < held.late_at {
            Offer::Ageing(token.clone())
        } else {
            Offer::Late(token.clone())
        }
    }

    /// Holds `token` from now on. `fraction` spreads the moment of its renewal.
    pub(crate) fn hold(&self, token: &Token, fraction: u32) {
        let life = token.expires_at.since(token.issued_at);
        let held = Held {
            handles: std::array::from_fn(|_| token.sibling()),
            renew_at: AtomicU64::new(token.issued_at.plus(renewal_age(life, fraction)).as_secs()),
            late_at: token.expires_at.minus(lateness(life)),
        };
        self.held.store(Some(Arc::new(held)));
    }

    /// Leaves `token` in use, and puts its renewal off, after a renewal failed at `now`.
    pub(crate) fn put_off(&self, token: &Token, now: UnixTime, retry_after: Option<Duration>) {
        let held = self.held.load();
        if let Some(held) = held.as_ref().filter(|held| held.is(token)) {
            let wait = hold_off(token.expires_at.since(now), retry_after);
            held.renew_at
                .store(now.plus(wait).as_secs(), Ordering::Relaxed);
        }
    }

    /// Forgets `token` if it is the one that is held.
    pub(crate) fn forget(&self, token: &Token) {
        let held = self.held.load();
        if held.as_ref().is_some_and(|held| held.is(token)) {
            self.held.compare_and_swap(&held, None);
        }
    }

    /// Has a token renewed now that another certificate than `certificate` earned. It stays in use
    /// until then: whatever is wrong with the new certificate, nobody is left without a token.
    pub(crate) fn renew_unless_of(&self, certificate: Thumbprint) {
        let held = self.held.load();
        let Some(held) = held.as_ref() else {
            return;
        };
        let earner = held.handles[0].issue_cert_thumbprint;
        if earner.is_some_and(|earner| earner != certificate) {
            tracing::debug!("the certificate was replaced: its token is renewed with the new one");
            held.renew_at.store(0, Ordering::Relaxed);
        }
    }

    /// When the token that is held is to be renewed.
    pub(crate) fn renewal(&self) -> Option<UnixTime> {
        self.held
            .load()
            .as_ref()
            .map(|held| UnixTime::from_secs(held.renew_at.load(Ordering::Relaxed)))
    }
}

impl Held {
    fn is(&self, token: &Token) -> bool {
        self.handles[0].access_token == token.access_token
    }
}

/// At which age a token of this life is renewed: 75 % to 85 % of it.
fn renewal_age(life: Duration, fraction: u32) -> Duration {
    life * 75 / 100 + part(life / 10, fraction)
}

/// How long before its end a token of this life is late: 5 s, or a tenth of a short life.
fn lateness(life: Duration) -> Duration {
    (life / 10).min(Duration::from_secs(5))
}

/// How long to leave a failed renewal: a tenth of what is left, 1 s to 60 s, or longer if the server asks.
fn hold_off(left: Duration, retry_after: Option<Duration>) -> Duration {
    (left / 10)
        .clamp(Duration::from_secs(1), Duration::from_secs(60))
        .max(retry_after.unwrap_or_default())
}

/// The handle of this thread.
fn slot() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static SLOT: Cell<usize> = const { Cell::new(usize::MAX) };
    }
    SLOT.with(|slot| {
        if slot.get() == usize::MAX {
            slot.set(NEXT.fetch_add(1, Ordering::Relaxed) % HANDLES);
        }
        slot.get()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(count: u64) -> Duration {
        Duration::from_secs(count)
    }

    #[test]
    fn renewal_is_spread_over_a_tenth_of_the_life() {
        assert_eq!(renewal_age(seconds(900), 0), seconds(675));
        assert_eq!(renewal_age(seconds(900), 1 << 31), seconds(720));
        assert!(renewal_age(seconds(900), u32::MAX) < seconds(765));
        assert_eq!(renewal_age(Duration::ZERO, u32::MAX), Duration::ZERO);
    }

    #[test]
    fn a_token_is_late_five_seconds_before_its_end_or_a_tenth_of_a_short_life() {
        assert_eq!(lateness(seconds(900)), seconds(5));
        assert_eq!(lateness(seconds(30)), seconds(3));
    }

    #[test]
    fn a_failed_renewal_is_left_for_a_tenth_of_what_remains() {
        assert_eq!(hold_off(seconds(180), None), seconds(18));
        assert_eq!(hold_off(seconds(3), None), seconds(1));
        assert_eq!(hold_off(seconds(86_400), None), seconds(60));
        assert_eq!(hold_off(seconds(180), Some(seconds(90))), seconds(90));
    }

    #[test]
    fn a_thread_keeps_to_one_handle() {
        assert_eq!(slot(), slot());
        assert!(slot() < HANDLES);
    }
}
