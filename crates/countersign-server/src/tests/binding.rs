//! Is a bound token worth nothing without its key (RFC 9449)?

use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use countersign_proto::{
    dpop::{self, ProofRequest},
    jwk,
    key::{KeyType, LocalKey, SigningKey as _},
};

use super::world::{
    Answer, Identity, TOKEN, World, application, claims_of, client_credentials, form_request,
};

fn fresh_key() -> LocalKey {
    LocalKey::generate(KeyType::P256).unwrap().0
}

fn proof(
    world: &World,
    key: &LocalKey,
    path: &str,
    method: &Method,
    token: Option<&str>,
) -> String {
    let uri = format!("https://platform.example{path}").parse().unwrap();
    let nonce = world.platform.proofs().nonce(world.now());
    let request = ProofRequest {
        method,
        uri: &uri,
        access_token: token,
        nonce: Some(&nonce),
    };
    dpop::mint(&request, key, world.now(), &world.next_jti()).unwrap()
}

async fn exchange_with(world: &World, assertion: &str, proofs: &[String]) -> Answer {
    let mut request = form_request(TOKEN, &client_credentials(assertion, ""));
    for proof in proofs {
        request.headers_mut().append("dpop", proof.parse().unwrap());
    }
    world.send(request).await
}

async fn whoami(world: &World, scheme: &str, token: &str, proof: Option<String>) -> Answer {
    let mut request = Request::get("/api/v1/whoami")
        .header("authorization", format!("{scheme} {token}"))
        .body(Body::empty())
        .unwrap();
    if let Some(proof) = proof {
        request.headers_mut().insert("dpop", proof.parse().unwrap());
    }
    world.send(request).await
}

async fn bound_world() -> (World, Identity) {
    let world = World::new().await;
    let identity = Identity::fresh("bound");
    let mut bound = application("bound");
    bound.dpop_bound_access_tokens = true;
    world.application_of(bound, &identity, &["anna"]).await;
    (world, identity)
}

// security.md 107
#[tokio::test]
async fn an_application_whose_tokens_are_bound_gets_none_without_a_proof() {
    let (world, identity) = bound_world().await;
    let answer = exchange_with(&world, &world.assertion("bound", &identity), &[]).await;
    answer.refused("invalid_dpop_proof", "");
}

#[tokio::test]
async fn a_proof_binds_the_token_to_its_key() {
    let (world, identity) = bound_world().await;
    let plain = world.application("plain", &["anna"]).await;
    let key = fresh_key();
    for (client, identity) in [("bound", &identity), ("plain", &plain)] {
        let sent = proof(&world, &key, TOKEN, &Method::POST, None);
        let answer = exchange_with(&world, &world.assertion(client, identity), &[sent]).await;
        let claims = claims_of(&answer.token());
        assert_eq!(answer.json()["token_type"], "DPoP");
        assert_eq!(claims["cnf"]["jkt"], jwk::thumbprint(key.public_key()));
        assert!(answer.headers.contains_key("dpop-nonce"));
    }
}

// security.md 105
#[tokio::test]
async fn a_proof_without_our_nonce_gets_one_and_costs_no_assertion() {
    let (world, identity) = bound_world().await;
    let key = fresh_key();
    let uri = "https://platform.example/oauth2/token".parse().unwrap();
    let mut request = ProofRequest {
        method: &Method::POST,
        uri: &uri,
        access_token: None,
        nonce: None,
    };
    let assertion = world.assertion("bound", &identity);
    let first = dpop::mint(&request, &key, world.now(), "proof-0001").unwrap();
    let answer = exchange_with(&world, &assertion, &[first]).await;
    answer.refused("use_dpop_nonce", "");
    let nonce = answer.headers["dpop-nonce"].to_str().unwrap().to_owned();
    request.nonce = Some(&nonce);
    let second = dpop::mint(&request, &key, world.now(), "proof-0002").unwrap();
    exchange_with(&world, &assertion, &[second]).await.token();
}

// security.md 105
#[tokio::test]
async fn a_proof_for_something_else_or_a_second_time_is_refused() {
    let (world, identity) = bound_world().await;
    let key = fresh_key();
    for wrong in [
        proof(&world, &key, "/oauth2/revoke", &Method::POST, None),
        proof(&world, &key, TOKEN, &Method::GET, None),
    ] {
        let answer = exchange_with(&world, &world.assertion("bound", &identity), &[wrong]).await;
        answer.refused("invalid_dpop_proof", "");
    }
    let right = proof(&world, &key, TOKEN, &Method::POST, None);
    let assertion = || world.assertion("bound", &identity);
    let two = [
        right.clone(),
        proof(&world, &key, TOKEN, &Method::POST, None),
    ];
    exchange_with(&world, &assertion(), &two)
        .await
        .refused("invalid_dpop_proof", "");
    exchange_with(&world, &assertion(), std::slice::from_ref(&right))
        .await
        .token();
    exchange_with(&world, &assertion(), &[right])
        .await
        .refused("invalid_dpop_proof", "");
}

// security.md 105
#[tokio::test]
async fn a_nonce_of_one_node_is_taken_by_another_and_a_proof_by_one_of_them() {
    let world = World::with_secrets_file().await;
    let identity = world.application("orders", &["anna"]).await;
    let second = world.beside(world.platform.settings().clone()).await;
    let key = fresh_key();
    let sent = [proof(&world, &key, TOKEN, &Method::POST, None)];
    let token = exchange_with(&second, &world.assertion("orders", &identity), &sent)
        .await
        .token();
    exchange_with(&world, &world.assertion("orders", &identity), &sent)
        .await
        .refused("invalid_dpop_proof", "");
    let path = "/api/v1/whoami";
    let once = proof(&world, &key, path, &Method::GET, Some(&token));
    let at_second = whoami(&second, "DPoP", &token, Some(once.clone())).await;
    assert_eq!(at_second.status, StatusCode::OK);
    let at_first = whoami(&world, "DPoP", &token, Some(once)).await;
    assert_eq!(at_first.status, StatusCode::UNAUTHORIZED);
}

// security.md 105
#[tokio::test]
async fn a_proof_is_remembered_only_once_its_assertion_was_believed() {
    let (world, identity) = bound_world().await;
    let stranger = Identity::fresh("bound");
    let sent = [proof(&world, &fresh_key(), TOKEN, &Method::POST, None)];
    exchange_with(&world, &world.assertion("bound", &stranger), &sent)
        .await
        .refused("invalid_client", "");
    exchange_with(&world, &world.assertion("bound", &identity), &sent)
        .await
        .token();
}

// security.md 105, 106
#[tokio::test]
async fn a_bound_token_needs_a_proof_by_its_key_for_this_request() {
    let (world, identity) = bound_world().await;
    let (key, other) = (fresh_key(), fresh_key());
    let sent = proof(&world, &key, TOKEN, &Method::POST, None);
    let token = exchange_with(&world, &world.assertion("bound", &identity), &[sent])
        .await
        .token();
    let path = "/api/v1/whoami";
    let good = || proof(&world, &key, path, &Method::GET, Some(&token));

    assert_eq!(
        whoami(&world, "DPoP", &token, Some(good())).await.status,
        StatusCode::OK
    );
    let as_bearer = whoami(&world, "Bearer", &token, None).await;
    assert_eq!(as_bearer.status, StatusCode::UNAUTHORIZED);
    assert!(
        as_bearer.headers["www-authenticate"]
            .to_str()
            .unwrap()
            .starts_with("DPoP")
    );
    for (what, proof) in [
        ("no proof", None),
        (
            "another key",
            Some(proof(&world, &other, path, &Method::GET, Some(&token))),
        ),
        (
            "no token",
            Some(proof(&world, &key, path, &Method::GET, None)),
        ),
        (
            "another token",
            Some(proof(&world, &key, path, &Method::GET, Some("x.y.z"))),
        ),
        (
            "another method",
            Some(proof(&world, &key, path, &Method::POST, Some(&token))),
        ),
        (
            "another path",
            Some(proof(
                &world,
                &key,
                "/api/v1/audit",
                &Method::GET,
                Some(&token),
            )),
        ),
    ] {
        let answer = whoami(&world, "DPoP", &token, proof).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{what}");
    }
    let once = good();
    assert_eq!(
        whoami(&world, "DPoP", &token, Some(once.clone()))
            .await
            .status,
        StatusCode::OK
    );
    let again = whoami(&world, "DPoP", &token, Some(once)).await;
    assert_eq!(again.status, StatusCode::UNAUTHORIZED);
}

// security.md 104
#[tokio::test]
async fn certificates_in_headers_authenticate_nobody() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let mut request = form_request(TOKEN, "grant_type=client_credentials&client_id=orders");
    for name in [
        "x-client-cert",
        "x-ssl-cert",
        "x-forwarded-client-cert",
        "client-cert",
    ] {
        let value = identity.pem.replace('\n', "%0A").parse().unwrap();
        request.headers_mut().insert(name, value);
    }
    let answer = world.send(request).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_ne!(answer.member("access_token"), "x");
    assert!(answer.json().get("access_token").is_none());
}
