//! What is said when something is not there, may not be done, or went wrong?

use askama::Template;
use axum::{
    extract::State,
    http::{Method, StatusCode},
    response::Response,
};

use super::{
    Shell, Visitor,
    form::{Field, Form},
    problems::Problems,
    shown,
    table::{Action, Weight},
};
use crate::{
    Platform,
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

const NO_SUCH_METHOD: &str = "Nothing can be done here";

/// A page that is there, asked for in a way that it does not take.
pub(super) async fn no_such_method(visitor: Visitor, method: Method) -> Response {
    let text = format!("This page does not take {method}. Nothing was done.");
    refused(
        &visitor,
        StatusCode::METHOD_NOT_ALLOWED,
        NO_SUCH_METHOD,
        text,
    )
}

/// The same in front of the gate.
pub(super) async fn no_such_method_outside(
    State(platform): State<Platform>,
    method: Method,
) -> Response {
    let text = format!("This page does not take {method}. Nothing was done.");
    let status = StatusCode::METHOD_NOT_ALLOWED;
    message::message(&platform, status, NO_SUCH_METHOD, vec![text])
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
        _ => {
            let fields = named(&form);
            match Problems::of(visitor, refusal, &fields) {
                Ok(problems) => form.with(&problems).refused(visitor, problems.status()),
                Err(_) => form.again(visitor, status(refusal), told(refusal)),
            }
        }
    }
}

/// What the registry calls what is typed into this form.
fn named(form: &Form) -> Vec<(&'static str, &'static str)> {
    const ELSEWHERE: [(&str, &str); 14] = [
        ("client id", "name"),
        ("application", "name"),
        ("principal", "name"),
        ("role", "roles"),
        ("role", "name"),
        ("application name", "title"),
        ("display name", "title"),
        ("role description", "title"),
        ("client id", "client_id"),
        ("application", "client_id"),
        ("scope", "scopes"),
        ("permission", "permissions"),
        ("kid alias", "alias"),
        ("revocation reason", "reason"),
    ];
    let names = form.fields.iter().map(Field::name);
    let has = |field| form.fields.iter().any(|it| it.name() == field);
    let elsewhere = ELSEWHERE.into_iter().filter(|(_, field)| has(*field));
    names.map(|name| (name, name)).chain(elsewhere).collect()
}

/// As the management API answers it.
pub(super) fn status(refusal: &ChangeRefusal) -> StatusCode {
    match refusal {
        ChangeRefusal::Access(_) | ChangeRefusal::Escalation(_) => StatusCode::FORBIDDEN,
        ChangeRefusal::Registry(RegistryError::NotFound { .. }) => StatusCode::NOT_FOUND,
        ChangeRefusal::Registry(RegistryError::Exists { .. } | RegistryError::InUse { .. }) => {
            StatusCode::CONFLICT
        }
        ChangeRefusal::Conflict(_) | ChangeRefusal::LimitReached(_) => StatusCode::CONFLICT,
        ChangeRefusal::Busy => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::UNPROCESSABLE_ENTITY,
    }
}

/// A refusal in a sentence.
pub(super) fn told(refusal: &ChangeRefusal) -> String {
    let text = match refusal {
        ChangeRefusal::Registry(error) => error.to_string(),
        ChangeRefusal::Escalation(text)
        | ChangeRefusal::Conflict(text)
        | ChangeRefusal::LimitReached(text) => text.clone(),
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
