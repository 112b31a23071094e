//! What does a granted token do at the management API, and what does it not?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::scene::{administered, granted, guard, rotate, show, works};
use crate::tests::world::{Answer, World};

async fn post(world: &World, bearer: &str, path: &str, body: Value) -> Answer {
    world.api(Method::POST, path, bearer, Some(body)).await
}

async fn get(world: &World, bearer: &str, path: &str) -> Answer {
    world.api(Method::GET, path, bearer, None).await
}

fn own(kind: &str) -> Value {
    json!({"kind": kind, "name": "child", "scopes": ["own-tokens:write"]})
}

#[tokio::test]
async fn a_token_of_somebody_grants_and_rotates_his_own_and_sees_no_others() {
    let (world, admin) = administered().await;
    world.principal("anna", &["Developer"]).await;
    world.principal("bert", &["Developer"]).await;
    let (of_bert, _) = granted(
        &world,
        &admin,
        json!({"kind": "app", "name": "x", "owner": "bert"}),
    )
    .await;
    for new in [
        json!({"kind": "personal", "name": "x", "owner": "anna",
            "scopes": ["own-tokens:write", "own-tokens:read"]}),
        json!({"kind": "app", "name": "x", "owner": "anna"}),
        json!({"kind": "app", "form": "jwt", "name": "x", "owner": "anna"}),
    ] {
        let (parent, caller) = granted(&world, &admin, new).await;
        let (id, child) = granted(&world, &caller, own("personal")).await;
        let shown = show(&world, &admin, &id).await;
        assert_eq!(
            [
                &shown["owner"],
                &shown["created_by"],
                &shown["created_through"]
            ],
            ["anna", "anna", &parent]
        );
        assert!(works(&world, &child).await);
        let (successor, again) = rotate(&world, &caller, &id, json!({})).await;
        assert!(works(&world, &again).await && !works(&world, &child).await);
        let through = show(&world, &admin, &successor).await["created_through"].clone();
        assert_eq!(through, json!(parent), "its line goes back to its parent");

        for path in ["", "/rotate", "/confirm", "/abort", "/revoke"] {
            let path = format!("tokens/{of_bert}{path}");
            let (method, body) = match path.rsplit('/').next() {
                Some("rotate") => (Method::POST, Some(json!({}))),
                Some("revoke") => (Method::POST, Some(json!({"reason": "x"}))),
                Some("confirm" | "abort") => (Method::POST, None),
                _ => (Method::DELETE, None),
            };
            let answer = world.api(method, &path, &caller, body).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        }
        let list = get(&world, &caller, "tokens").await.json();
        let list = list["items"].as_array().unwrap();
        assert!(list.iter().all(|it| it["owner"] == "anna"), "{list:?}");
        // With the token that granted them, they end.
        super::scene::revoke(&world, &admin, &parent).await;
        assert!(!works(&world, &again).await && !works(&world, &caller).await);
    }
    assert_eq!(show(&world, &admin, &of_bert).await["state"], "active");
}

#[tokio::test]
async fn a_token_rotates_itself_and_goes_on_by_its_successor() {
    let (world, admin) = administered().await;
    world.principal("anna", &["Developer"]).await;
    let new = json!({"kind": "app", "name": "x", "owner": "anna"});
    let (id, before) = granted(&world, &admin, new).await;
    let (_, after) = rotate(&world, &before, &id, json!({})).await;
    assert!(works(&world, &after).await);
    assert!(!works(&world, &before).await, "the new one was used");
}

#[tokio::test]
async fn a_system_token_has_no_tokens_of_its_own_and_grants_to_others_what_it_has() {
    let (world, admin) = administered().await;
    world.principal("anna", &["Developer"]).await;
    let system = |roles: Value| json!({"kind": "system", "name": "robot", "roles": roles});
    let (_, developer) = granted(&world, &admin, system(json!(["Developer"]))).await;
    let refused = post(&world, &developer, "tokens", own("personal")).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(
        refused
            .member("detail")
            .contains("countersign:system:robot")
    );
    assert_eq!(
        get(&world, &developer, "tokens").await.json()["items"],
        json!([])
    );

    let (parent, all) = granted(&world, &admin, system(json!(["Administrator"]))).await;
    let new = json!({"kind": "app", "name": "x", "owner": "anna"});
    let (id, child) = granted(&world, &all, new).await;
    assert!(works(&world, &child).await);
    let shown = show(&world, &admin, &id).await;
    assert_eq!(shown["created_by"], "countersign:system:robot");
    assert_eq!(shown["created_through"], json!(parent));
    let (_, again) = rotate(&world, &all, &id, json!({})).await;
    assert!(works(&world, &again).await);
}

// security.md 74
#[tokio::test]
async fn a_token_for_another_api_is_refused_at_the_management_api() {
    const API: &str = "https://orders.example";
    let (world, admin) = administered().await;
    guard(&world, Some(API)).await;
    for form in ["opaque", "jwt"] {
        let new = json!({"kind": "app", "form": form, "name": "x", "audience": API});
        let (id, token) = granted(&world, &admin, new).await;
        assert!(!works(&world, &token).await, "{form}");
        for (method, path, body) in [
            (Method::GET, "tokens".to_owned(), None),
            (Method::POST, "tokens".to_owned(), Some(own("personal"))),
            (Method::POST, format!("tokens/{id}/rotate"), Some(json!({}))),
            (Method::DELETE, format!("tokens/{id}"), None),
        ] {
            let answer = world.api(method, &path, &token, body).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{form} {path}");
        }
        assert_eq!(show(&world, &admin, &id).await["state"], "active");
    }
}
