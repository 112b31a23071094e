//! `GET /login/{handle}`: what does a browser see that opens the link?

use axum::{http::StatusCode, response::Response};

use super::{
    cookie, end,
    page::{Facts, SignIn, Warning},
    posted::Posted,
    review,
    visit::{self, Visit},
};
use crate::{
    Platform,
    http::pages::{
        message, origin,
        page::{Frame, page},
        see_other,
    },
    idp::{IdpRefusal, SignInWay, TransactionKeys},
    login::{TransactionSecret, View},
    refusal::Fault,
    service::login::Found,
};

pub(super) async fn answer(visit: Visit) -> Response {
    let found = match visit.find().await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let platform = &visit.platform;
    match review::view(&visit, &found) {
        Ok(Some(View::Late)) | Ok(None) => {}
        Ok(Some(_)) => return see_other(&visit.path("/review")),
        Err(fault) => return message::fault(platform, &fault),
    }
    if let Some(response) = review::not_open(platform, &found) {
        return response;
    }
    if let Err(fault) = found.open(platform, &visit.seen).await {
        return message::fault(platform, &fault);
    }
    // A browser that has not signed in keeps its secret, so that two of its windows do not disturb
    // each other. Nothing is stored for it here.
    let fresh = match review::view(&visit, &found) {
        Ok(Some(_)) => None,
        _ => visit.secret.clone(),
    };
    let secret = match fresh.map_or_else(TransactionSecret::generate, Ok) {
        Ok(secret) => secret,
        Err(fault) => return message::fault(platform, &fault),
    };
    let shown = if origin::is_led_by_others(&visit.headers) {
        warning(&visit, &found, &secret).await
    } else {
        sign_in(&visit, &found, &secret).await
    };
    let mut response = shown.unwrap_or_else(|fault| message::fault(platform, &fault));
    cookie::set(platform, &mut response, &visit.handle, &secret);
    response
}

/// `POST /login/{handle}/continue`: the person has read the warning and started this himself.
pub(super) async fn go_on(posted: Posted) -> Response {
    see_other(&posted.visit.path(""))
}

/// The form for a name and a password, again when something is wrong with them.
pub(super) fn form(
    visit: &Visit,
    found: &Found,
    secret: &TransactionSecret,
    name: String,
    problem: Option<(StatusCode, &'static str)>,
) -> Result<Response, Fault> {
    let platform = &visit.platform;
    let login = &found.login;
    let shown = SignIn {
        frame: Frame::of(platform),
        at: visit.path(""),
        token: platform.login_key()?.form_token(secret, &visit.handle),
        facts: Facts::of(login, visit.seen.address, platform.now()),
        name,
        problem: problem.map(|(_, text)| text),
    };
    let status = problem.map_or(StatusCode::OK, |(status, _)| status);
    Ok(page(platform, status, &shown, &[]))
}

async fn warning(
    visit: &Visit,
    found: &Found,
    secret: &TransactionSecret,
) -> Result<Response, Fault> {
    let platform = &visit.platform;
    let shown = Warning {
        frame: Frame::of(platform),
        at: visit.path(""),
        token: platform.login_key()?.form_token(secret, &visit.handle),
        facts: Facts::of(&found.login, visit.seen.address, platform.now()),
    };
    // Going on may lead to the provider, and a browser holds a form to where it is sent on, too.
    let provider = platform.identity_provider().origin().await;
    let targets: Vec<String> = provider.ok().flatten().into_iter().collect();
    Ok(page(platform, StatusCode::OK, &shown, &targets))
}

async fn sign_in(
    visit: &Visit,
    found: &Found,
    secret: &TransactionSecret,
) -> Result<Response, Fault> {
    let platform = &visit.platform;
    let provider = platform.identity_provider();
    let hint = found.login.asked().login_hint.as_deref();
    if provider.way() == SignInWay::Form {
        let name = hint.unwrap_or_default().to_owned();
        return form(visit, found, secret, name, None);
    }
    let keys = transaction_keys(platform, secret, &visit.handle)?;
    let redirect_uri = redirect_uri(platform);
    let asked = provider.authorization_url(&keys, &redirect_uri, hint);
    Ok(match asked.await {
        Ok(url) => see_other(url.as_str()),
        Err(refusal) => end::provider_away(platform, &cause(&refusal), visit.path("")),
    })
}

/// What goes to the provider for this browser (login.md R2).
pub(super) fn transaction_keys(
    platform: &Platform,
    secret: &TransactionSecret,
    handle: &str,
) -> Result<TransactionKeys, Fault> {
    let key = platform
        .secrets()
        .login_key()
        .ok_or_else(|| Fault::new("there is no login key"))?;
    Ok(TransactionKeys::derive(key, secret.bytes(), handle))
}

/// Where the provider sends a browser back to.
pub(in crate::http) fn redirect_uri(platform: &Platform) -> url::Url {
    platform.url_of(&visit::path(platform, "callback", ""))
}

/// For the log.
pub(in crate::http) fn cause(refusal: &IdpRefusal) -> String {
    match refusal {
        IdpRefusal::Provider(text) | IdpRefusal::Unavailable(text) => text.clone(),
        IdpRefusal::Callback(text) => (*text).to_owned(),
        other => other.reason().to_owned(),
    }
}
