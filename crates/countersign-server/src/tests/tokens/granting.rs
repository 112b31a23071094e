//! Is a token granted to those who may have it, by those who may give it?

use axum::http::{Method, StatusCode};
use countersign_proto::opaque::OpaqueToken;
use serde_json::json;

use super::scene::{DAY, administered, get, given, grant, granted, newest, personal, refused};
use crate::{
    Change,
    tests::world::{NOW, World, application, claims_of, principal},
};

#[tokio::test]
async fn a_token_of_ones_own_is_given_once_and_says_where_it_came_from() {
    let world = World::new().await;
    let anna = world.bearer("anna", &["Developer", "Reader"]).await;
    let claims = claims_of(&anna);
    let answer = grant(&world, &anna, personal("laptop")).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
    assert_eq!(answer.headers["cache-control"], "no-store");
    let (id, text) = given(&answer);
    assert_eq!(answer.headers["location"], format!("/api/v1/tokens/{id}"));
    let token = OpaqueToken::parse(&text, "csn").unwrap();
    assert_eq!(token.id().to_string(), id);
    let shown = &answer.json()["granted"];
    let certificate = shown["certificate"].as_str().unwrap();
    assert_eq!(certificate.len(), 64);
    assert_eq!(
        *shown,
        json!({
            "id": id, "kind": "personal", "form": "opaque", "name": "laptop", "description": "",
            "owner": "anna", "roles": [], "scopes": [], "audience": "https://platform.example",
            "created_at": NOW, "created_by": "anna", "created_through": claims["jti"],
            "application": "client-of-anna", "certificate": certificate,
            "expires_at": NOW + 90 * DAY, "state": "active",
        })
    );
    assert_eq!(
        get(&world, &anna, &format!("tokens/{id}")).await.json(),
        *shown
    );
    let row = world.store.token(&id).await.unwrap().unwrap();
    assert_eq!(row.digest.len(), 32);
}

#[tokio::test]
async fn an_administrator_grants_to_somebody_who_has_a_role_and_both_are_written_down() {
    let (world, admin) = administered().await;
    world.principal("robot", &["Reader", "Developer"]).await;
    let app = json!({
        "kind": "app", "name": "nightly", "owner": "robot", "description": "copies orders",
        "roles": ["Reader", "Developer"], "scopes": ["audit:read"], "lifetime_s": 3600,
    });
    let answer = grant(&world, &admin, app).await;
    let (id, _) = given(&answer);
    let shown = &answer.json()["granted"];
    assert_eq!(shown["owner"], "robot");
    assert_eq!(shown["created_by"], "admin");
    assert_eq!(shown["roles"], json!(["Reader", "Developer"]));
    assert_eq!(shown["scopes"], json!(["audit:read"]));
    assert_eq!(shown["expires_at"], NOW + 3600);
    assert_eq!(
        newest(&world, "granted_token.create").await,
        [
            Some("admin".to_owned()),
            Some("robot".to_owned()),
            Some(id),
            None
        ]
    );
}

#[tokio::test]
async fn nobody_gets_a_token_who_cannot_have_one_and_the_attempt_is_written_down() {
    let (world, admin) = administered().await;
    world.principal("nobody", &[]).await;
    let mut gone = principal("gone", &["Reader"]);
    gone.enabled = false;
    world.change(Change::CreatePrincipal(gone)).await;
    let app = |owner| json!({"kind": "app", "name": "x", "owner": owner});
    for (owner, words) in [
        ("nobody", "has no role"),
        ("gone", "is disabled"),
        ("who", "is not registered"),
    ] {
        let answer = grant(&world, &admin, app(owner)).await;
        refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, words);
    }
    let reader = world.bearer("reader", &["Reader"]).await;
    let developer = world.bearer("developer", &["Developer"]).await;
    let own = grant(&world, &reader, personal("x")).await;
    refused(&own, StatusCode::FORBIDDEN, "own-tokens:write");
    let of_another = grant(&world, &developer, app("reader")).await;
    refused(&of_another, StatusCode::FORBIDDEN, "tokens:write");
    let refusals = world.audited().await;
    let refusals = refusals
        .iter()
        .filter(|(action, _)| action == "change.refuse");
    assert_eq!(refusals.count(), 2);
    assert_eq!(
        world
            .api(Method::POST, "tokens", "", Some(personal("x")))
            .await
            .status,
        StatusCode::UNAUTHORIZED
    );
    assert!(super::scene::listed(&world, &admin, "").await.is_empty());
}

#[tokio::test]
async fn a_system_token_is_for_an_administrator_to_grant() {
    let (world, admin) = administered().await;
    let system = json!({"kind": "system", "name": "backup", "roles": ["Reader"]});
    let answer = grant(&world, &admin, system.clone()).await;
    let (id, text) = given(&answer);
    assert!(text.starts_with("csn_sys_"));
    assert!(answer.json()["granted"].get("owner").is_none());
    assert_eq!(
        newest(&world, "granted_token.create").await,
        ["admin", "countersign:system:backup", &id]
            .map(|it| Some(it.to_owned()))
            .into_iter()
            .chain([None])
            .collect::<Vec<_>>()[..]
    );
    let role = json!({"name": "Tokens", "permissions": ["tokens:write", "tokens:read"]});
    world
        .change(Change::CreateRole(serde_json::from_value(role).unwrap()))
        .await;
    let manager = world.bearer("manager", &["Tokens", "Reader"]).await;
    let answer = grant(&world, &manager, system).await;
    refused(&answer, StatusCode::FORBIDDEN, "only an administrator");
}

#[tokio::test]
async fn an_app_token_for_an_api_carries_scopes_that_its_roles_permit() {
    let (world, admin) = administered().await;
    let role = json!({"name": "Orders", "permissions": ["scope:orders"]});
    world
        .change(Change::CreateRole(serde_json::from_value(role).unwrap()))
        .await;
    let mut orders = application("orders");
    orders.audience = Some("https://orders.example".to_owned());
    world.change(Change::CreateApplication(orders)).await;
    world.principal("robot", &["Orders"]).await;
    let app = |scope: &str, audience: &str| {
        json!({
            "kind": "app", "name": "x", "owner": "robot", "scopes": [scope], "audience": audience,
        })
    };
    let answer = grant(&world, &admin, app("orders", "https://orders.example")).await;
    given(&answer);
    assert_eq!(
        answer.json()["granted"]["audience"],
        "https://orders.example"
    );
    let more = grant(&world, &admin, app("stock", "https://orders.example")).await;
    refused(&more, StatusCode::UNPROCESSABLE_ENTITY, "`stock`");
    let unknown = grant(&world, &admin, app("orders", "https://elsewhere.example")).await;
    refused(
        &unknown,
        StatusCode::UNPROCESSABLE_ENTITY,
        "https://orders.example",
    );
}

#[tokio::test]
async fn a_jwt_has_the_id_of_its_row_and_the_rights_of_its_owner() {
    let (world, admin) = administered().await;
    world.principal("robot", &["Reader"]).await;
    let jwt = |kind: &str| json!({"kind": kind, "form": "jwt", "name": "x", "owner": "robot", "lifetime_s": 3600});
    let answer = grant(&world, &admin, jwt("app")).await;
    let (id, text) = given(&answer);
    assert_eq!(answer.json()["granted"]["form"], "jwt");
    let claims = claims_of(&text);
    assert_eq!(claims["jti"], id);
    assert_eq!(claims["principal"], "robot");
    assert_eq!(claims["roles"], json!(["Reader"]));
    assert_eq!(claims["exp"], NOW + 3600);
    let personal = grant(&world, &admin, jwt("personal")).await;
    refused(&personal, StatusCode::UNPROCESSABLE_ENTITY, "app token");
}

#[tokio::test]
async fn an_end_beyond_the_limit_is_refused_with_the_limit() {
    let (world, admin) = administered().await;
    let living = |seconds: u64| json!({"kind": "personal", "name": "x", "lifetime_s": seconds});
    let answer = grant(&world, &admin, living(365 * DAY + 1)).await;
    refused(
        &answer,
        StatusCode::UNPROCESSABLE_ENTITY,
        "at most 365 days (31536000 seconds)",
    );
    given(&grant(&world, &admin, living(365 * DAY)).await);
    let never = json!({"kind": "personal", "name": "x", "never_expires": true});
    let answer = grant(&world, &admin, never).await;
    refused(
        &answer,
        StatusCode::UNPROCESSABLE_ENTITY,
        "at most 365 days (31536000 seconds)",
    );
}

#[tokio::test]
async fn a_token_without_an_end_is_granted_where_that_is_permitted_and_stays_active() {
    let world = World::with(|settings| {
        settings.tokens.may_never_expire =
            vec![countersign_proto::management::GrantedKind::Personal];
    })
    .await;
    let anna = world.bearer("anna", &["Developer"]).await;
    let never = json!({"kind": "personal", "name": "x", "never_expires": true});
    let (id, _) = granted(&world, &anna, never).await;
    world.advance(16 * 365 * DAY);
    let again = world.bearer("bert", &["Reader"]).await;
    let shown = super::scene::show(&world, &again, &id).await;
    assert_eq!(shown["state"], "active");
    assert!(shown.get("expires_at").is_none());
}

#[tokio::test]
async fn nobody_has_more_live_tokens_than_the_limit() {
    let world = World::with(|settings| settings.tokens.max_per_identity = 2).await;
    let anna = world.bearer("anna", &["Developer"]).await;
    let (first, _) = granted(&world, &anna, personal("a")).await;
    granted(&world, &anna, personal("b")).await;
    let third = grant(&world, &anna, personal("c")).await;
    refused(&third, StatusCode::CONFLICT, "has 2 live tokens");
    let path = format!("tokens/{first}");
    let deleted = world.api(Method::DELETE, &path, &anna, None).await;
    assert_eq!(deleted.status, StatusCode::NO_CONTENT);
    given(&grant(&world, &anna, personal("c")).await);
}

#[tokio::test]
async fn a_body_that_is_no_token_is_refused_in_words() {
    let (world, admin) = administered().await;
    for (body, words) in [
        (json!({"kind": "personal"}), "name"),
        (json!({"name": "x"}), "kind"),
        (json!({"kind": "refresh", "name": "x"}), "refresh"),
        (
            json!({"kind": "personal", "name": "x", "token": "x"}),
            "token",
        ),
        (json!({"kind": "personal", "name": ""}), "empty"),
        (
            json!({"kind": "personal", "name": "x", "form": "imported"}),
            "imported",
        ),
        (
            json!({"kind": "personal", "name": "x", "lifetime_s": 0}),
            "one second",
        ),
        (
            json!({"kind": "personal", "name": "x", "lifetime_s": 60, "never_expires": true}),
            "give one of",
        ),
        (
            json!({"kind": "personal", "name": "x", "scopes": ["a b"]}),
            "no scope",
        ),
    ] {
        let answer = grant(&world, &admin, body.clone()).await;
        refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, words);
    }
}
