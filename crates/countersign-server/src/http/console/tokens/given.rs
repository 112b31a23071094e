//! How is the string of a token shown, once?
//!
//! It is in the answer to the form and nowhere else: no address leads to it, and no cache keeps it.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use countersign_proto::management::GivenToken;

use super::page_of;
use crate::http::console::{Cell, Section, Shell, Visitor, shown};

#[derive(Template)]
#[template(path = "console/given.html")]
struct Given<'a> {
    shell: Shell,
    title: &'static str,
    name: Cell,
    token: &'a str,
    /// What to do with it, where another one goes on meanwhile.
    next: Option<&'static str>,
    expires: Cell,
    on: String,
}

/// A token that was granted.
pub(super) fn granted(visitor: &Visitor, given: &GivenToken) -> Response {
    answer(visitor, given, "Your new token", None)
}

/// A token that takes the place of another.
pub(super) fn replacing(visitor: &Visitor, given: &GivenToken) -> Response {
    let next = "Put it where the old one is used. The old one goes on until this one is first used, or \
                until its time is over.";
    answer(visitor, given, "The new token", Some(next))
}

fn answer(
    visitor: &Visitor,
    given: &GivenToken,
    title: &'static str,
    next: Option<&'static str>,
) -> Response {
    let (granted, now) = (&given.granted, visitor.platform().now());
    let page = Given {
        shell: Shell::of(visitor, Some(Section::Tokens)),
        title,
        name: Cell::text(&granted.name),
        token: given.expose(),
        next,
        expires: Cell::time_or(granted.expires_at, now, "never"),
        on: page_of(visitor, &granted.id, ""),
    };
    shown(visitor, StatusCode::CREATED, &page)
}
