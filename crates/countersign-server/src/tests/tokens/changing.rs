//! Does a token get another name, and nothing else?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::scene::{administered, granted, newest, personal, refused, show};
use crate::tests::world::{Answer, World, claims_of};

async fn patch(world: &World, bearer: &str, id: &str, body: Value) -> Answer {
    let path = format!("tokens/{id}");
    world.api(Method::PATCH, &path, bearer, Some(body)).await
}

#[tokio::test]
async fn a_name_changes_and_the_rest_stays() {
    let (world, admin) = administered().await;
    let anna = world.bearer("anna", &["Developer"]).await;
    let (id, _) = granted(&world, &anna, personal("old")).await;
    let mut expected = show(&world, &anna, &id).await;
    let answer = patch(&world, &anna, &id, json!({"name": "new"})).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    expected["name"] = json!("new");
    assert_eq!(answer.json(), expected);
    let answer = patch(&world, &admin, &id, json!({"description": "why"})).await;
    expected["description"] = json!("why");
    assert_eq!(answer.json(), expected);
    assert_eq!(show(&world, &anna, &id).await, expected);
    assert_eq!(
        newest(&world, "granted_token.rename").await,
        [
            Some("admin".to_owned()),
            Some("anna".to_owned()),
            Some(id),
            None
        ]
    );
}

#[tokio::test]
async fn what_is_no_name_or_is_none_of_these_is_refused() {
    let (world, admin) = administered().await;
    let (id, _) = granted(&world, &admin, personal("old")).await;
    for (body, words) in [
        (json!({"name": ""}), "empty"),
        (json!({"name": "x".repeat(256)}), "255"),
        (json!({"description": "x".repeat(1001)}), "1000"),
        (json!({"owner": "anna"}), "owner"),
        (json!({"expires_at": 1}), "expires_at"),
        (json!({"name": 7}), "string"),
    ] {
        let answer = patch(&world, &admin, &id, body).await;
        refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, words);
    }
    assert_eq!(show(&world, &admin, &id).await["name"], "old");
    let answer = patch(
        &world,
        &admin,
        "0000000000000000000000",
        json!({"name": "x"}),
    )
    .await;
    refused(&answer, StatusCode::NOT_FOUND, "does not exist");
}

#[tokio::test]
async fn nobody_changes_the_token_of_somebody_who_may_do_more() {
    let (world, admin) = administered().await;
    let role = json!({"name": "Tokens", "permissions": ["tokens:read", "tokens:write"]});
    let role = serde_json::from_value(role).unwrap();
    world.change(crate::Change::CreateRole(role)).await;
    let manager = world.bearer("manager", &["Tokens"]).await;
    let (id, _) = granted(&world, &admin, personal("root")).await;
    let answer = patch(&world, &manager, &id, json!({"name": "x"})).await;
    refused(&answer, StatusCode::FORBIDDEN, "may do more than you may");
    for (path, body) in [
        (format!("tokens/{id}/rotate"), json!({})),
        (format!("tokens/{id}/revoke"), json!({"reason": "x"})),
        (
            "tokens/revoke".to_owned(),
            json!({"owner": "admin", "reason": "x"}),
        ),
        (
            "tokens/revoke".to_owned(),
            json!({"application": "client-of-admin", "reason": "x"}),
        ),
        (
            "tokens/revoke".to_owned(),
            json!({"created_through": claims_of(&admin)["jti"], "reason": "x"}),
        ),
        (
            "tokens/revoke".to_owned(),
            json!({"created_through": id, "reason": "x"}),
        ),
    ] {
        let answer = world.api(Method::POST, &path, &manager, Some(body)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(show(&world, &admin, &id).await["state"], "active");
}
