//! `/console/keys…`: which keys sign tokens, and how does another take their place at the console?

use axum::{Router, extract::Path, response::Response, routing::get};
use countersign_proto::management::{KeyRotation, SigningKeyInfo, SigningKeyState};

use super::{
    Cell, Notice, Posted, Section, Shell, Visitor,
    cell::Tone,
    facts::{Facts, Group},
    form::{Field, Form},
    links,
    moment::span,
    refused,
    table::{Action, Table, Weight},
};
use crate::{
    Platform,
    http::pages::see_other,
    service::{ChangeRefusal, keys},
};

const HERE: Section = Section::Keys;
const WRITE: &str = "keys:write";
const REASON: &str = "reason";
const RETIRE_OLD: &str = "retire_old";
/// Two ways to a new key. No name of a key is so short.
const ROTATE: &str = "/rotate";
const AT_ONCE: &str = "/rotate-at-once";

pub(super) fn routes(platform: &Platform) -> Router<Platform> {
    let at = |page: &str| super::path(platform, &format!("/keys{page}"));
    Router::new()
        .route(&at(""), get(list))
        .route(&at(ROTATE), get(announcing).post(announce))
        .route(&at(AT_ONCE), get(hurrying).post(hurry))
        .route(&at("/{kid}"), get(show))
        .route(&at("/{kid}/retire"), get(doubt).post(retire))
}

async fn list(visitor: Visitor) -> Response {
    let mut found = match keys::list(visitor.platform(), visitor.caller()).await {
        Ok(found) => found,
        Err(refusal) => return refused::answer(&visitor, &refusal),
    };
    found.sort_by(|a, b| a.kid.cmp(&b.kid));
    let now = visitor.platform().now();
    let (items, pages) = links::page(&visitor, HERE, &[], &found, |it| &it.kid);
    let rows = items.iter().map(|it| {
        vec![
            Cell::code_link(&it.kid, page_of(&visitor, &it.kid)),
            state(it.state),
            Cell::text(&it.algorithm),
            Cell::time(it.active_at, now),
            Cell::time_or(it.retires_at, now, "not while it signs"),
        ]
    });
    let table = Table {
        shell: Shell::of(&visitor, Some(HERE)),
        title: HERE.title(),
        about: "The platform signs its tokens with one of these. Each is published before it signs, and \
                verifies until the last token that it signed has ended.",
        actions: ways_to_a_new_one(&visitor),
        filters: Vec::new(),
        columns: vec!["Key", "State", "Algorithm", "Signs from", "Verifies until"],
        rows: rows.collect(),
        nothing: links::nothing(&visitor, &[]),
        pages,
    };
    table.answer(&visitor)
}

fn ways_to_a_new_one(visitor: &Visitor) -> Vec<Action> {
    if !visitor.may(WRITE) {
        return Vec::new();
    }
    let to = |page, text, weight| links::action(page_at(visitor, page), text, weight);
    vec![
        to(AT_ONCE, "Rotate at once", Weight::Grave),
        to(ROTATE, "Rotate", Weight::First),
    ]
}

async fn show(visitor: Visitor, Path(kid): Path<String>) -> Response {
    let it = match keys::find(visitor.platform(), visitor.caller(), &kid).await {
        Ok(it) => it,
        Err(refusal) => return refused::answer(&visitor, &refusal),
    };
    let mut actions = Vec::new();
    if visitor.may(WRITE) && can_be_retired(it.state) {
        let retire = format!("{}/retire", page_of(&visitor, &it.kid));
        actions.push(links::action(retire, "Retire", Weight::Grave));
    }
    let facts = Facts {
        shell: Shell::of(&visitor, Some(HERE)),
        title: countersign_proto::showable::showable(&it.kid, 255),
        kind: HERE.one(),
        list: links::action(page_at(&visitor, ""), HERE.title(), Weight::Plain),
        groups: vec![life(&visitor, &it)],
        actions,
    };
    facts.answer(&visitor)
}

fn life(visitor: &Visitor, it: &SigningKeyInfo) -> Group {
    let now = visitor.platform().now();
    let mut facts = vec![
        ("State", state(it.state)),
        ("Algorithm", Cell::text(&it.algorithm)),
        ("Created", Cell::time(it.created_at, now)),
        ("Signs from", Cell::time(it.active_at, now)),
    ];
    if let Some(at) = it.stopped_at {
        facts.push(("Stopped to sign", Cell::time(at, now)));
    }
    if let Some(at) = it.retires_at {
        facts.push(("Verifies until", Cell::time(at, now)));
    }
    Group {
        title: "Life",
        facts,
    }
}

async fn announcing(visitor: Visitor) -> Response {
    writer(&visitor, announcement(&visitor, ""))
}

async fn announce(visitor: Visitor, posted: Posted) -> Response {
    let reason = posted.given(REASON);
    let form = announcement(&visitor, reason.unwrap_or_default());
    let asked = KeyRotation {
        at_once: false,
        retire_old: false,
        reason: reason.map(str::to_owned),
    };
    rotate(&visitor, asked, form).await
}

fn announcement(visitor: &Visitor, reason: &str) -> Form {
    let ahead = span(visitor.platform().settings().signing.announce);
    let follows = format!(
        "A new key is published now and signs in {ahead}, so that whoever verifies has it before it is \
         needed. No token is refused."
    );
    let fields = vec![Field::line(REASON, "Reason", reason).hint("For whoever reads the audit.")];
    let ways = [page_at(visitor, ROTATE), page_at(visitor, "")];
    Form {
        about: vec![follows],
        submit: "Rotate",
        ..links::form(visitor, HERE, "Rotate the signing key", fields, ways)
    }
}

async fn hurrying(visitor: Visitor) -> Response {
    writer(&visitor, emergency(&visitor, None))
}

async fn hurry(visitor: Visitor, posted: Posted) -> Response {
    let form = emergency(&visitor, Some(&posted));
    let asked = KeyRotation {
        at_once: true,
        retire_old: posted.is_ticked(RETIRE_OLD),
        reason: posted.given(REASON).map(str::to_owned),
    };
    rotate(&visitor, asked, form).await
}

fn emergency(visitor: &Visitor, posted: Option<&Posted>) -> Form {
    let reason = posted.map(|it| it.text(REASON)).unwrap_or_default();
    let fields = vec![
        Field::tick(RETIRE_OLD, "Refuse what older keys signed", posted)
            .hint("When a key may be in wrong hands: every token that was signed is refused."),
        why(reason),
    ];
    let follows = "For an emergency. A new key signs at once, before whoever verifies has seen it: a \
                   resource server that reads the published keys seldom refuses good tokens until it \
                   reads them again.";
    let ways = [page_at(visitor, AT_ONCE), page_at(visitor, "")];
    Form {
        about: vec![follows.to_owned()],
        submit: "Rotate at once",
        is_grave: true,
        ..links::form(visitor, HERE, "Rotate at once?", fields, ways)
    }
}

async fn rotate(visitor: &Visitor, asked: KeyRotation, form: Form) -> Response {
    let made = keys::rotate(visitor.platform(), visitor.caller(), asked).await;
    settled(visitor, made, Notice::Made, form)
}

async fn doubt(visitor: Visitor, Path(kid): Path<String>) -> Response {
    match keys::find(visitor.platform(), visitor.caller(), &kid).await {
        Ok(it) => writer(&visitor, retirement(&visitor, &it.kid, "")),
        Err(refusal) => refused::answer(&visitor, &refusal),
    }
}

async fn retire(visitor: Visitor, Path(kid): Path<String>, posted: Posted) -> Response {
    let reason = posted.text(REASON).trim();
    let retired = keys::retire(visitor.platform(), visitor.caller(), &kid, reason).await;
    let form = retirement(&visitor, &kid, reason);
    settled(&visitor, retired, Notice::Retired, form)
}

fn retirement(visitor: &Visitor, kid: &str, reason: &str) -> Form {
    let here = page_of(visitor, kid);
    let ways = [format!("{here}/retire"), here];
    let follows = "It verifies nothing any more, at once and for good: every token that it signed is \
                   refused, and its private part is destroyed.";
    Form {
        about: vec![follows.to_owned()],
        submit: "Retire",
        is_grave: true,
        ..links::form(visitor, HERE, "Retire this key?", vec![why(reason)], ways)
    }
}

/// A form, for whoever may send it.
fn writer(visitor: &Visitor, form: Form) -> Response {
    match visitor.caller().must_have(WRITE) {
        Ok(()) => form.answer(visitor),
        Err(refusal) => refused::answer(visitor, &refusal.into()),
    }
}

fn settled(
    visitor: &Visitor,
    done: Result<SigningKeyInfo, ChangeRefusal>,
    notice: Notice,
    form: Form,
) -> Response {
    match done {
        Ok(it) => see_other(&notice.at(&page_of(visitor, &it.kid))),
        Err(refusal) => refused::in_form(visitor, &refusal, form),
    }
}

fn why(reason: &str) -> Field {
    Field::line(REASON, "Reason", reason)
        .hint("For whoever reads the audit.")
        .required()
}

fn page_at(visitor: &Visitor, page: &str) -> String {
    visitor.path(&format!("{}{page}", HERE.page()))
}

fn page_of(visitor: &Visitor, kid: &str) -> String {
    page_at(visitor, &format!("/{}", links::segment(kid)))
}

fn can_be_retired(state: SigningKeyState) -> bool {
    matches!(
        state,
        SigningKeyState::Announced | SigningKeyState::Retiring
    )
}

fn state(state: SigningKeyState) -> Cell {
    match state {
        SigningKeyState::Announced => Cell::badge("signs next", Tone::Plain),
        SigningKeyState::Active => Cell::badge("signs", Tone::Good),
        SigningKeyState::Retiring => Cell::badge("only verifies", Tone::Warning),
        SigningKeyState::Retired => Cell::badge("retired", Tone::Over),
    }
}
