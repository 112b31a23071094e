//! `GET /login/callback`: whom does the provider vouch for, and did this browser ask?
//!
//! Nothing in the address says which sign-in it is. The browser has cookies, each cookie makes one
//! `state`, and the one whose `state` came back is the one that asked (login.md R2): for a terminal,
//! or for the console.

use axum::{extract::State, http::request::Parts, response::Response};
use zeroize::Zeroizing;

use super::{
    cookie, end, password, review, start,
    visit::{self, Visit},
};
use crate::{
    Platform,
    http::{console, pages::message, sender},
    idp::{Callback, SignInWay},
    login::is_same,
    refusal::Fault,
    service::{login::Browser, sign_in},
};

/// What comes back (RFC 6749 §4.1.2, RFC 9207).
#[derive(Default)]
struct Returned {
    state: Option<String>,
    code: Option<Zeroizing<String>>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

pub(super) async fn answer(State(platform): State<Platform>, parts: Parts) -> Response {
    let peer = sender::peer(&parts.extensions);
    if let Err(too_many) = platform.limiter().admit(peer, platform.now()) {
        return message::too_many(&platform, too_many);
    }
    let Some(returned) = Returned::read(parts.uri.query().unwrap_or_default()) else {
        return end::foreign_callback(&platform);
    };
    let asked = match asked(&platform, &parts, &returned) {
        Ok(asked) => asked,
        Err(fault) => return message::fault(&platform, &fault),
    };
    if platform.identity_provider().way() != SignInWay::Redirect {
        return end::foreign_callback(&platform);
    }
    let callback = Callback {
        code: returned.code,
        iss: returned.iss,
        error: returned.error,
        error_description: returned.error_description,
    };
    let Some(browser) = asked else {
        let state = returned.state.as_deref();
        let at_console = console::returned(&platform, &parts, state, callback).await;
        return at_console.unwrap_or_else(|| end::foreign_callback(&platform));
    };
    let visit = Visit {
        handle: browser.handle.clone(),
        secret: Some(browser.secret.clone()),
        seen: browser.seen.clone(),
        headers: parts.headers,
        platform,
    };
    let platform = &visit.platform;
    let found = match visit.find().await {
        Ok(found) => found,
        Err(response) => return response,
    };
    if let Some(response) = review::not_open(platform, &found) {
        return response;
    }
    let keys = match start::transaction_keys(platform, &browser.secret, &browser.handle) {
        Ok(keys) => keys,
        Err(fault) => return message::fault(platform, &fault),
    };
    let redirect_uri = start::redirect_uri(platform);
    let peer = browser.seen.address;
    match sign_in::by_callback(platform, callback, &keys, &redirect_uri, peer).await {
        Ok(person) => password::signed_in(&visit, &found, &browser, person).await,
        Err(refusal) => password::refused(&visit, &found, refusal).await,
    }
}

impl Returned {
    /// `None` when something came twice (RFC 6749 §3.1).
    fn read(query: &str) -> Option<Returned> {
        let mut returned = Returned::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let value = value.into_owned();
            let is_first = match name.as_ref() {
                "state" => returned.state.replace(value).is_none(),
                "code" => returned.code.replace(Zeroizing::new(value)).is_none(),
                "iss" => returned.iss.replace(value).is_none(),
                "error" => returned.error.replace(value).is_none(),
                "error_description" => returned.error_description.replace(value).is_none(),
                _ => true,
            };
            is_first.then_some(())?;
        }
        Some(returned)
    }
}

/// The browser whose secret made the `state` that came back.
fn asked(
    platform: &Platform,
    parts: &Parts,
    returned: &Returned,
) -> Result<Option<Browser>, Fault> {
    let Some(state) = &returned.state else {
        return Ok(None);
    };
    for held in cookie::all(platform, &parts.headers) {
        let keys = start::transaction_keys(platform, &held.secret, &held.handle)?;
        if is_same(&keys.state, state) {
            return Ok(Some(Browser {
                handle: held.handle,
                secret: held.secret,
                seen: visit::seen(platform, parts),
            }));
        }
    }
    Ok(None)
}
