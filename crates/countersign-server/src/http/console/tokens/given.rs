//! How is the string of a token shown, once?
//!
//! It is in the answer to the form and nowhere else: no address leads to it, and no cache keeps it.

use askama::Template;
use axum::{http::StatusCode, response::Response};
use countersign_proto::{management::GivenToken, opaque::TokenId, showable::showable};

use super::page_of;
use crate::{
    http::console::{
        Cell, Section, Shell, Visitor, links, problems::Problems, refused, shown, table::Weight,
    },
    service::{ChangeRefusal, tokens},
};

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

/// What is said when the form was sent before and granted its token then; none when it was not.
pub(super) async fn before(visitor: &Visitor, id: &TokenId) -> Option<Response> {
    let (platform, caller, id) = (visitor.platform(), visitor.caller(), id.to_string());
    let token = tokens::find(platform, caller, &id).await.ok()?;
    let name = showable(&token.name, 255);
    let text = format!(
        "This form was sent before, and granted the token “{name}”. Its string was shown then and is \
         not shown again. If you have not kept it, revoke that token and create another."
    );
    let on = links::action(
        page_of(visitor, &token.id, ""),
        "To the token",
        Weight::Plain,
    );
    let title = "Granted already";
    Some(refused::leading_on(
        visitor,
        StatusCode::CONFLICT,
        title,
        text,
        on,
    ))
}

/// What is wrong with what was asked for, at these fields.
///
/// # Errors
/// What is not about what was typed has a page of its own; so has a form that was sent twice at once.
pub(super) async fn problems(
    visitor: &Visitor,
    id: &TokenId,
    refusal: &ChangeRefusal,
    fields: &[(&str, &'static str)],
) -> Result<Problems, Response> {
    if matches!(refusal, ChangeRefusal::Fault(_))
        && let Some(response) = before(visitor, id).await
    {
        return Err(response);
    }
    Problems::of(visitor, refusal, fields)
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
