//! `GET /openapi.json`: what may be asked of the API, and what is answered (OpenAPI 3.1)?
//!
//! The document is written by hand, in `openapi/`, one file a noun: the handlers are generic over
//! nouns, and the types of the protocol know of no schema. A test holds it against the server. What
//! holds for every operation, such as its refusals, is added here.

use std::{future::ready, sync::Arc};

use aws_lc_rs::digest;
use axum::{
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
    routing::{MethodRouter, get},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::error;
use crate::Platform;

const FRAME: &str = include_str!("../../openapi/document.json");

const NOUNS: [&str; 11] = [
    include_str!("../../openapi/applications.json"),
    include_str!("../../openapi/certificates.json"),
    include_str!("../../openapi/principals.json"),
    include_str!("../../openapi/roles.json"),
    include_str!("../../openapi/mappings.json"),
    include_str!("../../openapi/sessions.json"),
    include_str!("../../openapi/tokens.json"),
    include_str!("../../openapi/keys.json"),
    include_str!("../../openapi/audit.json"),
    include_str!("../../openapi/whoami.json"),
    include_str!("../../openapi/oauth2.json"),
];

/// Answers with the document of the platform with this issuer. Nothing in it is secret, so nobody
/// has to say who he is.
pub(super) fn route(issuer: &str) -> MethodRouter<Platform> {
    let document = Arc::new(Document::of(issuer));
    get(move |headers: HeaderMap| ready(document.answer(&headers)))
}

struct Document {
    body: Bytes,
    etag: HeaderValue,
}

impl Document {
    fn of(issuer: &str) -> Document {
        let body = assemble(issuer).map(|it| it.to_string());
        let body = Bytes::from(body.unwrap_or_default());
        let hash = digest::digest(&digest::SHA256, &body);
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(hash));
        Document {
            body,
            etag: HeaderValue::from_str(&etag).unwrap_or(HeaderValue::from_static("\"\"")),
        }
    }

    /// The document, or that it is the one that the caller has (RFC 9110 §13.1.2).
    fn answer(&self, asked: &HeaderMap) -> Response {
        let mut known = asked.get_all(header::IF_NONE_MATCH).iter();
        let mut response = if known.any(|known| self.is_among(known)) {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        } else {
            error::json(StatusCode::OK, self.body.clone())
        };
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.etag.clone());
        let fresh = HeaderValue::from_static("no-cache");
        headers.insert(header::CACHE_CONTROL, fresh);
        response
    }

    fn is_among(&self, known: &HeaderValue) -> bool {
        let known = known.to_str().unwrap_or_default();
        known
            .split(',')
            .map(|tag| tag.trim().trim_start_matches("W/"))
            .any(|tag| tag == "*" || self.etag == tag)
    }
}

/// What one file says: paths, schemas, and the schemas of which there are pages.
#[derive(Deserialize)]
struct Noun {
    paths: Map<String, Value>,
    pages: Vec<String>,
    schemas: Map<String, Value>,
}

fn assemble(issuer: &str) -> serde_json::Result<Value> {
    let mut document: Value = serde_json::from_str(FRAME)?;
    let (mut paths, mut schemas) = (Map::new(), Map::new());
    for noun in NOUNS {
        let noun: Noun = serde_json::from_str(noun)?;
        paths.extend(noun.paths);
        schemas.extend(noun.schemas);
        let pages = noun.pages.iter();
        schemas.extend(pages.map(|item| (format!("{item}Page"), page_of(item))));
    }
    for (path, operations) in &mut paths {
        let operations = operations.as_object_mut().into_iter().flatten();
        for (_, operation) in operations {
            add_refusals(path, operation);
        }
    }
    let mut put = |pointer: &str, more: Map<String, Value>| {
        let place = document.pointer_mut(pointer);
        if let Some(place) = place.and_then(Value::as_object_mut) {
            place.extend(more);
        }
    };
    put("/paths", paths);
    put("/components/schemas", schemas);
    let version = json!(env!("CARGO_PKG_VERSION"));
    put("/info", Map::from_iter([("version".to_owned(), version)]));
    let servers = json!([{ "url": issuer }]);
    put("", Map::from_iter([("servers".to_owned(), servers)]));
    Ok(document)
}

fn page_of(item: &str) -> Value {
    json!({
        "type": "object",
        "description": "A page of a list.",
        "additionalProperties": false,
        "required": ["items"],
        "properties": {
            "items": {
                "type": "array",
                "items": { "$ref": format!("#/components/schemas/{item}") },
            },
            "next": {
                "type": "string",
                "description": "Pass it as `after` for the next page; absent on the last.",
            },
        },
    })
}

/// By the rules that every handler of the management API goes by. An operation that says who may
/// ask it says itself how it refuses.
fn add_refusals(path: &str, operation: &mut Value) {
    if operation.get("security").is_some() {
        return;
    }
    let has = |member: &str| operation.get(member).is_some();
    let mut refusals = vec![
        ("400", "BadRequest"),
        ("401", "Unauthorized"),
        ("429", "TooManyRequests"),
        ("500", "ServerError"),
    ];
    if has("x-permission") {
        refusals.push(("403", "Forbidden"));
    }
    if has("requestBody") || path.contains('{') {
        refusals.push(("404", "NotFound"));
    }
    if has("requestBody") {
        refusals.extend([
            ("408", "Timeout"),
            ("413", "TooLarge"),
            ("415", "UnsupportedMediaType"),
        ]);
    }
    if has("requestBody") || has("parameters") {
        refusals.push(("422", "Invalid"));
    }
    let responses = operation.get_mut("responses");
    let Some(responses) = responses.and_then(Value::as_object_mut) else {
        return;
    };
    for (status, name) in refusals {
        let refusal = json!({ "$ref": format!("#/components/responses/{name}") });
        responses.insert(status.to_owned(), refusal);
    }
}
