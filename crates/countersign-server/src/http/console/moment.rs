//! How is a moment told to a person?

use std::time::Duration;

use countersign_proto::time::UnixTime;

/// A moment, as a page shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// For the machine: RFC 3339.
    pub(super) machine: String,
    /// To the minute, in UTC.
    pub(super) clock: String,
    /// How far it is from now.
    pub(super) distance: String,
}

impl Moment {
    pub(super) fn new(at: UnixTime, now: UnixTime) -> Moment {
        let machine = at.to_string();
        // `2026-11-22T08:30:00Z`
        let clock = match (machine.get(..10), machine.get(11..16)) {
            (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
            _ => machine.clone(),
        };
        let distance = if at > now {
            format!("in {}", span(at.since(now)))
        } else {
            match now.since(at).as_secs() {
                0..=4 => "just now".to_owned(),
                _ => format!("{} ago", span(now.since(at))),
            }
        };
        Moment {
            machine,
            clock,
            distance,
        }
    }
}

/// A length of time in the unit that people would use.
pub(super) fn span(length: Duration) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    let seconds = length.as_secs();
    let (unit, name) = match seconds {
        0..=89 => (1, "second"),
        90..=5_399 => (MINUTE, "minute"),
        5_400..=172_799 => (HOUR, "hour"),
        _ => (DAY, "day"),
    };
    let count = (seconds + unit / 2) / unit;
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_as_people_tell_it() {
        let now = UnixTime::from_secs(1_795_336_200);
        let moment = Moment::new(now, now);
        assert_eq!(moment.machine, "2026-11-22T08:30:00Z");
        assert_eq!(moment.clock, "2026-11-22 08:30 UTC");
        assert_eq!(moment.distance, "just now");
        let distance = |seconds: i64| {
            let length = Duration::from_secs(seconds.unsigned_abs());
            let at = if seconds < 0 {
                now.minus(length)
            } else {
                now.plus(length)
            };
            Moment::new(at, now).distance
        };
        assert_eq!(distance(1), "in 1 second");
        assert_eq!(distance(-89), "89 seconds ago");
        assert_eq!(distance(-90), "2 minutes ago");
        assert_eq!(distance(3600), "in 60 minutes");
        assert_eq!(distance(7_776_000), "in 90 days");
        assert_eq!(distance(-172_799), "48 hours ago");
        assert_eq!(distance(-172_800), "2 days ago");
    }
}
