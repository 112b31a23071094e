//! Does a certificate end soon, and is today a day to say so?

use std::time::Duration;

use countersign_proto::time::UnixTime;

const DAY: u64 = 86_400;
/// How long before its end it is said, in days.
const NOTICES: [u64; 5] = [30, 14, 7, 1, 0];

/// Whether the end of something that ends at `end` is to be told now, when it was last thought of
/// at `last`. At the first time it is told whenever it is near, so that nobody misses it by a
/// restart; later at 30, 14, 7 and 1 days before the end, and at the end.
pub(super) fn is_due(end: UnixTime, last: Option<UnixTime>, now: UnixTime) -> bool {
    let within = |days: u64, at: UnixTime| at.plus(Duration::from_secs(days * DAY)) >= end;
    match last {
        None => within(NOTICES[0], now) && now < end,
        Some(last) => NOTICES
            .into_iter()
            .any(|days| within(days, now) && !within(days, last)),
    }
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
    fn somebody_who_looks_every_hour_hears_it_five_times() {
        let hours = 40 * 24;
        let looks: Vec<UnixTime> = (0..hours)
            .map(|hour| before((hours - hour) * 3_600))
            .collect();
        let mut told: Vec<u64> = looks
            .windows(2)
            .filter(|pair| is_due(END, Some(pair[0]), pair[1]))
            .map(|pair| END.since(pair[1]).as_secs() / DAY)
            .collect();
        let last = (looks[looks.len() - 1], END.plus(Duration::from_secs(10)));
        if is_due(END, Some(last.0), last.1) {
            told.push(0);
        }
        assert_eq!(told, [30, 14, 7, 1, 0]);
    }

    #[test]
    fn at_the_start_what_is_near_is_told_and_what_is_far_or_over_is_not() {
        for (seconds, due) in [
            (31 * DAY, false),
            (30 * DAY, true),
            (10 * DAY, true),
            (1, true),
        ] {
            assert_eq!(is_due(END, None, before(seconds)), due, "{seconds}");
        }
        assert!(!is_due(END, None, END));
    }

    #[test]
    fn a_look_that_comes_late_tells_once() {
        let (last, now) = (before(20 * DAY), before(5 * DAY));
        assert!(is_due(END, Some(last), now));
        assert!(!is_due(END, Some(now), before(4 * DAY)));
    }

    #[test]
    fn what_is_left_is_said_in_days_and_at_last_in_hours() {
        assert_eq!(left(END, before(14 * DAY + 5)), "it ends in 14 days");
        assert_eq!(left(END, before(2 * 3_600)), "it ends in 2 hours");
        assert_eq!(left(END, END), "it has ended");
    }
}
