//! What is in a token, whoever wrote it?

use countersign::{
    Clock, SystemClock,
    proto::{
        jwt::{Inspected, Node, inspect},
        time::UnixTime,
    },
};
use serde_json::{Value, json};

use crate::{
    args::TokenSource,
    failure::Failure,
    output::{Block, Output, Shown},
    token_source,
};

pub(super) fn run(source: &TokenSource, output: &Output) -> Result<(), Failure> {
    let token = token_source::read(source)?;
    let inspected = inspect(&token).map_err(|error| Failure::other(error.to_string()))?;
    output.show(&shown(&inspected, SystemClock.now()))
}

/// A claim on a line of its own; a moment is written out beside its number.
pub(super) fn line(name: &str, value: &Value) -> String {
    let shown = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match (name, value.as_u64()) {
        ("exp" | "nbf" | "iat" | "auth_time", Some(seconds)) => {
            format!("{name}: {shown} ({})", UnixTime::from_secs(seconds))
        }
        _ => format!("{name}: {shown}"),
    }
}

fn shown(token: &Inspected, now: UnixTime) -> Shown {
    let time = |time: Option<UnixTime>| time.map(|time| time.to_string()).unwrap_or_default();
    let expires = match token.expires_at() {
        Some(end) if end <= now => format!("{end} (over)"),
        end => time(end),
    };
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let mut fields = vec![
        ("Verified", "no: anybody may have written this".to_owned()),
        ("Issuer", text(token.issuer())),
        ("Audiences", token.audiences().join(", ")),
        ("Subject", text(token.subject())),
        ("IssuedAt", time(token.issued_at())),
        ("NotBefore", time(token.not_before())),
        ("Expires", expires),
        ("Algorithm", text(token.algorithm())),
        ("KeyId", text(token.key_id())),
        ("Type", text(token.typ())),
    ];
    if let Some(refusal) = token.refusal() {
        fields.push(("Refused", refusal.to_string()));
    }
    let fields = fields
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value));
    let mut blocks = vec![
        Block::Fields(fields.collect()),
        Block::Lines("Header".to_owned(), lines(token.header())),
        Block::Lines("Claims".to_owned(), lines(token.claims())),
    ];
    let repeated = token.repeated();
    if !repeated.is_empty() {
        let lines = repeated.iter().map(|repeated| {
            let values: Vec<String> = repeated.values.iter().map(Node::to_string).collect();
            format!("{}: {}", repeated.path, values.join(" and "))
        });
        blocks.push(Block::Lines(
            "Repeated, so that readers differ in what they take".to_owned(),
            lines.collect(),
        ));
    }
    Shown {
        text: blocks,
        json: in_json(token),
    }
}

/// Where a name comes twice, `header` and `claims` have the last, as most readers do, and `repeated`
/// has all.
fn in_json(token: &Inspected) -> Value {
    let time = |time: Option<UnixTime>| time.map(|time| time.to_string());
    let plain = |members: &[(String, Node)]| Node::Object(members.to_vec()).to_value();
    let repeated: Vec<Value> = token
        .repeated()
        .iter()
        .map(|repeated| {
            let values: Vec<Value> = repeated.values.iter().map(Node::to_value).collect();
            json!({"member": repeated.path, "values": values})
        })
        .collect();
    json!({
        "verified": false,
        "issuer": token.issuer(),
        "audiences": token.audiences(),
        "subject": token.subject(),
        "issued_at": time(token.issued_at()),
        "not_before": time(token.not_before()),
        "expires": time(token.expires_at()),
        "algorithm": token.algorithm(),
        "kid": token.key_id(),
        "type": token.typ(),
        "header": plain(token.header()),
        "claims": plain(token.claims()),
        "repeated": repeated,
        "refused": token.refusal().map(ToString::to_string),
    })
}

fn lines(members: &[(String, Node)]) -> Vec<String> {
    let shown = |(name, node): &(String, Node)| match node {
        Node::Scalar(value) => line(name, value),
        other => format!("{name}: {other}"),
    };
    members.iter().map(shown).collect()
}
