//! Does the SDK sign in to a real OpenID provider that nobody here wrote?

use std::{path::PathBuf, sync::Arc};

use countersign::{
    Client, ClientBuilder, Dpop, ErrorKind, HttpTransport, Token, Transport,
    proto::{key::Algorithm, scope::Scope, token::TokenType},
};
use http::Request;

use crate::{
    fixtures,
    parts::{OpenidProvider, Profile, Tls},
};

fn certificates(kinds: &[&str]) -> Vec<PathBuf> {
    kinds
        .iter()
        .map(|kind| fixtures::path(&format!("clients/{kind}/{kind}.pem")))
        .collect()
}

fn http() -> Arc<dyn Transport> {
    Arc::new(HttpTransport::builder().no_proxy().build().unwrap())
}

fn client(provider: &OpenidProvider, client_id: &str, kind: &str) -> ClientBuilder {
    Client::builder(&provider.issuer, client_id, fixtures::client(kind)).transport(http())
}

/// Asks the provider about a token, as a resource server that it knows.
async fn introspection(
    provider: &OpenidProvider,
    transport: &dyn Transport,
    token: &Token,
) -> serde_json::Value {
    let body = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", token.access_token.expose())
        .finish();
    let request = Request::post(&provider.introspection)
        .header("content-type", "application/x-www-form-urlencoded")
        // resource:resource-secret
        .header("authorization", "Basic cmVzb3VyY2U6cmVzb3VyY2Utc2VjcmV0")
        .body(body.into_bytes())
        .unwrap();
    let answer = transport.send(request).await.unwrap();
    assert_eq!(answer.status(), 200);
    serde_json::from_slice(answer.body()).unwrap()
}

#[tokio::test]
async fn node_oidc_provider_gives_a_token_for_rs256_ps256_and_es256() {
    let provider = OpenidProvider::start(
        Profile::Default,
        &certificates(&["rsa2048", "p256", "p384", "p521", "ed25519"]),
        Tls::Off,
    );
    for (client_id, kind, algorithm) in [
        ("service-rs256", "rsa2048", Some(Algorithm::RS256)),
        ("service-ps256", "rsa2048", Some(Algorithm::PS256)),
        ("service-es256", "p256", Some(Algorithm::ES256)),
        // by what the metadata lists
        ("service-ps256", "rsa2048", None),
        ("service", "p384", None),
        ("service", "p521", None),
    ] {
        let mut builder =
            client(&provider, client_id, kind).scope(Scope::parse("api:read").unwrap());
        if let Some(algorithm) = algorithm {
            builder = builder.algorithm(algorithm);
        }
        let token = builder
            .build()
            .unwrap()
            .token()
            .await
            .unwrap_or_else(|error| panic!("{client_id} {kind} {algorithm:?}: {error}"));
        assert_eq!(token.token_type, TokenType::Bearer);
        assert_eq!(token.expires_at.since(token.issued_at).as_secs(), 600);
        let about = introspection(&provider, &*http(), &token).await;
        assert_eq!(about["active"], true, "{about}");
        assert_eq!(about["client_id"], client_id);
        assert_eq!(about["scope"], "api:read");
    }
}

#[tokio::test]
async fn node_oidc_provider_refuses_a_certificate_that_it_was_not_given() {
    let provider = OpenidProvider::start(Profile::Default, &certificates(&["rsa2048"]), Tls::Off);
    let refused = client(&provider, "service", "p256")
        .build()
        .unwrap()
        .token()
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::IdentityRejected);
    assert_eq!(refused.oauth().unwrap().code.as_str(), "invalid_client");
}

#[tokio::test]
async fn node_oidc_provider_with_fapi_2_gives_dpop_tokens_for_ps256_and_es256() {
    let provider = OpenidProvider::start(
        Profile::Fapi2,
        &certificates(&["rsa2048", "p256"]),
        Tls::Off,
    );
    for (client_id, kind, algorithm) in [
        ("service-ps256", "rsa2048", Algorithm::PS256),
        ("service-es256", "p256", Algorithm::ES256),
        ("service-dpop", "rsa2048", Algorithm::PS256),
    ] {
        let token = client(&provider, client_id, kind)
            .algorithm(algorithm)
            .dpop(Dpop::Required)
            .build()
            .unwrap()
            .token()
            .await
            .unwrap_or_else(|error| panic!("{client_id}: {error}"));
        assert_eq!(token.token_type, TokenType::DPoP);
        let about = introspection(&provider, &*http(), &token).await;
        assert_eq!(about["active"], true, "{about}");
        assert!(about["cnf"]["jkt"].is_string(), "{about}");
    }
}

// security.md 107
#[tokio::test]
async fn node_oidc_provider_with_fapi_2_refuses_rs256_and_bearer_tokens() {
    let provider = OpenidProvider::start(
        Profile::Fapi2,
        &certificates(&["rsa2048", "p256"]),
        Tls::Off,
    );
    let by_rs256 = client(&provider, "service", "rsa2048")
        .algorithm(Algorithm::RS256)
        .dpop(Dpop::Required)
        .build()
        .unwrap();
    assert_eq!(
        by_rs256
            .token()
            .await
            .unwrap_err()
            .oauth()
            .unwrap()
            .code
            .as_str(),
        "invalid_client"
    );
    let without_proof = client(&provider, "service-dpop", "p256").build().unwrap();
    assert!(without_proof.token().await.unwrap_err().oauth().is_some());
}

#[tokio::test]
async fn node_oidc_provider_over_tls_is_trusted_by_its_authority_only() {
    let provider = OpenidProvider::start(Profile::Default, &certificates(&["p256"]), Tls::On);
    assert!(provider.issuer.starts_with("https://127.0.0.1:"));

    let authority = fixtures::path("authority/authority.pem");
    let trusting: Arc<dyn Transport> = Arc::new(
        HttpTransport::builder()
            .no_proxy()
            .ca_bundle(&authority)
            .build()
            .unwrap(),
    );
    let token = client(&provider, "service", "p256")
        .transport(trusting.clone())
        .build()
        .unwrap()
        .token()
        .await
        .unwrap();
    assert_eq!(
        introspection(&provider, &*trusting, &token).await["active"],
        true
    );

    // security.md 108
    let refused = client(&provider, "service", "p256")
        .deadline(std::time::Duration::from_secs(5))
        .build()
        .unwrap()
        .token()
        .await
        .unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Network, "{refused}");
}

#[tokio::test]
async fn a_token_that_was_given_back_to_node_oidc_provider_is_inactive() {
    let provider = OpenidProvider::start(Profile::Default, &certificates(&["p256"]), Tls::Off);
    let client = client(&provider, "service", "p256").build().unwrap();
    let token = client.token().await.unwrap();
    client.revoke(&token).await.unwrap();
    let about = introspection(&provider, &*http(), &token).await;
    assert_eq!(about, serde_json::json!({ "active": false }));
    // and it is not handed out again
    let next = client.token().await.unwrap();
    assert_ne!(next.access_token, token.access_token);
}

#[tokio::test]
async fn a_platform_token_is_refused_by_node_oidc_provider_in_so_many_words() {
    let provider = OpenidProvider::start(Profile::Default, &certificates(&["p256"]), Tls::Off);
    let refused = client(&provider, "service", "p256")
        .build()
        .unwrap()
        .platform_token()
        .await
        .unwrap_err();
    let code = refused.oauth().map(|oauth| oauth.code.as_str().to_owned());
    assert!(
        matches!(
            code.as_deref(),
            None | Some("unsupported_grant_type" | "invalid_client" | "invalid_request")
        ),
        "{refused}"
    );
}
