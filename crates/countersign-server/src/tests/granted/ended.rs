//! Does a token that is over open nothing, say nothing, and does somebody hear of its use?

use axum::http::StatusCode;
use serde_json::json;

use super::scene::{DAY, INACTIVE, administered, granted, guard, revoke, whoami, works};
use crate::{
    Change,
    events::EventName,
    tests::world::{NOW, World, principal},
};

/// Names of the events that were told, with the token of each.
/// What was told of tokens; that nobody was recognised is told besides.
fn told(world: &World) -> Vec<(EventName, Option<String>)> {
    let events = world.platform.events().told();
    events
        .into_iter()
        .filter(|event| event.name != EventName::AuthenticationRefused)
        .map(|event| (event.name, event.token_id))
        .collect()
}

async fn refused(world: &World) -> usize {
    let rows = world.audited().await;
    rows.iter()
        .filter(|(action, _)| action == "granted_token.refuse")
        .count()
}

// security.md 74, 75
#[tokio::test]
async fn unknown_expired_revoked_and_ownerless_tokens_are_told_alike() {
    let (world, admin) = administered().await;
    world.principal("anna", &["Reader"]).await;
    world.principal("ben", &["Reader"]).await;
    let short = json!({"kind": "app", "name": "short", "lifetime_s": 3600});
    let (_, expired) = granted(&world, &admin, short).await;
    let (id, revoked) = granted(&world, &admin, json!({"kind": "app", "name": "gone"})).await;
    let of = |owner: &str| json!({"kind": "app", "name": "x", "owner": owner});
    let (_, disabled) = granted(&world, &admin, of("anna")).await;
    let (_, deleted) = granted(&world, &admin, of("ben")).await;
    let all = [&expired, &revoked, &disabled, &deleted];
    for token in all {
        assert!(works(&world, token).await);
    }
    revoke(&world, &admin, &id).await;
    let mut anna = principal("anna", &["Reader"]);
    anna.enabled = false;
    world.change(Change::UpdatePrincipal(anna)).await;
    let ben = "ben".to_owned();
    world.change(Change::DeletePrincipal { name: ben }).await;
    world.advance(3600);
    let guard = guard(&world, None).await;
    let unknown = "csn_app_02wq5mOzTzPWGCpJqKQcwjj7HwfYr75nnrVBQZywhozc3nYt2bmKMFumbyICHGPU0000000";
    let expected = whoami(&world, unknown).await;
    assert_eq!(expected.status, StatusCode::UNAUTHORIZED);
    for token in all {
        let answer = whoami(&world, token).await;
        assert_eq!(
            (answer.status, &answer.body),
            (expected.status, &expected.body)
        );
        assert_eq!(
            answer.headers["www-authenticate"],
            expected.headers["www-authenticate"]
        );
        assert_eq!(world.introspect(&guard, token).await.body, INACTIVE);
    }
    // Whoever comes back has his token again.
    let anna = principal("anna", &["Reader"]);
    world.change(Change::UpdatePrincipal(anna)).await;
    assert!(works(&world, &disabled).await);
}

#[tokio::test]
async fn a_token_lives_until_the_second_of_its_end_and_no_longer() {
    let (world, admin) = administered().await;
    let new = json!({"kind": "personal", "name": "x", "expires_at": NOW + 60});
    let (_, token) = granted(&world, &admin, new).await;
    world.advance(59);
    assert!(works(&world, &token).await);
    world.advance(1);
    assert!(!works(&world, &token).await);
}

#[tokio::test]
async fn a_token_without_an_end_is_told_without_one() {
    let world = World::with(|settings| {
        settings.tokens.may_never_expire = vec![countersign_proto::management::GrantedKind::App];
    })
    .await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    let new = json!({"kind": "app", "name": "x", "never_expires": true});
    let (_, token) = granted(&world, &admin, new).await;
    world.advance(50 * 365 * DAY);
    let who = whoami(&world, &token).await;
    assert_eq!(who.status, StatusCode::OK);
    assert!(!who.json().as_object().unwrap().contains_key("expires_at"));
    let guard = guard(&world, None).await;
    let told = world.introspect(&guard, &token).await.json();
    assert_eq!(told["active"], true);
    assert!(!told.as_object().unwrap().contains_key("exp"), "{told}");
}

// checklist P20
#[tokio::test]
async fn the_use_of_a_revoked_token_is_told_by_its_id_and_written_down_once_a_minute() {
    let (world, admin) = administered().await;
    let (id, token) = granted(&world, &admin, json!({"kind": "app", "name": "x"})).await;
    revoke(&world, &admin, &id).await;
    for _ in 0..5 {
        assert!(!works(&world, &token).await);
    }
    assert_eq!(refused(&world).await, 1);
    assert_eq!(
        told(&world),
        [(EventName::TokenRevokedUsed, Some(id.clone()))]
    );
    world.advance(60);
    assert!(!works(&world, &token).await);
    assert_eq!(refused(&world).await, 2);
    let page = world.store.audit(None, 10).await.unwrap();
    let row = &page.items[0];
    assert_eq!(
        (row.token_id.as_ref(), row.outcome.as_str()),
        (Some(&id), "refused")
    );
    assert_eq!(row.reason.as_deref(), Some("revoked"));
    assert_eq!(row.address.as_deref(), Some("192.0.2.7"));
    let shown = format!("{:?} {:?}", page.items, world.platform.events().told());
    assert!(!shown.contains(&token[30..]), "the string is nowhere");
}

#[tokio::test]
async fn the_use_of_an_expired_token_is_told_and_that_of_a_wrong_string_is_not() {
    let (world, admin) = administered().await;
    let new = json!({"kind": "app", "name": "x", "lifetime_s": 60});
    let (id, token) = granted(&world, &admin, new).await;
    world.advance(60);
    let wrong = format!("{}0", &token[..token.len() - 1]);
    assert!(!works(&world, &wrong).await);
    assert_eq!(refused(&world).await, 0);
    assert!(told(&world).is_empty());
    assert!(!works(&world, &token).await);
    assert_eq!(refused(&world).await, 1);
    assert_eq!(told(&world), [(EventName::TokenExpiredUsed, Some(id))]);
    let audited = world.audited().await;
    assert_eq!(audited[0].1.as_deref(), Some("expired"));
}
