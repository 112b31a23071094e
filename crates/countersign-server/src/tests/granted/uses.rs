//! Is it known when and from where a token was last used, without a write in its way?

use std::sync::Arc;

use axum::http::{Method, StatusCode};
use countersign_proto::time::UnixTime;
use serde_json::{Value, json};

use super::scene::{INACTIVE, administered, granted, guard, show, works};
use crate::{
    Rules,
    config::Settings,
    store::{SqliteStore, Store as _},
    tests::world::{ISSUER, NOW, World},
};

async fn last_used(world: &World, bearer: &str, id: &str) -> (Value, Value) {
    let shown = show(world, bearer, id).await;
    (
        shown["last_used_at"].clone(),
        shown["last_used_from"].clone(),
    )
}

// checklist P13, I15
#[tokio::test]
async fn uses_are_written_together_and_the_latest_is_shown() {
    let (world, admin) = administered().await;
    let (id, token) = granted(&world, &admin, json!({"kind": "app", "name": "x"})).await;
    assert!(works(&world, &token).await);
    world.advance(7);
    assert!(works(&world, &token).await);
    assert_eq!(
        last_used(&world, &admin, &id).await,
        (Value::Null, Value::Null)
    );
    world.platform.write_token_uses().await.unwrap();
    let seen = (json!(NOW + 7), json!("192.0.2.7"));
    assert_eq!(last_used(&world, &admin, &id).await, seen);
    // Nothing waits any more.
    world.platform.write_token_uses().await.unwrap();
    assert_eq!(last_used(&world, &admin, &id).await, seen);
}

#[tokio::test]
async fn a_question_of_a_guard_is_a_use_and_a_refusal_is_none() {
    let (world, admin) = administered().await;
    let of_platform = guard(&world, None).await;
    let of_another = guard(&world, Some("https://orders.example")).await;
    let (id, token) = granted(&world, &admin, json!({"kind": "app", "name": "x"})).await;
    assert_eq!(world.introspect(&of_another, &token).await.body, INACTIVE);
    world.platform.write_token_uses().await.unwrap();
    assert_eq!(last_used(&world, &admin, &id).await.0, Value::Null);
    world.introspect(&of_platform, &token).await;
    world.platform.write_token_uses().await.unwrap();
    assert_eq!(last_used(&world, &admin, &id).await.0, json!(NOW));
}

#[tokio::test]
async fn the_place_of_a_use_is_what_the_guard_says_and_never_its_own() {
    let (world, admin) = administered().await;
    let guard = guard(&world, None).await;
    let (id, token) = granted(&world, &admin, json!({"kind": "app", "name": "x"})).await;
    for (said, expected) in [
        ("", Value::Null),
        ("&client_address=198.51.100.4", json!("198.51.100.4")),
        ("&client_address=2001%3Adb8%3A%3A1", json!("2001:db8::1")),
        ("", Value::Null),
    ] {
        world.advance(1);
        let question = format!("{token}{said}");
        let answer = world.introspect(&guard, &question).await;
        assert_eq!(answer.json()["active"], true, "{said}");
        world.platform.write_token_uses().await.unwrap();
        let (_, from) = last_used(&world, &admin, &id).await;
        assert_eq!(from, expected, "{said}");
    }
    let before = last_used(&world, &admin, &id).await;
    world.advance(1);
    for said in ["x", "192.0.2.1:80", "192.0.2.1%2C192.0.2.2", "host.example"] {
        let question = format!("{token}&client_address={said}");
        let answer = world.introspect(&guard, &question).await;
        answer.refused("invalid_request", "");
    }
    world.platform.write_token_uses().await.unwrap();
    assert_eq!(last_used(&world, &admin, &id).await, before);
}

#[tokio::test]
async fn what_is_used_when_the_platform_stops_is_written_before_the_store_closes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let store = SqliteStore::open(&file, Rules::default()).await.unwrap();
    let settings = Settings::in_memory(ISSUER.parse().unwrap());
    let world = World::on(settings, Arc::new(store)).await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    let (id, token) = granted(&world, &admin, json!({"kind": "app", "name": "x"})).await;
    assert!(works(&world, &token).await);
    world.platform.close().await.unwrap();
    let store = SqliteStore::open(&file, Rules::default()).await.unwrap();
    let row = store.token(&id).await.unwrap().unwrap();
    assert_eq!(row.last_used_at, Some(UnixTime::from_secs(NOW)));
}

#[tokio::test]
async fn uses_that_the_store_does_not_take_wait_for_the_next_time() {
    let (world, admin) = administered().await;
    let (id, token) = granted(&world, &admin, json!({"kind": "app", "name": "x"})).await;
    assert!(works(&world, &token).await);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("store.db");
    let closed = SqliteStore::open(&file, Rules::default()).await.unwrap();
    closed.close().await.unwrap();
    let uses = &world.platform.tokens().uses;
    assert!(uses.flush(&closed).await.is_err());
    assert_eq!(last_used(&world, &admin, &id).await.0, Value::Null);
    uses.flush(world.store.as_ref()).await.unwrap();
    assert_eq!(last_used(&world, &admin, &id).await.0, json!(NOW));
}

#[tokio::test]
async fn a_token_whose_end_is_near_says_so_with_every_answer() {
    const HEADER: &str = "countersign-token-expires";
    let (world, admin) = administered().await;
    let new = json!({"kind": "app", "name": "x", "lifetime_s": 1_209_601});
    let (_, token) = granted(&world, &admin, new).await;
    let ask = |path: &'static str| world.api(Method::GET, path, &token, None);
    assert!(!ask("whoami").await.headers.contains_key(HEADER));
    world.advance(1);
    // NOW is 2026-11-22T08:30:00Z.
    for (path, status) in [
        ("whoami", StatusCode::OK),
        ("roles", StatusCode::OK),
        ("roles/none", StatusCode::NOT_FOUND),
    ] {
        let answer = ask(path).await;
        assert_eq!(answer.status, status);
        assert_eq!(
            answer.headers[HEADER], "Sun, 06 Dec 2026 08:30:01 GMT",
            "{path}"
        );
    }
    let answer = world.api(Method::GET, "whoami", &admin, None).await;
    assert!(!answer.headers.contains_key(HEADER));
}
