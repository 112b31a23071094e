//! Which scopes, roles and audience does a token carry?

use serde_json::json;

use super::world::{ISSUER, Identity, World, application, claims_of};
use crate::Change;

#[tokio::test]
async fn a_token_carries_what_was_asked_for_or_all_of_the_applications_scopes() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    for (asked, granted) in [("", "introspect orders"), ("&scope=orders", "orders")] {
        let answer = world
            .exchange(&world.assertion("orders", &identity), asked)
            .await;
        assert_eq!(claims_of(&answer.token())["scope"], granted);
        assert_eq!(answer.json()["scope"], granted);
    }
}

#[tokio::test]
async fn a_scope_of_another_application_is_refused() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    for asked in [
        "&scope=billing",
        "&scope=orders+billing",
        "&scope=ORDERS",
        "&scope=*",
    ] {
        world
            .exchange(&world.assertion("orders", &identity), asked)
            .await
            .refused("invalid_scope", "scope_not_permitted");
    }
    let component = world.component().await;
    world
        .exchange_platform(&world.platform_assertion(&component), "&scope=orders")
        .await
        .refused("invalid_scope", "scope_not_permitted");
}

// security.md 59
#[tokio::test]
async fn the_audience_is_the_applications_own_or_the_issuer() {
    let world = World::new().await;
    let identity = Identity::fresh("billing");
    let mut billing = application("billing");
    billing.audience = Some("https://billing.example".to_owned());
    world.application_of(billing, &identity, &["anna"]).await;
    let token = world
        .exchange(&world.assertion("billing", &identity), "")
        .await
        .token();
    assert_eq!(claims_of(&token)["aud"], "https://billing.example");
    let other = world.application("orders", &["anna"]).await;
    let token = world
        .exchange(&world.assertion("orders", &other), "")
        .await
        .token();
    assert_eq!(claims_of(&token)["aud"], ISSUER);
}

#[tokio::test]
async fn roles_are_those_of_the_principal_now() {
    let world = World::new().await;
    world.principal("anna", &["Reader"]).await;
    let identity = world.application("orders", &["anna"]).await;
    let token = world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .token();
    assert_eq!(claims_of(&token)["roles"], json!(["Reader"]));
    let operator = super::world::principal("anna", &["Operator"]);
    world.change(Change::UpdatePrincipal(operator)).await;
    let token = world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .token();
    assert_eq!(claims_of(&token)["roles"], json!(["Operator"]));
}
