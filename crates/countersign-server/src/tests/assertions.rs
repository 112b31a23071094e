//! Which assertions are believed?

use countersign_proto::assertion::{Assertion, KidForm};
use serde_json::{Value, json};

use super::world::{ISSUER, Identity, NOW, World, application, living};

fn rsa() -> Identity {
    Identity::read(
        include_str!("../../../../testdata/clients/rsa2048/rsa2048.pem"),
        include_str!("../../../../testdata/clients/rsa2048/rsa2048.key"),
    )
}

/// Changes one claim; null takes it out.
fn spoilt(mut claims: Value, name: &str, value: Value) -> Value {
    let members = claims.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name);
    } else {
        members.insert(name.to_owned(), value);
    }
    claims
}

#[tokio::test]
async fn every_form_of_kid_finds_the_certificate() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    for kid in [
        KidForm::Sha1Hex,
        KidForm::Sha256Hex,
        KidForm::Sha1Base64url,
        KidForm::Sha256Base64url,
        KidForm::None,
    ] {
        let mut assertion = Assertion::client("orders", ISSUER);
        assertion.kid = kid.clone();
        let token = world.exchange(&world.sign(&assertion, &identity), "").await;
        assert!(!token.token().is_empty(), "{kid:?}");
    }
}

#[tokio::test]
async fn certificates_with_rsa_keys_are_believed_by_both_paddings() {
    let world = World::new().await;
    let identity = rsa();
    world
        .application_of(application("orders"), &identity, &["anna"])
        .await;
    for algorithm in identity.chain.leaf().public_key().algorithms() {
        let minted = Assertion::client("orders", ISSUER)
            .mint(
                &identity.chain,
                &identity.key,
                *algorithm,
                world.now(),
                &world.next_jti(),
            )
            .unwrap();
        world.exchange(minted.expose(), "").await.token();
    }
}

// security.md 19, A8
#[tokio::test]
async fn a_hostile_kid_is_an_unknown_kid() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let unknown = world.sign_raw(
        json!({"kid": "AB".repeat(20)}),
        &world.claims("orders"),
        &identity,
    );
    let expected = world.exchange(&unknown, "").await;
    for kid in [
        "../../../etc/passwd",
        "' OR 1=1 --",
        "*)(uid=*",
        "a\u{0}b",
        "; rm -rf /",
        "%",
        "orders",
        "",
    ] {
        let assertion = world.sign_raw(json!({"kid": kid}), &world.claims("orders"), &identity);
        let answer = world.exchange(&assertion, "").await;
        answer.refused("invalid_client", "");
        assert_eq!(answer.status, expected.status, "{kid:?}");
        assert_eq!(
            answer.member("error_description"),
            expected.member("error_description")
        );
    }
}

// security.md 22, A20
#[tokio::test]
async fn a_huge_assertion_is_refused_before_any_signature_is_verified() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let before = crate::service::verifications();
    let claims = spoilt(world.claims("orders"), "pad", json!("x".repeat(17 * 1024)));
    let huge = world.sign_raw(json!({}), &claims, &identity);
    world
        .exchange(&huge, "")
        .await
        .refused("invalid_client", "");
    world
        .exchange(&".".repeat(20_000), "")
        .await
        .refused("invalid_client", "");
    let deep = spoilt(
        world.claims("orders"),
        "deep",
        serde_json::from_str(&nested(20)).unwrap(),
    );
    world
        .exchange(&world.sign_raw(json!({}), &deep, &identity), "")
        .await
        .refused("invalid_client", "");
    assert_eq!(crate::service::verifications(), before);
}

fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

// security.md 25, 26
#[tokio::test]
async fn iss_sub_and_client_id_must_be_one() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    world.application("billing", &["bert"]).await;
    for (name, value) in [
        ("sub", json!("billing")),
        ("sub", json!("ORDERS")),
        ("sub", json!(["orders"])),
        ("sub", Value::Null),
    ] {
        let claims = spoilt(world.claims("orders"), name, value.clone());
        let answer = world
            .exchange(&world.sign_raw(json!({}), &claims, &identity), "")
            .await;
        answer.refused("invalid_client", "");
    }
    for issuer in [
        json!("billing"),
        json!("Orders"),
        json!(["orders"]),
        Value::Null,
    ] {
        let claims = spoilt(world.claims("orders"), "iss", issuer);
        let answer = world
            .exchange(&world.sign_raw(json!({}), &claims, &identity), "")
            .await;
        answer.refused("invalid_client", "");
    }
    let stated = |id: &str| format!("&client_id={id}");
    let assertion = world.assertion("orders", &identity);
    world
        .exchange(&assertion, &stated("billing"))
        .await
        .refused("invalid_client", "");
    world.exchange(&assertion, &stated("orders")).await.token();
}

// security.md 25
#[tokio::test]
async fn a_key_vouches_for_its_own_client_only() {
    let world = World::new().await;
    let orders = world.application("orders", &["anna"]).await;
    world.application("billing", &["bert"]).await;
    world
        .exchange(&world.assertion("billing", &orders), "")
        .await
        .refused("invalid_client", "");
}

// security.md 27, 29, B1
#[tokio::test]
async fn the_audience_is_the_issuer_as_one_string() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let component = world.component().await;
    for audience in [
        json!([ISSUER]),
        json!([ISSUER, "https://other.example"]),
        json!("https://platform.example/"),
        json!("https://PLATFORM.example"),
        json!("https://platform.example/oauth2/token"),
        json!("https://other.example"),
        json!(""),
    ] {
        let claims = spoilt(world.claims("orders"), "aud", audience.clone());
        let answer = world
            .exchange(&world.sign_raw(json!({}), &claims, &identity), "")
            .await;
        answer.refused("invalid_client", "wrong_audience");
        assert!(
            answer
                .body
                .windows(ISSUER.len())
                .any(|it| it == ISSUER.as_bytes())
        );

        let claims = spoilt(world.claims("countersign:platform"), "aud", audience);
        let header = json!({"typ": "countersign-platform+jwt"});
        let answer = world
            .exchange_platform(&world.sign_raw(header, &claims, &component), "")
            .await;
        answer.refused("invalid_grant", "wrong_audience");
    }
}

#[tokio::test]
async fn the_switch_for_old_libraries_admits_the_token_endpoint_of_that_client_only() {
    let world = World::new().await;
    let identity = Identity::fresh("old");
    let mut old = application("old");
    old.accept_token_endpoint_audience = true;
    old.assertion_lifetime_max_s = Some(3600);
    world.application_of(old, &identity, &["anna"]).await;
    let other = world.application("new", &["bert"]).await;
    let at_endpoint = |client: &str| {
        living(
            Assertion::client(client, "https://platform.example/oauth2/token"),
            60,
        )
    };
    world
        .exchange(&world.sign(&at_endpoint("old"), &identity), "")
        .await
        .token();
    world
        .exchange(&world.sign(&at_endpoint("new"), &other), "")
        .await
        .refused("invalid_client", "wrong_audience");
    let mut hour = world.claims("old");
    hour["exp"] = json!(NOW + 3600);
    world
        .exchange(&world.sign_raw(json!({}), &hour, &identity), "")
        .await
        .token();
}

// security.md 30, 31, 32, 34, 35, B4
#[tokio::test]
async fn times_that_do_not_fit_are_refused_with_the_clock_of_the_platform() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    for (name, value, reason) in [
        ("exp", json!(NOW - 11), "clock_skew"),
        ("nbf", json!(NOW + 61), "clock_skew"),
        ("iat", json!(NOW + 61), "clock_skew"),
        ("exp", json!(NOW + 301), "lifetime_too_long"),
        ("exp", json!(NOW + 315_360_000), "lifetime_too_long"),
        ("exp", Value::Null, ""),
        ("exp", json!("1795336260"), ""),
        ("exp", json!(true), ""),
        ("exp", json!([NOW + 60]), ""),
        ("exp", json!(-1), ""),
        ("exp", json!(1e19), ""),
        ("exp", json!(1e300), ""),
        ("exp", json!(9_007_199_254_740_993_u64), ""),
        ("nbf", json!("soon"), ""),
        ("iat", json!({}), ""),
    ] {
        let claims = spoilt(world.claims("orders"), name, value.clone());
        let answer = world
            .exchange(&world.sign_raw(json!({}), &claims, &identity), "")
            .await;
        assert_eq!(
            answer.member("reason"),
            reason,
            "{name} {value}: {}",
            answer.json()
        );
        assert_eq!(answer.member("error"), "invalid_client", "{name} {value}");
        if reason == "clock_skew" {
            assert_eq!(
                answer.json()["server_time"],
                json!(NOW),
                "{}",
                answer.json()
            );
        }
    }
    for (name, value) in [
        ("nbf", json!(NOW + 10)),
        ("iat", json!(NOW + 10)),
        ("exp", json!(NOW + 300)),
    ] {
        let claims = spoilt(world.claims("orders"), name, value);
        world
            .exchange(&world.sign_raw(json!({}), &claims, &identity), "")
            .await
            .token();
    }
}

// security.md 36
#[tokio::test]
async fn a_jti_is_needed_and_has_a_sensible_length() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    for jti in [
        Value::Null,
        json!(""),
        json!("short"),
        json!("x".repeat(129)),
        json!(12_345_678),
    ] {
        let claims = spoilt(world.claims("orders"), "jti", jti);
        world
            .exchange(&world.sign_raw(json!({}), &claims, &identity), "")
            .await
            .refused("invalid_client", "");
    }
}

// security.md 33
#[tokio::test]
async fn the_type_may_be_absent_or_right_and_nothing_else() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    for typ in [
        Value::Null,
        json!("client-authentication+jwt"),
        json!("application/client-authentication+jwt"),
    ] {
        let assertion = world.sign_raw(json!({ "typ": typ }), &world.claims("orders"), &identity);
        world.exchange(&assertion, "").await.token();
    }
    for typ in [
        "at+jwt",
        "dpop+jwt",
        "countersign-platform+jwt",
        "countersign-login+jwt",
        "jose",
    ] {
        let assertion = world.sign_raw(json!({ "typ": typ }), &world.claims("orders"), &identity);
        world
            .exchange(&assertion, "")
            .await
            .refused("invalid_client", "");
    }
}

// security.md 17, 18, A6, A7
#[tokio::test]
async fn keys_in_the_header_are_never_used() {
    let world = World::new().await;
    let known = world.application("orders", &["anna"]).await;
    let stranger = Identity::fresh("stranger");
    let kid = known.chain.leaf().sha1().to_hex();
    for extra in [
        json!({"kid": kid, "x5c": stranger.chain.x5c()}),
        json!({"kid": kid, "jwk": countersign_proto::jwk::required_members(stranger.chain.leaf().public_key())}),
        json!({"kid": kid, "jku": "https://127.0.0.1:1/jwks.json"}),
        json!({"kid": kid, "x5u": "https://127.0.0.1:1/cert.pem"}),
        json!({"kid": null, "x5c": stranger.chain.x5c()}),
    ] {
        let assertion = world.sign_raw(extra, &world.claims("orders"), &stranger);
        world
            .exchange(&assertion, "")
            .await
            .refused("invalid_client", "");
    }
    let ignored = world.sign_raw(
        json!({"x5c": ["nonsense"]}),
        &world.claims("orders"),
        &known,
    );
    world.exchange(&ignored, "").await.token();
}

// security.md 41, B17
#[tokio::test]
async fn an_unknown_client_is_answered_and_costs_as_a_wrong_signature_does() {
    let world = World::new().await;
    world.application("orders", &["anna"]).await;
    let elliptic = Identity::fresh("stranger");
    let rsa = rsa();
    for stranger in [&elliptic, &rsa] {
        let kid = world.platform.registry().certificates_of("orders")[0]
            .record
            .sha1
            .clone();
        let wrong_signature =
            world.sign_raw(json!({ "kid": kid }), &world.claims("orders"), stranger);
        let unknown_key = world.assertion("orders", stranger);
        let unknown_client = world.assertion("nobody", stranger);
        let mut answers = Vec::new();
        for assertion in [&wrong_signature, &unknown_key, &unknown_client] {
            let before = crate::service::verifications();
            let answer = world.exchange(assertion, "").await;
            assert_eq!(
                crate::service::verifications() - before,
                1,
                "one signature for each"
            );
            let mut body = answer.json();
            assert!(!body["support_id"].as_str().unwrap().is_empty());
            body["support_id"] = Value::Null;
            answers.push((answer.status, body));
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(answers[0], answers[2]);
    }
}

// security.md 41
#[tokio::test]
async fn a_refusal_never_echoes_what_the_client_sent() {
    let world = World::new().await;
    let identity = Identity::fresh("<script>alert(1)</script>");
    let assertion = world.assertion("<script>alert(1)</script>", &identity);
    let answer = world.exchange(&assertion, "&client_id=%3Cscript%3E").await;
    answer.refused("invalid_client", "");
    assert!(!String::from_utf8(answer.body).unwrap().contains("alert"));
}

#[tokio::test]
async fn a_disabled_application_is_refused() {
    let world = World::new().await;
    let identity = world.application("orders", &["anna"]).await;
    let mut disabled = application("orders");
    disabled.enabled = false;
    world
        .change(crate::Change::UpdateApplication(disabled))
        .await;
    world
        .exchange(&world.assertion("orders", &identity), "")
        .await
        .refused("invalid_client", "application_disabled");
}
