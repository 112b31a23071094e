//! May an API that holds no certificate ask about its tokens by an app token of its own?

use axum::http::{Method, StatusCode};
use serde_json::json;

use super::scene::{INACTIVE, administered, granted, guard};
use crate::tests::world::World;

const API: &str = "https://orders.example";

/// An API with an audience and a principal of its own, and its app token with these scopes.
async fn api(world: &World, admin: &str, form: &str, scopes: &[&str]) -> String {
    let role = json!({
        "name": "Orders", "description": "",
        "permissions": ["scope:introspect", "scope:orders"],
    });
    world.api(Method::POST, "roles", admin, Some(role)).await;
    guard(world, Some(API)).await;
    world.principal("orders-api", &["Orders"]).await;
    let new = json!({
        "kind": "app", "name": "guard", "form": form, "owner": "orders-api", "audience": API,
        "scopes": scopes,
    });
    granted(world, admin, new).await.1
}

// checklist I16
#[tokio::test]
async fn an_app_token_for_an_audience_asks_about_tokens_for_that_audience() {
    for form in ["opaque", "jwt"] {
        let (world, admin) = administered().await;
        let asking = api(&world, &admin, form, &["introspect"]).await;
        let new = json!({
            "kind": "app", "name": "x", "owner": "orders-api", "audience": API,
            "scopes": ["orders"],
        });
        let (_, token) = granted(&world, &admin, new).await;
        let told = world.introspect(&asking, &token).await.json();
        assert_eq!(
            (&told["active"], &told["scope"]),
            (&json!(true), &json!("orders"))
        );
        let (_, ours) = granted(&world, &admin, json!({"kind": "app", "name": "y"})).await;
        assert_eq!(world.introspect(&asking, &ours).await.body, INACTIVE);
        assert_eq!(world.introspect(&asking, &admin).await.body, INACTIVE);
    }
}

// security.md 73
#[tokio::test]
async fn an_app_token_without_the_scope_asks_nothing() {
    let (world, admin) = administered().await;
    let asking = api(&world, &admin, "opaque", &["orders"]).await;
    let answer = world.introspect(&asking, &asking).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    // One for the platform has permissions, and this is none.
    let (_, ours) = granted(&world, &admin, json!({"kind": "app", "name": "y"})).await;
    assert_eq!(
        world.introspect(&ours, &ours).await.status,
        StatusCode::FORBIDDEN
    );
    let unknown = world.introspect("nobody-knows-this-token", &ours).await;
    assert_eq!(unknown.status, StatusCode::UNAUTHORIZED);
}
