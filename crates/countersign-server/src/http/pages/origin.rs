//! Which page sent a request, as its browser says?

use axum::http::{HeaderMap, header};

use crate::Platform;

/// What a browser says about the page that sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Sender {
    /// One of ours.
    Ours,
    /// Another's, or one that has no name.
    Foreign,
    /// Nothing: an old browser, or none.
    Unsaid,
}

/// The page that posts names itself in `Origin`, and ours is the only one that may.
pub(in crate::http) fn by_origin(platform: &Platform, headers: &HeaderMap) -> Sender {
    let mut origins = headers.get_all(header::ORIGIN).iter();
    match (origins.next(), origins.next()) {
        (None, _) => Sender::Unsaid,
        (Some(origin), None) => {
            let ours = platform.settings().issuer.origin().ascii_serialization();
            if origin.as_bytes() == ours.as_bytes() {
                Sender::Ours
            } else {
                Sender::Foreign
            }
        }
        (Some(_), Some(_)) => Sender::Foreign,
    }
}

/// As `Origin` and `Sec-Fetch-Site` say together: either may turn it away.
pub(in crate::http) fn of(platform: &Platform, headers: &HeaderMap) -> Sender {
    let by_site = match headers.get("sec-fetch-site") {
        None => Sender::Unsaid,
        Some(site) if site == "same-origin" => Sender::Ours,
        Some(_) => Sender::Foreign,
    };
    match (by_origin(platform, headers), by_site) {
        (Sender::Foreign, _) | (_, Sender::Foreign) => Sender::Foreign,
        (Sender::Unsaid, Sender::Unsaid) => Sender::Unsaid,
        _ => Sender::Ours,
    }
}

/// Whether a link on another site, or on another host of this site, led here. What is typed
/// or opened by a program has no such site; a browser that says nothing is an old one.
pub(in crate::http) fn is_led_by_others(headers: &HeaderMap) -> bool {
    let site = headers.get("sec-fetch-site");
    site.is_some_and(|site| site == "cross-site" || site == "same-site")
}
