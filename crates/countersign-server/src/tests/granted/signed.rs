//! Is an app token in the form of a JWT believed by its signature and its row together?

use axum::http::Method;
use countersign_proto::token::TokenClaims;
use serde_json::{Value, json};

use super::scene::{INACTIVE, administered, give_back, granted, guard, revoke, show, works};
use crate::{
    Change,
    events::EventName,
    tests::world::{ISSUER, NOW, World, claims_of, principal},
};

const JWT: fn() -> Value = || json!({"kind": "app", "form": "jwt", "name": "x", "lifetime_s": 3600, "scopes": ["audit:read"]});

#[tokio::test]
async fn a_jwt_says_itself_what_it_is_as_rfc_9068_wants_it() {
    let (world, admin) = administered().await;
    let (id, token) = granted(&world, &admin, JWT()).await;
    let claims = claims_of(&token);
    let expected = json!({
        "iss": ISSUER, "sub": "admin", "aud": ISSUER, "client_id": "countersign:granted",
        "principal": "admin", "type": 4, "scope": "audit:read",
        "roles": claims["roles"], "iat": NOW, "nbf": NOW, "exp": NOW + 3600, "jti": id,
    });
    assert_eq!(Value::Object(claims), expected);
    let key_of = |kid: &str| {
        let keys = world.platform.keys();
        keys.verifying(kid, world.now())
    };
    assert!(TokenClaims::verify(&token, key_of, ISSUER, ISSUER, world.now()).is_ok());
    assert!(works(&world, &token).await);
}

#[tokio::test]
async fn a_jwt_whose_row_is_revoked_is_inactive_though_its_signature_holds() {
    let (world, admin) = administered().await;
    let guard = guard(&world, None).await;
    let (id, token) = granted(&world, &admin, JWT()).await;
    let told = world.introspect(&guard, &token).await.json();
    assert_eq!(
        (&told["active"], &told["type"], &told["jti"]),
        (&json!(true), &json!(4), &json!(id))
    );
    revoke(&world, &admin, &id).await;
    assert!(!works(&world, &token).await);
    assert_eq!(world.introspect(&guard, &token).await.body, INACTIVE);
    let events = world.platform.events().told();
    assert_eq!(events[0].name, EventName::TokenRevokedUsed);
    assert_eq!(events[0].token_id.as_ref(), Some(&id));
}

#[tokio::test]
async fn a_jwt_carries_what_its_owner_has_now_and_not_what_it_says() {
    let (world, admin) = administered().await;
    world.principal("anna", &["Reader"]).await;
    let new =
        json!({"kind": "app", "form": "jwt", "name": "x", "owner": "anna", "roles": ["Reader"]});
    let (_, token) = granted(&world, &admin, new).await;
    let guard = guard(&world, None).await;
    assert_eq!(
        world.introspect(&guard, &token).await.json()["roles"],
        json!(["Reader"])
    );
    let anna = principal("anna", &["Developer"]);
    world.change(Change::UpdatePrincipal(anna)).await;
    assert_eq!(claims_of(&token)["roles"], json!(["Reader"]));
    let told = world.introspect(&guard, &token).await.json();
    assert!(!told.as_object().unwrap().contains_key("roles"), "{told}");
    let refused = world.api(Method::GET, "audit", &token, None).await;
    assert_eq!(refused.status, 403);
}

#[tokio::test]
async fn a_jwt_is_given_back_by_presenting_it_and_its_end_is_noticed() {
    let (world, admin) = administered().await;
    let (id, token) = granted(&world, &admin, JWT()).await;
    let (_, late) = granted(&world, &admin, JWT()).await;
    assert_eq!(give_back(&world, &token, &token).await.status, 200);
    assert!(!works(&world, &token).await);
    assert_eq!(show(&world, &admin, &id).await["state"], "revoked");
    world.advance(3600);
    assert!(!works(&world, &late).await);
    let names: Vec<EventName> = world
        .platform
        .events()
        .told()
        .into_iter()
        .map(|event| event.name)
        // That nobody was recognised is told besides.
        .filter(|name| *name != EventName::AuthenticationRefused)
        .collect();
    assert_eq!(
        names,
        [EventName::TokenRevokedUsed, EventName::TokenExpiredUsed]
    );
}

// security.md 44
#[tokio::test]
async fn a_jwt_that_names_the_row_of_another_token_is_not_believed() {
    let (world, admin) = administered().await;
    let (id, _) = granted(&world, &admin, json!({"kind": "app", "name": "opaque"})).await;
    let row = world.store.token(&id).await.unwrap().unwrap();
    let keys = world.platform.keys();
    let scope = Default::default();
    let forged = crate::issuer::mint_granted(&row, &row.roles, &scope, &keys, None, ISSUER);
    assert!(!works(&world, forged.unwrap().expose()).await);
}

/// How many signatures of tokens were verified.
fn verified(world: &World) -> u64 {
    world.platform.verified_tokens().verified()
}

#[tokio::test]
async fn a_signature_is_verified_once_and_everything_else_each_time() {
    let (world, admin) = administered().await;
    let anna = world.bearer("anna", &["Reader"]).await;
    assert!(works(&world, &anna).await);
    let before = verified(&world);
    for _ in 0..5 {
        assert!(works(&world, &anna).await);
    }
    assert_eq!(verified(&world), before);
    let mut disabled = principal("anna", &["Reader"]);
    disabled.enabled = false;
    world.change(Change::UpdatePrincipal(disabled)).await;
    assert!(!works(&world, &anna).await, "the registry");
    world
        .change(Change::UpdatePrincipal(principal("anna", &["Reader"])))
        .await;
    assert!(works(&world, &anna).await);
    give_back(&world, &anna, &anna).await;
    assert!(!works(&world, &anna).await, "denial");
    assert!(works(&world, &admin).await);
    world.advance(900);
    assert!(!works(&world, &admin).await, "time");
    assert_eq!(verified(&world), before + 1);
}
