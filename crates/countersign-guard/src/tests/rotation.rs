//! Are withdrawn keys given up and new ones taken, whatever the issuer is like?

use std::{sync::Arc, time::Duration};

use countersign_proto::jwt::Signer;
use serde_json::Value;

use crate::{Guard, TransportError, scripted::*};

const KEYS: &str = "/jwks.json";

fn setting(signer: &Signer) -> (Guard, Arc<ScriptedIssuer>, Arc<TestClock>) {
    let issuer = ScriptedIssuer::new(&[signer]);
    let clock = TestClock::new();
    let guard = builder(&issuer, &clock).build().unwrap();
    (guard, issuer, clock)
}

async fn word(guard: &Guard, token: &str) -> &'static str {
    match guard.check(&bearer(token)).await {
        Ok(_) => "believed",
        Err(refusal) => refusal.word(),
    }
}

fn long(signer: &Signer) -> String {
    let builder = token_builder().lifetime(Duration::from_secs(86_400));
    built(&builder, signer)
}

/// A set as published by an issuer that names no key.
fn unnamed(signers: &[&Signer]) -> Value {
    let mut set = published(signers);
    for key in set["keys"].as_array_mut().unwrap() {
        key.as_object_mut().unwrap().remove("kid");
    }
    set
}

// A caller waits for 2 s and no longer, and the answer that comes later counts.
#[tokio::test]
async fn a_key_that_a_slow_issuer_withdrew_is_not_believed_when_its_answer_is_there() {
    let (old, new) = (signer(), signer());
    let (guard, issuer, clock) = setting(&old);
    let text = long(&old);
    assert_eq!(word(&guard, &text).await, "believed");
    issuer.publish(&[&new]);
    clock.advance(Duration::from_secs(301));
    issuer.hold(true);
    let elected = tokio::spawn({
        let (guard, head) = (guard.clone(), bearer(&text));
        async move { guard.check(&head).await }
    });
    while issuer.count(KEYS) < 2 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    clock.advance(Duration::from_secs(2));
    assert!(elected.await.unwrap().is_ok());
    clock.advance(Duration::from_secs(1));
    issuer.hold(false);
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert_eq!(word(&guard, &text).await, "key");
    assert_eq!(issuer.count(KEYS), 2 + 1);
}

// `kid` is optional (RFC 7517 §4.5).
#[tokio::test]
async fn the_new_key_of_an_issuer_that_names_none_is_taken_at_once() {
    let (old, new) = (signer(), signer());
    let (guard, issuer, clock) = setting(&old);
    issuer.publish_text(unnamed(&[&old]));
    assert_eq!(word(&guard, &long(&old)).await, "believed");
    issuer.publish_text(unnamed(&[&new]));
    assert_eq!(word(&guard, &long(&new)).await, "believed");
    assert_eq!(word(&guard, &long(&old)).await, "signature");
    // While the issuer is away nobody is called bad for its key, and good ones are judged.
    let why = TransportError::Connect("id.example:443".to_owned());
    issuer.always(Some(Instead::Fails(why)));
    clock.advance(Duration::from_secs(100));
    assert_eq!(word(&guard, &long(&old)).await, "unavailable");
    assert_eq!(word(&guard, &long(&new)).await, "believed");
}

#[tokio::test]
async fn forgeries_of_an_unnamed_key_make_a_bounded_number_of_fetches() {
    let signer = signer();
    let (guard, issuer, _) = setting(&signer);
    issuer.publish_text(unnamed(&[&signer]));
    assert_eq!(word(&guard, &long(&signer)).await, "believed");
    let fetched = issuer.count(KEYS);
    for _ in 0..100 {
        let stranger = long(&crate::scripted::signer());
        assert_ne!(word(&guard, &stranger).await, "believed");
    }
    assert!(issuer.count(KEYS) <= fetched + 4);
    assert_eq!(word(&guard, &long(&signer)).await, "believed");
}
