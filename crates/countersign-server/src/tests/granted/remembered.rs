//! Is what a node remembers of tokens never believed longer than it may be?

use std::time::Duration;

use axum::http::Method;
use countersign_proto::time::UnixTime;
use serde_json::{Value, json};

use super::scene::{administered, give_back, granted, revoke, rotate, works};
use crate::{
    store::TokenSelector,
    tests::world::{Identity, World, claims_of},
};

const APP: fn() -> Value = || json!({"kind": "app", "name": "x"});

/// In step, and the token is known.
async fn warm(world: &World, token: &str) {
    world.platform.refresh_tokens().await.unwrap();
    assert!(works(world, token).await);
    assert!(works(world, token).await);
}

/// Revoked by somebody that this node hears nothing of.
async fn revoked_elsewhere(world: &World, id: &str) {
    let which = TokenSelector::Id(id.to_owned());
    let entry = crate::audit::by_system("granted_token.revoke", "admin", world.now());
    let ended = world
        .store
        .revoke_tokens(which, "lost", world.now(), entry)
        .await
        .unwrap();
    assert_eq!(ended, [id]);
}

// security.md 79
#[tokio::test(start_paused = true)]
async fn what_another_node_revoked_is_refused_as_soon_as_this_one_looks() {
    let (world, admin) = administered().await;
    let (id, token) = granted(&world, &admin, APP()).await;
    warm(&world, &token).await;
    revoked_elsewhere(&world, &id).await;
    assert!(works(&world, &token).await, "it goes by what it knows");
    world.platform.refresh_tokens().await.unwrap();
    assert!(!works(&world, &token).await);
}

// security.md 79
#[tokio::test(start_paused = true)]
async fn a_node_that_did_not_look_for_a_second_reads_the_store() {
    let (world, admin) = administered().await;
    let (id, token) = granted(&world, &admin, APP()).await;
    warm(&world, &token).await;
    revoked_elsewhere(&world, &id).await;
    tokio::time::advance(Duration::from_millis(1_000)).await;
    assert!(works(&world, &token).await, "the second is not over");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!works(&world, &token).await);
}

/// A signed token, given back to another node.
async fn denied_elsewhere(world: &World, token: &str) {
    let claims = claims_of(token);
    let jti = claims["jti"].as_str().unwrap().to_owned();
    let until = UnixTime::from_secs(claims["exp"].as_u64().unwrap());
    let entry = crate::audit::by_system("token.revoke", "ben", world.now());
    world.store.deny_token(jti, until, entry).await.unwrap();
}

// security.md 79
#[tokio::test(start_paused = true)]
async fn that_nobody_gave_a_signed_token_back_is_remembered_for_as_long() {
    let world = World::new().await;
    let token = world.bearer("ben", &["Reader"]).await;
    warm(&world, &token).await;
    denied_elsewhere(&world, &token).await;
    assert!(works(&world, &token).await, "it goes by what it knows");
    tokio::time::advance(Duration::from_millis(1_000)).await;
    assert!(works(&world, &token).await, "the second is not over");
    tokio::time::advance(Duration::from_millis(1)).await;
    assert!(!works(&world, &token).await);

    let token = world.bearer("carol", &["Reader"]).await;
    warm(&world, &token).await;
    denied_elsewhere(&world, &token).await;
    world.platform.refresh_tokens().await.unwrap();
    assert!(!works(&world, &token).await, "it looked");
}

// security.md 79, B19
#[tokio::test]
async fn a_signed_token_that_is_given_back_here_is_refused_by_the_next_request() {
    let world = World::new().await;
    let token = world.bearer("ben", &["Reader"]).await;
    warm(&world, &token).await;
    give_back(&world, &token, &token).await;
    assert!(!works(&world, &token).await);
}

// security.md 79, B19
#[tokio::test]
async fn whatever_ends_a_token_here_is_effective_for_the_next_request() {
    let (world, admin) = administered().await;
    let api = |method, path: String, body| {
        let (world, admin) = (&world, &admin);
        async move { world.api(method, &path, admin, body).await }
    };
    let reason = || Some(json!({"reason": "lost"}));

    let (id, token) = granted(&world, &admin, APP()).await;
    warm(&world, &token).await;
    revoke(&world, &admin, &id).await;
    assert!(!works(&world, &token).await, "revoked");

    let (id, token) = granted(&world, &admin, APP()).await;
    warm(&world, &token).await;
    api(Method::DELETE, format!("tokens/{id}"), None).await;
    assert!(!works(&world, &token).await, "deleted");

    let (_, token) = granted(&world, &admin, APP()).await;
    warm(&world, &token).await;
    give_back(&world, &token, &token).await;
    assert!(!works(&world, &token).await, "given back");

    let (id, token) = granted(&world, &admin, APP()).await;
    rotate(&world, &admin, &id, json!({})).await;
    warm(&world, &token).await;
    api(
        Method::POST,
        format!("tokens/{id}/confirm"),
        Some(json!({})),
    )
    .await;
    assert!(!works(&world, &token).await, "its rotation was confirmed");

    let (id, _) = granted(&world, &admin, APP()).await;
    let keep = json!({"keep_until_grace_ends": true});
    let (_, token) = rotate(&world, &admin, &id, keep).await;
    warm(&world, &token).await;
    api(Method::POST, format!("tokens/{id}/abort"), Some(json!({}))).await;
    assert!(!works(&world, &token).await, "its rotation was aborted");

    world.principal("ben", &["Reader"]).await;
    let of_ben = || json!({"kind": "app", "name": "x", "owner": "ben"});
    let (_, token) = granted(&world, &admin, of_ben()).await;
    warm(&world, &token).await;
    let all = json!({"owner": "ben", "reason": "left"});
    api(Method::POST, "tokens/revoke".to_owned(), Some(all)).await;
    assert!(
        !works(&world, &token).await,
        "all of its owner were revoked"
    );

    let (_, token) = granted(&world, &admin, of_ben()).await;
    warm(&world, &token).await;
    api(Method::DELETE, "principals/ben".to_owned(), None).await;
    assert!(!works(&world, &token).await, "its owner was deleted");

    let identity = Identity::fresh("carol");
    world
        .application_of(crate::tests::world::application("carol"), &identity, &[])
        .await;
    world.principal("carol", &["Developer"]).await;
    world.map("carol", &identity, "carol").await;
    let carol = world
        .exchange(&world.assertion("carol", &identity), "")
        .await
        .token();
    let (_, token) = granted(&world, &carol, json!({"kind": "personal", "name": "x"})).await;
    warm(&world, &token).await;
    let path = format!("certificates/{}/revoke", identity.id());
    api(Method::POST, path, reason()).await;
    assert!(!works(&world, &token).await, "its certificate was revoked");
}

#[tokio::test]
async fn a_rotation_of_a_known_token_is_seen_by_the_next_request() {
    let (world, admin) = administered().await;
    let (id, before) = granted(&world, &admin, APP()).await;
    warm(&world, &before).await;
    let (_, after) = rotate(&world, &admin, &id, json!({"grace_s": 50})).await;
    warm(&world, &before).await;
    assert!(works(&world, &after).await);
    assert!(!works(&world, &before).await);
}
