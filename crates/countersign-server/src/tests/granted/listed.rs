//! Is whatever opens something in the list, and does it open nothing once it is revoked there?

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::json;

use super::scene::{administered, granted, revoke, rotate, works};
use crate::tests::world::World;

/// A token of each kind and form, however it came to be: its id and its string.
async fn tokens(world: &World, admin: &str) -> Vec<(String, String)> {
    world.principal("anna", &["Reader"]).await;
    let mut tokens = Vec::new();
    for new in [
        json!({"kind": "personal", "name": "own"}),
        json!({"kind": "app", "name": "of another", "owner": "anna"}),
        json!({"kind": "app", "name": "signed", "owner": "anna", "form": "jwt"}),
        json!({"kind": "system", "name": "nightly", "roles": ["Reader"]}),
    ] {
        tokens.push(granted(world, admin, new.clone()).await);
        let (before, _) = granted(world, admin, new).await;
        tokens.push(rotate(world, admin, &before, json!({})).await);
    }
    let foreign = "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5";
    let terms = json!({"kind": "app", "name": "moved", "owner": "anna", "token": foreign});
    let moved = world.api(Method::POST, "tokens/import", admin, Some(terms));
    tokens.push((moved.await.member("id"), foreign.to_owned()));
    tokens
}

/// The ids in the list.
async fn listed(world: &World, admin: &str) -> BTreeSet<String> {
    let answer = world.api(Method::GET, "tokens?limit=100", admin, None);
    let page = answer.await.json();
    let items = page["items"].as_array().unwrap().iter();
    items
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

// checklist F9
#[tokio::test]
async fn whatever_opens_something_is_listed_and_opens_nothing_when_it_is_revoked() {
    let (world, admin) = administered().await;
    let tokens = tokens(&world, &admin).await;
    for (id, token) in &tokens {
        assert!(works(&world, token).await, "{id}");
        assert!(listed(&world, &admin).await.contains(id));
        revoke(&world, &admin, id).await;
        assert!(!works(&world, token).await, "{id}");
        assert!(listed(&world, &admin).await.contains(id), "it stays listed");
    }
}
