//! Is an opaque token believed when its issuer says so, and for no longer than that is known?

use std::{sync::Arc, time::Duration};

use countersign_proto::{
    certificate::{Certificate, CertificateChain},
    jwt::{Algorithm, Signer, SymmetricKey},
    key::LocalKey,
    opaque::{OpaqueKind, OpaqueToken, TokenId},
    token::TokenKind,
};
use serde_json::{Value, json};

use crate::{Guard, How, Introspector, Refusal, TransportError, scripted::*};

const INTROSPECT: &str = "/introspect";
const OPAQUE: &str = "2YotnFZFEjr1zCsicMWpAA";

fn setting() -> (Guard, Arc<ScriptedIssuer>, Arc<TestClock>) {
    kept_for(Duration::from_secs(5))
}

fn kept_for(kept: Duration) -> (Guard, Arc<ScriptedIssuer>, Arc<TestClock>) {
    let issuer = ScriptedIssuer::new(&[]);
    let clock = TestClock::new();
    let builder = builder(&issuer, &clock).introspect_with(introspector());
    let guard = builder.opaque_cache(kept).build().unwrap();
    (guard, issuer, clock)
}

async fn word(guard: &Guard, token: &str) -> &'static str {
    match guard.check(&bearer(token)).await {
        Ok(_) => "believed",
        Err(refusal) => refusal.word(),
    }
}

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
    let (guard, issuer, _) = setting();
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
    let (guard, issuer, clock) = setting();
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

    let (guard, issuer, clock) = setting();
    issuer.know(OPAQUE, with("exp", json!(NOW + 2)));
    assert_eq!(word(&guard, OPAQUE).await, "believed");
    clock.advance(Duration::from_secs(1));
    assert!(guard.check_at_once(&bearer(OPAQUE)).unwrap().is_ok());
    clock.advance(Duration::from_secs(1));
    // An issuer that still calls it active is not believed either.
    assert_eq!(word(&guard, OPAQUE).await, "expired");
    // The time of day set back does not make an old answer young.
    let (guard, issuer, clock) = setting();
    issuer.know(OPAQUE, active());
    assert_eq!(word(&guard, OPAQUE).await, "believed");
    clock.set_off(-3600);
    clock.advance(Duration::from_secs(5));
    assert!(guard.check_at_once(&bearer(OPAQUE)).is_none());
}

// security.md 76, 79
#[tokio::test]
async fn without_a_cache_each_request_asks_anew() {
    let (guard, issuer, _) = kept_for(Duration::ZERO);
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
    let (guard, issuer, clock) = setting();
    assert_eq!(word(&guard, OPAQUE).await, "inactive");
    issuer.know(OPAQUE, active());
    clock.advance(Duration::from_millis(999));
    assert_eq!(word(&guard, OPAQUE).await, "inactive");
    assert_eq!(issuer.count(INTROSPECT), 1);
    clock.advance(Duration::from_millis(1));
    assert_eq!(word(&guard, OPAQUE).await, "believed");
}

#[tokio::test]
async fn many_callers_with_one_token_ask_one_question() {
    let (guard, issuer, _) = setting();
    issuer.know(OPAQUE, active());
    issuer.hold(true);
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let guard = guard.clone();
            tokio::spawn(async move { guard.check(&bearer(OPAQUE)).await })
        })
        .collect();
    tokio::task::yield_now().await;
    issuer.hold(false);
    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
    assert_eq!(issuer.count(INTROSPECT), 1);
}

// A waiter is not told what was asked longer ago than an answer is kept.
#[tokio::test]
async fn whoever_comes_long_after_the_question_asks_anew() {
    let (guard, issuer, clock) = setting();
    issuer.know(OPAQUE, active());
    assert_eq!(word(&guard, "first").await, "inactive");
    issuer.hold(true);
    let call = || {
        let guard = guard.clone();
        tokio::spawn(async move { guard.check(&bearer(OPAQUE)).await })
    };
    let early = call();
    while issuer.count(INTROSPECT) < 2 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(5));
    let late = call();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    issuer.know(OPAQUE, json!({"active": false}));
    issuer.hold(false);
    assert!(early.await.unwrap().is_ok());
    assert_eq!(late.await.unwrap().unwrap_err(), Refusal::Inactive);
    assert_eq!(issuer.count(INTROSPECT), 3);
}

#[tokio::test]
async fn the_number_of_answers_that_are_known_is_bounded() {
    let (guard, issuer, _) = setting();
    for number in 0..30_000 {
        assert_eq!(
            word(&guard, &format!("stranger-{number}")).await,
            "inactive"
        );
    }
    assert_eq!(issuer.count(INTROSPECT), 30_000);
    let known = (0..30_000)
        .filter(|number| {
            let head = bearer(&format!("stranger-{number}"));
            guard.check_at_once(&head).is_some()
        })
        .count();
    assert!((1..=10_000).contains(&known), "{known}");
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
        let (guard, issuer, _) = setting();
        issuer.know(OPAQUE, answer.clone());
        assert_eq!(word(&guard, OPAQUE).await, wanted, "{answer}");
    }
    let mut nobody = without("sub");
    nobody.as_object_mut().unwrap().remove("principal");
    let (guard, issuer, _) = setting();
    issuer.know(OPAQUE, nobody.clone());
    let caller = guard.check(&bearer(OPAQUE)).await.unwrap();
    assert_eq!(caller.principal(), "countersign:granted");
    nobody.as_object_mut().unwrap().remove("client_id");
    issuer.know("other", nobody);
    assert_eq!(word(&guard, "other").await, "claim");
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_is_not_the_fault_of_the_caller() {
    for instead in [
        Instead::Fails(TransportError::Connect("refused".to_owned())),
        Instead::Says(says(401, "application/json", "{}")),
        Instead::Says(says(500, "application/json", "{}")),
        Instead::Says(says(302, "application/json", "{\"active\":true}")),
        Instead::Says(says(200, "text/html", "{\"active\":true}")),
        Instead::Says(says(200, "application/json", &" ".repeat(2 << 20))),
    ] {
        let (guard, issuer, clock) = setting();
        issuer.know(OPAQUE, active());
        assert_eq!(word(&guard, "first").await, "inactive");
        issuer.always(Some(instead));
        let refused = guard.check(&bearer(OPAQUE)).await.unwrap_err();
        assert_eq!(
            (refused.word(), refused.status().as_u16()),
            ("unavailable", 503)
        );
        let asked = issuer.count(INTROSPECT);
        assert_eq!(word(&guard, OPAQUE).await, "unavailable");
        assert_eq!(issuer.count(INTROSPECT), asked);
        issuer.always(None);
        clock.advance(Duration::from_secs(1));
        assert_eq!(word(&guard, OPAQUE).await, "believed");
    }
    // A connection that was kept for too long breaks: the question is put once more.
    let (guard, issuer, _) = setting();
    issuer.know(OPAQUE, active());
    assert_eq!(word(&guard, "first").await, "inactive");
    let broken = || Instead::Fails(TransportError::Interrupted("reset".to_owned()));
    issuer.next(broken());
    assert_eq!(word(&guard, OPAQUE).await, "believed");
    issuer.know("other", active());
    issuer.next(broken());
    issuer.next(broken());
    assert_eq!(word(&guard, "other").await, "unavailable");
}

#[tokio::test]
async fn many_callers_do_not_wait_one_after_the_other_for_an_issuer_that_hangs() {
    let (guard, issuer, clock) = setting();
    issuer.always(Some(Instead::Hangs));
    let calls: Vec<_> = (0..200)
        .map(|number| {
            let guard = guard.clone();
            let head = bearer(&format!("token-{number}"));
            tokio::spawn(async move { guard.check(&head).await })
        })
        .collect();
    for _ in 0..15 {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
        clock.advance(Duration::from_secs(1));
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().word(), "unavailable");
    }
    assert!(issuer.requests() <= 128, "{}", issuer.requests());
}

#[tokio::test]
async fn what_the_one_who_asked_met_is_told_to_all_who_waited() {
    let (guard, issuer, _) = setting();
    let why = TransportError::Connect("refused".to_owned());
    issuer.always(Some(Instead::Fails(why)));
    issuer.hold(true);
    let calls: Vec<_> = (0..50)
        .map(|number| {
            let (guard, head) = (guard.clone(), bearer(&format!("token-{number}")));
            tokio::spawn(async move { guard.check(&head).await })
        })
        .collect();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    issuer.hold(false);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().word(), "unavailable");
    }
    assert_eq!(issuer.requests(), 1);
}

#[tokio::test]
async fn the_number_of_questions_under_way_is_bounded() {
    let (guard, issuer, _) = setting();
    assert_eq!(word(&guard, "first").await, "inactive");
    issuer.hold(true);
    let calls: Vec<_> = (0..200)
        .map(|number| {
            let (guard, head) = (guard.clone(), bearer(&format!("token-{number}")));
            tokio::spawn(async move { guard.check(&head).await })
        })
        .collect();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(issuer.count(INTROSPECT), 1 + 64);
    issuer.hold(false);
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap_err().word(), "inactive");
    }
    assert_eq!(issuer.count(INTROSPECT), 201);
}

// security.md 72: refresh tokens open no API, and a typing error is no question.
#[tokio::test]
async fn a_token_that_no_api_takes_is_refused_without_asking() {
    let (guard, issuer, _) = setting();
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
    let (guard, issuer, _) = setting();
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

fn fixture() -> (CertificateChain, LocalKey) {
    let certificate = include_str!("../../../countersign-testkit/fixtures/resource.pem");
    let key = include_str!("../../../countersign-testkit/fixtures/resource.key");
    let leaf = Certificate::all_from_pem(certificate).unwrap().remove(0);
    (
        CertificateChain::new(leaf, Vec::new()),
        LocalKey::from_pem(key).unwrap(),
    )
}

// security.md 28, 37, 48, 73
#[tokio::test]
async fn the_guard_says_who_asks_by_an_assertion() {
    let (chain, key) = fixture();
    let sha256 = chain.leaf().sha256().to_base64url();
    let bare = signer();
    for (introspector, kid) in [
        (
            Introspector::certificate("orders-api", chain, Arc::new(key)),
            None,
        ),
        (Introspector::key("orders-api", bare.clone()), bare.kid()),
    ] {
        let issuer = ScriptedIssuer::new(&[]);
        let builder = builder(&issuer, &TestClock::new()).introspect_with(introspector);
        let guard = builder.opaque_cache(Duration::ZERO).build().unwrap();
        issuer.know(OPAQUE, active());
        assert_eq!(word(&guard, OPAQUE).await, "believed");
        assert_eq!(word(&guard, OPAQUE).await, "believed");
        let asked = issuer.seen(INTROSPECT);
        assert!(!asked[0].headers.contains_key("authorization"));
        assert_eq!(asked[0].form["client_id"], "orders-api");
        let [first, second] = [asked[0].assertion(), asked[1].assertion()];
        assert_eq!(first.header["typ"], "client-authentication+jwt");
        assert_eq!(first.header["alg"], "ES256");
        assert_eq!(first.claims["iss"], "orders-api");
        assert_eq!(first.claims["sub"], "orders-api");
        assert_eq!(first.claims["aud"], ISSUER);
        let life = first.claims["exp"].as_u64().unwrap() - first.claims["iat"].as_u64().unwrap();
        assert_eq!(life, 60);
        assert_ne!(first.claims["jti"], second.claims["jti"]);
        match kid {
            Some(kid) => assert_eq!(first.header["kid"], kid),
            None => assert_eq!(first.header["x5t#S256"], json!(sha256)),
        }
    }
}

#[tokio::test]
async fn a_guard_that_has_no_token_of_its_own_asks_nobody() {
    let issuer = ScriptedIssuer::new(&[]);
    let nobody = Introspector::token(|| async { Err("the disk is full".to_owned()) });
    let builder = builder(&issuer, &TestClock::new()).introspect_with(nobody);
    let guard = builder.build().unwrap();
    assert_eq!(word(&guard, OPAQUE).await, "unavailable");
    assert_eq!(issuer.count(INTROSPECT), 0);
}
