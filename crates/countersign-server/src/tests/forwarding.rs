//! What is asked of a customer's provider, and what counts when it has answered?

use std::time::Duration;

use axum::http::{Method, StatusCode};
use countersign_proto::{
    assertion::Assertion, exchange::JWT_BEARER_ASSERTION_TYPE, management::Application,
};
use serde_json::{Value, json};

use super::world::{Answer, ISSUER, Identity, World, application, claims_of};
use crate::{
    Change,
    idp::fixtures::{CONFIGURATION, Fake, Reply, TOKEN},
};

async fn world(fake: &Fake) -> World {
    World::with(|settings| settings.forwarding.issuer = Some(fake.issuer.clone())).await
}

fn forwarded(client_id: &str) -> Application {
    Application {
        forward: true,
        ..application(client_id)
    }
}

/// An application that is set to forward, and its certificate.
async fn orders(world: &World) -> Identity {
    let identity = Identity::fresh("orders");
    world
        .application_of(forwarded("orders"), &identity, &["anna"])
        .await;
    identity
}

fn believes(fake: &Fake) {
    fake.reply(
        TOKEN,
        Reply::json(&json!({ "access_token": "theirs-alone", "token_type": "Bearer" })),
    );
}

fn refuses(fake: &Fake, status: u16, error: &str) {
    let mut reply = Reply::json(&json!({ "error": error }));
    reply.status = StatusCode::from_u16(status).unwrap();
    fake.reply(TOKEN, reply);
}

#[track_caller]
fn unavailable(answer: &Answer) {
    assert_eq!(
        answer.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        answer.json()
    );
    assert_eq!(answer.member("error"), "temporarily_unavailable");
    assert_eq!(answer.member("reason"), "provider_unavailable");
}

#[tokio::test]
async fn the_same_assertion_goes_to_the_provider_and_its_token_is_not_used() {
    let fake = Fake::start().await;
    believes(&fake);
    let world = world(&fake).await;
    let identity = orders(&world).await;
    let assertion = world.assertion("orders", &identity);
    let answer = world.exchange(&assertion, "").await;
    let claims = claims_of(&answer.token());
    assert_eq!(claims["principal"], "anna");
    assert!(!String::from_utf8_lossy(&answer.body).contains("theirs-alone"));

    let asked = fake.asked(TOKEN);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].authorization, None);
    let form: std::collections::BTreeMap<_, _> = asked[0].form.clone().into_iter().collect();
    let expected = [
        ("client_assertion", assertion.as_str()),
        ("client_assertion_type", JWT_BEARER_ASSERTION_TYPE),
        ("client_id", "orders"),
        ("grant_type", "client_credentials"),
    ];
    assert!(
        form.iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .eq(expected),
        "{form:?}"
    );
    let metrics = world.platform.metrics().render();
    assert!(
        metrics.contains("countersign_forwarded_total{outcome=\"believed\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn an_application_that_is_not_set_to_forward_is_nobody_elses_business() {
    let fake = Fake::start().await;
    let world = world(&fake).await;
    let identity = world.application("orders", &["anna"]).await;
    world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .token();
    assert!(fake.asked(TOKEN).is_empty() && fake.asked(CONFIGURATION).is_empty());
}

#[tokio::test]
async fn what_the_platform_does_not_believe_is_not_forwarded() {
    let fake = Fake::start().await;
    believes(&fake);
    let world = world(&fake).await;
    let identity = orders(&world).await;
    let stranger = Identity::fresh("stranger");
    for bad in [
        world.assertion("orders", &stranger),
        world.sign(&Assertion::client("orders", &fake.issuer), &identity),
        world.sign(
            &Assertion::client("orders", "https://elsewhere.example"),
            &identity,
        ),
        "nonsense".to_owned(),
    ] {
        assert_eq!(
            world.exchange(&bad, "").await.member("error"),
            "invalid_client"
        );
    }
    world.revoke(&identity).await;
    world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .refused("invalid_client", "certificate_revoked");
    assert!(fake.asked(TOKEN).is_empty());
}

#[tokio::test]
async fn a_refusal_of_the_provider_is_told_and_on_record() {
    let fake = Fake::start().await;
    let world = world(&fake).await;
    let identity = orders(&world).await;
    for (status, error) in [
        (401, "invalid_client"),
        (400, "invalid_grant"),
        (400, "unauthorized_client"),
        (403, "access_denied"),
    ] {
        refuses(&fake, status, error);
        world
            .exchange(&world.assertion("orders", &identity), "")
            .await
            .refused("invalid_client", "provider_refused");
    }
    let rows = world.audited().await;
    assert_eq!(rows.len(), 4);
    assert!(rows.iter().all(|row| row
        == &(
            "token.refuse".to_owned(),
            Some("provider_refused".to_owned())
        )));
    let metrics = world.platform.metrics().render();
    assert!(
        metrics.contains("countersign_forwarded_total{outcome=\"refused\"} 4"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_provider_that_gives_no_answer_is_not_the_clients_fault() {
    let fake = Fake::start().await;
    let world = world(&fake).await;
    let identity = orders(&world).await;
    let mut page = Reply::text("<html>");
    page.content_type = "text/html";
    let mut elsewhere = Reply::status(307);
    elsewhere.location = Some("https://elsewhere.example/token");
    for reply in [
        Reply::status(500),
        Reply::status(502),
        Reply::status(429),
        Reply::status(404),
        Reply::text(""),
        Reply::text("{}"),
        Reply::text(r#"{"access_token":""}"#),
        Reply::text(r#"{"access_token":["a"]}"#),
        Reply::text(r#"{"access_token":"a","access_token":"b"}"#),
        Reply::text(&format!(
            "{{\"a\":{}1{}}}",
            "[".repeat(9999),
            "]".repeat(9999)
        )),
        Reply::text(&"x".repeat(1024 * 1024 + 1)),
        page,
        elsewhere,
    ] {
        fake.reply(TOKEN, reply);
        unavailable(
            &world
                .exchange(&world.assertion("orders", &identity), "")
                .await,
        );
    }
    // Nothing was recorded: not even the same assertion counts as used.
    let assertion = world.assertion("orders", &identity);
    fake.reply(TOKEN, Reply::status(503));
    unavailable(&world.exchange(&assertion, "").await);
    believes(&fake);
    world.exchange(&assertion, "").await.token();
    world
        .exchange(&assertion, "")
        .await
        .refused("invalid_client", "assertion_replayed");
}

#[tokio::test]
async fn a_provider_whose_metadata_cannot_be_had_is_unavailable_and_asked_again_later() {
    let fake = Fake::start().await;
    believes(&fake);
    fake.reply(CONFIGURATION, Reply::status(500));
    let world = world(&fake).await;
    let identity = orders(&world).await;
    for _ in 0..3 {
        unavailable(
            &world
                .exchange(&world.assertion("orders", &identity), "")
                .await,
        );
    }
    assert_eq!(fake.asked(CONFIGURATION).len(), 1);
    let impostor = fake.description(&json!({ "issuer": "https://evil.example.com" }));
    fake.reply(CONFIGURATION, Reply::json(&impostor));
    world.advance(10);
    unavailable(
        &world
            .exchange(&world.assertion("orders", &identity), "")
            .await,
    );
    assert!(fake.asked(TOKEN).is_empty());

    fake.reply(CONFIGURATION, Reply::json(&fake.description(&json!({}))));
    world.advance(10);
    world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .token();
}

#[tokio::test(start_paused = true)]
async fn a_slow_provider_is_waited_for_no_longer_than_was_set() {
    let fake = Fake::start().await;
    let world = World::with(|settings| {
        settings.forwarding.issuer = Some(fake.issuer.clone());
        settings.forwarding.timeout = Duration::from_secs(3);
    })
    .await;
    let identity = orders(&world).await;
    for path in [TOKEN, CONFIGURATION] {
        fake.reply(path, Reply::never());
        world.advance(3600);
        let began = tokio::time::Instant::now();
        unavailable(
            &world
                .exchange(&world.assertion("orders", &identity), "")
                .await,
        );
        assert!(began.elapsed() < Duration::from_secs(4), "{path}");
    }
}

#[tokio::test]
async fn without_a_provider_an_application_that_forwards_gets_nothing() {
    let world = World::new().await;
    let identity = orders(&world).await;
    let answer = world
        .exchange(&world.assertion("orders", &identity), "")
        .await;
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer.member("error"), "server_error");
    assert!(!answer.member("support_id").is_empty());
}

// security.md 27
#[tokio::test]
async fn the_providers_issuer_is_an_audience_only_while_it_is_asked_and_that_was_admitted() {
    let fake = Fake::start().await;
    believes(&fake);
    let world = world(&fake).await;
    let identity = orders(&world).await;
    let ask = async |audience: &str| {
        let assertion = world.sign(&Assertion::client("orders", audience), &identity);
        world.exchange(&assertion, "").await
    };
    ask(&fake.issuer)
        .await
        .refused("invalid_client", "wrong_audience");
    let admitted = Application {
        accept_provider_audience: true,
        ..forwarded("orders")
    };
    world.change(Change::UpdateApplication(admitted)).await;
    ask(&fake.issuer).await.token();
    ask(ISSUER).await.token();
    for wrong in [
        format!("{}/", fake.issuer),
        format!("{}/token", fake.issuer),
        "https://evil.example.com".to_owned(),
    ] {
        ask(&wrong)
            .await
            .refused("invalid_client", "wrong_audience");
    }
    let mut claims = world.claims("orders");
    claims["aud"] = json!([fake.issuer, ISSUER]);
    let both = world.sign_raw(json!({}), &claims, &identity);
    world
        .exchange(&both, "")
        .await
        .refused("invalid_client", "wrong_audience");
}

#[tokio::test]
async fn the_audience_of_a_provider_that_is_not_asked_cannot_be_admitted() {
    let fake = Fake::start().await;
    let world = world(&fake).await;
    let admin = world.bearer("root", &["Administrator"]).await;
    let mut asked = serde_json::to_value(application("orders")).unwrap();
    asked["accept_provider_audience"] = Value::Bool(true);
    let post = async |body: &Value| {
        let method = Method::POST;
        world
            .api(method, "applications", &admin, Some(body.clone()))
            .await
    };
    let refused = post(&asked).await;
    assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(refused.member("detail").contains("set `forward` too"));
    asked["forward"] = Value::Bool(true);
    assert_eq!(post(&asked).await.status, StatusCode::CREATED);

    for (switch, value) in [("accept_provider_audience", false), ("forward", false)] {
        asked[switch] = Value::Bool(value);
        let method = Method::PUT;
        let path = "applications/orders";
        let answer = world.api(method, path, &admin, Some(asked.clone())).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
        assert_eq!(world.audited().await[0].0, "application.compatibility");
    }
}

/// A provider that believes everything adds nothing: who is behind an assertion is decided by the
/// certificate that is registered here.
#[tokio::test]
async fn a_provider_that_does_not_look_at_the_key_lends_nobody_another_principal() {
    let fake = Fake::start().await;
    believes(&fake);
    let world = world(&fake).await;
    let orders = orders(&world).await;
    let billing = Identity::fresh("billing");
    world
        .application_of(forwarded("billing"), &billing, &["bert"])
        .await;
    let kid_of_billing = json!({ "kid": billing.chain.leaf().sha1().to_hex() });
    let named = world.sign_raw(kid_of_billing, &world.claims("orders"), &orders);
    world
        .exchange(&named, "")
        .await
        .refused("invalid_client", "");
    let as_billing = world.sign_raw(json!({}), &world.claims("billing"), &orders);
    world
        .exchange(&as_billing, "")
        .await
        .refused("invalid_client", "");
    let own = world.assertion("orders", &orders);
    world
        .exchange(&own, "&principal=bert")
        .await
        .refused("invalid_grant", "principal_not_mapped");
    let token = world
        .exchange(&world.assertion("orders", &orders), "")
        .await
        .token();
    assert_eq!(claims_of(&token)["principal"], "anna");
    assert_eq!(
        fake.asked(TOKEN).len(),
        2,
        "what was not believed was not forwarded"
    );
}

/// Whoever authenticates by an assertion anywhere is asked about.
#[tokio::test]
async fn an_introspection_by_an_assertion_is_forwarded_too() {
    let fake = Fake::start().await;
    refuses(&fake, 401, "invalid_client");
    let world = world(&fake).await;
    let identity = orders(&world).await;
    let assertion = world.assertion("orders", &identity);
    let form = format!(
        "token=x&client_assertion_type={JWT_BEARER_ASSERTION_TYPE}&client_assertion={assertion}"
    );
    world
        .post("/oauth2/introspect", &form)
        .await
        .refused("invalid_client", "provider_refused");
    assert_eq!(fake.asked(TOKEN).len(), 1);
}
