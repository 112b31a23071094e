//! Which role may call which endpoint?
//!
//! Written by hand from docs/api.md. A role is a letter: **A**dministrator, **O**perator, **R**eader,
//! **D**eveloper, **P**latform, one that has `tokens:write` and no more (**T**), one that has every
//! permission by name but not `*` (**M**), and none (`-`). Each request names what is not there, or
//! is not valid otherwise than by its form: so it changes nothing, whoever sends it.

use serde_json::{Value, json};

pub(super) const EVERYBODY: &str = "AORDPTM-";

/// One endpoint: who may call it, and what he is answered then. All others are answered 403.
pub(super) struct Row {
    pub(super) endpoint: &'static str,
    pub(super) may: &'static str,
    pub(super) status: u16,
    pub(super) body: Option<Value>,
}

impl Row {
    pub(super) fn method(&self) -> &'static str {
        self.endpoint.split_once(' ').unwrap().0
    }

    /// With something that is not there in the place of what is named.
    pub(super) fn path(&self) -> String {
        let (_, path) = self.endpoint.split_once(" /").unwrap();
        match (path.split_once('{'), path.split_once('}')) {
            (Some((before, _)), Some((_, after))) => format!("{before}absent{after}"),
            _ => path.to_owned(),
        }
    }
}

fn row(endpoint: &'static str, may: &'static str, status: u16) -> Row {
    Row {
        endpoint,
        may,
        status,
        body: None,
    }
}

fn sent(endpoint: &'static str, may: &'static str, status: u16, body: Value) -> Row {
    Row {
        body: Some(body),
        ..row(endpoint, may, status)
    }
}

pub(super) fn all() -> Vec<Row> {
    let mut rows = registry();
    rows.extend(people());
    rows.extend(tokens());
    rows.extend(platform());
    rows
}

fn registry() -> Vec<Row> {
    let nameless = json!({"client_id": "", "name": "x"});
    let application = json!({"client_id": "absent", "name": "x"});
    let certificate = json!({"pem": "none", "client_id": "absent", "usage": "client"});
    let mapping = json!({"certificate": "absent", "client_id": "absent", "principal": "absent"});
    let reason = json!({"reason": "x"});
    vec![
        row("GET /applications", "AORPM", 200),
        sent("POST /applications", "AOM", 422, nameless),
        row("GET /applications/{client_id}", "AORPM", 404),
        sent("PUT /applications/{client_id}", "AOM", 404, application),
        row("DELETE /applications/{client_id}", "AOM", 404),
        row("GET /certificates", "AORPM", 200),
        sent("POST /certificates", "AOM", 422, certificate),
        row("GET /certificates/{sha256}", "AORPM", 404),
        sent("POST /certificates/{sha256}/revoke", "AOM", 404, reason),
        row("GET /mappings", "AORPM", 200),
        sent("POST /mappings", "AM", 404, mapping),
        row("GET /mappings/{id}", "AORPM", 404),
        row("DELETE /mappings/{id}", "AM", 404),
    ]
}

fn people() -> Vec<Row> {
    let password = json!({"password": "correct horse battery"});
    vec![
        row("GET /principals", "AORPM", 200),
        sent("POST /principals", "AM", 422, json!({"name": ""})),
        row("GET /principals/{name}", "AORPM", 404),
        sent(
            "PUT /principals/{name}",
            "AM",
            404,
            json!({"name": "absent"}),
        ),
        row("DELETE /principals/{name}", "AM", 404),
        sent("PUT /principals/{name}/password", "AM", 404, password),
        row("DELETE /principals/{name}/password", "AM", 404),
        row("GET /roles", "AORPM", 200),
        sent(
            "POST /roles",
            "A",
            422,
            json!({"name": "", "permissions": []}),
        ),
        row("GET /roles/{name}", "AORPM", 404),
        sent(
            "PUT /roles/{name}",
            "A",
            404,
            json!({"name": "absent", "permissions": []}),
        ),
        row("DELETE /roles/{name}", "A", 404),
        row("GET /sessions", "AORM", 200),
        row("GET /sessions/{id}", "AORM", 404),
        row("POST /sessions/{id}/end", "AM", 404),
    ]
}

fn tokens() -> Vec<Row> {
    let described = json!({"name": "x", "description": ""});
    let of_absent = json!({"owner": "absent", "reason": "x"});
    let imported = json!({
        "kind": "app", "name": "x", "owner": "absent",
        "token": "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5",
    });
    let nameless = json!({"kind": "personal", "name": ""});
    vec![
        row("GET /tokens", "AORDM", 200),
        sent("POST /tokens", "AODTM", 422, nameless),
        row("GET /tokens/{id}", "AORDM", 404),
        sent("PATCH /tokens/{id}", "AODTM", 404, described),
        row("DELETE /tokens/{id}", "AODTM", 404),
        sent("POST /tokens/{id}/rotate", "AODTM", 404, json!({})),
        row("POST /tokens/{id}/confirm", "AODTM", 404),
        row("POST /tokens/{id}/abort", "AODTM", 404),
        sent(
            "POST /tokens/{id}/revoke",
            "AODTM",
            404,
            json!({"reason": "x"}),
        ),
        sent("POST /tokens/revoke", "ATM", 200, of_absent),
        sent("POST /tokens/import", "ATM", 422, imported),
    ]
}

fn platform() -> Vec<Row> {
    vec![
        row("GET /keys", "AORM", 200),
        row("GET /keys/{kid}", "AORM", 404),
        // An emergency needs a reason.
        sent("POST /keys/rotate", "AM", 422, json!({"at_once": true})),
        sent("POST /keys/{kid}/retire", "AM", 404, json!({"reason": "x"})),
        row("GET /audit", "AORM", 200),
        row("GET /whoami", EVERYBODY, 200),
        // It takes a name and a password, and no token.
        sent("POST /signin", EVERYBODY, 422, json!({})),
    ]
}
