//! How long does a caller wait for an issuer that does not answer?

use std::time::Duration;

use crate::scripted::*;

const INTROSPECT: &str = "/introspect";
const OPAQUE: &str = "2YotnFZFEjr1zCsicMWpAA";

// Whoever waited is told what the one met who asked, and does not wait for as long again.
#[tokio::test]
async fn who_waited_for_an_answer_that_did_not_come_does_not_ask_once_more() {
    let issuer = ScriptedIssuer::new(&[]);
    let clock = TestClock::new();
    let builder = builder(&issuer, &clock).introspect_with(introspector());
    let guard = builder.build().unwrap();
    issuer.know("another", active());
    assert!(guard.check(&bearer("another")).await.is_ok());

    issuer.always(Some(Instead::Hangs));
    let ask = || {
        let (guard, head) = (guard.clone(), bearer(OPAQUE));
        tokio::spawn(async move { guard.check(&head).await })
    };
    let first = ask();
    while issuer.count(INTROSPECT) < 2 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(2));
    let second = ask();
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    clock.advance(Duration::from_secs(8));
    assert_eq!(first.await.unwrap().unwrap_err().word(), "unavailable");
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    assert!(second.is_finished());
    assert_eq!(second.await.unwrap().unwrap_err().word(), "unavailable");
    assert_eq!(issuer.count(INTROSPECT), 2);

    // A second later it is asked again.
    issuer.always(None);
    issuer.know(OPAQUE, active());
    clock.advance(Duration::from_secs(1));
    assert!(guard.check(&bearer(OPAQUE)).await.is_ok());
}
