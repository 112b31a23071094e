//! What does a browser hold for the console?
//!
//! Two cookies: the pass of its session, which is sent with nothing that another site began; and,
//! while somebody signs in, a secret that ties the form or the provider's answer to this browser. The
//! latter has to come back with a GET from the provider, and is worth nothing but for that.

use std::time::Duration;

use axum::{http::HeaderMap, response::Response};
use zeroize::Zeroizing;

use super::return_path::ReturnPath;
use crate::{
    Platform,
    console::Pass,
    http::pages::cookies::{self, SameSite},
    login::TransactionSecret,
    refusal::Fault,
};

const SESSION: &str = "countersign-console";
const SIGN_IN: &str = "countersign-console-sign-in";
/// How long somebody may take to sign in.
const SIGN_IN_FOR: Duration = Duration::from_secs(600);

/// The pass of this browser, if the platform sealed it.
pub(super) fn pass_of(platform: &Platform, headers: &HeaderMap) -> Option<Pass> {
    let text = cookies::one(headers, &cookies::name(platform, SESSION))?;
    Pass::from_text(text, platform.secrets().login_key()?)
}

/// Whether the browser sent anything that calls itself a pass.
pub(super) fn is_sent(platform: &Platform, headers: &HeaderMap) -> bool {
    let name = cookies::name(platform, SESSION);
    cookies::pairs(headers).any(|(given, _)| given == name)
}

/// Gives a browser the pass of its session, which it forgets when that is over.
///
/// # Errors
/// There is no key.
pub(super) fn set_pass(
    platform: &Platform,
    response: &mut Response,
    pass: &Pass,
) -> Result<(), Fault> {
    let key = platform.secrets().login_key();
    let key = key.ok_or_else(|| Fault::new("there is no login key"))?;
    let text = pass.to_text(key);
    let name = cookies::name(platform, SESSION);
    let idle = platform.settings().console.idle;
    cookies::set(platform, response, (&name, &text), idle, SameSite::Strict);
    Ok(())
}

/// Takes the pass away.
pub(super) fn forget_pass(platform: &Platform, response: &mut Response) {
    let name = cookies::name(platform, SESSION);
    let gone = Duration::ZERO;
    cookies::set(platform, response, (&name, ""), gone, SameSite::Strict);
}

/// A sign-in under way in this browser, and where it leads.
pub(super) struct SigningIn {
    pub(super) secret: TransactionSecret,
    pub(super) to: ReturnPath,
}

/// The sign-in under way in this browser.
pub(super) fn signing_in(platform: &Platform, headers: &HeaderMap) -> Option<SigningIn> {
    let value = cookies::one(headers, &cookies::name(platform, SIGN_IN))?;
    let (secret, to) = value.split_once('.')?;
    Some(SigningIn {
        secret: TransactionSecret::from_text(secret)?,
        to: ReturnPath::from_cookie(platform, to),
    })
}

/// Remembers it in the browser.
pub(super) fn set_signing_in(platform: &Platform, response: &mut Response, signing_in: &SigningIn) {
    let secret = signing_in.secret.to_text();
    let text = Zeroizing::new(format!("{}.{}", *secret, signing_in.to.for_cookie()));
    let name = cookies::name(platform, SIGN_IN);
    cookies::set(
        platform,
        response,
        (&name, &text),
        SIGN_IN_FOR,
        SameSite::Lax,
    );
}

/// It is over.
pub(super) fn forget_signing_in(platform: &Platform, response: &mut Response) {
    let name = cookies::name(platform, SIGN_IN);
    let gone = Duration::ZERO;
    cookies::set(platform, response, (&name, ""), gone, SameSite::Lax);
}
