//! Who learns what about a token (RFC 7662)?

use axum::http::StatusCode;
use countersign_proto::exchange::JWT_BEARER_ASSERTION_TYPE;
use serde_json::json;

use super::world::{Answer, Identity, NOW, World, application, form_request, principal};
use crate::Change;

const INACTIVE: &[u8] = br#"{"active":false}"#;

#[track_caller]
fn inactive(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.body, INACTIVE, "{}", answer.json());
}

/// A world with a client's token and a resource that may ask about it.
async fn asked() -> (World, Identity, String, String) {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let token = world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .token();
    let resource = world.bearer("resource", &[]).await;
    (world, identity, token, resource)
}

// security.md 76: the answer says how long it may be believed, and that it is not to be kept
#[tokio::test]
async fn a_good_token_is_active_and_described() {
    let (world, _, token, resource) = asked().await;
    let answer = world.introspect(&resource, &token).await;
    let body = answer.json();
    assert_eq!(body["active"], true);
    assert_eq!(body["client_id"], "orders");
    assert_eq!(body["principal"], "anna");
    assert_eq!(body["scope"], "introspect orders");
    assert_eq!(body["exp"], NOW + 900);
    assert_eq!(answer.headers["cache-control"], "no-store");
}

// security.md 73, B18
#[tokio::test]
async fn nobody_introspects_without_authentication() {
    let (world, identity, token, _) = asked().await;
    let answer = world.introspect("", &token).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.headers.contains_key("www-authenticate"));
    let answer = world.introspect("nonsense", &token).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let stranger = world.assertion("orders", &Identity::fresh("stranger"));
    let answer = by_assertion(&world, &stranger, &token).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.headers.contains_key("www-authenticate"));
    let good = world.assertion("orders", &identity);
    assert_eq!(
        by_assertion(&world, &good, &token).await.json()["active"],
        true
    );
}

// security.md 73, 75
#[tokio::test]
async fn a_scope_that_was_taken_from_the_application_is_gone_from_its_tokens() {
    let (world, _, token, resource) = asked().await;
    let mut less = application("orders");
    less.scopes = vec!["orders".to_owned()];
    world.change(Change::UpdateApplication(less)).await;
    let body = world.introspect(&resource, &token).await.json();
    assert_eq!(body["active"], true);
    assert_eq!(body["scope"], "orders");
    let refused = world.introspect(&token, &resource).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
}

// security.md 73
#[tokio::test]
async fn the_scope_introspect_is_needed() {
    let world = World::new().await;
    let identity = Identity::fresh("plain");
    let mut plain = application("plain");
    plain.scopes = vec!["orders".to_owned()];
    world.application_of(plain, &identity, &["anna"]).await;
    let token = world
        .exchange(&world.assertion("plain", &identity), "")
        .await
        .token();
    let answer = world.introspect(&token, &token).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let answer = by_assertion(&world, &world.assertion("plain", &identity), &token).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert_ne!(answer.json()["active"], true);
}

// security.md 73
#[tokio::test]
async fn a_platform_token_does_not_introspect() {
    let (world, _, token, _) = asked().await;
    let component = world.component().await;
    let platform = world
        .exchange_platform(&world.platform_assertion(&component), "")
        .await
        .token();
    assert_eq!(
        world.introspect(&platform, &token).await.status,
        StatusCode::FORBIDDEN
    );
}

// security.md 74
#[tokio::test]
async fn what_is_not_a_good_token_of_ours_is_inactive_and_nothing_more() {
    let (world, identity, token, resource) = asked().await;
    let last = if token.ends_with('A') { 'Q' } else { 'A' };
    let forged = format!("{}{last}", &token[..token.len() - 1]);
    let cut = &token[..token.len() - 10];
    for bad in [
        "nonsense",
        "a.b.c",
        &forged,
        cut,
        &world.assertion("orders", &identity),
    ] {
        inactive(&world.introspect(&resource, bad).await);
    }
}

// security.md 75
#[tokio::test]
async fn an_expired_token_is_inactive() {
    let (world, _, token, _) = asked().await;
    world.advance(900);
    let resource = world.bearer("later", &[]).await;
    inactive(&world.introspect(&resource, &token).await);
}

// security.md 75, 80
#[tokio::test]
async fn the_tokens_of_a_revoked_certificate_are_inactive() {
    let (world, identity, token, resource) = asked().await;
    world.revoke(&identity).await;
    inactive(&world.introspect(&resource, &token).await);
}

// security.md 75, 80
#[tokio::test]
async fn a_token_dies_with_its_mapping() {
    let (world, identity, token, resource) = asked().await;
    let id = format!("orders-anna-{}", &identity.id()[..8]);
    world.change(Change::DeleteMapping { id }).await;
    inactive(&world.introspect(&resource, &token).await);
}

// security.md 75, 80
#[tokio::test]
async fn a_token_dies_with_its_principal_and_its_application() {
    let (world, _, token, resource) = asked().await;
    let mut anna = principal("anna", &[]);
    anna.enabled = false;
    world.change(Change::UpdatePrincipal(anna.clone())).await;
    inactive(&world.introspect(&resource, &token).await);
    anna.enabled = true;
    world.change(Change::UpdatePrincipal(anna)).await;
    assert_eq!(
        world.introspect(&resource, &token).await.json()["active"],
        true
    );
    let mut orders = application("orders");
    orders.enabled = false;
    world.change(Change::UpdateApplication(orders)).await;
    inactive(&world.introspect(&resource, &token).await);
}

#[tokio::test]
async fn a_resource_learns_about_tokens_for_itself_only() {
    let (world, _, token, _) = asked().await;
    let identity = Identity::fresh("billing");
    let mut billing = application("billing");
    billing.audience = Some("https://billing.example".to_owned());
    world.application_of(billing, &identity, &["bert"]).await;
    let own = world
        .exchange(&world.assertion("billing", &identity), "")
        .await
        .token();
    assert_eq!(world.introspect(&own, &own).await.json()["active"], true);
    inactive(&world.introspect(&own, &token).await);
    inactive(&by_assertion(&world, &world.assertion("billing", &identity), &token).await);
}

#[tokio::test]
async fn a_token_for_another_resource_does_not_introspect_there() {
    let (world, _, token, _) = asked().await;
    let identity = Identity::fresh("billing");
    let mut billing = application("billing");
    billing.audience = Some("https://billing.example".to_owned());
    world
        .application_of(billing.clone(), &identity, &["bert"])
        .await;
    let old = world
        .exchange(&world.assertion("billing", &identity), "")
        .await
        .token();
    // The application has another audience now: its old token is for nobody here.
    billing.audience = Some("https://new.example".to_owned());
    world.change(Change::UpdateApplication(billing)).await;
    assert_eq!(
        world.introspect(&old, &token).await.status,
        StatusCode::UNAUTHORIZED
    );
}

// security.md 77
#[tokio::test]
async fn a_wrong_hint_still_finds_the_token() {
    let (world, _, token, resource) = asked().await;
    for hint in ["refresh_token", "access_token", "nonsense"] {
        let form = format!("token={token}&token_type_hint={hint}");
        let mut request = form_request("/oauth2/introspect", &form);
        super::world::authorize(&mut request, &resource);
        assert_eq!(world.send(request).await.json()["active"], true, "{hint}");
    }
}

#[tokio::test]
async fn roles_that_were_taken_away_are_not_reported() {
    let world = World::new().await;
    world.principal("anna", &["Operator"]).await;
    let identity = world.application("orders", &["anna"]).await;
    let token = world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .token();
    world
        .change(Change::UpdatePrincipal(principal("anna", &["Reader"])))
        .await;
    assert_eq!(
        world.introspect(&token, &token).await.json()["roles"],
        json!(["Reader"])
    );
}

async fn by_assertion(world: &World, assertion: &str, token: &str) -> Answer {
    let form = format!(
        "token={token}&client_assertion_type={JWT_BEARER_ASSERTION_TYPE}\
         &client_assertion={assertion}"
    );
    world.post("/oauth2/introspect", &form).await
}
