//! `/console/audit`: what happened, and who sees it at the console?

use axum::{Router, response::Response, routing::get};
use countersign_proto::{
    management::{AuditEntry, AuditFilter},
    time::UnixTime,
};

use super::{
    Cell, Section, Shell, Visitor,
    cell::Tone,
    form::Field,
    links, refused,
    table::{AFTER, Pages, ROWS, Table},
};
use crate::{
    Platform,
    service::audit::{self, AuditQuery},
};

const HERE: Section = Section::Audit;
const NARROWED_BY: [&str; 8] = [
    "actor",
    "subject",
    "action",
    "outcome",
    "from",
    "to",
    "token_id",
    "certificate",
];

pub(super) fn routes(platform: &Platform) -> Router<Platform> {
    Router::new().route(&super::path(platform, HERE.page()), get(list))
}

async fn list(visitor: Visitor) -> Response {
    let (from, to) = (moment(&visitor, "from"), moment(&visitor, "to"));
    let query = AuditQuery {
        filter: AuditFilter {
            actor: visitor.asked("actor"),
            subject: visitor.asked("subject"),
            action: visitor.asked("action"),
            outcome: links::word(&visitor, "outcome"),
            from: from.unwrap_or_default(),
            to: to.unwrap_or_default(),
            token_id: visitor.asked("token_id"),
            certificate: visitor.asked("certificate"),
        },
        after: visitor.asked(AFTER).and_then(|after| after.parse().ok()),
        limit: ROWS,
    };
    let page = match audit::list(visitor.platform(), visitor.caller(), query).await {
        Ok(page) => page,
        Err(refusal) => return refused::answer(&visitor, &refusal),
    };
    let now = visitor.platform().now();
    let when = |name, label, read: Result<_, ()>| {
        let wrong = read.is_err().then_some("is no moment, and was left out");
        links::line(&visitor, name, label)
            .hint("UTC: 2026-11-22 or 2026-11-22 08:30")
            .wrong(wrong)
    };
    let outcomes = [("ok", "done"), ("refused", "refused")];
    let filters: Vec<Field> = vec![
        links::line(&visitor, "actor", "Who"),
        links::line(&visitor, "action", "Did what"),
        links::line(&visitor, "subject", "To whom or what"),
        links::choice(&visitor, "outcome", "Outcome", &outcomes),
        when("from", "From", from),
        when("to", "Until", to),
        links::line(&visitor, "token_id", "Token id"),
        links::line(&visitor, "certificate", "Certificate (SHA-256)"),
    ];
    let table = Table {
        shell: Shell::of(&visitor, Some(HERE)),
        title: HERE.title(),
        about: "What was done and what was refused, newest first. It is never taken away.",
        actions: Vec::new(),
        filters,
        columns: vec![
            "When",
            "Who",
            "Did what",
            "To whom or what",
            "Outcome",
            "Token",
            "Certificate",
            "From",
        ],
        rows: page.items.iter().map(|it| row(&visitor, it, now)).collect(),
        nothing: links::nothing(&visitor, &NARROWED_BY),
        pages: Pages::of(&visitor, HERE.page(), &NARROWED_BY, page.next.as_deref()),
    };
    table.answer(&visitor)
}

fn row(visitor: &Visitor, it: &AuditEntry, now: UnixTime) -> Vec<Cell> {
    let outcome = match (it.outcome.as_str(), &it.reason) {
        ("ok", None) => Cell::badge("done", Tone::Good),
        ("ok", Some(reason)) => Cell::text(&format!("done: {reason}")),
        (_, None) => Cell::badge("refused", Tone::Over),
        (_, Some(reason)) => Cell::text(&format!("refused: {reason}")),
    };
    vec![
        Cell::time(it.at, now),
        Cell::text(&it.actor),
        Cell::code(&it.action),
        Cell::text(&it.subject),
        outcome,
        narrowed(visitor, "token_id", it.token_id.as_deref()),
        narrowed(visitor, "certificate", it.certificate.as_deref()),
        Cell::text_or(it.address.as_deref(), "this platform"),
    ]
}

/// The beginning of a long name, which leads to all rows about it.
fn narrowed(visitor: &Visitor, by: &str, name: Option<&str>) -> Cell {
    let Some(name) = name else {
        return Cell::quiet("none");
    };
    let short = name
        .char_indices()
        .nth(8)
        .map_or(name, |(end, _)| &name[..end]);
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair(by, name)
        .finish();
    Cell::code_link(short, format!("{}?{query}", visitor.path(HERE.page())))
}

/// A day, or a minute of it, in UTC, or a moment as RFC 3339 has it.
///
/// # Errors
/// Something else was typed.
fn moment(visitor: &Visitor, name: &str) -> Result<Option<UnixTime>, ()> {
    let Some(asked) = visitor.asked(name) else {
        return Ok(None);
    };
    let asked = asked.trim();
    let whole = [
        asked.to_owned(),
        format!("{asked}:00Z"),
        format!("{asked}T00:00:00Z"),
    ];
    whole
        .iter()
        .find_map(|text| UnixTime::parse(text))
        .map(Some)
        .ok_or(())
}
