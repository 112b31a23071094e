//! `POST /api/v1/signin`: how does a program that keeps cookies sign in by name and password?
//!
//! It gets the session of the console, and sends it with `X-Countersign-Console: 1`. The limits are
//! those of a sign-in with a browser.

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::Response,
};
use countersign_proto::management;

use crate::{
    Platform,
    http::{
        console, error, form,
        pages::origin::{self, Sender},
        sender,
    },
    idp::{IdpRefusal, Password, SignInWay},
    refusal::Fault,
    service::sign_in::{self, SignInRefusal},
};

pub(super) async fn answer(State(platform): State<Platform>, request: Request) -> Response {
    let peer = sender::peer(request.extensions());
    if let Err(too_many) = platform.limiter().admit(peer, platform.now()) {
        return error::too_many_problem(&platform, too_many);
    }
    let (parts, body) = request.into_parts();
    if origin::of(&platform, &parts.headers) == Sender::Foreign {
        let text = "pages of other sites sign nobody in here".to_owned();
        return error::problem(StatusCode::FORBIDDEN, text);
    }
    if !form::is_media_type(&parts.headers, "application/json") {
        let text = "the body has to be application/json".to_owned();
        return error::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, text);
    }
    let body = match form::bytes(&platform, body).await {
        Ok(body) => body,
        Err((status, text)) => return error::problem(status, text.to_owned()),
    };
    let Ok(asked) = management::SignIn::from_json(&body) else {
        let text = "the body has to be {\"username\": …, \"password\": …} and nothing else";
        return error::problem(StatusCode::UNPROCESSABLE_ENTITY, text.to_owned());
    };
    if platform.identity_provider().way() != SignInWay::Form {
        let text = "people sign in with another identity provider, in a browser at /console";
        return error::problem(StatusCode::CONFLICT, text.to_owned());
    }
    let peer = platform.observed(peer);
    let name = asked.username().to_owned();
    let password = Password::typed(asked.into_password());
    let person = match sign_in::by_password(&platform, &name, &password, peer).await {
        Ok(person) => person,
        Err(refusal) => {
            if matches!(refusal, SignInRefusal::NotProved(IdpRefusal::WrongPassword)) {
                platform.limiter().failed(peer, platform.now());
            }
            return refused(refusal);
        }
    };
    let mut response = error::nothing();
    match console::signed_in(&platform, &parts, &person, &mut response).await {
        Ok(()) => response,
        Err(fault) => error::fault_problem(&fault),
    }
}

fn refused(refusal: SignInRefusal) -> Response {
    let (status, text) = match refusal {
        SignInRefusal::NotProved(IdpRefusal::Throttled { retry_after }) => {
            let text = "too many wrong passwords, wait and try again".to_owned();
            let mut response = error::problem(StatusCode::TOO_MANY_REQUESTS, text);
            let seconds = HeaderValue::from(retry_after.as_secs().max(1));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
            return response;
        }
        SignInRefusal::Fault(fault) => return error::fault_problem(&fault),
        SignInRefusal::Disabled => (StatusCode::FORBIDDEN, "the principal is disabled"),
        SignInRefusal::NotProved(IdpRefusal::WrongPassword)
        | SignInRefusal::Unknown
        | SignInRefusal::NoName => (StatusCode::FORBIDDEN, "the name or the password is wrong"),
        SignInRefusal::NotProved(other) => {
            return error::fault_problem(&Fault::new(other.reason()));
        }
    };
    error::problem(status, text.to_owned())
}
