//! Does a signing key go through its whole life without a good token ever being refused?

use std::collections::BTreeSet;

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use countersign_proto::json::Value;

use super::world::{Answer, World};

const DAY: u64 = 86_400;

async fn published(world: &World) -> BTreeSet<String> {
    let answer = jwks(world).await;
    let keys = answer.json()["keys"].as_array().unwrap().clone();
    keys.iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

async fn jwks(world: &World) -> Answer {
    let request = Request::get("/jwks.json").body(Body::empty()).unwrap();
    world.send(request).await
}

fn signer(token: &str) -> String {
    let token = countersign_proto::token::inspect(token).unwrap();
    token.header["kid"].as_str().unwrap().to_owned()
}

fn set(kids: &[&String]) -> BTreeSet<String> {
    kids.iter().map(|kid| (*kid).clone()).collect()
}

/// A token for the platform of a fresh principal.
async fn token(world: &World, name: &str) -> String {
    world.bearer(name, &["Reader"]).await
}

async fn status(world: &World, token: &str) -> StatusCode {
    world.api(Method::GET, "whoami", token, None).await.status
}

async fn states(world: &World) -> Vec<String> {
    let stored = world.store.issuer_keys().await.unwrap();
    let state = |key: &crate::store::StoredKey| key.state.name().to_owned();
    let mut states: Vec<String> = stored.keys.iter().map(state).collect();
    states.sort();
    states
}

/// At the next moment, what is due is done.
async fn later(world: &World, seconds: u64) {
    world.advance(seconds);
    world.platform.turn_keys().await.unwrap();
}

// security.md 63
#[tokio::test]
async fn a_key_is_announced_signs_verifies_and_is_retired_and_no_good_token_is_refused() {
    let world = World::new().await;
    let first = token(&world, "anna").await;
    let old = signer(&first);
    assert_eq!(published(&world).await, set(&[&old]));

    // Announced a day before it signs.
    later(&world, 89 * DAY - 1).await;
    assert_eq!(published(&world).await, set(&[&old]));
    later(&world, 1).await;
    let both = published(&world).await;
    assert_eq!((both.len(), both.contains(&old)), (2, true));
    assert_eq!(states(&world).await, ["active", "announced"]);
    let new = both.iter().find(|kid| **kid != old).unwrap().clone();
    later(&world, DAY - 1).await;
    let last = token(&world, "berta").await;
    assert_eq!(signer(&last), old);

    // The next signs, and the old one verifies what it signed.
    later(&world, 1).await;
    let next = token(&world, "carla").await;
    assert_eq!(signer(&next), new);
    assert_eq!(states(&world).await, ["active", "retiring"]);
    assert_eq!(published(&world).await, set(&[&old, &new]));
    assert_eq!(status(&world, &last).await, StatusCode::OK);
    assert_eq!(status(&world, &next).await, StatusCode::OK);
    world.advance(898);
    assert_eq!(status(&world, &last).await, StatusCode::OK, "to its end");
    world.advance(2);
    assert_eq!(status(&world, &last).await, StatusCode::UNAUTHORIZED);

    // Retired after the longest life of a token, by the clock alone, then for good.
    world.advance(365 * DAY - 901);
    assert!(published(&world).await.contains(&old));
    world.advance(1);
    assert!(!published(&world).await.contains(&old));
    world.platform.turn_keys().await.unwrap();
    let stored = world.store.issuer_keys().await.unwrap();
    let retired = stored.keys.iter().find(|key| key.kid == old).unwrap();
    assert_eq!(retired.state.name(), "retired");
    assert!(retired.sealed.is_empty(), "its private part is gone");
    assert!(!world.platform.keys().know(&old));
    let page = world.store.audit(None, 500).await.unwrap();
    let of_old = page.items.iter().rev().filter(|entry| entry.subject == old);
    let life: Vec<_> = of_old
        .map(|entry| (entry.action.as_str(), entry.at))
        .collect();
    let begin = stored.keys[0].created_at;
    let after = |days: u64| begin.plus(std::time::Duration::from_secs(days * DAY));
    assert_eq!(
        life,
        [
            ("key.activate", begin),
            ("key.stop", after(90)),
            ("key.retire", after(90 + 365))
        ]
    );
}

#[tokio::test]
async fn clients_may_keep_the_key_set_for_less_than_a_key_is_announced() {
    let world = World::with(|settings| {
        settings.signing.announce = std::time::Duration::from_secs(300);
    })
    .await;
    let answer = jwks(&world).await;
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    // A set that was fetched just before the announcement is used no more when the key signs.
    later(&world, 90 * DAY - 300).await;
    assert_eq!(states(&world).await, ["active", "announced"]);
    later(&world, 299).await;
    assert_eq!(states(&world).await, ["active", "announced"]);
    later(&world, 1).await;
    assert_eq!(states(&world).await, ["active", "retiring"]);
}

// security.md 63
#[tokio::test]
async fn no_node_signs_before_every_other_node_publishes_the_key() {
    let here = World::with_secrets_file().await;
    let orders = here.application("orders", &["anna"]).await;
    let there = here.beside(here.platform.settings().clone()).await;
    later(&here, 89 * DAY).await;
    there.platform.refresh_registry().await.unwrap();
    there.platform.turn_keys().await.unwrap();
    let published_here = published(&here).await;
    assert_eq!(published_here, published(&there).await);
    assert_eq!(published_here.len(), 2, "two nodes make one key");
    later(&here, DAY).await;
    let assertion = here.assertion("orders", &orders);
    let signed_here = here.exchange(&assertion, "").await.token();
    assert!(published(&there).await.contains(&signer(&signed_here)));
    assert_ne!(signer(&signed_here), there.platform.keys().active().kid);
    assert_eq!(status(&there, &signed_here).await, StatusCode::OK);
}

async fn administrator(world: &World) -> String {
    world.bearer("admin", &["Administrator"]).await
}

#[tokio::test]
async fn a_rotation_by_hand_announces_a_key_once() {
    let world = World::new().await;
    let admin = administrator(&world).await;
    let body = Some(serde_json::json!({}));
    let made = world
        .api(Method::POST, "keys/rotate", &admin, body.clone())
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json());
    let key = made.json();
    assert_eq!(
        (&key["state"], &key["algorithm"]),
        (&"announced".into(), &"ES256".into())
    );
    let begins = world.now().as_secs() + DAY;
    assert_eq!(key["active_at"], begins);
    let kid = made.member("kid");
    assert!(published(&world).await.contains(&kid));
    let again = world.api(Method::POST, "keys/rotate", &admin, body).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(again.member("detail").contains(&kid));

    let found = world
        .api(Method::GET, &format!("keys/{kid}"), &admin, None)
        .await;
    assert_eq!(found.json(), key);
    let missing = world.api(Method::GET, "keys/nothing", &admin, None).await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    let all = world.api(Method::GET, "keys", &admin, None).await.json();
    assert_eq!(all["items"].as_array().unwrap().len(), 2);
    assert!(!all.to_string().contains("sealed"));

    // One that was announced is taken back.
    let reason = Some(serde_json::json!({ "reason": "too early" }));
    let path = format!("keys/{kid}/retire");
    let retired = world.api(Method::POST, &path, &admin, reason.clone()).await;
    assert_eq!(retired.member("state"), "retired");
    assert!(!published(&world).await.contains(&kid));
    let same = world.api(Method::POST, &path, &admin, reason).await;
    assert_eq!(same.json(), retired.json(), "a second time changes nothing");
    let last = world.audited().await.remove(0);
    assert_eq!(
        last,
        ("key.retire".to_owned(), Some("too early".to_owned()))
    );
}

#[tokio::test]
async fn in_an_emergency_a_new_key_signs_at_once_and_old_tokens_live_or_die_as_is_asked() {
    let world = World::new().await;
    let admin = administrator(&world).await;
    let rotate = async |admin: &str, body: Value| {
        world
            .api(Method::POST, "keys/rotate", admin, Some(body))
            .await
    };
    let body = serde_json::json!({ "at_once": true, "reason": "a laptop was lost" });
    let made = rotate(&admin, body).await;
    assert_eq!(made.member("state"), "active");
    assert_eq!(status(&world, &admin).await, StatusCode::OK);
    let fresh = token(&world, "anna").await;
    assert_eq!(signer(&fresh), made.member("kid"));
    assert_eq!(states(&world).await, ["active", "retiring"]);

    let body = serde_json::json!({ "at_once": true, "retire_old": true, "reason": "stolen" });
    let made = rotate(&admin, body).await;
    assert_eq!(made.status, StatusCode::CREATED);
    for dead in [&admin, &fresh] {
        assert_eq!(status(&world, dead).await, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(published(&world).await, set(&[&made.member("kid")]));
    let alive = token(&world, "berta").await;
    assert_eq!(status(&world, &alive).await, StatusCode::OK);
}

#[tokio::test]
async fn what_would_lock_everybody_out_by_mistake_is_refused() {
    let world = World::new().await;
    let admin = administrator(&world).await;
    for body in [
        serde_json::json!({ "at_once": true }),
        serde_json::json!({ "retire_old": true, "reason": "x" }),
        serde_json::json!({ "at_once": true, "reason": "" }),
        serde_json::json!({ "at_once": true, "reason": "a\nb" }),
        serde_json::json!({ "at_once": true, "reason": "a".repeat(256) }),
        serde_json::json!({ "at_onec": true }),
    ] {
        let answer = world
            .api(Method::POST, "keys/rotate", &admin, Some(body.clone()))
            .await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}");
    }
    let path = format!("keys/{}/retire", signer(&admin));
    let reason = Some(serde_json::json!({ "reason": "x" }));
    let answer = world.api(Method::POST, &path, &admin, reason).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
    assert!(answer.member("detail").contains("rotate first"));
    assert_eq!(states(&world).await, ["active"]);
}

#[tokio::test]
async fn a_reader_sees_the_keys_and_changes_none() {
    let world = World::new().await;
    let reader = token(&world, "anna").await;
    let all = world.api(Method::GET, "keys", &reader, None).await;
    assert_eq!(all.status, StatusCode::OK);
    let body = Some(serde_json::json!({}));
    let refused = world.api(Method::POST, "keys/rotate", &reader, body).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let path = format!("keys/{}/retire", signer(&reader));
    let reason = Some(serde_json::json!({ "reason": "x" }));
    let refused = world.api(Method::POST, &path, &reader, reason).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(states(&world).await, ["active"]);
    let nobody = world.bearer("berta", &[]).await;
    let refused = world.api(Method::GET, "keys", &nobody, None).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn a_token_by_a_key_that_is_not_known_yet_makes_the_node_look_once_a_second() {
    let here = World::with_secrets_file().await;
    let admin = administrator(&here).await;
    let orders = here.application("orders", &["anna"]).await;
    let there = here.beside(here.platform.settings().clone()).await;
    let rotated = async || {
        let body = serde_json::json!({ "at_once": true, "reason": "test" });
        let made = here
            .api(Method::POST, "keys/rotate", &admin, Some(body))
            .await;
        assert_eq!(made.status, StatusCode::CREATED);
        let assertion = here.assertion("orders", &orders);
        here.exchange(&assertion, "").await.token()
    };
    let first = rotated().await;
    assert!(!there.platform.keys().know(&signer(&first)));
    assert_eq!(status(&there, &first).await, StatusCode::OK);
    assert!(there.platform.keys().know(&signer(&first)));
    // Within the same second nobody makes it look again.
    let second = rotated().await;
    assert_eq!(status(&there, &second).await, StatusCode::UNAUTHORIZED);
    here.advance(1);
    assert_eq!(status(&there, &second).await, StatusCode::OK);
}
