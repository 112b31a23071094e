//! What is a moment, and how is it written?

use std::{fmt, time::Duration};

const DAY: u64 = 86_400;
const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// A moment in whole seconds since 1970-01-01T00:00:00Z (RFC 7519 §2, NumericDate).
///
/// Moments before 1970 do not exist here: what would be one is 1970-01-01T00:00:00Z.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct UnixTime(u64);

impl UnixTime {
    /// The moment `secs` seconds after 1970-01-01T00:00:00Z.
    pub const fn from_secs(secs: u64) -> UnixTime {
        UnixTime(secs)
    }

    /// Seconds since 1970-01-01T00:00:00Z.
    pub const fn as_secs(self) -> u64 {
        self.0
    }

    /// This moment moved later; saturates.
    #[must_use]
    pub const fn plus(self, by: Duration) -> UnixTime {
        UnixTime(self.0.saturating_add(by.as_secs()))
    }

    /// This moment moved earlier; saturates at 1970.
    #[must_use]
    pub const fn minus(self, by: Duration) -> UnixTime {
        UnixTime(self.0.saturating_sub(by.as_secs()))
    }

    /// How long after `earlier` this is; zero when it is not after.
    pub const fn since(self, earlier: UnixTime) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }

    /// Reads an RFC 3339 date and time with any offset, for example `2026-11-22T08:30:00Z`.
    ///
    /// A fraction of a second is cut off, a moment before 1970 becomes 1970-01-01T00:00:00Z, and
    /// a leap second becomes the first second of the next minute. Anything else is `None`.
    pub fn parse(text: &str) -> Option<UnixTime> {
        let bytes = text.as_bytes();
        let (date, rest) = (bytes.get(..10)?, bytes.get(11..)?);
        let (time, rest) = (rest.get(..8)?, rest.get(8..)?);
        if date[4] != b'-' || date[7] != b'-' || !matches!(bytes[10], b'T' | b't' | b' ') {
            return None;
        }
        let date = Date {
            year: number(&date[..4])?,
            month: number(&date[5..7])?,
            day: number(&date[8..])?,
        };
        let local = i64::try_from(seconds_of_day(time)?).ok()?;
        let offset = offset_seconds(after_fraction(rest)?)?;
        let secs = date.days_since_1970()?.checked_mul(DAY as i64)? + local - offset;
        Some(UnixTime(u64::try_from(secs).unwrap_or(0)))
    }

    /// Reads an HTTP date (RFC 9110 §5.6.7, IMF-fixdate only), as in the `Date` header.
    ///
    /// The day of the week must be the right one.
    pub fn from_http_date(text: &str) -> Option<UnixTime> {
        let bytes = text.as_bytes();
        if bytes.len() != 29 || &bytes[3..5] != b", " || &bytes[25..] != b" GMT" {
            return None;
        }
        if [7, 11, 16].iter().any(|&at| bytes[at] != b' ') {
            return None;
        }
        let month = MONTHS.iter().position(|m| m.as_bytes() == &bytes[8..11])?;
        let date = Date {
            year: number(&bytes[12..16])?,
            month: u64::try_from(month).ok()? + 1,
            day: number(&bytes[5..7])?,
        };
        let days = date.days_since_1970()?;
        if weekday(days).as_bytes() != &bytes[..3] {
            return None;
        }
        let secs = days * DAY as i64 + i64::try_from(seconds_of_day(&bytes[17..25])?).ok()?;
        Some(UnixTime(u64::try_from(secs).unwrap_or(0)))
    }

    /// Writes an HTTP date (IMF-fixdate).
    ///
    /// The form has four digits for the year, so a moment after 9999 is written as the last
    /// second of 9999.
    pub fn to_http_date(self) -> String {
        const END_OF_9999: u64 = 253_402_300_799;
        let secs = self.0.min(END_OF_9999);
        let days = secs / DAY;
        let Date { year, month, day } = Date::from_days(days);
        let (hour, minute, second) = clock_face(secs);
        format!(
            "{}, {day:02} {} {year:04} {hour:02}:{minute:02}:{second:02} GMT",
            DAYS[(days % 7) as usize],
            MONTHS[(month - 1) as usize],
        )
    }
}

/// RFC 3339 in UTC, for example `2026-11-22T08:30:00Z`.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = Date::from_days(self.0 / DAY);
        let (hour, minute, second) = clock_face(self.0);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z"
        )
    }
}

/// A day of the proleptic Gregorian calendar.
struct Date {
    year: u64,
    month: u64,
    day: u64,
}

/// Days from 0000-03-01 to 1970-01-01. Years that begin in March have their leap day last.
const MARCH_0000_TO_1970: u64 = 719_468;
const DAYS_OF_400_YEARS: u64 = 146_097;

impl Date {
    fn from_days(days_since_1970: u64) -> Date {
        let days = days_since_1970 + MARCH_0000_TO_1970;
        let (cycle, of_cycle) = (days / DAYS_OF_400_YEARS, days % DAYS_OF_400_YEARS);
        let year_of_cycle =
            (of_cycle - of_cycle / 1_460 + of_cycle / 36_524 - of_cycle / 146_096) / 365;
        let of_year = of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
        let month_from_march = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 {
            month_from_march + 3
        } else {
            month_from_march - 9
        };
        let year = cycle * 400 + year_of_cycle + u64::from(month <= 2);
        Date { year, month, day }
    }

    /// `None` when there is no such day. Negative before 1970.
    fn days_since_1970(&self) -> Option<i64> {
        let leap = self.year.is_multiple_of(4) && !self.year.is_multiple_of(100)
            || self.year.is_multiple_of(400);
        let length = match self.month {
            2 => 28 + u64::from(leap),
            4 | 6 | 9 | 11 => 30,
            1..=12 => 31,
            _ => return None,
        };
        if self.day == 0 || self.day > length {
            return None;
        }
        // Year 0 is moved one cycle later, so that January and February of it have a year before.
        let year = self.year + 400 - u64::from(self.month <= 2);
        let (cycle, year_of_cycle) = (year / 400, year % 400);
        let of_year = (153 * ((self.month + 9) % 12) + 2) / 5 + self.day - 1;
        let of_cycle = year_of_cycle * 365 + year_of_cycle / 4 - year_of_cycle / 100 + of_year;
        let days = cycle * DAYS_OF_400_YEARS + of_cycle;
        Some(i64::try_from(days).ok()? - (DAYS_OF_400_YEARS + MARCH_0000_TO_1970) as i64)
    }
}

fn weekday(days_since_1970: i64) -> &'static str {
    DAYS[days_since_1970.rem_euclid(7) as usize]
}

fn clock_face(secs: u64) -> (u64, u64, u64) {
    let of_day = secs % DAY;
    (of_day / 3_600, of_day / 60 % 60, of_day % 60)
}

/// `hh:mm:ss`, with 60 as a leap second.
fn seconds_of_day(text: &[u8]) -> Option<u64> {
    if text.len() != 8 || text[2] != b':' || text[5] != b':' {
        return None;
    }
    let (hour, minute, second) = (
        number(&text[..2])?,
        number(&text[3..5])?,
        number(&text[6..])?,
    );
    (hour < 24 && minute < 60 && second <= 60).then_some(hour * 3_600 + minute * 60 + second)
}

fn after_fraction(text: &[u8]) -> Option<&[u8]> {
    let Some(fraction) = text.strip_prefix(b".") else {
        return Some(text);
    };
    let digits = fraction.iter().take_while(|b| b.is_ascii_digit()).count();
    (digits > 0).then(|| &fraction[digits..])
}

/// `Z` or `±hh:mm`, in seconds east of UTC.
fn offset_seconds(text: &[u8]) -> Option<i64> {
    match text {
        b"Z" | b"z" => Some(0),
        [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
            let (hours, minutes) = (number(&[*h1, *h2])?, number(&[*m1, *m2])?);
            if hours > 23 || minutes > 59 {
                return None;
            }
            let seconds = i64::try_from(hours * 3_600 + minutes * 60).ok()?;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |sum, digit| {
        digit
            .is_ascii_digit()
            .then(|| sum * 10 + u64::from(digit - b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9110 §5.6.7: the one moment that the RFC writes in three forms.
    #[test]
    fn the_date_of_rfc_9110_is_read_and_written() {
        let moment = UnixTime::from_secs(784_111_777);
        let text = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(UnixTime::from_http_date(text), Some(moment));
        assert_eq!(moment.to_http_date(), text);
        assert_eq!(moment.to_string(), "1994-11-06T08:49:37Z");
    }

    #[test]
    fn the_obsolete_http_dates_and_wrong_ones_are_refused() {
        for text in [
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sun,  6 Nov 1994 08:49:37 GMT",
            "",
            "ééééééééééééééé",
        ] {
            assert_eq!(UnixTime::from_http_date(text), None, "{text}");
        }
    }

    /// RFC 3339 §5.8.
    #[test]
    fn the_examples_of_rfc_3339_are_read() {
        for (text, secs) in [
            ("1985-04-12T23:20:50.52Z", 482_196_050),
            ("1996-12-19T16:39:57-08:00", 851_042_397),
            ("1990-12-31T23:59:60Z", 662_688_000),
            ("1990-12-31T15:59:60-08:00", 662_688_000),
            ("1937-01-01T12:00:27.87+00:20", 0),
        ] {
            assert_eq!(
                UnixTime::parse(text),
                Some(UnixTime::from_secs(secs)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_is_not_rfc_3339_is_refused() {
        for text in [
            "2026-11-22T08:30:00",
            "2026-11-22",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "2026-01-01T00:00:00.Z",
            "2026-01-01T00:00:61Z",
            "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:00+24:00",
            "2026-01-01T00:00:00+0100",
            "+026-01-01T00:00:00Z",
            "2026-01-01T00:00:00Zx",
            "ééééééééééééééé",
        ] {
            assert_eq!(UnixTime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn leap_days_and_ends_of_years_are_civil() {
        // From `date -u -d @N`.
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (2_147_483_648, "2038-01-19T03:14:08Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(UnixTime::from_secs(secs).to_string(), text);
            assert_eq!(UnixTime::parse(text), Some(UnixTime::from_secs(secs)));
        }
    }

    #[test]
    fn the_ends_of_time_saturate() {
        let end = UnixTime::from_secs(u64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        let start = UnixTime::from_secs(3);
        assert_eq!(start.minus(Duration::from_secs(4)), UnixTime::from_secs(0));
        assert_eq!(start.since(end), Duration::ZERO);
        assert!(end.to_string().ends_with('Z'));
        assert_eq!(end.to_http_date(), "Fri, 31 Dec 9999 23:59:59 GMT");
        assert_eq!(
            UnixTime::parse("0000-01-01T00:00:00Z"),
            Some(UnixTime::from_secs(0))
        );
    }

    proptest::proptest! {
        #[test]
        fn every_second_until_9999_survives_both_forms(secs in 0_u64..253_402_300_800) {
            let moment = UnixTime::from_secs(secs);
            proptest::prop_assert_eq!(UnixTime::parse(&moment.to_string()), Some(moment));
            proptest::prop_assert_eq!(
                UnixTime::from_http_date(&moment.to_http_date()),
                Some(moment)
            );
        }
    }
}
