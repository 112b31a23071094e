//! Does nobody fail while a token is replaced by another?

use axum::http::Method;
use serde_json::json;

use super::scene::{administered, granted, guard, newest, rotate, show, works};

const APP: fn() -> serde_json::Value = || json!({"kind": "app", "name": "x"});

#[tokio::test]
async fn both_work_until_the_new_one_is_used_and_then_it_alone() {
    let (world, admin) = administered().await;
    let (old, before) = granted(&world, &admin, APP()).await;
    let (new, after) = rotate(&world, &admin, &old, json!({})).await;
    world.advance(600);
    assert!(works(&world, &before).await);
    assert!(works(&world, &after).await);
    assert!(!works(&world, &before).await, "the new one was used");
    assert!(works(&world, &after).await);
    let [actor, subject, token, _] = newest(&world, "granted_token.first_use").await;
    assert_eq!(
        (actor.as_deref(), subject.as_deref()),
        (Some("admin"), Some("admin"))
    );
    assert_eq!(token, Some(old.clone()));
    let admin = world.bearer("other", &["Administrator"]).await;
    assert_eq!(show(&world, &admin, &old).await["state"], "revoked");
    assert_eq!(show(&world, &admin, &new).await["state"], "active");
}

#[tokio::test]
async fn a_question_of_a_guard_is_a_first_use_as_well() {
    let (world, admin) = administered().await;
    let guard = guard(&world, None).await;
    let (old, before) = granted(&world, &admin, APP()).await;
    let (_, after) = rotate(&world, &admin, &old, json!({})).await;
    assert_eq!(
        world.introspect(&guard, &before).await.json()["active"],
        true
    );
    assert_eq!(
        world.introspect(&guard, &after).await.json()["active"],
        true
    );
    assert_eq!(
        world.introspect(&guard, &before).await.json()["active"],
        false
    );
}

#[tokio::test]
async fn where_the_old_one_is_kept_until_its_grace_ends_a_use_ends_nothing() {
    let (world, admin) = administered().await;
    let (old, before) = granted(&world, &admin, APP()).await;
    let keep = json!({"keep_until_grace_ends": true, "grace_s": 100});
    let (_, after) = rotate(&world, &admin, &old, keep).await;
    for _ in 0..3 {
        assert!(works(&world, &after).await && works(&world, &before).await);
    }
    world.advance(100);
    assert!(works(&world, &after).await && !works(&world, &before).await);
}

#[tokio::test]
async fn many_first_uses_at_once_are_one_change() {
    let (world, admin) = administered().await;
    let (old, before) = granted(&world, &admin, APP()).await;
    let (_, after) = rotate(&world, &admin, &old, json!({})).await;
    let version = world.store.token_version().await.unwrap();
    let uses = (0..20).map(|_| works(&world, &after));
    let believed = futures_util::future::join_all(uses).await;
    assert!(believed.iter().all(|it| *it));
    assert!(!works(&world, &before).await);
    assert_eq!(world.store.token_version().await.unwrap(), version + 1);
    let written = world.audited().await;
    let first_uses = written
        .iter()
        .filter(|(action, _)| action == "granted_token.first_use");
    assert_eq!(first_uses.count(), 1);
}

#[tokio::test]
async fn an_aborted_successor_opens_nothing_and_the_old_one_is_as_it_was() {
    let (world, admin) = administered().await;
    let (old, before) = granted(&world, &admin, APP()).await;
    let (_, after) = rotate(&world, &admin, &old, json!({})).await;
    let path = format!("tokens/{old}/abort");
    world
        .api(Method::POST, &path, &admin, Some(json!({})))
        .await;
    assert!(!works(&world, &after).await);
    assert!(works(&world, &before).await);
}
