//! `/console/sign-in`: how does somebody get in?
//!
//! With a password of the platform's own the form is here; with another provider a button leads
//! there. Either way the form's token and the provider's answer are tied to this browser by a cookie,
//! and whoever has proved who he is gets a session that is new.

use askama::Template;
use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::Response,
};
use zeroize::Zeroizing;

use super::{
    Notice,
    cookie::{self, SigningIn},
    gate, path,
    posted::{FORM_TOKEN, Posted},
    provider,
    return_path::ReturnPath,
};
use crate::{
    Platform,
    http::{
        form,
        pages::{
            message,
            origin::{self, Sender},
            page::{Frame, page},
            see_other,
        },
        sender,
    },
    idp::{IdpRefusal, Password, SignInWay},
    login::TransactionSecret,
    refusal::Fault,
    service::{
        console,
        sign_in::{self, SignInRefusal, SignedIn},
    },
};

/// What is derived for a sign-in to the console is derived for this name: no link of a terminal's
/// sign-in has it.
pub(super) const HANDLE: &str = "console";

#[derive(Template)]
#[template(path = "console/sign_in.html")]
struct Shown {
    frame: Frame,
    at: String,
    token: String,
    to: String,
    provider: String,
    has_form: bool,
    name: String,
    notice: Option<&'static str>,
    problem: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "console/one_moment.html")]
struct OneMoment<'a> {
    frame: Frame,
    to: &'a str,
}

/// `GET /console/sign-in`
pub(super) async fn answer(State(platform): State<Platform>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let query = parts.uri.query().unwrap_or_default();
    let asked = |wanted: &str| {
        url::form_urlencoded::parse(query.as_bytes())
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.into_owned())
    };
    let to = ReturnPath::asked(&platform, &asked("return").unwrap_or_default());
    match gate::enter(&platform, &parts).await {
        Ok(Some(_)) => return see_other(to.as_str()),
        Ok(None) => {}
        Err(response) => return response,
    }
    let said = asked(Notice::PARAMETER).and_then(|name| Notice::from_name(&name));
    let signing_in = match resumed(&platform, &parts.headers, to) {
        Ok(signing_in) => signing_in,
        Err(fault) => return message::fault(&platform, &fault),
    };
    let told = Told {
        notice: said.map(Notice::words),
        ..Told::default()
    };
    let mut response = shown(&platform, &signing_in, told).await;
    cookie::set_signing_in(&platform, &mut response, &signing_in);
    response
}

/// `POST /console/sign-in`
pub(super) async fn go_on(State(platform): State<Platform>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let peer = sender::peer(&parts.extensions);
    if let Err(too_many) = platform.limiter().admit(peer, platform.now()) {
        return message::too_many(&platform, too_many);
    }
    let is_form = form::is_media_type(&parts.headers, "application/x-www-form-urlencoded");
    if !is_form || origin::of(&platform, &parts.headers) != Sender::Ours {
        return message::foreign_form(&platform);
    }
    let posted = match form::bytes(&platform, body).await {
        Ok(body) => Posted::read(&body),
        Err((status, _)) => return message::unread_form(&platform, status),
    };
    let Some(held) = cookie::signing_in(&platform, &parts.headers) else {
        return no_cookie(&platform);
    };
    let key = match platform.login_key() {
        Ok(key) => key,
        Err(fault) => return message::fault(&platform, &fault),
    };
    if !key.is_form_token(&held.secret, HANDLE, posted.text(FORM_TOKEN)) {
        return message::foreign_form(&platform);
    }
    let signing_in = SigningIn {
        to: ReturnPath::asked(&platform, posted.text("return")),
        ..held
    };
    match platform.identity_provider().way() {
        SignInWay::Form => with_password(&platform, &parts, &signing_in, &posted).await,
        SignInWay::Redirect => provider::send_there(&platform, &signing_in).await,
    }
}

/// The page for somebody who is not signed in and wants to go to `to`.
pub(super) fn asked_for(platform: &Platform, headers: &HeaderMap, to: &ReturnPath) -> Response {
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("return", to.as_str())
        .finish();
    let mut response = see_other(&format!("{}?{query}", path(platform, "/sign-in")));
    if cookie::is_sent(platform, headers) {
        cookie::forget_pass(platform, &mut response);
    }
    response
}

/// The page for somebody whose form came too late.
pub(super) fn over(platform: &Platform, headers: &HeaderMap) -> Response {
    let mut response = see_other(&Notice::SessionOver.at(&path(platform, "/sign-in")));
    if cookie::is_sent(platform, headers) {
        cookie::forget_pass(platform, &mut response);
    }
    response
}

/// A page of ours that goes on to another of ours: then the browser sends its pass with it, which it
/// does not when another site led here.
pub(super) fn one_moment(platform: &Platform, to: &ReturnPath) -> Response {
    let shown = OneMoment {
        frame: Frame::of(platform),
        to: to.as_str(),
    };
    page(platform, StatusCode::OK, &shown, &[])
}

/// Gives the browser of somebody who proved who he is a session.
///
/// # Errors
/// The store does not answer.
pub(in crate::http) async fn signed_in(
    platform: &Platform,
    parts: &Parts,
    person: &SignedIn,
    response: &mut Response,
) -> Result<(), Fault> {
    let peer = platform.observed(sender::peer(&parts.extensions));
    let pass = console::begin(platform, person, peer).await?;
    // What the browser had before is over, so that no session is left that nobody can sign out of.
    if let Some(before) = cookie::pass_of(platform, &parts.headers)
        && let Some(who) = console::enter(platform, before, peer).await?
    {
        console::leave(platform, &who, console::SIGNED_IN_AGAIN).await?;
    }
    cookie::forget_signing_in(platform, response);
    cookie::set_pass(platform, response, &pass)
}

/// What is said about somebody who proved who he is and is not let in.
pub(super) fn turned_away(refusal: &SignInRefusal) -> Option<&'static str> {
    match refusal {
        SignInRefusal::Unknown | SignInRefusal::NoName => Some(
            "The identity provider knows you, and this platform does not. Ask an administrator to \
             register you, or use another account.",
        ),
        SignInRefusal::Disabled => {
            Some("Your account is disabled. Ask an administrator of the platform.")
        }
        SignInRefusal::NotProved(IdpRefusal::WrongPassword) => {
            Some("The name or the password is wrong.")
        }
        SignInRefusal::NotProved(IdpRefusal::Throttled { .. }) => {
            Some("Too many wrong passwords. Wait a moment and try again.")
        }
        SignInRefusal::NotProved(IdpRefusal::Denied) => {
            Some("The sign-in was declined at the identity provider.")
        }
        SignInRefusal::NotProved(_) | SignInRefusal::Fault(_) => None,
    }
}

/// The sign-in page again, with what went wrong.
pub(super) async fn again(
    platform: &Platform,
    signing_in: &SigningIn,
    status: StatusCode,
    problem: &'static str,
    name: String,
) -> Response {
    let told = Told {
        status: Some(status),
        problem: Some(problem),
        name,
        ..Told::default()
    };
    shown(platform, signing_in, told).await
}

async fn with_password(
    platform: &Platform,
    parts: &Parts,
    signing_in: &SigningIn,
    posted: &Posted,
) -> Response {
    let name = posted.text("name");
    let password = Password::typed(Zeroizing::new(posted.text("password").to_owned()));
    let peer = platform.observed(sender::peer(&parts.extensions));
    let refusal = match sign_in::by_password(platform, name, &password, peer).await {
        Ok(person) => {
            let mut response = see_other(signing_in.to.as_str());
            return match signed_in(platform, parts, &person, &mut response).await {
                Ok(()) => response,
                Err(fault) => message::fault(platform, &fault),
            };
        }
        Err(refusal) => refusal,
    };
    let (status, wait) = match &refusal {
        SignInRefusal::NotProved(IdpRefusal::Throttled { retry_after }) => {
            (StatusCode::TOO_MANY_REQUESTS, Some(*retry_after))
        }
        _ => (StatusCode::FORBIDDEN, None),
    };
    if matches!(refusal, SignInRefusal::NotProved(IdpRefusal::WrongPassword)) {
        platform.limiter().failed(peer, platform.now());
    }
    let Some(problem) = turned_away(&refusal) else {
        return provider::out_of_order(platform, refusal);
    };
    let mut response = again(platform, signing_in, status, problem, name.to_owned()).await;
    if let Some(wait) = wait {
        let seconds = HeaderValue::from(wait.as_secs().max(1));
        response.headers_mut().insert(header::RETRY_AFTER, seconds);
    }
    response
}

/// What a sign-in page says besides the form.
#[derive(Default)]
struct Told {
    status: Option<StatusCode>,
    notice: Option<&'static str>,
    problem: Option<&'static str>,
    name: String,
}

/// A browser keeps its secret, so that two of its windows do not disturb each other.
fn resumed(platform: &Platform, headers: &HeaderMap, to: ReturnPath) -> Result<SigningIn, Fault> {
    let secret = match cookie::signing_in(platform, headers) {
        Some(held) => held.secret,
        None => TransactionSecret::generate()?,
    };
    Ok(SigningIn { secret, to })
}

async fn shown(platform: &Platform, signing_in: &SigningIn, told: Told) -> Response {
    let token = match platform.login_key() {
        Ok(key) => key.form_token(&signing_in.secret, HANDLE),
        Err(fault) => return message::fault(platform, &fault),
    };
    let idp = platform.identity_provider();
    let shown = Shown {
        frame: Frame::of(platform),
        at: path(platform, "/sign-in"),
        token,
        to: signing_in.to.as_str().to_owned(),
        provider: idp.name().to_owned(),
        has_form: idp.way() == SignInWay::Form,
        name: told.name,
        notice: told.notice,
        problem: told.problem,
    };
    // A browser holds a form to where it is sent on, too.
    let targets: Vec<String> = idp.origin().await.ok().flatten().into_iter().collect();
    let status = told.status.unwrap_or(StatusCode::OK);
    page(platform, status, &shown, &targets)
}

fn no_cookie(platform: &Platform) -> Response {
    let text = "This browser did not begin to sign in here, or too long ago, or it does not keep the \
                cookies of this platform. Go back, load the page again, and try once more.";
    let paragraphs = vec![text.to_owned()];
    let title = "That did not work";
    message::message(platform, StatusCode::FORBIDDEN, title, paragraphs)
}
