//! How does a person write how long, and when?

use std::time::Duration;

use countersign::proto::time::UnixTime;

use crate::failure::Failure;

/// `90`, `90s`, `15m`, `12h`, `30d`.
pub(crate) fn duration(option: &str, text: &str) -> Result<Duration, Failure> {
    let (digits, unit) = match text.char_indices().find(|(_, c)| !c.is_ascii_digit()) {
        Some((at, _)) => text.split_at(at),
        None => (text, "s"),
    };
    let seconds = match unit {
        "s" => Some(1),
        "m" => Some(60),
        "h" => Some(3600),
        "d" => Some(24 * 3600),
        _ => None,
    };
    let number = digits.parse::<u64>().ok();
    number
        .zip(seconds)
        .and_then(|(number, seconds)| number.checked_mul(seconds))
        .map(Duration::from_secs)
        .ok_or_else(|| {
            Failure::usage(format!("{option} {text:?} is no length of time"))
                .hint("for example 90s, 15m, 12h or 30d")
        })
}

/// RFC 3339, or seconds since 1970.
pub(crate) fn moment(option: &str, text: &str) -> Result<UnixTime, Failure> {
    let seconds = || text.parse::<u64>().ok().map(UnixTime::from_secs);
    UnixTime::parse(text).or_else(seconds).ok_or_else(|| {
        Failure::usage(format!("{option} {text:?} is no moment"))
            .hint("for example 2026-11-22T08:30:00Z, or seconds since 1970")
    })
}

/// `2027-11-22`, which is its first moment in UTC, or any other moment.
pub(crate) fn day_or_moment(option: &str, text: &str) -> Result<UnixTime, Failure> {
    let day = UnixTime::parse(&format!("{text}T00:00:00Z"));
    day.map_or_else(|| moment(option, text), Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_length_of_time_is_a_number_and_a_unit() {
        for (text, expected) in [
            ("0", Some(0)),
            ("90", Some(90)),
            ("90s", Some(90)),
            ("15m", Some(900)),
            ("12h", Some(43_200)),
            ("30d", Some(2_592_000)),
            ("", None),
            ("s", None),
            ("1.5h", None),
            ("-1s", None),
            ("1 h", None),
            ("1w", None),
            ("18446744073709551615d", None),
        ] {
            let found = duration("--lifetime", text)
                .ok()
                .map(|found| found.as_secs());
            assert_eq!(found, expected, "{text:?}");
        }
    }

    #[test]
    fn a_day_is_its_first_moment_in_utc() {
        let at = |text| day_or_moment("--expires", text).map(UnixTime::as_secs).ok();
        assert_eq!(at("2026-11-22"), Some(1_795_305_600));
        assert_eq!(at("2026-11-22T08:30:00Z"), Some(1_795_336_200));
        assert_eq!(at("1795336200"), Some(1_795_336_200));
        for text in ["", "2026-11", "2026-13-01", "22.11.2026", "tomorrow"] {
            assert_eq!(at(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_moment_is_a_date_or_seconds() {
        let at = |text| moment("--not-before", text).map(UnixTime::as_secs).ok();
        assert_eq!(at("2023-11-14T22:13:20Z"), Some(1_700_000_000));
        assert_eq!(at("1700000000"), Some(1_700_000_000));
        assert_eq!(at("tomorrow"), None);
        assert_eq!(at(""), None);
    }
}
