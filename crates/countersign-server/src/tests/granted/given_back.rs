//! Does whoever holds a granted token give it back, and nobody else (RFC 7009)?

use axum::http::StatusCode;
use countersign_proto::exchange::JWT_BEARER_ASSERTION_TYPE;
use serde_json::json;

use super::scene::{administered, give_back, granted, newest, show, works};

// security.md 78, checklist I19
#[tokio::test]
async fn a_token_is_given_back_by_presenting_it() {
    let (world, admin) = administered().await;
    let (id, token) = granted(&world, &admin, json!({"kind": "app", "name": "x"})).await;
    let (_, other) = granted(&world, &admin, json!({"kind": "app", "name": "y"})).await;
    for not_it in ["", other.as_str(), admin.as_str()] {
        let answer = give_back(&world, not_it, &token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(works(&world, &token).await);
    }
    let answer = give_back(&world, &token, &token).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert!(!works(&world, &token).await);
    assert!(works(&world, &other).await);
    assert_eq!(show(&world, &admin, &id).await["state"], "revoked");
    let [actor, subject, token_id, _] = newest(&world, "granted_token.revoke").await;
    assert_eq!(
        (actor.as_deref(), subject.as_deref()),
        (Some("admin"), Some("admin"))
    );
    assert_eq!(token_id, Some(id));
}

// security.md 78
#[tokio::test]
async fn giving_back_what_is_unknown_or_over_is_no_error() {
    let (world, admin) = administered().await;
    let (_, token) = granted(&world, &admin, json!({"kind": "app", "name": "x"})).await;
    for _ in 0..3 {
        let answer = give_back(&world, &token, &token).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let revoked = world.audited().await;
    let revoked = revoked
        .iter()
        .filter(|(action, _)| action == "granted_token.revoke");
    assert_eq!(revoked.count(), 1);
    let unknown = "a-token-that-nobody-knows";
    assert_eq!(
        give_back(&world, unknown, unknown).await.status,
        StatusCode::OK
    );
}

// security.md 78
#[tokio::test]
async fn no_application_gives_a_granted_token_back() {
    let (world, admin) = administered().await;
    let identity = world.application("orders", &["anna"]).await;
    let (_, token) = granted(&world, &admin, json!({"kind": "app", "name": "x"})).await;
    let assertion = world.assertion("orders", &identity);
    let form = format!(
        "token={token}&client_id=orders&client_assertion_type={JWT_BEARER_ASSERTION_TYPE}\
         &client_assertion={assertion}"
    );
    let answer = world.post("/oauth2/revoke", &form).await;
    assert!(answer.status.is_client_error(), "{}", answer.status);
    assert!(works(&world, &token).await);
}

#[tokio::test]
async fn with_a_token_goes_what_was_granted_through_it() {
    let (world, admin) = administered().await;
    let (_, parent) = granted(
        &world,
        &admin,
        json!({"kind": "app", "name": "x", "lifetime_s": 1000}),
    )
    .await;
    let child = json!({"kind": "app", "name": "y", "lifetime_s": 900});
    let (_, child) = granted(&world, &parent, child).await;
    assert!(works(&world, &child).await);
    give_back(&world, &parent, &parent).await;
    assert!(!works(&world, &child).await);
}
