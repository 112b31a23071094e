//! `POST /login/{handle}/sign-in`: is this the password of that name?

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::{cookie, end, posted::Posted, review, start, visit::Visit};
use crate::{
    http::pages::{message, see_other},
    idp::{IdpRefusal, Password, SignInWay},
    login::{Failure, Unfit},
    service::{
        login::{Browser, Found},
        sign_in::{self, SignInRefusal, SignedIn},
    },
};

pub(super) async fn answer(posted: Posted) -> Response {
    let Posted {
        visit,
        browser,
        name,
        password,
    } = posted;
    let platform = &visit.platform;
    let found = match visit.find().await {
        Ok(found) => found,
        Err(response) => return response,
    };
    if let Some(response) = review::not_open(platform, &found) {
        return response;
    }
    if platform.identity_provider().way() != SignInWay::Form {
        return end::no_such_link(platform);
    }
    let password = Password::typed(password);
    let peer = browser.seen.address;
    let result = sign_in::by_password(platform, &name, &password, peer).await;
    let (status, problem, wait) = match result {
        Ok(person) => return signed_in(&visit, &found, &browser, person).await,
        Err(SignInRefusal::NotProved(IdpRefusal::WrongPassword)) => {
            platform.limiter().failed(peer, platform.now());
            (
                StatusCode::FORBIDDEN,
                "The name or the password is wrong.",
                None,
            )
        }
        Err(SignInRefusal::NotProved(IdpRefusal::Throttled { retry_after })) => (
            StatusCode::TOO_MANY_REQUESTS,
            "Too many wrong passwords. Wait a moment and try again.",
            Some(retry_after),
        ),
        Err(refusal) => return refused(&visit, &found, refusal).await,
    };
    let form = start::form(
        &visit,
        &found,
        &browser.secret,
        name,
        Some((status, problem)),
    );
    let mut response = form.unwrap_or_else(|fault| message::fault(platform, &fault));
    if let Some(wait) = wait {
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// Gives the browser of a person who proved who he is another secret, and shows what is asked of
/// him.
pub(super) async fn signed_in(
    visit: &Visit,
    found: &Found,
    browser: &Browser,
    person: SignedIn,
) -> Response {
    let platform = &visit.platform;
    let mut response = see_other(&visit.path("/review"));
    match found.sign_in(platform, browser, person).await {
        Ok(Ok(Some(secret))) => cookie::set(platform, &mut response, &visit.handle, &secret),
        Ok(Err(Unfit::TooMany)) => return end::too_often(platform),
        // The page that follows says what became of it.
        Ok(Ok(None) | Err(_)) => {}
        Err(fault) => return message::fault(platform, &fault),
    }
    response
}

/// What follows when nobody signs in.
pub(super) async fn refused(visit: &Visit, found: &Found, refusal: SignInRefusal) -> Response {
    let platform = &visit.platform;
    let written = match refusal {
        SignInRefusal::Unknown | SignInRefusal::NoName => {
            found.refuse(platform, Failure::UnknownPrincipal).await
        }
        SignInRefusal::Disabled => found.refuse(platform, Failure::DisabledPrincipal).await,
        SignInRefusal::NotProved(IdpRefusal::Denied) => found.deny(platform).await,
        SignInRefusal::NotProved(IdpRefusal::Callback(cause)) => {
            platform
                .limiter()
                .failed(visit.seen.address, platform.now());
            return end::callback_refused(platform, cause, visit.path(""));
        }
        SignInRefusal::NotProved(refusal) => {
            let cause = start::cause(&refusal);
            return end::provider_away(platform, &cause, visit.path(""));
        }
        SignInRefusal::Fault(fault) => Err(fault),
    };
    match written {
        Ok(_) => see_other(&visit.path("/review")),
        Err(fault) => message::fault(platform, &fault),
    }
}
