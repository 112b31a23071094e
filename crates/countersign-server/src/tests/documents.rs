//! What does the platform publish?

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use countersign_proto::{jwk::JwkSet, metadata::Metadata};

use super::world::{Answer, ISSUER, World, claims_of};

async fn get(world: &World, path: &str) -> Answer {
    world
        .send(Request::get(path).body(Body::empty()).unwrap())
        .await
}

// security.md 63
#[tokio::test]
async fn metadata_is_published_and_names_only_what_is_there() {
    let world = World::new().await;
    let first = get(&world, "/.well-known/oauth-authorization-server").await;
    assert_eq!(first.status, StatusCode::OK);
    assert_eq!(
        first.body,
        get(&world, "/.well-known/openid-configuration").await.body
    );
    let metadata = Metadata::parse(&first.body, ISSUER).unwrap();
    let endpoints = [
        Some(metadata.token_endpoint),
        metadata.introspection_endpoint,
        metadata.revocation_endpoint,
    ];
    for endpoint in endpoints.into_iter().flatten() {
        let answer = world.post(endpoint.path(), "").await;
        assert_ne!(answer.status, StatusCode::NOT_FOUND, "{endpoint}");
    }
    assert_eq!(
        get(&world, metadata.jwks_uri.unwrap().path()).await.status,
        StatusCode::OK
    );
    let login = metadata.countersign_login_endpoint.unwrap();
    assert_eq!(
        login.scheme(),
        ISSUER.replacen("http", "ws", 1).split(':').next().unwrap()
    );
    assert!(login.path().ends_with("/login/socket"), "{login}");
}

#[tokio::test]
async fn an_issuer_with_a_path_serves_under_it() {
    let world = World::with(|settings| {
        settings.issuer = "https://platform.example/tenant".parse().unwrap();
    })
    .await;
    let found = get(&world, "/.well-known/oauth-authorization-server/tenant").await;
    assert_eq!(
        found.json()["token_endpoint"],
        "https://platform.example/tenant/oauth2/token"
    );
    assert_eq!(
        get(&world, "/tenant/.well-known/openid-configuration")
            .await
            .body,
        found.body
    );
    assert_eq!(
        world.post("/tenant/oauth2/token", "").await.status,
        StatusCode::BAD_REQUEST
    );
}

// security.md 55
#[tokio::test]
async fn the_key_set_has_public_members_only_and_the_key_that_signs() {
    let world = World::new().await;
    let token = world.bearer("anna", &[]).await;
    let answer = get(&world, "/jwks.json").await;
    let set = JwkSet::parse(&answer.body).unwrap();
    let kid = countersign_proto::token::inspect(&token).unwrap().header["kid"].clone();
    let key = set.find(kid.as_str().unwrap()).unwrap();
    assert_eq!(kid, countersign_proto::jwk::thumbprint(&key.key));
    for key in answer.json()["keys"].as_array().unwrap() {
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "{private}");
        }
    }
    assert_eq!(claims_of(&token)["iss"], ISSUER);
}

#[tokio::test]
async fn health_readiness_and_metrics_answer() {
    let world = World::new().await;
    world.bearer("anna", &[]).await;
    assert_eq!(get(&world, "/healthz").await.status, StatusCode::OK);
    assert_eq!(get(&world, "/readyz").await.status, StatusCode::OK);
    let metrics = String::from_utf8(get(&world, "/metrics").await.body).unwrap();
    assert!(
        metrics.contains("countersign_tokens_issued_total{kind=\"1\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("countersign_exchange_seconds_bucket"),
        "{metrics}"
    );
    world.store.close().await.unwrap();
    assert_eq!(
        get(&world, "/readyz").await.status,
        StatusCode::SERVICE_UNAVAILABLE
    );
    assert_eq!(get(&world, "/healthz").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_store_that_fails_gives_a_server_error_that_says_nothing() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    world.store.close().await.unwrap();
    let answer = world
        .exchange(&world.assertion("orders", &identity), "")
        .await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.member("error"), "server_error");
    assert!(!answer.member("support_id").is_empty());
    assert!(!String::from_utf8(answer.body).unwrap().contains("store"));
}

#[tokio::test]
async fn what_is_not_there_and_wrong_methods_are_answered_in_json() {
    let world = World::new().await;
    let missing = get(&world, "/nowhere").await;
    assert_eq!(missing.status, StatusCode::NOT_FOUND);
    assert_eq!(missing.json()["type"], "urn:countersign:problem:not-found");
    let request = Request::builder().method(Method::DELETE).uri("/jwks.json");
    let wrong = world.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(wrong.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(
        wrong.json()["type"],
        "urn:countersign:problem:method-not-allowed"
    );
    assert!(wrong.headers.contains_key("allow"));
}

// security.md 56, 94
#[tokio::test]
async fn every_answer_carries_the_security_headers_and_a_name() {
    let world = World::new().await;
    for path in ["/healthz", "/nowhere", "/oauth2/token", "/api/v1/whoami"] {
        let answer = get(&world, path).await;
        assert_eq!(
            answer.headers["x-content-type-options"], "nosniff",
            "{path}"
        );
        assert_eq!(answer.headers["cache-control"], "no-store", "{path}");
        assert_eq!(answer.headers["x-frame-options"], "DENY", "{path}");
        assert!(answer.headers.contains_key("x-request-id"), "{path}");
        assert!(
            answer.headers.contains_key("strict-transport-security"),
            "{path}"
        );
    }
}
