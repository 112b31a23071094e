//! How is the issuer asked about tokens, by whom, how often, and what when it does not answer?

use std::{sync::Arc, time::Duration};

use countersign_proto::{
    certificate::{Certificate, CertificateChain},
    key::LocalKey,
};
use serde_json::json;

use crate::{Introspector, PeerAddress, Refusal, TransportError, scripted::*};

const INTROSPECT: &str = "/introspect";

#[tokio::test]
async fn many_callers_with_one_token_ask_one_question() {
    let (guard, issuer, _) = asking();
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
    let (guard, issuer, clock) = asking();
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
    let (guard, issuer, _) = asking();
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
async fn an_issuer_that_does_not_answer_is_not_the_fault_of_the_caller() {
    for instead in [
        Instead::Fails(TransportError::Connect("refused".to_owned())),
        Instead::Says(says(401, "application/json", "{}")),
        Instead::Says(says(500, "application/json", "{}")),
        Instead::Says(says(302, "application/json", "{\"active\":true}")),
        Instead::Says(says(200, "text/html", "{\"active\":true}")),
        Instead::Says(says(200, "application/json", &" ".repeat(2 << 20))),
    ] {
        let (guard, issuer, clock) = asking();
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
    let (guard, issuer, _) = asking();
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
    let (guard, issuer, clock) = asking();
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
    let (guard, issuer, _) = asking();
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
    let (guard, issuer, _) = asking();
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
async fn from_where_a_token_came_is_told_to_a_platform_and_to_nobody_else() {
    for (api, told) in [(true, Some("192.0.2.7")), (false, None)] {
        let (guard, issuer, _) = asking_for(Duration::ZERO);
        if api {
            issuer.metadata("countersign_api", json!(format!("{ISSUER}/api/v1")));
        }
        issuer.know(OPAQUE, active());
        let mut request = bearer(OPAQUE);
        guard.check(&request).await.unwrap();
        let peer = "[::ffff:192.0.2.7]:4711".parse().unwrap();
        request.extensions.insert(PeerAddress(peer));
        guard.check(&request).await.unwrap();
        let asked = issuer.seen(INTROSPECT);
        assert_eq!(asked[0].form.get("client_address"), None);
        let said = asked[1].form.get("client_address");
        assert_eq!(said.map(String::as_str), told);
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
