//! What is said when something is not there, may not be done, or went wrong?

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{
    Shell, Visitor,
    form::Form,
    shown,
    table::{Action, Weight},
};
use crate::{
    http::pages::message,
    registry::RegistryError,
    service::{AccessRefusal, ChangeRefusal},
};

#[derive(Template)]
#[template(path = "console/refused.html")]
struct Refused {
    shell: Shell,
    title: &'static str,
    text: String,
    on: Action,
}

/// `GET /console/…`: none of ours.
pub(super) async fn no_such_page(visitor: Visitor) -> Response {
    let text = "There is no such page, or what it was about is not there any more.".to_owned();
    refused(&visitor, StatusCode::NOT_FOUND, "Not found", text)
}

/// A refusal that has no place in a form.
pub(super) fn answer(visitor: &Visitor, refusal: &ChangeRefusal) -> Response {
    let text = match refusal {
        ChangeRefusal::Fault(fault) | ChangeRefusal::Access(AccessRefusal::Fault(fault)) => {
            return message::fault(visitor.platform(), fault);
        }
        ChangeRefusal::Access(AccessRefusal::Forbidden { permission }) => {
            format!("It needs the permission {permission}, which none of your roles has.")
        }
        _ => told(refusal),
    };
    let status = status(refusal);
    let title = match status {
        StatusCode::FORBIDDEN => "You may not do this",
        StatusCode::NOT_FOUND => "Not found",
        StatusCode::SERVICE_UNAVAILABLE => "Not now",
        _ => "That does not go",
    };
    refused(visitor, status, title, text)
}

/// A refusal of what a form asked for: the form again, with what was typed and what is wrong, unless
/// another form would do no better.
pub(super) fn in_form(visitor: &Visitor, refusal: &ChangeRefusal, form: Form) -> Response {
    match refusal {
        ChangeRefusal::Access(_) | ChangeRefusal::Fault(_) => answer(visitor, refusal),
        _ => form.again(visitor, status(refusal), told(refusal)),
    }
}

/// As the management API answers it.
pub(super) fn status(refusal: &ChangeRefusal) -> StatusCode {
    match refusal {
        ChangeRefusal::Access(_) | ChangeRefusal::Escalation(_) => StatusCode::FORBIDDEN,
        ChangeRefusal::Registry(RegistryError::NotFound { .. }) => StatusCode::NOT_FOUND,
        ChangeRefusal::Registry(RegistryError::Exists { .. } | RegistryError::InUse { .. }) => {
            StatusCode::CONFLICT
        }
        ChangeRefusal::Conflict(_) => StatusCode::CONFLICT,
        ChangeRefusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// A refusal in a sentence.
pub(super) fn told(refusal: &ChangeRefusal) -> String {
    let text = match refusal {
        ChangeRefusal::Registry(error) => error.to_string(),
        ChangeRefusal::Escalation(text) | ChangeRefusal::Conflict(text) => text.clone(),
        ChangeRefusal::Busy => "too much is under way, try again in a moment".to_owned(),
        ChangeRefusal::Access(_) | ChangeRefusal::Fault(_) => "this cannot be done".to_owned(),
    };
    sentence(text)
}

/// Messages begin small and end without a full stop; what people read does not.
pub(super) fn sentence(mut text: String) -> String {
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text.push('.');
    text
}

fn refused(visitor: &Visitor, status: StatusCode, title: &'static str, text: String) -> Response {
    let on = Action {
        href: visitor.path(""),
        text: "Back to the overview",
        weight: Weight::Plain,
    };
    leading_on(visitor, status, title, text, on)
}

/// A page that says what is so, and where to go from there.
pub(super) fn leading_on(
    visitor: &Visitor,
    status: StatusCode,
    title: &'static str,
    text: String,
    on: Action,
) -> Response {
    let page = Refused {
        shell: Shell::of(visitor, None),
        title,
        text,
        on,
    };
    shown(visitor, status, &page)
}
