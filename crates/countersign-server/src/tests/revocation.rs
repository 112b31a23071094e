//! Who may give a token back (RFC 7009)?

use axum::http::{Method, StatusCode};
use countersign_proto::exchange::JWT_BEARER_ASSERTION_TYPE;

use super::world::{Answer, Identity, World, authorize, form_request};

async fn by_client(world: &World, client: &str, identity: &Identity, more: &str) -> Answer {
    let assertion = world.assertion(client, identity);
    let form = format!(
        "client_assertion_type={JWT_BEARER_ASSERTION_TYPE}&client_assertion={assertion}&{more}"
    );
    world.post("/oauth2/revoke", &form).await
}

async fn is_active(world: &World, token: &str) -> bool {
    let resource = world
        .bearer(&format!("resource-{}", world.next_jti()), &[])
        .await;
    world.introspect(&resource, token).await.json()["active"] == true
}

// security.md 77, 79, B19
#[tokio::test]
async fn a_client_gives_its_token_back_at_once_whatever_the_hint() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    for hint in [
        "",
        "&token_type_hint=access_token",
        "&token_type_hint=refresh_token",
    ] {
        let token = world
            .exchange(&world.assertion("orders", &identity), "")
            .await
            .token();
        assert!(is_active(&world, &token).await);
        let answer = by_client(&world, "orders", &identity, &format!("token={token}{hint}")).await;
        assert_eq!(answer.status, StatusCode::OK);
        assert!(!is_active(&world, &token).await, "{hint}");
        let whoami = world.api(Method::GET, "whoami", &token, None).await;
        assert_eq!(whoami.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(
        world
            .audited()
            .await
            .iter()
            .filter(|it| it.0 == "token.revoke")
            .count(),
        3
    );
}

// security.md 78
#[tokio::test]
async fn an_unknown_token_is_no_error() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    for token in ["nonsense", "a.b.c", "csn_pat_x"] {
        let answer = by_client(&world, "orders", &identity, &format!("token={token}")).await;
        assert_eq!(answer.status, StatusCode::OK, "{token}");
    }
}

// security.md 78
#[tokio::test]
async fn the_token_of_another_client_stays() {
    let world = World::new().await;
    let orders = world.application("orders", &["anna"]).await;
    let billing = world.application("billing", &["bert"]).await;
    let token = world
        .exchange(&world.assertion("orders", &orders), "")
        .await
        .token();
    let answer = by_client(&world, "billing", &billing, &format!("token={token}")).await;
    answer.refused("invalid_grant", "");
    let last = world.audited().await.remove(0);
    assert_eq!(
        last,
        ("token.refuse".to_owned(), Some("invalid_grant".to_owned()))
    );
    assert!(is_active(&world, &token).await);
}

#[tokio::test]
async fn whoever_holds_a_token_gives_it_back_and_no_other() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let token = world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .token();
    let other = world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .token();
    let give_back = |bearer: String, token: String| {
        let mut request = form_request("/oauth2/revoke", &format!("token={token}"));
        authorize(&mut request, &bearer);
        world.send(request)
    };
    assert_eq!(
        give_back(String::new(), token.clone()).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        give_back(other, token.clone()).await.status,
        StatusCode::UNAUTHORIZED
    );
    assert!(is_active(&world, &token).await);
    assert_eq!(
        give_back(token.clone(), token.clone()).await.status,
        StatusCode::OK
    );
    assert!(!is_active(&world, &token).await);
}

// security.md 81
#[tokio::test]
async fn giving_back_is_throttled_as_signing_in_is() {
    let world = World::with(|settings| settings.limits.per_source_per_minute = 3).await;
    for _ in 0..3 {
        assert_eq!(
            world.post("/oauth2/revoke", "token=x").await.status,
            StatusCode::UNAUTHORIZED
        );
    }
    let answer = world.post("/oauth2/revoke", "token=x").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers.contains_key("retry-after"));
}

// security.md 79, B19
#[tokio::test]
async fn a_change_by_another_node_is_seen_after_a_look() {
    let world = World::with_secrets_file().await;
    let identity = world.application("orders", &["anna"]).await;
    let second = world.beside(world.platform.settings().clone()).await;
    second
        .exchange(&second.assertion("orders", &identity), "")
        .await
        .token();
    world.revoke(&identity).await;
    second.platform.refresh_registry().await.unwrap();
    second
        .exchange(&second.assertion("orders", &identity), "&scope=orders")
        .await
        .refused("invalid_client", "certificate_revoked");
}
