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

/// A role that permits nothing which the manager has not, and that he has not himself.
async fn cashier(world: &World) {
    let role = json!({"name": "Cashier", "permissions": ["principals:read"]});
    world
        .change(Change::CreateRole(serde_json::from_value(role).unwrap()))
        .await;
}

// security.md 74
#[tokio::test]
async fn nobody_gives_a_role_that_he_has_not_though_he_may_do_what_it_permits() {
    let world = World::new().await;
    let manager = manager(&world).await;
    cashier(&world).await;
    world.principal("till", &["Cashier"]).await;
    world.principal("anna", &["Manager"]).await;
    let refused = async |method: Method, path: &str, body: Value| {
        let answer = world.api(method, path, &manager, Some(body)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        let detail = answer.member("detail");
        assert!(detail.contains("`Cashier`"), "{path}: {detail}");
    };
    let new = json!({"name": "puppet", "roles": ["Manager", "Cashier"]});
    refused(Method::POST, "principals", new).await;
    for name in ["manager", "anna"] {
        let more = json!({"name": name, "roles": ["Manager", "Cashier"]});
        refused(Method::PUT, &format!("principals/{name}"), more).await;
    }
    // Whoever gets in as somebody has the roles of that one.
    let password = json!({"password": "correct horse"});
    refused(Method::PUT, "principals/till/password", password).await;
    let own = world.application("own", &["manager"]).await;
    let mapping = json!({"certificate": own.id(), "client_id": "own", "principal": "till"});
    refused(Method::POST, "mappings", mapping).await;
    assert_eq!(world.store.account("till").await.unwrap(), None);
}

#[tokio::test]
async fn a_role_that_somebody_has_is_kept_and_taken_away_by_who_has_it_not() {
    let world = World::new().await;
    let manager = manager(&world).await;
    cashier(&world).await;
    world.principal("till", &["Cashier"]).await;
    for (roles, title) in [(json!(["Cashier", "Manager"]), "Till"), (json!([]), "None")] {
        let changed = json!({"name": "till", "display_name": title, "roles": roles});
        let answer = world
            .api(Method::PUT, "principals/till", &manager, Some(changed))
            .await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
        assert_eq!(answer.json()["roles"], roles);
    }
    let admin = world.bearer("admin", &["Administrator"]).await;
    let given = json!({"name": "till", "roles": ["Cashier"]});
    let answer = world
        .api(Method::PUT, "principals/till", &admin, Some(given))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
}

// security.md 74
#[tokio::test]
async fn nobody_revokes_a_certificate_by_which_somebody_signs_in_who_may_do_more() {
    let world = World::new().await;
    let manager = manager(&world).await;
    world.principal("admin", &["Administrator"]).await;
    let robot = world.application("robot", &["anna"]).await;
    world.map("robot", &robot, "admin").await;
    let role = json!({"name": "Registrar", "permissions": ["certificates:write"]});
    world
        .change(Change::CreateRole(serde_json::from_value(role).unwrap()))
        .await;
    let registrar = world.bearer("registrar", &["Registrar"]).await;
    let component = world.component().await;
    for (bearer, certificate) in [(&manager, &robot), (&registrar, &component)] {
        let path = format!("certificates/{}/revoke", certificate.id());
        refused(
            &world,
            bearer,
            Method::POST,
            &path,
            Some(json!({"reason": "x"})),
        )
        .await;
    }
    let plain = world.application("plain", &["bert"]).await;
    let unmapped = world.application("unmapped", &[]).await;
    for (bearer, certificate) in [
        (&manager, &plain),
        (&manager, &unmapped),
        (&world.bearer("root", &["Administrator"]).await, &robot),
    ] {
        let path = format!("certificates/{}/revoke", certificate.id());
        let reason = json!({"reason": "x"});
        let answer = world.api(Method::POST, &path, bearer, Some(reason)).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    }
}
