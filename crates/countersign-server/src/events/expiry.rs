//! Which warning about an end is due, and was it told before?
//!
//! A warning is told once, by whichever node comes first, and not again after a restart: the store
//! remembers it, as it remembers a `jti`.

use std::time::Duration;

use countersign_proto::time::UnixTime;

use crate::store::{JtiPurpose, JtiRecord, Recorded, Store, StoreError};

const DAY: u64 = 86_400;
/// How long before an end it is told, in days; the most urgent first.
const NOTICES: [u64; 5] = [0, 1, 7, 14, 30];
/// What ended longer ago is no news, for instance when a platform is made from old records.
const NEWS: Duration = Duration::from_secs(30 * DAY);
/// A warning is remembered for so long after the end, so that a clock that was ahead for a year does not
/// make a store that has forgotten a year refuse to remember new ones.
const REMEMBERED: Duration = Duration::from_secs(400 * DAY);

/// The most urgent warning whose time has come, by its days before the end.
pub(super) fn notice(end: UnixTime, now: UnixTime) -> Option<u64> {
    let due = |days: &u64| now.plus(Duration::from_secs(days * DAY)) >= end;
    NOTICES
        .into_iter()
        .find(due)
        .filter(|_| now <= end.plus(NEWS))
}

/// Whether nobody has told of this yet, on any node. From now on somebody has.
///
/// # Errors
/// [`StoreError`] when the store does not answer; then it is not told, and is at the next look.
pub(super) async fn is_first(
    store: &dyn Store,
    about: &str,
    notice: u64,
    end: UnixTime,
) -> Result<bool, StoreError> {
    let record = JtiRecord {
        client_id: about.to_owned(),
        purpose: JtiPurpose::Notice,
        jti: notice.to_string(),
        forget_after: end.plus(REMEMBERED),
    };
    Ok(store.record_jti(record).await? == Recorded::Fresh)
}

/// How long it is until then, in words.
pub(super) fn left(end: UnixTime, now: UnixTime) -> String {
    match end.since(now).as_secs() {
        0 => "it has ended".to_owned(),
        seconds if seconds < DAY => format!("it ends in {} hours", seconds / 3_600),
        seconds => format!("it ends in {} days", seconds / DAY),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn before(seconds: u64) -> UnixTime {
        UnixTime::from_secs(END.as_secs() - seconds)
    }

    #[test]
    fn somebody_who_looks_every_hour_has_five_warnings_to_tell() {
        let hours = (0..40 * 24).map(|hour| before((40 * 24 - hour) * 3_600));
        let mut notices: Vec<u64> = hours.filter_map(|now| notice(END, now)).collect();
        notices.extend(notice(END, END));
        notices.dedup();
        assert_eq!(notices, [30, 14, 7, 1, 0]);
    }

    #[test]
    fn the_most_urgent_warning_is_the_one_that_is_due() {
        for (seconds, due) in [
            (30 * DAY + 1, None),
            (30 * DAY, Some(30)),
            (14 * DAY + 1, Some(30)),
            (5 * DAY, Some(7)),
            (DAY, Some(1)),
            (1, Some(1)),
            (0, Some(0)),
        ] {
            assert_eq!(notice(END, before(seconds)), due, "{seconds}");
        }
    }

    #[test]
    fn that_something_has_ended_is_news_for_thirty_days() {
        assert_eq!(notice(END, END.plus(NEWS)), Some(0));
        assert_eq!(notice(END, END.plus(NEWS + Duration::from_secs(1))), None);
    }

    #[test]
    fn what_is_left_is_said_in_days_and_at_last_in_hours() {
        assert_eq!(left(END, before(14 * DAY + 5)), "it ends in 14 days");
        assert_eq!(left(END, before(2 * 3_600)), "it ends in 2 hours");
        assert_eq!(left(END, END), "it has ended");
    }
}
