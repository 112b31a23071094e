//! `GET /console/tokens/{id}`: what is known of a token, and what can be done with it?

use axum::{extract::Path, response::Response};
use countersign_proto::{
    management::{GrantedState, GrantedToken},
    showable::showable,
    time::UnixTime,
};

use super::{may_change, page_of, words};
use crate::{
    http::console::{
        Cell, Section, Shell, Visitor,
        facts::{Facts, Group},
        links, refused,
        table::{Action, Weight},
    },
    service::tokens,
};

pub(super) async fn answer(visitor: Visitor, Path(id): Path<String>) -> Response {
    let (platform, caller) = (visitor.platform(), visitor.caller());
    let token = match tokens::find(platform, caller, &id).await {
        Ok(token) => token,
        Err(refusal) => return refused::answer(&visitor, &refusal),
    };
    let is_taking_over = match &token.predecessor {
        Some(before) => tokens::find(platform, caller, before)
            .await
            .is_ok_and(|before| before.state == GrantedState::Rotated),
        None => false,
    };
    let now = platform.now();
    let facts = Facts {
        shell: Shell::of(&visitor, Some(Section::Tokens)),
        title: showable(&token.name, 300),
        kind: match words::kind(token.kind).0 {
            "personal" => "Personal access token",
            "app" => "App token",
            _ => "System token",
        },
        list: Action {
            href: visitor.path("/tokens"),
            text: "All tokens",
            weight: Weight::Plain,
        },
        groups: vec![
            standing(&visitor, &token, now),
            rights(&visitor, &token),
            origin(&token, now),
        ],
        actions: actions(&visitor, &token, is_taking_over),
    };
    facts.answer(&visitor)
}

fn standing(visitor: &Visitor, token: &GrantedToken, now: UnixTime) -> Group {
    let mut facts = vec![
        ("State", words::badge(token.state)),
        ("Expires", Cell::time_or(token.expires_at, now, "never")),
        ("Last used", Cell::time_or(token.last_used_at, now, "never")),
    ];
    if let Some(from) = &token.last_used_from {
        facts.push(("From", Cell::text(from)));
    }
    if let Some(at) = token.revoked_at {
        facts.push(("Revoked", Cell::time(at, now)));
    }
    if let Some(reason) = &token.revocation_reason {
        facts.push(("Why", Cell::text(reason)));
    }
    match (token.grace_ends_at, token.state) {
        (Some(end), GrantedState::Rotated) => {
            facts.push(("Lives beside the new one until", Cell::time(end, now)));
        }
        (Some(end), GrantedState::Revoked) if token.revoked_at.is_none() => {
            facts.push(("Lived beside the new one until", Cell::time(end, now)));
        }
        _ => {}
    }
    let leads = |id: &str| Cell::code_link(id, page_of(visitor, id, ""));
    if let Some(successor) = &token.successor {
        facts.push(("Replaced by", leads(successor)));
    }
    if let Some(predecessor) = &token.predecessor {
        facts.push(("Replaces", leads(predecessor)));
    }
    Group {
        title: "How it stands",
        facts,
    }
}

fn rights(visitor: &Visitor, token: &GrantedToken) -> Group {
    let all_roles = "all that its owner has at the time";
    Group {
        title: "What it may do",
        facts: vec![
            ("Owner", owner(visitor, token)),
            ("Roles", Cell::several(&token.roles, all_roles)),
            (
                "Scopes",
                Cell::several(&token.scopes, "all that its roles permit"),
            ),
            ("For", Cell::code(&token.audience)),
        ],
    }
}

fn owner(visitor: &Visitor, token: &GrantedToken) -> Cell {
    match &token.owner {
        Some(owner) => links::cell(visitor, Section::Principals, owner),
        None => Cell::quiet("nobody"),
    }
}

fn origin(token: &GrantedToken, now: UnixTime) -> Group {
    let mut facts = vec![
        ("Id", Cell::code(&token.id)),
        ("Form", Cell::quiet(words::form(token.form))),
        ("Created", Cell::time(token.created_at, now)),
        ("By", Cell::text(&token.created_by)),
    ];
    let more = [
        ("Through", &token.created_through),
        ("Application", &token.application),
        ("Certificate", &token.certificate),
    ];
    for (name, value) in more {
        if let Some(value) = value {
            facts.push((name, Cell::code(value)));
        }
    }
    facts.push((
        "Description",
        Cell::text_or(Some(&token.description), "none"),
    ));
    Group {
        title: "What it is",
        facts,
    }
}

fn actions(visitor: &Visitor, token: &GrantedToken, is_taking_over: bool) -> Vec<Action> {
    if !may_change(visitor, token) {
        return Vec::new();
    }
    let action = |page: &str, text, weight| Action {
        href: page_of(visitor, &token.id, page),
        text,
        weight,
    };
    let mut actions = vec![action("/name", "Rename", Weight::Plain)];
    let is_good = words::is_good(token.state);
    if is_good && token.successor.is_none() {
        actions.push(action("/rotate", "Replace", Weight::Plain));
    }
    if is_good && (token.state == GrantedState::Rotated || is_taking_over) {
        actions.push(action("/confirm", "End the old one now", Weight::Plain));
        actions.push(action("/abort", "Keep the old one", Weight::Plain));
    }
    if is_good {
        actions.push(action("/revoke", "Revoke", Weight::Grave));
    }
    actions
}
