//! Who is let in to a page of the console, and which form?
//!
//! Here, once for all pages: a handler behind the gate is reached by nobody without a session that
//! lives, and by no form that a page of ours did not make for this browser in this session.

use std::time::Duration;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, Method, header, request::Parts},
    middleware::Next,
    response::Response,
};

use super::{
    Visitor, cookie,
    posted::{FORM_TOKEN, Posted},
    return_path::ReturnPath,
    sign_in,
};
use crate::{
    Platform,
    console::Pass,
    http::{
        form,
        pages::{
            message,
            origin::{self, Sender},
        },
        sender,
    },
    service::console::{self, AtConsole},
};

/// A pass is not written anew more often.
const USED_AGAIN_AFTER: Duration = Duration::from_secs(30);

pub(super) async fn pass_through(
    State(platform): State<Platform>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let who = match enter(&platform, &parts).await {
        Ok(Some(who)) => who,
        Ok(None) => return not_signed_in(&platform, &parts),
        Err(response) => return response,
    };
    let pass = who.pass.clone();
    let visitor = match Visitor::new(&platform, who, &parts.uri) {
        Ok(visitor) => visitor,
        Err(fault) => return message::fault(&platform, &fault),
    };
    if parts.method != Method::GET && parts.method != Method::HEAD {
        match posted(&platform, &parts, body, &visitor).await {
            Ok(posted) => drop(parts.extensions.insert(posted)),
            Err(response) => return response,
        }
    }
    parts.extensions.insert(visitor);
    let mut response = next.run(Request::from_parts(parts, Body::empty())).await;
    used_again(&platform, &mut response, &pass);
    response
}

/// Whoever this browser is, if its pass opens a session.
pub(super) async fn enter(
    platform: &Platform,
    parts: &Parts,
) -> Result<Option<AtConsole>, Response> {
    let peer = sender::peer(&parts.extensions);
    platform
        .limiter()
        .waits(peer, platform.now())
        .map_err(|too_many| message::too_many(platform, too_many))?;
    let Some(pass) = cookie::pass_of(platform, &parts.headers) else {
        return Ok(None);
    };
    console::enter(platform, pass, platform.observed(peer))
        .await
        .map_err(|fault| message::fault(platform, &fault))
}

/// Tells the browser that its session was used, unless the page took the pass away or gave another.
pub(super) fn used_again(platform: &Platform, response: &mut Response, pass: &Pass) {
    let now = platform.now();
    let is_set = response.headers().contains_key(header::SET_COOKIE);
    if !is_set && now.since(pass.used_at()) >= USED_AGAIN_AFTER {
        // What cannot be written now can be at the next request.
        let _ = cookie::set_pass(platform, response, &pass.used_again(now));
    }
}

/// The form, if a page of ours made it for this browser in this session.
async fn posted(
    platform: &Platform,
    parts: &Parts,
    body: Body,
    visitor: &Visitor,
) -> Result<Posted, Response> {
    if !is_form_of_ours(platform, &parts.headers) || parts.uri.query().is_some() {
        return Err(message::foreign_form(platform));
    }
    let body = form::bytes(platform, body)
        .await
        .map_err(|(status, _)| message::unread_form(platform, status))?;
    let posted = Posted::read(&body);
    let presented = posted.text(FORM_TOKEN);
    let is_ours = platform
        .secrets()
        .login_key()
        .is_some_and(|key| visitor.who().pass.is_form_token(key, presented));
    if is_ours {
        Ok(posted)
    } else {
        Err(message::foreign_form(platform))
    }
}

/// Every browser of today says where a form comes from: one that says nothing is turned away.
fn is_form_of_ours(platform: &Platform, headers: &HeaderMap) -> bool {
    form::is_media_type(headers, "application/x-www-form-urlencoded")
        && origin::of(platform, headers) == Sender::Ours
}

/// To the sign-in, and from there to where he wanted to go. A link on another site brings no pass
/// with it: the page asks for itself once more, from here.
fn not_signed_in(platform: &Platform, parts: &Parts) -> Response {
    let target = parts.uri.path_and_query().map(|it| it.as_str());
    let to = ReturnPath::asked(platform, target.unwrap_or_default());
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return sign_in::over(platform, &parts.headers);
    }
    if origin::is_led_by_others(&parts.headers) {
        return sign_in::one_moment(platform, &to);
    }
    sign_in::asked_for(platform, &parts.headers, &to)
}
