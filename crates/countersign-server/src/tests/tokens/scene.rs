//! How does a test grant tokens?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::tests::world::{Answer, World};

pub(super) const DAY: u64 = 86_400;

/// A platform with an administrator, and his token.
pub(super) async fn administered() -> (World, String) {
    let world = World::new().await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    (world, admin)
}

/// What is asked for in the simplest case.
pub(super) fn personal(name: &str) -> Value {
    json!({"kind": "personal", "name": name})
}

pub(super) async fn grant(world: &World, bearer: &str, new: Value) -> Answer {
    world.api(Method::POST, "tokens", bearer, Some(new)).await
}

/// The id and the string of a new token.
#[track_caller]
pub(super) fn given(answer: &Answer) -> (String, String) {
    assert!(answer.status.is_success(), "{}", answer.json());
    let body = answer.json();
    let text = body["token"].as_str().unwrap().to_owned();
    (body["granted"]["id"].as_str().unwrap().to_owned(), text)
}

pub(super) async fn granted(world: &World, bearer: &str, new: Value) -> (String, String) {
    given(&grant(world, bearer, new).await)
}

pub(super) async fn get(world: &World, bearer: &str, path: &str) -> Answer {
    world.api(Method::GET, path, bearer, None).await
}

pub(super) async fn post(world: &World, bearer: &str, path: &str, body: Value) -> Answer {
    world.api(Method::POST, path, bearer, Some(body)).await
}

pub(super) async fn show(world: &World, bearer: &str, id: &str) -> Value {
    let answer = get(world, bearer, &format!("tokens/{id}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    answer.json()
}

pub(super) async fn state(world: &World, bearer: &str, id: &str) -> String {
    let shown = show(world, bearer, id).await;
    shown["state"].as_str().unwrap().to_owned()
}

/// The ids of a list, in its order.
pub(super) async fn listed(world: &World, bearer: &str, query: &str) -> Vec<String> {
    let answer = get(world, bearer, &format!("tokens{query}")).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    let body = answer.json();
    let items = body["items"].as_array().unwrap().iter();
    items
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Refused with this status, by a problem whose detail has these words.
#[track_caller]
pub(super) fn refused(answer: &Answer, status: StatusCode, words: &str) {
    let body = answer.json();
    assert_eq!(answer.status, status, "{body}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let detail = body["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(words), "{detail}");
}

/// The newest row of the audit with this action: actor, subject, token and reason.
pub(super) async fn newest(world: &World, action: &str) -> [Option<String>; 4] {
    let page = world.store.audit(None, 500).await.unwrap();
    let row = page.items.into_iter().find(|row| row.action == action);
    let row = row.unwrap_or_else(|| panic!("no {action}"));
    [Some(row.actor), Some(row.subject), row.token_id, row.reason]
}
