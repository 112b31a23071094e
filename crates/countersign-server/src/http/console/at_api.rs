//! How does the session of the console work at the management API?
//!
//! A page of ours, or a program that keeps cookies, names the console in a header. No page of another
//! site can: a browser asks the platform first whether it may send such a header, and is told no.

use axum::{
    extract::{Request, State},
    http::{HeaderName, StatusCode, header, request::Parts},
    middleware::Next,
    response::Response,
};

use super::{cookie, gate};
use crate::{
    Platform,
    http::{
        error,
        pages::origin::{self, Sender},
        sender,
    },
    limits::Identity,
    service::{
        AccessRefusal, Caller,
        console::{self, AtConsole},
    },
};

/// `X-Countersign-Console: 1`
const HEADER: HeaderName = HeaderName::from_static("x-countersign-console");

/// Whoever came with a session of the console instead of a token.
#[derive(Clone)]
pub(in crate::http) struct ConsoleCaller(pub(in crate::http) Caller);

/// Lets the session of a request that names the console stand in the place of a token.
pub(in crate::http) async fn take_session(
    State(platform): State<Platform>,
    request: Request,
    next: Next,
) -> Response {
    let is_named = request.headers().get(HEADER).is_some_and(|it| it == "1");
    if !is_named {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let who = match who(&platform, &parts).await {
        Ok(who) => who,
        Err(response) => return response,
    };
    let AtConsole { caller, pass, .. } = who;
    parts.extensions.insert(ConsoleCaller(caller));
    let mut response = next.run(Request::from_parts(parts, body)).await;
    gate::used_again(&platform, &mut response, &pass);
    response
}

async fn who(platform: &Platform, parts: &Parts) -> Result<AtConsole, Response> {
    let headers = &parts.headers;
    if headers.contains_key(header::AUTHORIZATION) {
        return Err(error::access(platform, &AccessRefusal::Malformed));
    }
    if origin::of(platform, headers) == Sender::Foreign {
        let text = "the session of the console is for pages of this platform".to_owned();
        return Err(error::problem(StatusCode::FORBIDDEN, text));
    }
    let peer = sender::peer(&parts.extensions);
    let limiter = platform.limiter();
    let too_many = |it| error::too_many_problem(platform, it);
    limiter
        .admit_to_api(peer, platform.now())
        .map_err(too_many)?;
    let missing = || error::access(platform, &AccessRefusal::Missing);
    let pass = cookie::pass_of(platform, headers).ok_or_else(missing)?;
    let who = console::enter(platform, pass, platform.observed(peer))
        .await
        .map_err(|fault| error::fault_problem(&fault))?
        .ok_or_else(missing)?;
    let identity = Identity::Principal(who.session.principal.clone());
    limiter.admit_identity(&identity, peer).map_err(too_many)?;
    Ok(who)
}
