//! Does a customer's own provider decide too, and does it decide no more than it may?
//!
//! The provider is node oidc-provider, which nobody here wrote.

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use countersign::{
    Audience, Client, HttpTransport, Transport,
    proto::{
        assertion::Assertion,
        exchange::JWT_BEARER_ASSERTION_TYPE,
        key::{LocalKey, SigningKey as _},
        token::inspect,
    },
};
use countersign_testkit::{ManualClock, TestPlatform};
use http::{Request, StatusCode};
use serde_json::Value;

use crate::{
    fixtures,
    parts::{OpenidProvider, Profile, Tls},
};

/// A provider that knows both certificates for each of its clients: it looks at neither whose they
/// are nor which of them was meant.
fn provider(more: &[&str]) -> OpenidProvider {
    let certificates = ["p256", "rsa2048"].map(certificate);
    OpenidProvider::start_with(Profile::Default, &certificates, Tls::Off, more)
}

fn certificate(kind: &str) -> PathBuf {
    fixtures::path(&format!("clients/{kind}/{kind}.pem"))
}

/// Two applications that are set to forward, with a certificate each: `service` is anna, and
/// `service-ps256` is bert.
async fn platform(issuer: &str, timeout: Duration) -> TestPlatform {
    let mut settings = TestPlatform::settings();
    settings.forwarding.issuer = Some(issuer.to_owned());
    settings.forwarding.timeout = timeout;
    let platform = TestPlatform::with_settings(settings, ManualClock::starting_now())
        .await
        .unwrap();
    for (client_id, kind, principal) in [
        ("service", "p256", "anna"),
        ("service-ps256", "rsa2048", "bert"),
    ] {
        platform
            .application(client_id)
            .credential(fixtures::client(kind))
            .principal(principal, &[])
            .forwarded()
            .register()
            .await
            .unwrap();
    }
    platform
}

const SOON: Duration = Duration::from_secs(10);

/// An assertion of `client_id` for the provider, signed by this fixture, and a `jti` of its own.
fn assertion(platform: &TestPlatform, provider: &str, client_id: &str, kind: &str) -> String {
    let credential = fixtures::client(kind);
    let key = fixtures::text(&format!("clients/{kind}/{kind}.key"));
    let key = LocalKey::from_pem(&key).unwrap();
    let now = platform.clock().now();
    let jti = format!("{client_id}-{kind}-{}", unique());
    Assertion::client(client_id, provider)
        .mint(
            credential.chain(),
            &key,
            key.public_key().algorithms()[0],
            now,
            &jti,
        )
        .unwrap()
        .expose()
        .to_owned()
}

fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(10_000_000);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

fn form(assertion: &str, more: &str) -> String {
    format!(
        "grant_type=client_credentials&client_assertion_type={JWT_BEARER_ASSERTION_TYPE}\
         &client_assertion={assertion}{more}"
    )
}

async fn post(transport: &dyn Transport, url: &str, form: String) -> (StatusCode, Value) {
    let request = Request::post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.into_bytes())
        .unwrap();
    let answer = transport.send(request).await.unwrap();
    (
        answer.status(),
        serde_json::from_slice(answer.body()).unwrap(),
    )
}

/// Asks the platform.
async fn exchange(platform: &TestPlatform, assertion: &str, more: &str) -> (StatusCode, Value) {
    let url = format!("{}/oauth2/token", platform.issuer());
    post(platform.wire(), &url, form(assertion, more)).await
}

/// Asks the provider alone, as an attacker would.
async fn at_the_provider(provider: &OpenidProvider, assertion: &str) -> (StatusCode, Value) {
    let transport = HttpTransport::builder().no_proxy().build().unwrap();
    let url = format!("{}/token", provider.issuer);
    post(&transport, &url, form(assertion, "")).await
}

fn client(platform: &TestPlatform, provider: &str, client_id: &str, kind: &str) -> Client {
    platform
        .client(client_id, fixtures::client(kind))
        .audience(Audience::Uri(provider.to_owned()))
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_node_oidc_provider_believes_gets_a_token_of_the_platform() {
    let provider = provider(&[]);
    let platform = platform(&provider.issuer, SOON).await;
    for (client_id, kind, principal) in [
        ("service", "p256", "anna"),
        ("service-ps256", "rsa2048", "bert"),
    ] {
        let token = client(&platform, &provider.issuer, client_id, kind)
            .token()
            .await
            .unwrap();
        let claims = inspect(token.access_token.expose()).unwrap().claims;
        assert_eq!(claims["iss"], platform.issuer(), "it is the platform's own");
        assert_eq!(claims["principal"], principal);
        assert!(platform.is_active(&token.access_token).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_node_oidc_provider_refuses_the_platform_refuses() {
    // It was not given the certificate of `service`.
    let provider = OpenidProvider::start(Profile::Default, &[certificate("rsa2048")], Tls::Off);
    let platform = platform(&provider.issuer, SOON).await;
    let signed = assertion(&platform, &provider.issuer, "service", "p256");
    let (status, told) = exchange(&platform, &signed, "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
    assert_eq!(told["error"], "invalid_client");
    assert_eq!(told["reason"], "provider_refused");
    let signed = assertion(&platform, &provider.issuer, "service-ps256", "rsa2048");
    assert_eq!(exchange(&platform, &signed, "").await.0, StatusCode::OK);

    let rows = platform.platform().store().audit(None, 100).await.unwrap();
    let refused = rows
        .items
        .iter()
        .find(|row| row.action == "token.refuse")
        .unwrap();
    assert_eq!(refused.actor, "service");
    assert_eq!(refused.reason.as_deref(), Some("provider_refused"));
}

#[tokio::test(flavor = "multi_thread")]
async fn while_node_oidc_provider_is_away_nothing_is_issued_and_nothing_is_used_up() {
    let provider = provider(&[]);
    let issuer = provider.issuer.clone();
    let platform = platform(&issuer, SOON).await;
    let signed = assertion(&platform, &issuer, "service", "p256");
    assert_eq!(exchange(&platform, &signed, "").await.0, StatusCode::OK);
    drop(provider);
    let unused = assertion(&platform, &issuer, "service", "p256");
    for _ in 0..2 {
        let (status, told) = exchange(&platform, &unused, "").await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{told}");
        assert_eq!(told["error"], "temporarily_unavailable");
        assert_eq!(told["reason"], "provider_unavailable");
    }
    let port = issuer.rsplit(':').next().unwrap();
    let _again = self::provider(&["--listen", port]);
    let (status, told) = exchange(&platform, &unused, "").await;
    assert_eq!(status, StatusCode::OK, "the same assertion: {told}");
    let (_, told) = exchange(&platform, &unused, "").await;
    assert_eq!(told["error"], "invalid_client", "and now it is used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_node_oidc_provider_is_waited_for_no_longer_than_was_set() {
    let provider = provider(&["--slow", "60000"]);
    let platform = platform(&provider.issuer, Duration::from_secs(1)).await;
    let signed = assertion(&platform, &provider.issuer, "service", "p256");
    let asked = exchange(&platform, &signed, "");
    let (status, told) = tokio::time::timeout(Duration::from_secs(30), asked)
        .await
        .expect("an answer long before the provider's");
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE, "{told}");
    assert_eq!(told["reason"], "provider_unavailable");
}

/// node oidc-provider has both certificates for both clients, so it believes either: nothing is
/// gained by that here.
#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_does_not_look_whose_key_it_is_lends_nobody_another_principal() {
    let provider = provider(&[]);
    let platform = platform(&provider.issuer, SOON).await;
    let borrowed = assertion(&platform, &provider.issuer, "service-ps256", "rsa2048");
    assert_eq!(
        at_the_provider(&provider, &borrowed).await.0,
        StatusCode::OK
    );

    // The client `service-ps256` takes PS256 alone at the provider, `service` takes everything.
    let as_service = || assertion(&platform, &provider.issuer, "service", "rsa2048");
    let (status, told) = at_the_provider(&provider, &as_service()).await;
    assert_eq!(status, StatusCode::OK, "the provider believes it: {told}");
    let (status, told) = exchange(&platform, &as_service(), "").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(told["error"], "invalid_client");
    assert_eq!(
        told["reason"],
        Value::Null,
        "it says no more than to a stranger: {told}"
    );

    let own = assertion(&platform, &provider.issuer, "service", "p256");
    let (_, told) = exchange(&platform, &own, "&principal=bert").await;
    assert_eq!(told["reason"], "principal_not_mapped", "{told}");
}

/// The `kid` of another client's certificate in an assertion that one's own key signed.
#[tokio::test(flavor = "multi_thread")]
async fn the_kid_of_another_client_gains_nothing() {
    use countersign::proto::{json::Map, jws::SigningInput};

    let provider = provider(&[]);
    let platform = platform(&provider.issuer, SOON).await;
    let key = LocalKey::from_pem(&fixtures::text("clients/p256/p256.key")).unwrap();
    let now = platform.clock().now().as_secs();
    let kid_of_other = fixtures::by_openssl("clients/rsa2048/rsa2048.pem").sha1;
    for client_id in ["service", "service-ps256"] {
        let mut header = Map::new();
        header.insert("alg".to_owned(), "ES256".into());
        header.insert("kid".to_owned(), kid_of_other.as_str().into());
        let claims = serde_json::json!({
            "iss": client_id, "sub": client_id, "aud": provider.issuer,
            "iat": now, "exp": now + 60, "jti": format!("kid-{}", unique()),
        });
        let input = SigningInput::encode(&header, claims.as_object().unwrap());
        let signature = key
            .sign(key.public_key().algorithms()[0], input.as_bytes())
            .unwrap();
        let (status, told) = exchange(&platform, &input.finish(&signature), "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{told}");
        assert_eq!(told["error"], "invalid_client");
        assert_eq!(told["reason"], Value::Null);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_is_asked_over_tls_by_an_authority_of_ones_own() {
    let certificates = [certificate("p256"), certificate("rsa2048")];
    let provider = OpenidProvider::start(Profile::Default, &certificates, Tls::On);
    let ask = async |ca_bundle: Option<PathBuf>| {
        let mut settings = TestPlatform::settings();
        settings.forwarding.issuer = Some(provider.issuer.clone());
        settings.outbound_ca_bundle = ca_bundle;
        let platform = TestPlatform::with_settings(settings, ManualClock::starting_now())
            .await
            .unwrap();
        platform
            .application("service")
            .credential(fixtures::client("p256"))
            .forwarded()
            .register()
            .await
            .unwrap();
        let signed = assertion(&platform, &provider.issuer, "service", "p256");
        exchange(&platform, &signed, "").await.0
    };
    let authority = fixtures::path("authority/authority.pem");
    assert_eq!(ask(Some(authority)).await, StatusCode::OK);
    assert_eq!(ask(None).await, StatusCode::SERVICE_UNAVAILABLE);
}
