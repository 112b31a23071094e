//! Can somebody make himself more than he is?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{Identity, World, principal};
use crate::Change;

async fn refused(world: &World, token: &str, method: Method, path: &str, body: Option<Value>) {
    let answer = world.api(method.clone(), path, token, body).await;
    assert_eq!(
        answer.status,
        StatusCode::FORBIDDEN,
        "{method} {path}: {}",
        answer.json()
    );
}

/// Somebody whose role may write everything but is not everything.
async fn manager(world: &World) -> String {
    let permissions: Vec<String> = [
        "applications",
        "certificates",
        "principals",
        "roles",
        "mappings",
    ]
    .iter()
    .flat_map(|noun| [format!("{noun}:read"), format!("{noun}:write")])
    .collect();
    let role = json!({"name": "Manager", "permissions": permissions});
    world
        .change(Change::CreateRole(serde_json::from_value(role).unwrap()))
        .await;
    world.bearer("manager", &["Manager"]).await
}

#[tokio::test]
async fn a_reader_reads_and_writes_nothing() {
    let world = World::new().await;
    let reader = world.bearer("reader", &["Reader"]).await;
    for path in [
        "applications",
        "certificates",
        "principals",
        "roles",
        "mappings",
        "sessions",
        "audit",
    ] {
        let answer = world.api(Method::GET, path, &reader, None).await;
        assert_eq!(answer.status, StatusCode::OK, "{path}");
    }
    let application = json!({"client_id": "x", "name": "x"});
    refused(
        &world,
        &reader,
        Method::POST,
        "applications",
        Some(application),
    )
    .await;
    refused(&world, &reader, Method::DELETE, "principals/reader", None).await;
    let path = format!("certificates/{}/revoke", "ab".repeat(32));
    refused(
        &world,
        &reader,
        Method::POST,
        &path,
        Some(json!({"reason": "x"})),
    )
    .await;
}

#[tokio::test]
async fn somebody_without_a_role_sees_himself_and_nothing_else() {
    let world = World::new().await;
    let nobody = world.bearer("nobody", &[]).await;
    assert_eq!(
        world.api(Method::GET, "whoami", &nobody, None).await.status,
        StatusCode::OK
    );
    for path in [
        "applications",
        "certificates",
        "principals",
        "roles",
        "mappings",
        "audit",
    ] {
        refused(&world, &nobody, Method::GET, path, None).await;
    }
}

#[tokio::test]
async fn nobody_gives_a_role_that_may_do_more_than_he_may() {
    let world = World::new().await;
    let manager = manager(&world).await;
    let more = json!({"name": "puppet", "roles": ["Administrator"]});
    refused(&world, &manager, Method::POST, "principals", Some(more)).await;
    let own = json!({"name": "manager", "roles": ["Manager", "Administrator"], "enabled": true});
    refused(
        &world,
        &manager,
        Method::PUT,
        "principals/manager",
        Some(own),
    )
    .await;
    let equal = json!({"name": "deputy", "roles": ["Manager"]});
    let answer = world
        .api(Method::POST, "principals", &manager, Some(equal))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
}

#[tokio::test]
async fn nobody_changes_somebody_who_may_do_more() {
    let world = World::new().await;
    let manager = manager(&world).await;
    world.principal("admin", &["Administrator"]).await;
    let disabled = json!({"name": "admin", "roles": [], "enabled": false});
    refused(
        &world,
        &manager,
        Method::PUT,
        "principals/admin",
        Some(disabled),
    )
    .await;
    refused(&world, &manager, Method::DELETE, "principals/admin", None).await;
}

#[tokio::test]
async fn nobody_maps_a_certificate_to_somebody_who_may_do_more() {
    let world = World::new().await;
    let manager = manager(&world).await;
    world.principal("admin", &["Administrator"]).await;
    let own = Identity::fresh("own");
    let application = json!({"client_id": "own", "name": "own"});
    let answer = world
        .api(Method::POST, "applications", &manager, Some(application))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
    let certificate = json!({"pem": own.pem, "client_id": "own", "usage": "client"});
    let answer = world
        .api(Method::POST, "certificates", &manager, Some(certificate))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
    let to = |name: &str| json!({"certificate": own.id(), "client_id": "own", "principal": name});
    refused(
        &world,
        &manager,
        Method::POST,
        "mappings",
        Some(to("admin")),
    )
    .await;
    let answer = world
        .api(Method::POST, "mappings", &manager, Some(to("manager")))
        .await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
}

#[tokio::test]
async fn nobody_changes_the_application_of_somebody_who_may_do_more() {
    let world = World::new().await;
    let manager = manager(&world).await;
    // Its audience decides where its tokens are believed: here they would become an administrator's.
    let robot = world.application("robot", &[]).await;
    world.principal("admin", &["Administrator"]).await;
    world.map("robot", &robot, "admin").await;
    let changed = |client_id| json!({"client_id": client_id, "name": "changed"});
    refused(
        &world,
        &manager,
        Method::PUT,
        "applications/robot",
        Some(changed("robot")),
    )
    .await;
    world.application("plain", &["anna"]).await;
    let answer = world
        .api(
            Method::PUT,
            "applications/plain",
            &manager,
            Some(changed("plain")),
        )
        .await;
    assert_eq!(answer.status, StatusCode::OK);
}

#[tokio::test]
async fn only_an_administrator_changes_roles() {
    let world = World::new().await;
    let manager = manager(&world).await;
    let role = json!({"name": "More", "permissions": ["*"]});
    refused(&world, &manager, Method::POST, "roles", Some(role.clone())).await;
    let wider = json!({"name": "Manager", "permissions": ["*"]});
    refused(&world, &manager, Method::PUT, "roles/Manager", Some(wider)).await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    let answer = world.api(Method::POST, "roles", &admin, Some(role)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
}

#[tokio::test]
async fn nobody_makes_a_platform_component_that_may_do_more() {
    let world = World::new().await;
    let role = json!({"name": "Registrar", "permissions": ["certificates:write"]});
    world
        .change(Change::CreateRole(serde_json::from_value(role).unwrap()))
        .await;
    let registrar = world.bearer("registrar", &["Registrar"]).await;
    let component = Identity::fresh("component");
    let certificate = json!({"pem": component.pem, "usage": "platform"});
    refused(
        &world,
        &registrar,
        Method::POST,
        "certificates",
        Some(certificate),
    )
    .await;
}

#[tokio::test]
async fn a_role_that_was_taken_away_is_gone_from_living_tokens() {
    let world = World::new().await;
    let token = world.bearer("anna", &["Reader"]).await;
    assert_eq!(
        world.api(Method::GET, "audit", &token, None).await.status,
        StatusCode::OK
    );
    world
        .change(Change::UpdatePrincipal(principal("anna", &[])))
        .await;
    refused(&world, &token, Method::GET, "audit", None).await;
}
