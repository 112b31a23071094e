//! How are cookies read and written?

use std::time::Duration;

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use zeroize::Zeroizing;

use crate::Platform;

/// A browser that sends more of them is not looked at any further.
const COOKIES_MAX: usize = 64;

/// The names and values that a browser sent.
pub(in crate::http) fn pairs(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .take(COOKIES_MAX)
}

/// The value of a cookie. One that came twice is none: another host of this site may have set it.
pub(in crate::http) fn one<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let mut found = pairs(headers).filter(|(given, _)| *given == name);
    let (_, value) = found.next()?;
    found.next().is_none().then_some(value)
}

/// When a browser sends a cookie with requests that another site began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum SameSite {
    /// With a GET that opens a page: what comes back from an identity provider.
    Lax,
    /// Never.
    Strict,
}

/// The full name of a cookie: `__Host-` keeps other hosts from setting it, where there is TLS.
pub(in crate::http) fn name(platform: &Platform, name: &str) -> String {
    let prefix = if platform.is_https() { "__Host-" } else { "" };
    format!("{prefix}{name}")
}

/// Gives a browser a cookie that no script reads. `name` is a full one.
pub(in crate::http) fn set(
    platform: &Platform,
    response: &mut Response,
    (name, value): (&str, &str),
    max_age: Duration,
    same_site: SameSite,
) {
    let text = Zeroizing::new(format!(
        "{name}={value}; Path=/; Max-Age={}; HttpOnly; SameSite={same_site:?}{}",
        max_age.as_secs(),
        if platform.is_https() { "; Secure" } else { "" },
    ));
    if let Ok(mut value) = HeaderValue::from_str(&text) {
        value.set_sensitive(true);
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}
