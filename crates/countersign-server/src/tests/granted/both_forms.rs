//! Does a resource learn of both forms of a token by one question, and of each whose it is?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::scene::{INACTIVE, administered, granted, guard};
use crate::{
    Change,
    tests::world::{Identity, World, application, principal},
};

const API: &str = "https://orders.example";

/// The tokens for that API that stand for anna, each with its kind and client: two strings and a JWT
/// that were granted, and a JWT that a certificate earned.
async fn tokens(world: &World, admin: &str) -> Vec<(String, u8, &'static str)> {
    let role = json!({"name": "Clerk", "description": "", "permissions": ["scope:orders"]});
    let made = world.api(Method::POST, "roles", admin, Some(role)).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json());
    world.principal("anna", &["Clerk"]).await;
    let mut tokens = Vec::new();
    for (kind, form, number) in [
        ("personal", "opaque", 3),
        ("app", "opaque", 4),
        ("app", "jwt", 4),
    ] {
        let new = json!({
            "kind": kind, "form": form, "name": "x", "owner": "anna", "audience": API,
            "scopes": ["orders"],
        });
        let (_, token) = granted(world, admin, new).await;
        tokens.push((token, number, "countersign:granted"));
    }
    let identity = Identity::fresh("orders");
    let mut orders = application("orders");
    orders.audience = Some(API.to_owned());
    world.application_of(orders, &identity, &["anna"]).await;
    let assertion = world.assertion("orders", &identity);
    let earned = world.exchange(&assertion, "&scope=orders").await.token();
    tokens.push((earned, 1, "orders"));
    tokens
}

async fn told(world: &World, guard: &str, token: &str) -> Value {
    world.introspect(guard, token).await.json()
}

// checklist I6, I8, I16
#[tokio::test]
async fn both_forms_of_a_token_are_answered_on_one_route_with_their_owner() {
    let (world, admin) = administered().await;
    let guard = guard(&world, Some(API)).await;
    let tokens = tokens(&world, &admin).await;
    let looks: Vec<bool> = tokens.iter().map(|it| it.0.contains('.')).collect();
    assert_eq!(looks, [false, false, true, true]);
    for (token, kind, client) in &tokens {
        let body = told(&world, &guard, token).await;
        let shown = ["active", "principal", "aud", "scope", "type", "client_id"];
        let shown = shown.map(|member| body[member].clone());
        let expected = json!([true, "anna", API, "orders", kind, client]);
        assert_eq!(json!(shown), expected, "{body}");
    }
}

// checklist I6, I16
#[tokio::test]
async fn both_forms_of_a_token_are_dead_while_their_owner_is_disabled() {
    let (world, admin) = administered().await;
    let guard = guard(&world, Some(API)).await;
    let tokens = tokens(&world, &admin).await;
    let mut anna = principal("anna", &["Clerk"]);
    anna.enabled = false;
    world.change(Change::UpdatePrincipal(anna.clone())).await;
    for (token, ..) in &tokens {
        assert_eq!(world.introspect(&guard, token).await.body, INACTIVE);
    }
    anna.enabled = true;
    world.change(Change::UpdatePrincipal(anna)).await;
    for (token, ..) in &tokens {
        assert_eq!(told(&world, &guard, token).await["active"], true);
    }
}
