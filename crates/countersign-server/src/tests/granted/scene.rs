//! What do the tests of granted tokens do again and again?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use crate::tests::world::{Answer, Identity, World, application, authorize, form_request};

pub(super) const DAY: u64 = 86_400;

pub(super) const INACTIVE: &[u8] = br#"{"active":false}"#;

/// A platform with an administrator, and his token.
pub(super) async fn administered() -> (World, String) {
    let world = World::new().await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    (world, admin)
}

/// Grants a token: its id and its string.
pub(super) async fn granted(world: &World, bearer: &str, new: Value) -> (String, String) {
    given(&world.api(Method::POST, "tokens", bearer, Some(new)).await)
}

#[track_caller]
fn given(answer: &Answer) -> (String, String) {
    let body = answer.json();
    assert!(answer.status.is_success(), "{body}");
    let text = body["token"].as_str().unwrap().to_owned();
    (body["granted"]["id"].as_str().unwrap().to_owned(), text)
}

/// A token as the management API shows it.
pub(super) async fn show(world: &World, bearer: &str, id: &str) -> Value {
    let path = format!("tokens/{id}");
    world.api(Method::GET, &path, bearer, None).await.json()
}

/// The newest row of the audit with this action: actor, subject and token.
pub(super) async fn newest(world: &World, action: &str) -> [Option<String>; 3] {
    let page = world.store.audit(None, 500).await.unwrap();
    let row = page.items.into_iter().find(|row| row.action == action);
    let row = row.unwrap_or_else(|| panic!("no {action}"));
    [Some(row.actor), Some(row.subject), row.token_id]
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
pub(super) async fn guard(world: &World, audience: Option<&str>) -> String {
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
