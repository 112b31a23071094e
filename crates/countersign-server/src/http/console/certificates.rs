//! `/console/certificates…`: how does somebody manage certificates at the console?

use axum::{Router, extract::Path, http::StatusCode, response::Response, routing::get};
use countersign_proto::{
    management::{
        CertificateFilter, CertificateState, CertificateUsage, NewCertificate,
        RegisteredCertificate,
    },
    time::UnixTime,
};

use super::{
    Cell, Notice, Posted, Section, Shell, Visitor,
    cell::Tone,
    facts::{Facts, Group},
    form::{Choice, Field, Form},
    links, refused,
    table::{Table, Weight},
};
use crate::{Platform, http::pages::see_other, service::certificates};

const HERE: Section = Section::Certificates;
const WRITE: &str = "certificates:write";
/// Characters of a PEM block that is pasted, with the chain that is cut off by hand.
const PEM_MAX: usize = 16_384;
/// How long before its end a certificate should be replaced.
const ENDS_SOON_S: u64 = 30 * 86_400;

pub(super) fn routes(platform: &Platform) -> Router<Platform> {
    let at = |page: &str| super::path(platform, &format!("/certificates{page}"));
    let new = super::path(platform, "/new/certificates");
    Router::new()
        .route(&at(""), get(list))
        .route(&new, get(blank).post(register))
        .route(&at("/{sha256}"), get(show))
        .route(&at("/{sha256}/revoke"), get(doubt).post(revoke))
}

/// A certificate by its SHA-256, of which the beginning is enough for people.
pub(super) fn cell(visitor: &Visitor, sha256: &str) -> Cell {
    let short = sha256.get(..16).unwrap_or(sha256);
    if HERE.is_seen_by(visitor) {
        Cell::code_link(short, visitor.path(&format!("/certificates/{sha256}")))
    } else {
        Cell::code(short)
    }
}

async fn list(visitor: Visitor) -> Response {
    let filter = CertificateFilter {
        client_id: visitor.asked("client_id"),
        thumbprint: visitor.asked("thumbprint"),
        usage: links::word(&visitor, "usage"),
        state: links::word(&visitor, "state"),
    };
    let found = match certificates::list(visitor.platform(), visitor.caller(), &filter) {
        Ok(found) => found,
        Err(refusal) => return refused::answer(&visitor, &refusal),
    };
    let now = visitor.platform().now();
    let narrowed_by = ["client_id", "thumbprint", "usage", "state"];
    let (items, pages) = links::page(&visitor, HERE, &narrowed_by, &found, |it| &it.record.sha256);
    let rows = items.iter().map(|entry| {
        let it = &entry.record;
        vec![
            cell(&visitor, &it.sha256),
            Cell::text(&it.subject),
            application(&visitor, it),
            state(it, now),
            Cell::time(it.not_after, now),
        ]
    });
    let mut actions = Vec::new();
    if visitor.may(WRITE) {
        let new = visitor.path("/new/certificates");
        actions.push(links::action(new, "Register a certificate", Weight::First));
    }
    let usages = [("client", "application"), ("platform", "platform")];
    let states = [
        ("valid", "valid"),
        ("not_yet_valid", "not yet valid"),
        ("expired", "expired"),
        ("revoked", "revoked"),
    ];
    let table = Table {
        shell: Shell::of(&visitor, Some(HERE)),
        title: HERE.title(),
        about: "Whoever has the key of one of these signs in with it.",
        actions,
        filters: vec![
            links::line(&visitor, "client_id", "Application"),
            links::line(&visitor, "thumbprint", "Thumbprint"),
            links::choice(&visitor, "usage", "Signs in as", &usages),
            links::choice(&visitor, "state", "State", &states),
        ],
        columns: vec![
            "Certificate",
            "Subject",
            "Application",
            "State",
            "Valid until",
        ],
        rows: rows.collect(),
        nothing: links::nothing(&visitor, &narrowed_by),
        pages,
    };
    table.answer(&visitor)
}

async fn show(visitor: Visitor, Path(sha256): Path<String>) -> Response {
    let found = certificates::find(visitor.platform(), visitor.caller(), &sha256);
    let it = match found {
        Ok(it) => it,
        Err(refusal) => return refused::answer(&visitor, &refusal),
    };
    let now = visitor.platform().now();
    let mut actions = Vec::new();
    if visitor.may("mappings:read") {
        let of = visitor.path(&format!("/mappings?certificate={}", it.sha256));
        actions.push(links::action(of, "Mappings", Weight::Plain));
    }
    if visitor.may(WRITE) && it.revoked_at.is_none() {
        let revoke = visitor.path(&format!("/certificates/{}/revoke", it.sha256));
        actions.push(links::action(revoke, "Revoke", Weight::Grave));
    }
    let mut standing = vec![
        ("State", state(&it, now)),
        ("Valid from", Cell::time(it.not_before, now)),
        ("Valid until", Cell::time(it.not_after, now)),
    ];
    if let Some(at) = it.revoked_at {
        standing.push(("Revoked", Cell::time(at, now)));
        let reason = it.revocation_reason.as_deref();
        standing.push(("Reason", Cell::text_or(reason, "none was given")));
    }
    let names = vec![
        ("Subject", Cell::text(&it.subject)),
        ("Issuer", Cell::text(&it.issuer)),
        ("Serial number", Cell::code(&it.serial)),
        ("SHA-256", Cell::code(&it.sha256)),
        ("SHA-1", Cell::code(&it.sha1)),
        ("Application", application(&visitor, &it)),
        ("Alias", Cell::text_or(it.kid_alias.as_deref(), "none")),
    ];
    let group = |title, facts| Group { title, facts };
    let list = visitor.path(HERE.page());
    let facts = Facts {
        shell: Shell::of(&visitor, Some(HERE)),
        title: countersign_proto::showable::showable(&it.subject, 255),
        kind: HERE.one(),
        list: links::action(list, HERE.title(), Weight::Plain),
        groups: vec![group("Standing", standing), group("Names", names)],
        actions,
    };
    facts.answer(&visitor)
}

async fn blank(visitor: Visitor) -> Response {
    if let Err(refusal) = visitor.caller().must_have(WRITE) {
        return refused::answer(&visitor, &refusal.into());
    }
    let asked = NewCertificate {
        pem: String::new(),
        client_id: visitor.asked("client_id"),
        usage: CertificateUsage::Client,
        kid_alias: None,
    };
    registering(&visitor, &asked).answer(&visitor)
}

async fn register(visitor: Visitor, posted: Posted) -> Response {
    let usage = match posted.text("usage") {
        "platform" => CertificateUsage::Platform,
        _ => CertificateUsage::Client,
    };
    let asked = NewCertificate {
        pem: posted.text("pem").to_owned(),
        client_id: posted.given("client_id").map(str::to_owned),
        usage,
        kid_alias: posted.given("alias").map(str::to_owned),
    };
    let form = registering(&visitor, &asked);
    match certificates::register(visitor.platform(), visitor.caller(), asked).await {
        Ok(it) => {
            let page = visitor.path(&format!("/certificates/{}", it.sha256));
            see_other(&Notice::Made.at(&page))
        }
        Err(refusal) => refused::in_form(&visitor, &refusal, form),
    }
}

fn registering(visitor: &Visitor, asked: &NewCertificate) -> Form {
    let usages = vec![
        Choice::new("client", "an application"),
        Choice::new("platform", "a component of this platform"),
    ];
    let usage = match asked.usage {
        CertificateUsage::Client => "client",
        CertificateUsage::Platform => "platform",
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let fields = vec![
        Field::lines("pem", "Certificate", &asked.pem, PEM_MAX)
            .required()
            .hint("The text from BEGIN CERTIFICATE to END CERTIFICATE. Never the private key."),
        Field::radio("usage", "It signs in as", usages, usage),
        Field::line("client_id", "Application", &text(&asked.client_id))
            .hint("Its id. Left empty for a component of this platform."),
        Field::line("alias", "Alias", &text(&asked.kid_alias))
            .hint("A name that assertions may give besides its thumbprints."),
    ];
    let ways = [visitor.path("/new/certificates"), visitor.path(HERE.page())];
    Form {
        submit: "Register",
        ..links::form(visitor, HERE, "Register a certificate", fields, ways)
    }
}

async fn doubt(visitor: Visitor, Path(sha256): Path<String>) -> Response {
    if let Err(refusal) = visitor.caller().must_have(WRITE) {
        return refused::answer(&visitor, &refusal.into());
    }
    match certificates::find(visitor.platform(), visitor.caller(), &sha256) {
        Ok(it) => revoking(&visitor, &it.sha256, "").answer(&visitor),
        Err(refusal) => refused::answer(&visitor, &refusal),
    }
}

async fn revoke(visitor: Visitor, Path(sha256): Path<String>, posted: Posted) -> Response {
    let reason = posted.text("reason").trim().to_owned();
    let form = revoking(&visitor, &sha256, &reason);
    if reason.is_empty() {
        let problem = "Say why: the audit keeps it.".to_owned();
        return form.again(&visitor, StatusCode::UNPROCESSABLE_ENTITY, problem);
    }
    let (platform, caller) = (visitor.platform(), visitor.caller());
    match certificates::revoke(platform, caller, &sha256, reason).await {
        Ok(it) => {
            let page = visitor.path(&format!("/certificates/{}", it.sha256));
            see_other(&Notice::Revoked.at(&page))
        }
        Err(refusal) => refused::in_form(&visitor, &refusal, form),
    }
}

fn revoking(visitor: &Visitor, sha256: &str, reason: &str) -> Form {
    let here = visitor.path(&format!("/certificates/{}", links::segment(sha256)));
    let fields = vec![Field::line("reason", "Reason", reason).required()];
    let ways = [format!("{here}/revoke"), here];
    let follows = "It signs nothing any more, at once and for good, and what it earned is worth \
                   nothing from now on.";
    Form {
        about: vec![follows.to_owned()],
        submit: "Revoke",
        is_grave: true,
        ..links::form(visitor, HERE, "Revoke this certificate?", fields, ways)
    }
}

fn application(visitor: &Visitor, it: &RegisteredCertificate) -> Cell {
    match it.usage {
        CertificateUsage::Client => links::cell(visitor, Section::Applications, &it.client_id),
        CertificateUsage::Platform => Cell::quiet("this platform"),
    }
}

fn state(it: &RegisteredCertificate, now: UnixTime) -> Cell {
    match certificates::state(it, now) {
        CertificateState::Revoked => Cell::badge("revoked", Tone::Over),
        CertificateState::Expired => Cell::badge("expired", Tone::Over),
        CertificateState::NotYetValid => Cell::badge("not yet valid", Tone::Plain),
        CertificateState::Valid if it.not_after.since(now).as_secs() < ENDS_SOON_S => {
            Cell::badge("ends soon", Tone::Warning)
        }
        CertificateState::Valid => Cell::badge("valid", Tone::Good),
    }
}
