//! What do tests of granted tokens do again and again?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{Answer, Identity, World, application, authorize, form_request};

pub(super) const DAY: u64 = 86_400;

pub(super) const INACTIVE: &[u8] = br#"{"active":false}"#;

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

/// What a bearer is told of itself.
pub(super) async fn whoami(world: &World, bearer: &str) -> Answer {
    world.api(Method::GET, "whoami", bearer, None).await
}

/// Believed at the API, or refused as every bad token is.
pub(super) async fn works(world: &World, token: &str) -> bool {
    let answer = whoami(world, token).await;
    if answer.status != StatusCode::OK {
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        let problem = answer.json();
        assert_eq!(
            problem["detail"],
            "the token is not active, or is not for here"
        );
    }
    answer.status == StatusCode::OK
}

/// An application that may introspect, for its own audience if it has one: its token.
pub(in crate::tests) async fn guard(world: &World, audience: Option<&str>) -> String {
    let name = audience.map_or("guard", |audience| audience.trim_start_matches("https://"));
    let identity = Identity::fresh(name);
    let mut guard = application(name);
    guard.audience = audience.map(str::to_owned);
    world.application_of(guard, &identity, &[name]).await;
    world
        .exchange(&world.assertion(name, &identity), "&scope=introspect")
        .await
        .token()
}

/// Gives a token back by possession, as `bearer`.
pub(super) async fn give_back(world: &World, bearer: &str, token: &str) -> Answer {
    let mut request = form_request("/oauth2/revoke", &format!("token={token}"));
    authorize(&mut request, bearer);
    world.send(request).await
}

pub(super) async fn revoke(world: &World, bearer: &str, id: &str) {
    let reason = json!({"reason": "lost"});
    let path = format!("tokens/{id}/revoke");
    let answer = world.api(Method::POST, &path, bearer, Some(reason)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
}

/// Gives a token a successor: its id and its string.
pub(super) async fn rotate(
    world: &World,
    bearer: &str,
    id: &str,
    rotation: Value,
) -> (String, String) {
    let path = format!("tokens/{id}/rotate");
    let answer = world.api(Method::POST, &path, bearer, Some(rotation)).await;
    given(&answer)
}
