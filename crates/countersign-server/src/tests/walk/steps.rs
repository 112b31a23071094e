//! Which step is taken next?

use axum::http::Method;
use countersign_proto::opaque::{OpaqueKind, OpaqueToken, TokenId};
use serde_json::{Value, json};

use super::{chance::Chance, held::Held};

pub(super) const PEOPLE: [&str; 6] = ["anna", "bert", "carl", "dora", "emil", "fred"];
pub(super) const API: &str = "https://api.example";
pub(super) const PASSWORD: &str = "correct horse battery staple";
pub(super) const ANOTHER: &str = "another horse";

const ROLES: [&str; 6] = [
    "Administrator",
    "Operator",
    "Reader",
    "Developer",
    "Seller",
    "Buyer",
];
const SCOPES: [&str; 5] = [
    "tokens:read",
    "tokens:write",
    "own-tokens:write",
    "audit:read",
    "orders",
];

/// A request that may change something, and what it is called.
pub(super) struct Step {
    pub(super) name: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Value>,
}

impl Step {
    fn post(name: &'static str, path: impl Into<String>, body: impl Into<Option<Value>>) -> Step {
        Step {
            name,
            method: Method::POST,
            path: path.into(),
            body: body.into(),
        }
    }
}

/// The next one. `number` makes what is made here another thing than all before.
pub(super) fn next(chance: &mut Chance, held: &[Held], number: u32) -> Step {
    let person = *chance.one_of(&PEOPLE);
    let id = match held {
        [] => "0000000000000000000000".to_owned(),
        held => chance.one_of(held).id().to_owned(),
    };
    match chance.below(100) {
        0..30 => Step::post("grant", "tokens", new_token(chance, number)),
        30..34 => Step::post("import", "tokens/import", import(chance, number)),
        34..37 => Step::post(
            "sign in to the console",
            "signin",
            json!({"username": person, "password": chance.one_of(&[PASSWORD, PASSWORD, ANOTHER])}),
        ),
        37..49 => Step::post("rotate", format!("tokens/{id}/rotate"), rotation(chance)),
        49..54 => Step::post("confirm", format!("tokens/{id}/confirm"), None),
        54..58 => Step::post("abort", format!("tokens/{id}/abort"), None),
        58..61 => Step {
            name: "set a password",
            method: Method::PUT,
            path: format!("principals/{person}/password"),
            body: Some(json!({"password": chance.one_of(&[PASSWORD, ANOTHER])})),
        },
        61 => Step {
            name: "take a password away",
            method: Method::DELETE,
            path: format!("principals/{person}/password"),
            body: None,
        },
        62..68 => Step::post(
            "revoke",
            format!("tokens/{id}/revoke"),
            json!({"reason": "the walk"}),
        ),
        68..70 => Step::post("revoke many", "tokens/revoke", many(chance, person, &id)),
        70..74 => Step {
            name: "rename",
            method: Method::PATCH,
            path: format!("tokens/{id}"),
            body: Some(json!({"name": format!("named {number}")})),
        },
        74..77 => Step {
            name: "delete",
            method: Method::DELETE,
            path: format!("tokens/{id}"),
            body: None,
        },
        77..80 => {
            let sessions: Vec<&Held> = held.iter().filter(|it| it.is_session()).collect();
            let id = match sessions.as_slice() {
                [] => id,
                sessions => chance.one_of(sessions).id().to_owned(),
            };
            Step::post("end a session", format!("sessions/{id}/end"), None)
        }
        80..92 => Step {
            name: "change a principal",
            method: Method::PUT,
            path: format!("principals/{person}"),
            body: Some(json!({
                "name": person,
                "roles": chance.some_of(&ROLES),
                "enabled": !chance.once_in(4),
            })),
        },
        92..94 => Step {
            name: "delete a principal",
            method: Method::DELETE,
            path: format!("principals/{person}"),
            body: None,
        },
        94..97 => Step::post(
            "create a principal",
            "principals",
            json!({"name": person, "roles": chance.some_of(&ROLES)}),
        ),
        _ => Step {
            name: "change a role",
            method: Method::PUT,
            path: "roles/Seller".to_owned(),
            body: Some(json!({
                "name": "Seller",
                "permissions": chance.some_of(&["scope:orders", "own-tokens:write", "audit:read"]),
            })),
        },
    }
}

fn new_token(chance: &mut Chance, number: u32) -> Value {
    let kind = *chance.one_of(&["personal", "app", "app", "system"]);
    let mut token = json!({"kind": kind, "name": format!("token {number}")});
    if kind == "system" {
        token["roles"] = json!([chance.one_of(&ROLES)]);
    } else if chance.once_in(2) {
        token["owner"] = json!(chance.one_of(&PEOPLE));
        if chance.once_in(2) {
            token["roles"] = json!(chance.some_of(&ROLES));
        }
    }
    if kind == "app" && chance.once_in(3) {
        token["form"] = json!("jwt");
    }
    if chance.once_in(4) {
        token["audience"] = json!(API);
    }
    if chance.once_in(3) {
        token["scopes"] = json!(chance.some_of(&SCOPES));
    }
    match chance.below(4) {
        0 => token["lifetime_s"] = json!(chance.one_of(&[60, 3_600, 86_400])),
        1 if chance.once_in(4) => token["never_expires"] = json!(true),
        _ => {}
    }
    token
}

/// A string of another platform of this kind, or of another kind altogether.
fn import(chance: &mut Chance, number: u32) -> Value {
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    let text = if chance.once_in(2) {
        let id = TokenId::from_bytes([bytes[3]; 16]);
        let token = OpaqueToken::compose("csn", OpaqueKind::App, &id, &bytes);
        token.expose().to_owned()
    } else {
        format!("a-token-of-another-platform-{number:08}")
    };
    json!({
        "token": text,
        "kind": "app",
        "name": format!("import {number}"),
        "owner": chance.one_of(&PEOPLE),
        "revoked": chance.once_in(8),
    })
}

fn rotation(chance: &mut Chance) -> Value {
    match chance.below(3) {
        0 => json!({}),
        1 => json!({"grace_s": 3_600}),
        _ => json!({"grace_s": 86_400, "keep_until_grace_ends": true}),
    }
}

fn many(chance: &mut Chance, person: &str, id: &str) -> Value {
    if chance.once_in(2) {
        json!({"owner": person, "reason": "the walk"})
    } else {
        json!({"created_through": id, "reason": "the walk"})
    }
}
