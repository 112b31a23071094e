//! What is a moment, and how is it written?

use std::time::Duration;

/// A moment in whole seconds since 1970-01-01T00:00:00Z (RFC 7519 §2, NumericDate).
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
    pub const fn plus(self, by: Duration) -> UnixTime {
        UnixTime(self.0.saturating_add(by.as_secs()))
    }
    /// This moment moved earlier; saturates at 1970.
    pub const fn minus(self, by: Duration) -> UnixTime {
        UnixTime(self.0.saturating_sub(by.as_secs()))
    }
    /// How long after `earlier` this is; zero when it is not after.
    pub const fn since(self, earlier: UnixTime) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0))
    }
    /// Reads an HTTP date (RFC 9110 §5.6.7, IMF-fixdate only), as in the `Date` header.
    pub fn from_http_date(_text: &str) -> Option<UnixTime> {
        todo!()
    }
    /// Writes an HTTP date (IMF-fixdate).
    pub fn to_http_date(self) -> String {
        todo!()
    }
}

/// RFC 3339 in UTC, for example `2026-11-22T08:30:00Z`.
impl std::fmt::Display for UnixTime {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}
