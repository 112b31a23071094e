//! Does the management API do what it says, and refuse in words?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::world::{Answer, Identity, World};

const APPLICATION: &str = "applications/billing";

fn new_application() -> Value {
    json!({"client_id": "billing", "name": "Billing", "scopes": ["invoices"]})
}

#[track_caller]
pub(super) fn problem(answer: &Answer, status: u16, kind: &str) {
    let body = answer.json();
    assert_eq!(answer.status.as_u16(), status, "{body}");
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    assert_eq!(body["type"], format!("urn:countersign:problem:{kind}"));
    assert_eq!(body["status"], status);
}

async fn admin() -> (World, String) {
    let world = World::new().await;
    let token = world.bearer("admin", &["Administrator"]).await;
    (world, token)
}

#[tokio::test]
async fn an_application_is_made_read_changed_and_taken_away() {
    let (world, admin) = admin().await;
    let made = world
        .api(
            Method::POST,
            "applications",
            &admin,
            Some(new_application()),
        )
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.json());
    let again = world
        .api(
            Method::POST,
            "applications",
            &admin,
            Some(new_application()),
        )
        .await;
    problem(&again, 409, "conflict");

    let found = world.api(Method::GET, APPLICATION, &admin, None).await;
    assert_eq!(found.json(), made.json());
    let mut changed = found.json();
    changed["name"] = json!("Invoices");
    let answer = world
        .api(Method::PUT, APPLICATION, &admin, Some(changed.clone()))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    assert_eq!(answer.json()["name"], "Invoices");
    changed["client_id"] = json!("other");
    let other = world
        .api(Method::PUT, APPLICATION, &admin, Some(changed))
        .await;
    problem(&other, 422, "invalid");

    let gone = world.api(Method::DELETE, APPLICATION, &admin, None).await;
    assert_eq!((gone.status, gone.body.len()), (StatusCode::NO_CONTENT, 0));
    problem(
        &world.api(Method::GET, APPLICATION, &admin, None).await,
        404,
        "not-found",
    );
    problem(
        &world.api(Method::DELETE, APPLICATION, &admin, None).await,
        404,
        "not-found",
    );
}

#[tokio::test]
async fn a_client_is_registered_mapped_and_signs_in() {
    let (world, admin) = admin().await;
    let identity = Identity::fresh("billing");
    let post = |path: &'static str, body: Value| {
        let (world, admin) = (&world, admin.clone());
        async move {
            let answer = world.api(Method::POST, path, &admin, Some(body)).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
            answer.json()
        }
    };
    post("applications", new_application()).await;
    post("principals", json!({"name": "Billing Service"})).await;
    let certificate = post(
        "certificates",
        json!({"pem": identity.pem, "client_id": "billing", "usage": "client"}),
    )
    .await;
    assert_eq!(certificate["sha256"], identity.id());
    assert_eq!(certificate["sha1"], identity.chain.leaf().sha1().to_hex());
    let mapping = post(
        "mappings",
        json!({
            "certificate": identity.chain.leaf().sha1().to_hex(),
            "client_id": "billing",
            "principal": "Billing Service",
        }),
    )
    .await;
    assert_eq!(mapping["certificate"], identity.id());
    let answer = world
        .exchange(&world.assertion("billing", &identity), "")
        .await;
    let token = answer.token();
    assert_eq!(answer.json()["principal"], "Billing Service");

    let whoami = world.api(Method::GET, "whoami", &token, None).await.json();
    assert_eq!(whoami["principal"], "Billing Service");
    assert_eq!(whoami["client_id"], "billing");
    assert_eq!(whoami["kind"], 1);

    let path = format!("certificates/{}/revoke", identity.id());
    let reason = Some(json!({"reason": "key was lost"}));
    let revoked = world.api(Method::POST, &path, &admin, reason).await;
    assert_eq!(revoked.json()["revocation_reason"], "key was lost");
    // No look at the store is needed on the node that revoked.
    world
        .exchange(&world.assertion("billing", &identity), "")
        .await
        .refused("invalid_client", "certificate_revoked");
    assert_eq!(
        world.api(Method::GET, "whoami", &token, None).await.status,
        401
    );

    let audit = world
        .api(Method::GET, "audit?limit=5", &admin, None)
        .await
        .json();
    let revoke = audit["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["action"] == "certificate.revoke")
        .unwrap();
    assert_eq!(revoke["actor"], "admin");
    assert_eq!(revoke["subject"], identity.id());
}

#[tokio::test]
async fn lists_come_in_pages() {
    let (world, admin) = admin().await;
    for client in ["a", "b", "c", "d"] {
        let body = json!({"client_id": client, "name": client});
        world
            .api(Method::POST, "applications", &admin, Some(body))
            .await;
    }
    let mut seen = Vec::new();
    let mut path = "applications?limit=2".to_owned();
    loop {
        let page = world.api(Method::GET, &path, &admin, None).await.json();
        for item in page["items"].as_array().unwrap() {
            seen.push(item["client_id"].as_str().unwrap().to_owned());
        }
        let Some(next) = page["next"].as_str() else {
            break;
        };
        path = format!("applications?limit=2&after={next}");
    }
    assert_eq!(seen, ["a", "b", "c", "client-of-admin", "d"]);
    for bad in [
        "applications?limit=0",
        "applications?limit=501",
        "applications?limit=x",
    ] {
        problem(
            &world.api(Method::GET, bad, &admin, None).await,
            422,
            "invalid",
        );
    }
}

#[tokio::test]
async fn certificates_are_found_by_client_and_by_thumbprint() {
    let (world, admin) = admin().await;
    let identity = world.application("orders", &["anna"]).await;
    let sha1 = identity.chain.leaf().sha1().to_hex();
    for filter in [
        "client_id=orders".to_owned(),
        format!("thumbprint={}", sha1.to_lowercase()),
    ] {
        let path = format!("certificates?{filter}");
        let page = world.api(Method::GET, &path, &admin, None).await.json();
        let found: Vec<&str> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|it| it["sha256"].as_str())
            .collect();
        assert_eq!(found, [identity.id()], "{filter}");
    }
    let bad = world
        .api(Method::GET, "certificates?thumbprint=xyz", &admin, None)
        .await;
    problem(&bad, 422, "invalid");
}

// security.md 13, 52, 54
#[tokio::test]
async fn certificates_that_may_not_sign_are_refused() {
    let (world, admin) = admin().await;
    world
        .api(
            Method::POST,
            "applications",
            &admin,
            Some(new_application()),
        )
        .await;
    for pem in [
        include_str!("../../../../testdata/refused/rsa1024.pem"),
        include_str!("../../../../testdata/refused/certificate-authority.pem"),
        include_str!("../../../../testdata/refused/wrong-eku.pem"),
        include_str!("../../../../testdata/refused/wrong-key-usage.pem"),
        include_str!("../../../../testdata/refused/not-pem.pem"),
        "",
    ] {
        let body = json!({"pem": pem, "client_id": "billing", "usage": "client"});
        let answer = world
            .api(Method::POST, "certificates", &admin, Some(body))
            .await;
        problem(&answer, 422, "invalid");
    }
}

// security.md 47
#[tokio::test]
async fn a_certificate_is_registered_once() {
    let (world, admin) = admin().await;
    let identity = world.application("orders", &["anna"]).await;
    world
        .api(
            Method::POST,
            "applications",
            &admin,
            Some(new_application()),
        )
        .await;
    for client in ["orders", "billing"] {
        let body = json!({"pem": identity.pem, "client_id": client, "usage": "client"});
        let answer = world
            .api(Method::POST, "certificates", &admin, Some(body))
            .await;
        problem(&answer, 409, "conflict");
    }
}

// security.md 43, B7
#[tokio::test]
async fn names_of_the_platform_cannot_be_registered() {
    let (world, admin) = admin().await;
    for client_id in ["countersign:platform", "platform", "countersign:x"] {
        let body = json!({"client_id": client_id, "name": "x"});
        let answer = world
            .api(Method::POST, "applications", &admin, Some(body))
            .await;
        problem(&answer, 422, "invalid");
    }
    let body = json!({"name": "platform", "roles": []});
    let answer = world
        .api(Method::POST, "principals", &admin, Some(body))
        .await;
    assert!(
        matches!(answer.status.as_u16(), 409 | 422),
        "{}",
        answer.json()
    );
}

#[tokio::test]
async fn bodies_are_read_strictly() {
    let (world, admin) = admin().await;
    for body in [
        json!({"client_id": "x"}),
        json!({"client_id": "x", "name": "x", "unknown": 1}),
        json!({"client_id": 1, "name": "x"}),
        json!([]),
    ] {
        let answer = world
            .api(Method::POST, "applications", &admin, Some(body))
            .await;
        problem(&answer, 422, "invalid");
    }
}

// security.md 83
#[tokio::test]
async fn without_a_good_token_there_is_a_challenge() {
    let (world, admin) = admin().await;
    let answer = world.api(Method::GET, "applications", "", None).await;
    problem(&answer, 401, "unauthorized");
    let challenge = answer.headers["www-authenticate"].to_str().unwrap();
    assert!(!challenge.contains("error"), "{challenge}");
    let answer = world.api(Method::GET, "applications", "a.b.c", None).await;
    problem(&answer, 401, "unauthorized");
    let challenge = answer.headers["www-authenticate"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(challenge.contains("invalid_token"), "{challenge}");
    world.advance(900);
    let answer = world.api(Method::GET, "applications", &admin, None).await;
    problem(&answer, 401, "unauthorized");
}

// security.md 59
#[tokio::test]
async fn a_token_for_another_audience_does_not_manage() {
    let world = World::new().await;
    world.principal("boss", &["Administrator"]).await;
    let identity = Identity::fresh("billing");
    let mut billing = super::world::application("billing");
    billing.audience = Some("https://billing.example".to_owned());
    world.application_of(billing, &identity, &["boss"]).await;
    let token = world
        .exchange(&world.assertion("billing", &identity), "")
        .await
        .token();
    assert_eq!(
        world.api(Method::GET, "whoami", &token, None).await.status,
        401
    );
}

#[tokio::test]
async fn opening_a_compatibility_switch_is_audited_by_name() {
    let (world, admin) = admin().await;
    world
        .api(
            Method::POST,
            "applications",
            &admin,
            Some(new_application()),
        )
        .await;
    let mut open = world
        .api(Method::GET, APPLICATION, &admin, None)
        .await
        .json();
    open["accept_token_endpoint_audience"] = json!(true);
    world
        .api(Method::PUT, APPLICATION, &admin, Some(open))
        .await;
    assert_eq!(world.audited().await[0].0, "application.compatibility");
}

#[tokio::test]
async fn what_is_in_use_is_not_taken_away() {
    let (world, admin) = admin().await;
    world.application("orders", &["anna"]).await;
    for path in ["applications/orders", "principals/anna", "roles/Reader"] {
        let answer = world.api(Method::DELETE, path, &admin, None).await;
        assert!(
            matches!(answer.status.as_u16(), 409 | 422),
            "{path}: {}",
            answer.json()
        );
    }
}
