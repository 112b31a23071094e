//! What is said when something is not there, may not be done, or went wrong?

use askama::Template;
use axum::{http::StatusCode, response::Response};

use super::{Shell, Visitor, shown, table::Action, table::Weight};
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
    let (status, title, text) = match refusal {
        ChangeRefusal::Fault(fault) | ChangeRefusal::Access(AccessRefusal::Fault(fault)) => {
            return message::fault(visitor.platform(), fault);
        }
        ChangeRefusal::Access(AccessRefusal::Forbidden { permission }) => (
            StatusCode::FORBIDDEN,
            "You may not do this",
            format!("It needs the permission {permission}, which none of your roles has."),
        ),
        ChangeRefusal::Registry(RegistryError::NotFound { .. }) => {
            (StatusCode::NOT_FOUND, "Not found", told(refusal))
        }
        ChangeRefusal::Registry(RegistryError::Exists { .. } | RegistryError::InUse { .. }) => {
            (StatusCode::CONFLICT, "That does not go", told(refusal))
        }
        ChangeRefusal::Escalation(_) => {
            (StatusCode::FORBIDDEN, "You may not do this", told(refusal))
        }
        ChangeRefusal::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Not now", told(refusal)),
        _ => (
            StatusCode::UNPROCESSABLE_ENTITY,
            "That does not go",
            told(refusal),
        ),
    };
    refused(visitor, status, title, text)
}

/// A refusal in a sentence.
pub(super) fn told(refusal: &ChangeRefusal) -> String {
    let text = match refusal {
        ChangeRefusal::Registry(error) => error.to_string(),
        ChangeRefusal::Escalation(text) => text.clone(),
        ChangeRefusal::Busy => "too much is under way, try again in a moment".to_owned(),
        ChangeRefusal::Access(_) | ChangeRefusal::Fault(_) => "this cannot be done".to_owned(),
    };
    sentence(text)
}

/// Messages begin small and end without a full stop; what people read does not.
fn sentence(mut text: String) -> String {
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text.push('.');
    text
}

fn refused(visitor: &Visitor, status: StatusCode, title: &'static str, text: String) -> Response {
    let page = Refused {
        shell: Shell::of(visitor, None),
        title,
        text,
        on: Action {
            href: visitor.path(""),
            text: "Back to the overview",
            weight: Weight::Plain,
        },
    };
    shown(visitor, status, &page)
}
