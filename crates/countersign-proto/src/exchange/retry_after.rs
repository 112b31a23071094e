//! When does the server want to be asked again (RFC 9110 §10.2.3)?

use std::time::Duration;

use http::{HeaderMap, header::RETRY_AFTER};

use crate::time::UnixTime;

/// `Retry-After` in seconds or as an HTTP date. A date that has passed is zero; a header that
/// cannot be read is `None`.
pub fn retry_after(headers: &HeaderMap, now: UnixTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return value.parse().ok().map(Duration::from_secs);
    }
    UnixTime::from_http_date(value).map(|at| at.since(now))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, value.parse().unwrap());
        // 1994-11-06T08:49:00Z
        retry_after(&headers, UnixTime::from_secs(784_111_740))
    }

    #[test]
    fn seconds_and_dates_are_read() {
        assert_eq!(read("120"), Some(Duration::from_secs(120)));
        assert_eq!(read(" 0 "), Some(Duration::ZERO));
        assert_eq!(
            read("Sun, 06 Nov 1994 08:49:37 GMT"),
            Some(Duration::from_secs(37))
        );
        assert_eq!(read("Sun, 06 Nov 1994 08:48:00 GMT"), Some(Duration::ZERO));
    }

    #[test]
    fn anything_else_is_passed_over() {
        for value in ["", "-1", "1.5", "1e3", "soon", "99999999999999999999999"] {
            assert_eq!(read(value), None, "{value:?}");
        }
        assert_eq!(retry_after(&HeaderMap::new(), UnixTime::from_secs(0)), None);
    }
}
