//! Which of two certificates is signed with while the server does not believe the newer one yet?
//!
//! A new certificate may lie on this machine before the server knows it. So it takes the place of the
//! one before it when a token was had with it, and not sooner: a newer one that is refused is set
//! aside, what worked goes on, and the newer one is tried again after a pause that doubles. When what
//! worked works no more, nothing is set aside any longer.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use countersign_proto::{thumbprint::Thumbprint, time::UnixTime};

use super::thumbprint;
use crate::{Credential, credential::Current, retry::part};

/// While one caller tries a certificate, others sign with what worked for so long.
const TRIAL: Duration = Duration::from_secs(10);
/// The pause after the first refusal.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// No pause is longer.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What is known of the certificates of one client for one kind of token.
#[derive(Default)]
pub(crate) struct Succession {
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// With this one the last token was had.
    last_good: Option<Credential>,
    aside: Vec<Aside>,
}

/// A certificate that is not to be tried just now, if there is another.
struct Aside {
    certificate: Thumbprint,
    refusals: u32,
    /// On [`crate::Clock::elapsed`].
    until: Duration,
}

/// When something is asked: by the clock that certificates are dated by, and by the one that waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: UnixTime,
    pub(crate) elapsed: Duration,
}

/// What became of a refusal.
#[derive(Clone, Debug)]
pub(crate) enum Next {
    /// Ask with this one.
    Try(Credential),
    /// There is nothing else to ask with.
    Nothing,
}

impl Succession {
    /// What to sign with: the newest, unless it is set aside or tried by somebody else just now and
    /// there is another. When all are set aside, the one that is so for the shortest time still.
    pub(crate) fn choose(&self, current: &Current, at: Moment) -> Credential {
        let mut known = self.lock();
        let candidates = known.candidates(current, at.now);
        known.forget_all_but(&candidates);
        let chosen = candidates
            .iter()
            .min_by_key(|candidate| known.aside_for(candidate, at.elapsed))
            .unwrap_or(&current.credential)
            .clone();
        if !known.is_last_good(&chosen) {
            known.set_aside(thumbprint(&chosen), at.elapsed + TRIAL);
        }
        chosen
    }

    /// What worked last, if it is valid still.
    pub(crate) fn last_good(&self, now: UnixTime) -> Option<Credential> {
        self.lock().last_good_at(now)
    }

    /// Whether it is time to try `newest`, which has not earned the token that is held.
    pub(crate) fn is_worth_a_trial(&self, newest: &Credential, elapsed: Duration) -> bool {
        !self.lock().is_aside(newest, elapsed)
    }

    /// A token was had with `credential`.
    pub(crate) fn believe(&self, credential: &Credential) {
        let mut known = self.lock();
        if known.refusals(credential) > 0 {
            tracing::info!(
                thumbprint = %thumbprint(credential),
                "the certificate that was refused is accepted now"
            );
        }
        let certificate = thumbprint(credential);
        known.aside.retain(|aside| aside.certificate != certificate);
        if !known.is_last_good(credential) {
            known.last_good = Some(credential.clone());
        }
    }

    /// The server refused `credential`, which is the last of `tried`. `fraction` spreads the pause.
    pub(crate) fn refuse(
        &self,
        tried: &[Thumbprint],
        credential: &Credential,
        current: &Current,
        at: Moment,
        fraction: u32,
    ) -> Next {
        let mut known = self.lock();
        let before = known.refusals(credential);
        if before == 0 && known.is_last_good(credential) {
            // Whatever else there is may be the one that is registered now.
            known.aside.clear();
        }
        known.note_refusal(thumbprint(credential), before + 1, at.elapsed, fraction);
        let next = known
            .candidates(current, at.now)
            .into_iter()
            .find(|next| !tried.contains(&thumbprint(next)) && !known.is_aside(next, at.elapsed));
        let Some(next) = next else {
            return Next::Nothing;
        };
        if before == 0 {
            tracing::warn!(
                refused = %thumbprint(credential),
                instead = %thumbprint(&next),
                "the certificate was refused; another one is there, and this one is tried again later"
            );
        }
        Next::Try(next)
    }

    /// Nothing that panics leaves a half-made state behind, so a poisoned lock is as good.
    fn lock(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    /// In the order of preference, each once, those that are valid.
    fn candidates(&self, current: &Current, now: UnixTime) -> Vec<Credential> {
        let mut candidates = vec![current.credential.clone()];
        let others = [self.last_good_at(now), current.predecessor.clone()];
        for other in others.into_iter().flatten() {
            let is_new = |known: &Credential| thumbprint(known) != thumbprint(&other);
            if candidates.iter().all(is_new) && other.valid_at(now).is_ok() {
                candidates.push(other);
            }
        }
        candidates
    }

    fn last_good_at(&self, now: UnixTime) -> Option<Credential> {
        let valid = |credential: &&Credential| credential.valid_at(now).is_ok();
        self.last_good.as_ref().filter(valid).cloned()
    }

    fn is_last_good(&self, credential: &Credential) -> bool {
        let last_good = self.last_good.as_ref();
        last_good.is_some_and(|last| thumbprint(last) == thumbprint(credential))
    }

    fn is_aside(&self, credential: &Credential, elapsed: Duration) -> bool {
        !self.aside_for(credential, elapsed).is_zero()
    }

    /// How long still. A clock that was set back must not make it longer than any pause is.
    fn aside_for(&self, credential: &Credential, elapsed: Duration) -> Duration {
        let aside = self.of(thumbprint(credential));
        let left = aside.map_or(Duration::ZERO, |aside| aside.until.saturating_sub(elapsed));
        match left > LONGEST_PAUSE {
            true => Duration::ZERO,
            false => left,
        }
    }

    fn refusals(&self, credential: &Credential) -> u32 {
        let aside = self.of(thumbprint(credential));
        aside.map_or(0, |aside| aside.refusals)
    }

    fn of(&self, certificate: Thumbprint) -> Option<&Aside> {
        self.aside
            .iter()
            .find(|aside| aside.certificate == certificate)
    }

    fn set_aside(&mut self, certificate: Thumbprint, until: Duration) {
        let refusals = self.of(certificate).map_or(0, |aside| aside.refusals);
        self.put(Aside {
            certificate,
            refusals,
            until,
        });
    }

    fn note_refusal(
        &mut self,
        certificate: Thumbprint,
        refusals: u32,
        elapsed: Duration,
        fraction: u32,
    ) {
        self.put(Aside {
            certificate,
            refusals,
            until: elapsed + pause(refusals, fraction),
        });
    }

    fn put(&mut self, aside: Aside) {
        self.aside
            .retain(|known| known.certificate != aside.certificate);
        self.aside.push(aside);
    }

    /// What is not there any more cannot be tried again.
    fn forget_all_but(&mut self, candidates: &[Credential]) {
        let there: Vec<Thumbprint> = candidates.iter().map(thumbprint).collect();
        self.aside
            .retain(|aside| there.contains(&aside.certificate));
    }
}

/// Half of the span and a part of the other half, so that many clients do not come back together.
fn pause(refusals: u32, fraction: u32) -> Duration {
    let doublings = refusals.saturating_sub(1).min(16);
    let span = FIRST_PAUSE
        .saturating_mul(1 << doublings)
        .min(LONGEST_PAUSE);
    span / 2 + part(span / 2, fraction)
}

#[cfg(test)]
mod tests;
