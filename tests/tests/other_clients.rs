//! Do clients that nobody here wrote get a token from our platform?

use countersign::proto::token::AccessToken;
use countersign_testkit::{ManualClock, TestPlatform};
use serde_json::Value;

use crate::{fixtures, parts};

/// A platform on loopback whose clock shows the time of the other process.
async fn platform() -> TestPlatform {
    let clock = ManualClock::starting_now();
    TestPlatform::on_loopback(clock).await.unwrap()
}

fn key(kind: &str) -> String {
    fixtures::path(&format!("clients/{kind}/{kind}.key"))
        .display()
        .to_string()
}

fn kid(kind: &str) -> String {
    fixtures::by_openssl(&format!("clients/{kind}/{kind}.pem")).sha1
}

/// Runs a client in its own process while this one serves.
async fn answer(run: impl FnOnce() -> String + Send + 'static) -> Value {
    let printed = tokio::task::spawn_blocking(run).await.unwrap();
    serde_json::from_str(&printed).unwrap_or_else(|_| panic!("not JSON: {printed}"))
}

async fn node(
    platform: &TestPlatform,
    library: &str,
    kind: &str,
    algorithm: &str,
    kid: &str,
) -> Value {
    let arguments = [
        library,
        platform.issuer(),
        kind,
        &key(kind),
        algorithm,
        kid,
        "api:read",
    ]
    .map(str::to_owned);
    answer(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        parts::node("openid-client.mjs", &arguments, "")
    })
    .await
}

async fn authlib(platform: &TestPlatform, kind: &str, algorithm: &str) -> Value {
    let endpoint = format!("{}/oauth2/token", platform.issuer());
    let arguments = [
        endpoint,
        kind.to_owned(),
        key(kind),
        algorithm.to_owned(),
        kid(kind),
        "api:read".to_owned(),
    ];
    answer(move || {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        parts::python("authlib_client.py", &arguments)
    })
    .await
}

async fn assert_token(platform: &TestPlatform, answer: &Value) {
    let token = AccessToken::new(
        answer["access_token"]
            .as_str()
            .unwrap_or_else(|| panic!("{answer}")),
    )
    .unwrap();
    assert_eq!(answer["scope"], "api:read");
    assert_eq!(answer["expires_in"], 900);
    assert!(platform.is_active(&token).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn node_openid_client_and_oauth4webapi_get_a_token_by_the_strict_rules() {
    let platform = platform().await;
    for kind in ["rsa2048", "p256", "p384", "ed25519"] {
        platform
            .application(kind)
            .credential(fixtures::client(kind))
            .scope("api:read api:write")
            .register()
            .await
            .unwrap();
    }
    for library in ["openid-client", "oauth4webapi"] {
        for (kind, algorithm) in [
            ("rsa2048", "RS256"),
            ("rsa2048", "PS256"),
            ("p256", "ES256"),
            ("p384", "ES384"),
        ] {
            assert_token(
                &platform,
                &node(&platform, library, kind, algorithm, &kid(kind)).await,
            )
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn node_oauth4webapi_is_refused_with_the_key_of_another_client() {
    let platform = platform().await;
    for (name, kind) in [("rsa2048", "rsa2048"), ("p256", "p256")] {
        platform
            .application(name)
            .credential(fixtures::client(kind))
            .scope("api:read")
            .register()
            .await
            .unwrap();
    }
    // The right key under the kid of somebody else, then under no registered kid at all.
    for kid in [kid("p256"), "nobody".to_owned()] {
        let refused = node(&platform, "oauth4webapi", "rsa2048", "RS256", &kid).await;
        assert_eq!(refused["error"], "invalid_client", "{refused}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn python_authlib_gets_a_token_with_the_compatibility_switches_of_its_client() {
    let platform = platform().await;
    for kind in ["rsa2048", "p256"] {
        platform
            .application(kind)
            .credential(fixtures::client(kind))
            .scope("api:read")
            .compatible_with_old_libraries()
            .register()
            .await
            .unwrap();
    }
    assert_token(&platform, &authlib(&platform, "rsa2048", "RS256").await).await;
    assert_token(&platform, &authlib(&platform, "p256", "ES256").await).await;
}

// security.md 27, 35
#[tokio::test(flavor = "multi_thread")]
async fn python_authlib_is_refused_without_the_compatibility_switches() {
    let platform = platform().await;
    platform
        .application("rsa2048")
        .credential(fixtures::client("rsa2048"))
        .scope("api:read")
        .register()
        .await
        .unwrap();
    let refused = authlib(&platform, "rsa2048", "RS256").await;
    assert_eq!(refused["error"], "invalid_client", "{refused}");
    assert_eq!(refused["reason"], "wrong_audience", "{refused}");
}
