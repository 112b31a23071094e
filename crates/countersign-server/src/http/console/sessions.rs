//! `/console/sessions…`: who is signed in, and how is that ended at the console?

use axum::{Router, extract::Path, response::Response, routing::get};
use countersign_proto::management::{Session, SessionEnd, SessionFilter};

use super::{
    Cell, Notice, Posted, Section, Shell, Visitor,
    cell::Tone,
    facts::{Facts, Group},
    form::{Field, Form},
    links, refused,
    table::{AFTER, Pages, ROWS, Table, Weight},
};
use crate::{Platform, http::pages::see_other, service::sessions};

const HERE: Section = Section::Sessions;
const WRITE: &str = "sessions:write";
const WITH_TOKENS: &str = "with_tokens";

pub(super) fn routes(platform: &Platform) -> Router<Platform> {
    let at = |page: &str| super::path(platform, &format!("/sessions{page}"));
    Router::new()
        .route(&at(""), get(list))
        .route(&at("/{id}"), get(show))
        .route(&at("/{id}/end"), get(doubt).post(end))
}

async fn list(visitor: Visitor) -> Response {
    let filter = SessionFilter {
        principal: visitor.asked("principal"),
        state: links::word(&visitor, "state"),
    };
    let (platform, caller) = (visitor.platform(), visitor.caller());
    let after = visitor.asked(AFTER);
    let page = match sessions::list(platform, caller, filter, after, ROWS).await {
        Ok(page) => page,
        Err(refusal) => return refused::answer(&visitor, &refusal),
    };
    let now = platform.now();
    let narrowed_by = ["principal", "state"];
    let rows = page.items.iter().map(|it| {
        vec![
            links::cell(&visitor, HERE, &it.id),
            links::cell(&visitor, Section::Principals, &it.principal),
            state(it),
            Cell::text(&it.client),
            Cell::text_or(it.address.as_deref(), "unknown"),
            Cell::time(it.created_at, now),
            Cell::time(it.refreshed_at, now),
        ]
    });
    let states = [
        ("active", "active"),
        ("pending", "pending"),
        ("ended", "ended"),
    ];
    let table = Table {
        shell: Shell::of(&visitor, Some(HERE)),
        title: HERE.title(),
        about: "What people are signed in with. Those that ended are listed for 30 days. One of the \
                console that nobody used for a while opens nothing, and is listed as active until its end: \
                only its browser knows when it was used.",
        actions: Vec::new(),
        filters: vec![
            links::line(&visitor, "principal", "Principal"),
            links::choice(&visitor, "state", "State", &states),
        ],
        columns: vec![
            "Session",
            "Principal",
            "State",
            "Program",
            "From",
            "Began",
            "Last refreshed",
        ],
        rows: rows.collect(),
        nothing: links::nothing(&visitor, &narrowed_by),
        pages: Pages::of(&visitor, HERE.page(), &narrowed_by, page.next.as_deref()),
    };
    table.answer(&visitor)
}

async fn show(visitor: Visitor, Path(id): Path<String>) -> Response {
    let it = match sessions::find(visitor.platform(), visitor.caller(), &id).await {
        Ok(it) => it,
        Err(refusal) => return refused::answer(&visitor, &refusal),
    };
    let now = visitor.platform().now();
    let mut actions = Vec::new();
    if visitor.may(WRITE) && it.state != "ended" {
        let end = visitor.path(&format!("/sessions/{}/end", links::segment(&it.id)));
        actions.push(links::action(end, "End this session", Weight::Grave));
    }
    let refreshes = format!("{} of {}", it.generation, it.refresh_limit);
    let facts = vec![
        ("Session", Cell::code(&it.id)),
        (
            "Principal",
            links::cell(&visitor, Section::Principals, &it.principal),
        ),
        ("State", state(&it)),
        (
            "Why it ended",
            Cell::text_or(it.end_reason.as_deref(), "it has not"),
        ),
        ("Identity provider", Cell::text(&it.provider)),
        ("Released by", Cell::text(&it.binding)),
        ("Program, as it says itself", Cell::text(&it.client)),
        ("From", Cell::text_or(it.address.as_deref(), "unknown")),
        ("Began", Cell::time(it.created_at, now)),
        ("Last refreshed", Cell::time(it.refreshed_at, now)),
        ("Ends at the latest", Cell::time(it.ends_at, now)),
        ("Refreshes", Cell::quiet(&refreshes)),
    ];
    let page = Facts {
        shell: Shell::of(&visitor, Some(HERE)),
        title: countersign_proto::showable::showable(&it.principal, 255),
        kind: HERE.one(),
        list: links::action(visitor.path(HERE.page()), HERE.title(), Weight::Plain),
        groups: vec![Group {
            title: "Session",
            facts,
        }],
        actions,
    };
    page.answer(&visitor)
}

async fn doubt(visitor: Visitor, Path(id): Path<String>) -> Response {
    if let Err(refusal) = visitor.caller().must_have(WRITE) {
        return refused::answer(&visitor, &refusal.into());
    }
    match sessions::find(visitor.platform(), visitor.caller(), &id).await {
        Ok(it) => ending(&visitor, &it.id, SessionEnd::default()).answer(&visitor),
        Err(refusal) => refused::answer(&visitor, &refusal),
    }
}

async fn end(visitor: Visitor, Path(id): Path<String>, posted: Posted) -> Response {
    let asked = SessionEnd {
        with_tokens: posted.is_ticked(WITH_TOKENS),
    };
    match sessions::end(visitor.platform(), visitor.caller(), &id, &asked).await {
        Ok(_) => see_other(&Notice::Ended.at(&visitor.path(HERE.page()))),
        Err(refusal) => refused::in_form(&visitor, &refusal, ending(&visitor, &id, asked)),
    }
}

fn ending(visitor: &Visitor, id: &str, asked: SessionEnd) -> Form {
    let here = visitor.path(&format!("/sessions/{}", links::segment(id)));
    let ways = [format!("{here}/end"), here];
    let field = Field::ticked(
        WITH_TOKENS,
        "Also revoke what was granted in it",
        asked.with_tokens,
    );
    let field = field.hint("Tokens that were granted on purpose go on otherwise.");
    let fields = match visitor.may("tokens:write") {
        true => vec![field],
        false => Vec::new(),
    };
    Form {
        about: vec!["Every token of it is worth nothing from now on.".to_owned()],
        submit: "End it",
        is_grave: true,
        ..links::form(visitor, HERE, "End this session?", fields, ways)
    }
}

fn state(it: &Session) -> Cell {
    match it.state.as_str() {
        "active" => Cell::badge("active", Tone::Good),
        "pending" => Cell::badge("pending", Tone::Plain),
        _ => Cell::badge("ended", Tone::Over),
    }
}
