//! Does a token open only its own audience, and only what it and its owner may now?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::scene::{INACTIVE, administered, granted, guard, whoami, works};
use crate::{
    Change,
    tests::world::{World, principal},
};

const API: &str = "https://orders.example";

/// A role that permits to read orders by way of another API.
async fn clerks(world: &World, admin: &str) {
    let role = json!({
        "name": "Clerk", "description": "",
        "permissions": ["scope:orders.read", "scope:orders.write"],
    });
    let answer = world.api(Method::POST, "roles", admin, Some(role)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
}

async fn status(world: &World, token: &str, path: &str) -> StatusCode {
    world.api(Method::GET, path, token, None).await.status
}

async fn told(world: &World, guard: &str, token: &str) -> Value {
    world.introspect(guard, token).await.json()
}

// checklist I15
#[tokio::test]
async fn a_token_opens_what_its_scopes_say_and_nothing_more() {
    let (world, admin) = administered().await;
    world.principal("anna", &["Reader"]).await;
    let new = json!({"kind": "personal", "name": "x", "owner": "anna", "scopes": ["audit:read"]});
    let (_, narrow) = granted(&world, &admin, new).await;
    let (_, wide) = granted(
        &world,
        &admin,
        json!({"kind": "app", "name": "y", "owner": "anna"}),
    )
    .await;
    assert_eq!(status(&world, &narrow, "audit").await, StatusCode::OK);
    assert_eq!(
        status(&world, &narrow, "roles").await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(status(&world, &wide, "roles").await, StatusCode::OK);
    let who = whoami(&world, &narrow).await.json();
    assert_eq!(who["scopes"], json!(["audit:read"]));
}

#[tokio::test]
async fn rights_are_those_of_the_owner_at_the_moment_of_use() {
    let (world, admin) = administered().await;
    world.principal("anna", &["Reader", "Operator"]).await;
    let new = json!({"kind": "app", "name": "x", "owner": "anna", "roles": ["Operator"]});
    let (_, token) = granted(&world, &admin, new).await;
    let roles = || async { whoami(&world, &token).await.json()["roles"].clone() };
    assert_eq!(roles().await, json!(["Operator"]));
    let anna = principal("anna", &["Reader", "Administrator"]);
    world.change(Change::UpdatePrincipal(anna)).await;
    assert_eq!(roles().await, json!([]));
    assert_eq!(status(&world, &token, "audit").await, StatusCode::FORBIDDEN);
    let anna = principal("anna", &["Operator"]);
    world.change(Change::UpdatePrincipal(anna)).await;
    assert_eq!(status(&world, &token, "audit").await, StatusCode::OK);
}

#[tokio::test]
async fn a_token_of_whose_scopes_nothing_is_left_does_not_become_one_without_scopes() {
    let (world, admin) = administered().await;
    world.principal("anna", &["Reader"]).await;
    let new = json!({"kind": "app", "name": "x", "owner": "anna", "scopes": ["audit:read"]});
    let (_, token) = granted(&world, &admin, new).await;
    assert!(works(&world, &token).await);
    let anna = principal("anna", &["Developer"]);
    world.change(Change::UpdatePrincipal(anna)).await;
    assert!(!works(&world, &token).await);
    let guard = guard(&world, None).await;
    assert_eq!(world.introspect(&guard, &token).await.body, INACTIVE);
}

// security.md 74, checklist I18
#[tokio::test]
async fn a_token_for_another_api_is_known_to_that_api_alone() {
    let (world, admin) = administered().await;
    clerks(&world, &admin).await;
    let own = guard(&world, Some(API)).await;
    let other = guard(&world, Some("https://stock.example")).await;
    let platform = guard(&world, None).await;
    world.principal("anna", &["Clerk"]).await;
    let new = json!({
        "kind": "app", "name": "x", "owner": "anna", "audience": API, "scopes": ["orders.read"],
    });
    let (_, token) = granted(&world, &admin, new).await;
    let body = told(&world, &own, &token).await;
    assert_eq!(body["active"], true, "{body}");
    assert_eq!(
        (&body["aud"], &body["scope"]),
        (&json!(API), &json!("orders.read"))
    );
    for stranger in [&other, &platform] {
        assert_eq!(world.introspect(stranger, &token).await.body, INACTIVE);
    }
    assert!(!works(&world, &token).await, "it is not for the platform");
    // One for the platform is not for the API.
    let (_, ours) = granted(&world, &admin, json!({"kind": "app", "name": "y"})).await;
    assert_eq!(world.introspect(&own, &ours).await.body, INACTIVE);
}
