//! Does the certificate that is signed with end soon, and was that said?

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use countersign_proto::{certificate::Certificate, thumbprint::Thumbprint, time::UnixTime};

const DAY: u64 = 86_400;
/// How long before the end it is said, in days; the most urgent first.
const NOTICES: [u64; 4] = [1, 7, 14, 30];

/// What was said last: of which certificate, and how many days before its end.
#[derive(Default)]
pub(crate) struct Ending(Mutex<Option<(Thumbprint, u64)>>);

impl Ending {
    /// Warns when a certificate that is signed with ends within 30, 14, 7 or 1 days: once for each.
    pub(crate) fn watch(&self, leaf: &Certificate, now: UnixTime) {
        let Some(days) = notice(leaf, now) else {
            return;
        };
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let certificate = leaf.sha256();
        // A clock that is set back makes nothing less urgent that was said.
        if said.is_some_and(|(of, before)| of == certificate && before <= days) {
            return;
        }
        *said = Some((certificate, days));
        tracing::warn!(
            subject = %leaf.subject(),
            thumbprint = %certificate,
            ends = %leaf.not_after(),
            days_left = leaf.not_after().since(now).as_secs() / DAY,
            "the certificate ends soon; renew it and register the new one"
        );
    }
}

/// The most urgent warning whose time has come. None comes before a certificate is due for renewal: one
/// that lives for a week is not warned of from its first day on.
fn notice(leaf: &Certificate, now: UnixTime) -> Option<u64> {
    let end = leaf.not_after();
    let due = |days: &u64| now.plus(Duration::from_secs(days * DAY)) >= end;
    let urgent = NOTICES.into_iter().find(due);
    urgent.filter(|_| now >= leaf.renew_from() && now <= end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        certificate_store::fixture::{NOW, day, made},
        credential::logged::Log,
    };

    /// In which hours before its end it is said, looked at every hour.
    fn said(life_days: i64) -> Vec<u64> {
        let names = [(rcgen::DnType::CommonName, "service")];
        let leaf = made(&names, day(-life_days), day(0)).certificate();
        let log = Log::begin();
        let ending = Ending::default();
        let hours = u64::try_from(life_days * 24).unwrap();
        let mut said = Vec::new();
        for hour in (0..=hours).rev() {
            for _ in 0..3 {
                ending.watch(&leaf, NOW.minus(Duration::from_secs(hour * 3_600)));
            }
            said.extend(log.take().into_iter().map(|_| hour));
        }
        said
    }

    #[test]
    fn it_is_said_once_at_each_of_four_days() {
        assert_eq!(said(365), [30 * 24, 14 * 24, 7 * 24, 24]);
    }

    #[test]
    fn of_a_short_life_it_is_said_when_it_is_due_and_not_at_once() {
        assert_eq!(said(30), [10 * 24, 7 * 24, 24]);
        assert_eq!(said(3), [24]);
        assert_eq!(said(1), [8]);
    }

    #[test]
    fn another_certificate_is_said_anew_and_a_clock_set_back_says_nothing_twice() {
        let log = Log::begin();
        let ending = Ending::default();
        let names = [(rcgen::DnType::CommonName, "service")];
        let leaf = made(&names, day(-300), day(20)).certificate();
        for days in [0, 14, -5, 14] {
            ending.watch(&leaf, day(days));
        }
        assert_eq!(log.take().len(), 2);
        ending.watch(&made(&names, day(-300), day(20)).certificate(), day(0));
        assert_eq!(log.take().len(), 1);
    }
}
