//! How does somebody sign in to the console by another provider, and come back?
//!
//! The provider sends browsers back to `/login/callback`, which is the one address that it knows of
//! this platform. Whose `state` comes back, asked: a terminal's sign-in or the console.

use axum::{
    http::{StatusCode, request::Parts},
    response::Response,
};

use super::{
    cookie::{self, SigningIn},
    path, sign_in,
    sign_in::HANDLE,
};
use crate::{
    Platform,
    http::{
        login::{cause, redirect_uri},
        pages::{
            message::{self, Again, Message},
            page::{Frame, page},
            see_other,
        },
        sender,
    },
    idp::{Callback, IdpRefusal, TransactionKeys},
    login::is_same,
    random,
    refusal::Fault,
    service::sign_in::{self as service, SignInRefusal},
};

/// Sends a browser to the provider.
pub(super) async fn send_there(platform: &Platform, signing_in: &SigningIn) -> Response {
    let keys = match keys(platform, signing_in) {
        Ok(keys) => keys,
        Err(fault) => return message::fault(platform, &fault),
    };
    let redirect_uri = redirect_uri(platform);
    let provider = platform.identity_provider();
    let asked = provider.authorization_url(&keys, &redirect_uri, None);
    let mut response = match asked.await {
        Ok(url) => see_other(url.as_str()),
        Err(refusal) => out_of_order(platform, SignInRefusal::NotProved(refusal)),
    };
    // Where he wants to go waits in the cookie.
    cookie::set_signing_in(platform, &mut response, signing_in);
    response
}

/// What a browser brought back, when it asked from the console: `None` when it did not.
pub(in crate::http) async fn returned(
    platform: &Platform,
    parts: &Parts,
    state: Option<&str>,
    callback: Callback,
) -> Option<Response> {
    let signing_in = cookie::signing_in(platform, &parts.headers)
        .filter(|_| platform.settings().console.enabled)?;
    let keys = match keys(platform, &signing_in) {
        Ok(keys) => keys,
        Err(fault) => return Some(message::fault(platform, &fault)),
    };
    if !is_same(&keys.state, state?) {
        return None;
    }
    Some(redeem(platform, parts, &keys, &signing_in, callback).await)
}

/// The provider is away, or answers what cannot be accepted. The log has the reason.
pub(super) fn out_of_order(platform: &Platform, refusal: SignInRefusal) -> Response {
    let (status, cause) = match refusal {
        SignInRefusal::Fault(fault) => return message::fault(platform, &fault),
        SignInRefusal::NotProved(refusal @ IdpRefusal::Callback(_)) => {
            (StatusCode::BAD_REQUEST, cause(&refusal))
        }
        SignInRefusal::NotProved(refusal) => (StatusCode::BAD_GATEWAY, cause(&refusal)),
        other => (StatusCode::FORBIDDEN, other.reason().to_owned()),
    };
    let again = Again {
        href: path(platform, "/sign-in"),
        text: "Try again",
    };
    let support_id = random::support_id();
    tracing::warn!(%support_id, cause, "the identity provider does not do its part");
    let name = platform.identity_provider().name();
    let shown = Message {
        frame: Frame::of(platform),
        title: "That did not work",
        paragraphs: vec![format!(
            "{name} did not answer as it should, so nobody was signed in."
        )],
        is_status: false,
        again: Some(again),
        support_id: Some(support_id),
    };
    page(platform, status, &shown, &[])
}

async fn redeem(
    platform: &Platform,
    parts: &Parts,
    keys: &TransactionKeys,
    signing_in: &SigningIn,
    callback: Callback,
) -> Response {
    let peer = platform.observed(sender::peer(&parts.extensions));
    let redirect_uri = redirect_uri(platform);
    match service::by_callback(platform, callback, keys, &redirect_uri, peer).await {
        Ok(person) => {
            // The provider's site led here: a page between makes the next request one of ours.
            let mut response = sign_in::one_moment(platform, &signing_in.to);
            match sign_in::signed_in(platform, parts, &person, &mut response).await {
                Ok(()) => response,
                Err(fault) => message::fault(platform, &fault),
            }
        }
        Err(refusal) => {
            if matches!(refusal, SignInRefusal::NotProved(IdpRefusal::Callback(_))) {
                platform.limiter().failed(peer, platform.now());
            }
            match sign_in::turned_away(&refusal) {
                Some(problem) => {
                    let status = StatusCode::FORBIDDEN;
                    sign_in::again(platform, signing_in, status, problem, String::new()).await
                }
                None => out_of_order(platform, refusal),
            }
        }
    }
}

fn keys(platform: &Platform, signing_in: &SigningIn) -> Result<TransactionKeys, Fault> {
    let key = platform.secrets().login_key();
    let key = key.ok_or_else(|| Fault::new("there is no login key"))?;
    Ok(TransactionKeys::derive(
        key,
        signing_in.secret.bytes(),
        HANDLE,
    ))
}
