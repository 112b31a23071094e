//! Are withdrawn keys given up and new ones taken, whatever the issuer is like?

use std::{sync::Arc, time::Duration};

use countersign_proto::jwt::Signer;

use crate::{Guard, scripted::*};

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
