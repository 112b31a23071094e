//! What does a certificate permit, and when does it stop?

use axum::http::Method;
use countersign_proto::{assertion::Assertion, management::CertificateUsage};
use serde_json::json;

use super::world::{ISSUER, Identity, World, application, principal};
use crate::Change;

// security.md 51
#[tokio::test]
async fn an_expired_certificate_is_refused_and_that_is_told() {
    let world = World::new().await;
    for (client, from, to, reason) in [
        ("late", 2020, 2026, "certificate_expired"),
        ("early", 2030, 2099, "certificate_not_yet_valid"),
    ] {
        let identity = Identity::valid(client, from, to);
        world
            .application_of(application(client), &identity, &["anna"])
            .await;
        world
            .exchange(&world.assertion(client, &identity), "")
            .await
            .refused("invalid_client", reason);
    }
}

#[tokio::test]
async fn a_revoked_certificate_stops_at_once() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .token();
    world.revoke(&identity).await;
    world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .refused("invalid_client", "certificate_revoked");
}

#[tokio::test]
async fn why_a_certificate_is_refused_is_told_to_its_holder_only() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    world.revoke(&identity).await;
    let stranger = Identity::fresh("stranger");
    let kid = json!({"kid": identity.chain.leaf().sha1().to_hex()});
    let assertion = world.sign_raw(kid, &world.claims("orders"), &stranger);
    world
        .exchange(&assertion, "")
        .await
        .refused("invalid_client", "");
}

// checklist T8
#[tokio::test]
async fn the_certificate_of_a_client_signs_no_platform_assertion() {
    let world = World::new().await;
    let client = world.application("orders", &["anna"]).await;
    world.component().await;
    world
        .exchange_platform(&world.platform_assertion(&client), "")
        .await
        .refused("invalid_grant", "");
}

// checklist T8
#[tokio::test]
async fn the_certificate_of_the_platform_signs_no_client_assertion() {
    let world = World::new().await;
    world.application("orders", &["anna"]).await;
    let component = world.component().await;
    world
        .exchange(&world.assertion("orders", &component), "")
        .await
        .refused("invalid_client", "");
    world
        .exchange(&world.assertion("countersign:platform", &component), "")
        .await
        .refused("invalid_client", "wrong_usage");
}

// checklist T8
#[tokio::test]
async fn the_lab_switch_lets_one_certificate_serve_both() {
    let world = World::with(|settings| settings.lab_shared_certificate = true).await;
    let identity = world.application("orders", &["anna"]).await;
    world.register("countersign:platform", &identity).await;
    world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .token();
    world
        .exchange_platform(&world.platform_assertion(&identity), "")
        .await
        .token();
}

// checklist T6; security.md 42, B8
#[tokio::test]
async fn a_principal_is_asked_for_among_the_rows_only() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna", "bert"]).await;
    world.principal("admin", &["Administrator"]).await;
    let ask = |more: &'static str| {
        let assertion = world.assertion("orders", &identity);
        let world = &world;
        async move { world.exchange(&assertion, more).await }
    };
    let answer = ask("").await;
    answer.refused("invalid_request", "principal_ambiguous");
    assert_eq!(answer.json()["permitted"], json!(["anna", "bert"]));
    assert_eq!(ask("&principal=bert").await.json()["principal"], "bert");
    for foreign in [
        "&principal=admin",
        "&principal=ANNA",
        "&principal=%25",
        "&principal=nobody",
    ] {
        let answer = ask(foreign).await;
        answer.refused("invalid_grant", "principal_not_mapped");
        assert_eq!(
            answer.json()["permitted"],
            json!(["anna", "bert"]),
            "{foreign}"
        );
    }
}

// checklist T6
#[tokio::test]
async fn a_kid_that_is_no_thumbprint_maps_too() {
    let world = World::new().await;
    let identity = Identity::fresh("orders");
    world
        .change(Change::CreateApplication(application("orders")))
        .await;
    let asked = countersign_proto::management::NewCertificate {
        pem: identity.pem.clone(),
        client_id: Some("orders".to_owned()),
        usage: CertificateUsage::Client,
        kid_alias: Some("orders-key-1".to_owned()),
    };
    let record = crate::registry::CertificateEntry::new(&asked)
        .unwrap()
        .record;
    world.change(Change::RegisterCertificate(record)).await;
    world.principal("anna", &[]).await;
    world.map("orders", &identity, "anna").await;
    let by_alias =
        |alias: &str| world.sign_raw(json!({ "kid": alias }), &world.claims("orders"), &identity);
    world.exchange(&by_alias("orders-key-1"), "").await.token();
    world
        .exchange(&by_alias("ORDERS-KEY-1"), "")
        .await
        .refused("invalid_client", "");
}

// checklist T7; security.md 43, B7
#[tokio::test]
async fn kind_2_has_its_own_principal_and_is_no_administrator() {
    let world = World::new().await;
    let component = world.component().await;
    let answer = world
        .exchange_platform(&world.platform_assertion(&component), "&principal=admin")
        .await;
    let token = answer.token();
    assert_eq!(answer.json()["principal"], "platform");
    let get = world.api(Method::GET, "applications", &token, None).await;
    assert_eq!(get.status, 200);
    for (path, body) in [
        ("applications", json!({"client_id": "x", "name": "x"})),
        (
            "principals",
            json!({"name": "x", "roles": ["Administrator"]}),
        ),
        ("roles", json!({"name": "x", "permissions": ["*"]})),
    ] {
        let answer = world.api(Method::POST, path, &token, Some(body)).await;
        assert_eq!(answer.status, 403, "{path}");
    }
}

// security.md 43, B7
#[tokio::test]
async fn a_client_cannot_speak_for_the_platform() {
    let world = World::new().await;
    let client = world.application("orders", &["anna"]).await;
    let assertion = world.sign(&Assertion::client("countersign:platform", ISSUER), &client);
    world
        .exchange(&assertion, "")
        .await
        .refused("invalid_client", "");
    let claims = world.claims("orders");
    let typed = world.sign_raw(json!({"typ": "countersign-platform+jwt"}), &claims, &client);
    world
        .exchange_platform(&typed, "")
        .await
        .refused("invalid_grant", "");
}

#[tokio::test]
async fn a_disabled_principal_gets_no_token() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let mut disabled = principal("anna", &[]);
    disabled.enabled = false;
    world.change(Change::UpdatePrincipal(disabled)).await;
    world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .refused("invalid_grant", "principal_disabled");
}
