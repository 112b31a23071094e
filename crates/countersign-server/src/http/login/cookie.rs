//! Which transaction is this browser in, as its cookies say?
//!
//! One cookie for each link that was opened, so that several sign-ins do not disturb each other. It
//! holds the handle and the secret of the transaction; the platform keeps neither.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use axum::{http::HeaderMap, response::Response};
use zeroize::Zeroizing;

use crate::{
    Platform,
    http::pages::cookies::{self, SameSite},
    login::TransactionSecret,
};

/// So long after the end of its sign-in a browser still has it, to be told how it ended.
const KEPT_AFTER_END: Duration = Duration::from_secs(300);

/// A link, and the secret that this browser has for it.
pub(super) struct Held {
    pub(super) handle: String,
    pub(super) secret: TransactionSecret,
}

/// The secret that this browser has for a link. One that came twice is none.
pub(super) fn secret_of(
    platform: &Platform,
    headers: &HeaderMap,
    handle: &str,
) -> Option<TransactionSecret> {
    let mut found = all(platform, headers).filter(|held| held.handle == handle);
    let first = found.next()?;
    found.next().is_none().then_some(first.secret)
}

/// Everything that this browser has.
pub(super) fn all(platform: &Platform, headers: &HeaderMap) -> impl Iterator<Item = Held> {
    cookies::pairs(headers).filter_map(|(name, value)| {
        let (handle, secret) = value.split_once('.')?;
        (name == self::name(platform, handle)).then_some(())?;
        Some(Held {
            handle: handle.to_owned(),
            secret: TransactionSecret::from_text(secret)?,
        })
    })
}

/// Gives a browser the secret for a link. A cookie that comes back with a GET from the provider has
/// to be `Lax`; `__Host-` keeps other hosts from setting it.
pub(super) fn set(
    platform: &Platform,
    response: &mut Response,
    handle: &str,
    secret: &TransactionSecret,
) {
    let max_age = platform.settings().login.total + KEPT_AFTER_END;
    let (name, secret) = (name(platform, handle), secret.to_text());
    let value = Zeroizing::new(format!("{handle}.{}", *secret));
    cookies::set(platform, response, (&name, &value), max_age, SameSite::Lax);
}

fn name(platform: &Platform, handle: &str) -> String {
    let digest = digest(&SHA256, handle.as_bytes());
    let mut name = cookies::name(platform, "countersign-login-");
    for byte in digest.as_ref().iter().take(4) {
        name.push_str(&format!("{byte:02x}"));
    }
    name
}
