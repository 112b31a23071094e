//! Does a token get a successor in two phases, and never a wider one?

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::scene::{
    DAY, administered, get, given, granted, newest, personal, post, refused, show, state,
};
use crate::{
    Change,
    tests::world::{Answer, NOW, World, principal},
};

async fn rotate(world: &World, bearer: &str, id: &str, body: Value) -> Answer {
    post(world, bearer, &format!("tokens/{id}/rotate"), body).await
}

async fn settle(world: &World, bearer: &str, id: &str, how: &str) -> Answer {
    post(world, bearer, &format!("tokens/{id}/{how}"), json!({})).await
}

#[tokio::test]
async fn a_successor_is_as_its_predecessor_and_both_live_through_the_grace() {
    let (world, admin) = administered().await;
    world.principal("robot", &["Reader"]).await;
    let app = json!({
        "kind": "app", "name": "nightly", "description": "copies", "owner": "robot",
        "roles": ["Reader"], "scopes": ["audit:read"], "lifetime_s": 3600,
    });
    let (old, text) = granted(&world, &admin, app).await;
    world.advance(10);
    let answer = rotate(&world, &admin, &old, json!({"grace_s": 100})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    assert_eq!(answer.headers["cache-control"], "no-store");
    let (new, successor) = given(&answer);
    assert!(new > old);
    assert_ne!(successor, text);
    let before = show(&world, &admin, &old).await;
    let after = show(&world, &admin, &new).await;
    for same in [
        "kind",
        "form",
        "name",
        "description",
        "owner",
        "roles",
        "scopes",
        "audience",
    ] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_eq!(after["predecessor"], old);
    assert_eq!(after["expires_at"], NOW + 10 + 3600);
    assert_eq!(after["state"], "expiring");
    assert_eq!(before["successor"], new);
    assert_eq!(before["state"], "rotated");
    assert_eq!(before["grace_ends_at"], NOW + 110);
    world.advance(99);
    assert_eq!(state(&world, &admin, &old).await, "rotated");
    world.advance(1);
    assert_eq!(state(&world, &admin, &old).await, "revoked");
    assert_eq!(state(&world, &admin, &new).await, "expiring");
    let [actor, subject, token, _] = newest(&world, "granted_token.rotate").await;
    assert_eq!(
        [actor, subject, token],
        ["admin", "robot", &new].map(|it| Some(it.to_owned()))
    );
}

#[tokio::test]
async fn a_rotation_is_confirmed_or_aborted_by_either_of_its_ends() {
    let (world, admin) = administered().await;
    for (how, by_new, states, action) in [
        (
            "confirm",
            true,
            ["revoked", "active"],
            "granted_token.confirm",
        ),
        (
            "confirm",
            false,
            ["revoked", "active"],
            "granted_token.confirm",
        ),
        ("abort", true, ["active", "revoked"], "granted_token.abort"),
        ("abort", false, ["active", "revoked"], "granted_token.abort"),
    ] {
        let (old, _) = granted(&world, &admin, personal("x")).await;
        let (new, _) = given(&rotate(&world, &admin, &old, json!({})).await);
        let named = if by_new { &new } else { &old };
        let answer = settle(&world, &admin, named, how).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
        let goes_on = if how == "confirm" { &new } else { &old };
        assert_eq!(answer.json()["id"], **goes_on);
        let found = [
            state(&world, &admin, &old).await,
            state(&world, &admin, &new).await,
        ];
        assert_eq!(found, states, "{how}");
        newest(&world, action).await;
        for again in ["confirm", "abort"] {
            let answer = settle(&world, &admin, &new, again).await;
            refused(&answer, StatusCode::CONFLICT, "no rotation");
        }
    }
}

#[tokio::test]
async fn a_token_has_one_successor_until_that_rotation_is_over() {
    let (world, admin) = administered().await;
    let (old, _) = granted(&world, &admin, personal("x")).await;
    let (new, _) = given(&rotate(&world, &admin, &old, json!({})).await);
    let again = rotate(&world, &admin, &old, json!({})).await;
    refused(&again, StatusCode::CONFLICT, "confirm or abort");
    settle(&world, &admin, &old, "abort").await;
    let (other, _) = given(&rotate(&world, &admin, &old, json!({})).await);
    assert_ne!(other, new);
    settle(&world, &admin, &old, "confirm").await;
    let over = rotate(&world, &admin, &old, json!({})).await;
    refused(&over, StatusCode::CONFLICT, "has ended");
    let (other, _) = granted(&world, &admin, personal("y")).await;
    let never = settle(&world, &admin, &other, "confirm").await;
    refused(&never, StatusCode::CONFLICT, "no rotation");
}

#[tokio::test]
async fn a_rotation_never_gives_more_than_the_owner_has_now() {
    let (world, admin) = administered().await;
    let anna = world.bearer("anna", &["Developer", "Reader"]).await;
    let named = json!({
        "kind": "personal", "name": "x", "roles": ["Developer", "Reader"],
        "scopes": ["audit:read", "own-tokens:write"],
    });
    let (old, _) = granted(&world, &anna, named).await;
    let less = principal("anna", &["Developer"]);
    world.change(Change::UpdatePrincipal(less)).await;
    let answer = rotate(&world, &anna, &old, json!({})).await;
    let (new, _) = given(&answer);
    let shown = show(&world, &anna, &new).await;
    assert_eq!(shown["roles"], json!(["Developer"]));
    assert_eq!(shown["scopes"], json!(["own-tokens:write"]));
    let none = principal("anna", &["Reader"]);
    world.change(Change::UpdatePrincipal(none)).await;
    let answer = rotate(&world, &admin, &new, json!({})).await;
    refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, "nothing is left");
    let mut disabled = principal("anna", &["Developer"]);
    disabled.enabled = false;
    world.change(Change::UpdatePrincipal(disabled)).await;
    let answer = rotate(&world, &admin, &new, json!({})).await;
    refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, "disabled");
}

#[tokio::test]
async fn a_grace_or_a_life_beyond_its_limit_is_refused_with_the_limit() {
    let (world, admin) = administered().await;
    let (old, _) = granted(&world, &admin, personal("x")).await;
    let answer = rotate(&world, &admin, &old, json!({"grace_s": 30 * DAY + 1})).await;
    refused(
        &answer,
        StatusCode::UNPROCESSABLE_ENTITY,
        "30 days (2592000 seconds)",
    );
    let answer = rotate(&world, &admin, &old, json!({"lifetime_s": 365 * DAY + 1})).await;
    refused(
        &answer,
        StatusCode::UNPROCESSABLE_ENTITY,
        "at most 365 days",
    );
    let answer = rotate(&world, &admin, &old, json!({"x": 1})).await;
    refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, "x");
    assert_eq!(state(&world, &admin, &old).await, "active");
    let longest =
        json!({"grace_s": 30 * DAY, "lifetime_s": 365 * DAY, "keep_until_grace_ends": true});
    let (new, _) = given(&rotate(&world, &admin, &old, longest).await);
    let old = get(&world, &admin, &format!("tokens/{old}")).await.json();
    assert_eq!(old["grace_ends_at"], NOW + 30 * DAY);
    assert_eq!(
        show(&world, &admin, &new).await["expires_at"],
        NOW + 365 * DAY
    );
    let row = world
        .store
        .token(old["id"].as_str().unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(!row.ends_at_first_use);
}
