//! Is an opaque token believed when its issuer says so, and for no longer than that is known?

use std::time::Duration;

use countersign_proto::{
    jwt::{Algorithm, Signer, SymmetricKey},
    opaque::{OpaqueKind, OpaqueToken, TokenId},
    token::TokenKind,
};
use serde_json::{Value, json};

use crate::{How, scripted::*};

const INTROSPECT: &str = "/introspect";

fn without(name: &str) -> Value {
    let mut answer = active();
    answer.as_object_mut().unwrap().remove(name);
    answer
}

fn with(name: &str, value: Value) -> Value {
    let mut answer = active();
    answer[name] = value;
    answer
}

#[tokio::test]
async fn an_opaque_token_is_believed_when_its_issuer_says_so() {
    let (guard, issuer, _) = asking();
    issuer.know(OPAQUE, active());
    let caller = guard.check(&bearer(OPAQUE)).await.unwrap();
    assert_eq!(caller.principal(), "alice");
    assert_eq!(caller.kind(), Some(TokenKind::PersonalAccess));
    assert_eq!(caller.how(), How::Introspection);
    assert!(caller.has_scope("orders.read") && caller.has_role("Reader"));
    assert!(!caller.claims().contains_key("active"));

    let asked = issuer.seen(INTROSPECT).remove(0);
    assert_eq!(asked.method, http::Method::POST);
    assert_eq!(asked.form["token"], OPAQUE);
    assert_eq!(asked.headers["accept"], "application/json");
    assert_eq!(asked.headers["authorization"], "Bearer mine");
    assert_eq!(word(&guard, "another").await, "inactive");
}

#[tokio::test]
async fn an_opaque_token_is_refused_where_no_issuer_is_asked() {
    let issuer = ScriptedIssuer::new(&[]);
    let guard = builder(&issuer, &TestClock::new()).build().unwrap();
    assert_eq!(word(&guard, OPAQUE).await, "opaque");
    assert_eq!(issuer.requests(), 0);
}

// security.md 76
#[tokio::test]
async fn an_answer_is_used_for_five_seconds_and_never_past_exp() {
    let (guard, issuer, clock) = asking();
    issuer.know(OPAQUE, active());
    assert_eq!(word(&guard, OPAQUE).await, "believed");
    // It was revoked at this moment: that is seen when the answer has aged.
    issuer.know(OPAQUE, json!({"active": false}));
    clock.advance(Duration::from_millis(4_999));
    assert!(guard.check_at_once(&bearer(OPAQUE)).unwrap().is_ok());
    clock.advance(Duration::from_millis(1));
    assert!(guard.check_at_once(&bearer(OPAQUE)).is_none());
    assert_eq!(word(&guard, OPAQUE).await, "inactive");
    assert_eq!(issuer.count(INTROSPECT), 2);

    let (guard, issuer, clock) = asking();
    issuer.know(OPAQUE, with("exp", json!(NOW + 2)));
    assert_eq!(word(&guard, OPAQUE).await, "believed");
    clock.advance(Duration::from_secs(1));
    assert!(guard.check_at_once(&bearer(OPAQUE)).unwrap().is_ok());
    clock.advance(Duration::from_secs(1));
    // An issuer that still calls it active is not believed either.
    assert_eq!(word(&guard, OPAQUE).await, "expired");
    // The time of day set back does not make an old answer young.
    let (guard, issuer, clock) = asking();
    issuer.know(OPAQUE, active());
    assert_eq!(word(&guard, OPAQUE).await, "believed");
    clock.set_off(-3600);
    clock.advance(Duration::from_secs(5));
    assert!(guard.check_at_once(&bearer(OPAQUE)).is_none());
}

// security.md 76, 79
#[tokio::test]
async fn without_a_cache_each_request_asks_anew() {
    let (guard, issuer, _) = asking_for(Duration::ZERO);
    issuer.know(OPAQUE, active());
    for asked in 1..=3 {
        assert_eq!(word(&guard, OPAQUE).await, "believed");
        assert_eq!(issuer.count(INTROSPECT), asked);
    }
    issuer.know(OPAQUE, json!({"active": false}));
    assert_eq!(word(&guard, OPAQUE).await, "inactive");
}

#[tokio::test]
async fn a_refusal_is_remembered_for_a_second() {
    let (guard, issuer, clock) = asking();
    assert_eq!(word(&guard, OPAQUE).await, "inactive");
    issuer.know(OPAQUE, active());
    clock.advance(Duration::from_millis(999));
    assert_eq!(word(&guard, OPAQUE).await, "inactive");
    assert_eq!(issuer.count(INTROSPECT), 1);
    clock.advance(Duration::from_millis(1));
    assert_eq!(word(&guard, OPAQUE).await, "believed");
}

#[tokio::test]
async fn an_answer_is_held_to_what_is_demanded_of_a_token() {
    for (answer, wanted) in [
        (without("iss"), "believed"),
        (without("exp"), "believed"),
        (without("principal"), "believed"),
        (without("scope"), "believed"),
        (with("iss", json!("https://other.example")), "claim"),
        (with("iss", json!(1)), "claim"),
        (with("aud", json!("https://other.example")), "claim"),
        (with("aud", json!([API])), "claim"),
        (without("aud"), "claim"),
        (with("exp", json!(NOW)), "expired"),
        (with("exp", json!("soon")), "claim"),
        (with("nbf", json!(NOW + 11)), "not_yet_valid"),
        (with("cnf", json!({"kid": "a"})), "claim"),
        (with("token_type", json!("DPoP")), "claim"),
        (with("cnf", json!({"jkt": "a"})), "bound_to_key"),
        (with("scope", json!(7)), "claim"),
        (with("active", json!("true")), "unavailable"),
        (without("active"), "unavailable"),
        (json!({"active": true}), "claim"),
    ] {
        let (guard, issuer, _) = asking();
        issuer.know(OPAQUE, answer.clone());
        assert_eq!(word(&guard, OPAQUE).await, wanted, "{answer}");
    }
    let mut nobody = without("sub");
    nobody.as_object_mut().unwrap().remove("principal");
    let (guard, issuer, _) = asking();
    issuer.know(OPAQUE, nobody.clone());
    let caller = guard.check(&bearer(OPAQUE)).await.unwrap();
    assert_eq!(caller.principal(), "countersign:granted");
    nobody.as_object_mut().unwrap().remove("client_id");
    issuer.know("other", nobody);
    assert_eq!(word(&guard, "other").await, "claim");
}

// security.md 72: refresh tokens open no API, and a typing error is no question.
#[tokio::test]
async fn a_token_that_no_api_takes_is_refused_without_asking() {
    let (guard, issuer, _) = asking();
    let id = TokenId::from_bytes([7; 16]);
    let composed = |kind| {
        let token = OpaqueToken::compose("csn", kind, &id, &[9; 32]);
        token.expose().to_owned()
    };
    let refresh = composed(OpaqueKind::Refresh);
    issuer.know(&refresh, active());
    assert_eq!(word(&guard, &refresh).await, "not_for_apis");
    assert_eq!(
        word(&guard, &format!("label--{refresh}")).await,
        "not_for_apis"
    );
    let personal = composed(OpaqueKind::PersonalAccess);
    let mut wrong = personal.clone();
    wrong.replace_range(
        wrong.len() - 1..,
        if wrong.ends_with('0') { "1" } else { "0" },
    );
    assert_eq!(word(&guard, &wrong).await, "not_for_apis");
    assert_eq!(issuer.requests(), 0);
    let labelled = format!("anders-2026-11-22--{personal}");
    issuer.know(&labelled, active());
    assert_eq!(word(&guard, &labelled).await, "believed");
}

// Invariant 11: what a secret signed, only its issuer verifies.
#[tokio::test]
async fn a_token_that_is_signed_by_a_secret_is_asked_about() {
    let (guard, issuer, _) = asking();
    let local = Signer::symmetric(SymmetricKey::generate(Algorithm::HS256).unwrap());
    let text = token(&local);
    assert_eq!(word(&guard, &text).await, "inactive");
    let text = built(&token_builder().subject("bob"), &local);
    issuer.know(&text, active());
    let caller = guard.check(&bearer(&text)).await.unwrap();
    // What the issuer says counts, not what the token says.
    assert_eq!(caller.principal(), "alice");
    assert_eq!(caller.how(), How::Introspection);
    assert_eq!(issuer.count("/jwks.json"), 0);
}

#[tokio::test]
async fn signed_tokens_are_asked_about_when_that_is_set() {
    let signer = signer();
    let issuer = ScriptedIssuer::new(&[&signer]);
    let clock = TestClock::new();
    let builder = builder(&issuer, &clock).introspect_with(introspector());
    let guard = builder.introspect_all().build().unwrap();
    let builder = token_builder().subject("alice").id("0123456789abcdef");
    let text = built(&builder.claim("principal", "alice"), &signer);

    // Its rights are those of now: one role less, and no scope at all.
    let mut now = without("scope");
    now["client_id"] = json!("app-1");
    now["roles"] = json!([]);
    issuer.know(&text, now.clone());
    let caller = guard.check(&bearer(&text)).await.unwrap();
    assert_eq!(caller.how(), How::Introspection);
    assert_eq!((caller.scope().count(), caller.roles().count()), (0, 0));
    assert_eq!(caller.claims()["aud"], API);

    // It is known for five seconds, and a revocation is seen then.
    issuer.know(&text, json!({"active": false}));
    assert!(guard.check_at_once(&bearer(&text)).unwrap().is_ok());
    clock.advance(Duration::from_secs(5));
    assert_eq!(word(&guard, &text).await, "inactive");

    // An issuer that says no more than that it is good.
    clock.advance(Duration::from_secs(5));
    issuer.know(&text, json!({"active": true}));
    let caller = guard.check(&bearer(&text)).await.unwrap();
    assert!(caller.has_scope("orders.write") && caller.has_role("Reader"));

    // An answer about another token is none about this.
    for (name, other) in [
        ("sub", json!("mallory")),
        ("iss", json!("https://other.example")),
        ("client_id", json!("app-2")),
        ("jti", json!("another-one")),
    ] {
        clock.advance(Duration::from_secs(5));
        let mut answer = now.clone();
        answer[name] = other;
        issuer.know(&text, answer);
        assert_eq!(word(&guard, &text).await, "other_token", "{name}");
    }

    // Nor does one count that has ended by the word of the issuer.
    clock.advance(Duration::from_secs(5));
    let mut answer = now.clone();
    answer["exp"] = json!(NOW + 30);
    issuer.know(&text, answer);
    assert_eq!(word(&guard, &text).await, "inactive");

    // Nobody is asked about a token whose signature does not hold.
    let asked = issuer.count(INTROSPECT);
    let stranger = token(&crate::scripted::signer());
    assert_eq!(word(&guard, &stranger).await, "key");
    assert_eq!(issuer.count(INTROSPECT), asked);
}
