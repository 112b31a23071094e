//! `GET /console/tokens`: which tokens are there, and which of them are used?

use axum::response::Response;
use countersign_proto::management::{GrantedToken, TokenFilter};

use super::{may_change_some, page_of, words};
use crate::{
    http::console::{
        Cell, Section, Shell, Visitor,
        form::{Choice, Field},
        refused,
        table::{AFTER, Action, Pages, ROWS, Table, Weight},
    },
    service::tokens,
};

const OWNER: &str = "owner";
const KIND: &str = "kind";
const STATE: &str = "state";
const NAME: &str = "name";

pub(super) async fn answer(visitor: Visitor) -> Response {
    let asked = |name| visitor.asked(name);
    let filter = TokenFilter {
        owner: asked(OWNER),
        kind: asked(KIND).and_then(|name| words::kind_named(&name)),
        state: asked(STATE).and_then(|name| words::state_named(&name)),
        name: asked(NAME),
        application: None,
        certificate: None,
    };
    let (platform, caller) = (visitor.platform(), visitor.caller());
    let found = tokens::list(platform, caller, filter, asked(AFTER), ROWS).await;
    let page = match found {
        Ok(page) => page,
        Err(refusal) => return refused::answer(&visitor, &refusal),
    };
    let narrowed_by = [NAME, OWNER, KIND, STATE];
    let table = Table {
        shell: Shell::of(&visitor, Some(Section::Tokens)),
        title: "Tokens",
        about: "A token lets a program in without a certificate. It never carries more than its owner \
                has now, and its string is shown once, when it is granted.",
        actions: actions(&visitor),
        filters: filters(&visitor),
        columns: vec!["Name", "State", "Kind", "Owner", "Last used", "Expires"],
        rows: page.items.iter().map(|it| row(&visitor, it)).collect(),
        nothing: "There are no such tokens.",
        pages: Pages::of(&visitor, "/tokens", &narrowed_by, page.next.as_deref()),
    };
    table.answer(&visitor)
}

fn row(visitor: &Visitor, token: &GrantedToken) -> Vec<Cell> {
    let now = visitor.platform().now();
    vec![
        Cell::link(&token.name, page_of(visitor, &token.id, "")),
        words::badge(token.state),
        Cell::quiet(words::kind(token.kind).1),
        Cell::text_or(token.owner.as_deref(), "nobody"),
        Cell::time_or(token.last_used_at, now, "never"),
        Cell::time_or(token.expires_at, now, "never"),
    ]
}

fn actions(visitor: &Visitor) -> Vec<Action> {
    if !may_change_some(visitor) {
        return Vec::new();
    }
    let action = |page, text, weight| Action {
        href: visitor.path(page),
        text,
        weight,
    };
    let mut actions = vec![action(
        "/tokens/revoke",
        "Revoke all of an identity",
        Weight::Grave,
    )];
    if visitor.may("tokens:write") {
        actions.push(action("/tokens/import", "Import a token", Weight::Plain));
    }
    actions.push(action("/tokens/new", "Create a token", Weight::First));
    actions
}

fn filters(visitor: &Visitor) -> Vec<Field> {
    let asked = |name| visitor.asked(name).unwrap_or_default();
    let mut filters = vec![Field::line(NAME, "Name contains", &asked(NAME))];
    if visitor.may("tokens:read") {
        filters.push(Field::line(OWNER, "Owner", &asked(OWNER)));
    }
    let any = || Choice::new("", "Any");
    let kinds = words::KINDS.map(words::kind);
    let states = words::STATES.map(words::state);
    let kinds = kinds.map(|(value, text)| Choice::new(value, text));
    let states = states.map(|(value, text)| Choice::new(value, text));
    let with_any = |choices: Vec<Choice>| [any()].into_iter().chain(choices).collect();
    filters.push(Field::one(
        KIND,
        "Kind",
        with_any(kinds.to_vec()),
        &asked(KIND),
    ));
    filters.push(Field::one(
        STATE,
        "State",
        with_any(states.to_vec()),
        &asked(STATE),
    ));
    filters
}
