//! Are keys found, kept and renewed, and is the issuer asked no more than it must be?

use std::time::Duration;

use serde_json::json;

use crate::{TransportError, scripted::*};

const METADATA: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";
const KEYS: &str = "/jwks.json";

fn away() -> Option<Instead> {
    let why = "id.example:443: connection refused".to_owned();
    Some(Instead::Fails(TransportError::Connect(why)))
}

#[tokio::test]
async fn many_callers_make_one_request() {
    let signer = signer();
    let (guard, issuer, _) = setting(&signer);
    issuer.hold(true);
    let text = token(&signer);
    let calls: Vec<_> = (0..100)
        .map(|_| {
            let (guard, head) = (guard.clone(), bearer(&text));
            tokio::spawn(async move { guard.check(&head).await })
        })
        .collect();
    tokio::task::yield_now().await;
    issuer.hold(false);
    for call in calls {
        assert!(call.await.unwrap().is_ok());
    }
    assert_eq!((issuer.count(METADATA), issuer.count(KEYS)), (1, 1));
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_the_others_where_they_were() {
    let signer = signer();
    let (guard, issuer, _) = setting(&signer);
    issuer.hold(true);
    let head = bearer(&token(&signer));
    {
        let first = guard.check(&head);
        tokio::pin!(first);
        assert!(futures_poll(first.as_mut()).await);
    }
    issuer.hold(false);
    assert!(guard.check(&head).await.is_ok());
}

#[tokio::test]
async fn a_caller_that_gives_up_does_not_use_up_the_fetch_that_others_need() {
    let (old, new) = (signer(), signer());
    let (guard, issuer, clock) = setting(&old);
    assert_eq!(word(&guard, &long(&old)).await, "believed");
    clock.advance(Duration::from_secs(60));
    issuer.publish(&[&old, &new]);
    issuer.hold(true);
    let head = bearer(&long(&new));
    {
        let first = guard.check(&head);
        tokio::pin!(first);
        assert!(futures_poll(first.as_mut()).await);
    }
    let second = tokio::spawn({
        let (guard, head) = (guard.clone(), bearer(&long(&new)));
        async move { guard.check(&head).await }
    });
    for _ in 0..10 {
        tokio::task::yield_now().await;
    }
    issuer.hold(false);
    assert!(second.await.unwrap().is_ok());
    assert_eq!(issuer.count(KEYS), 2);
}

/// Polls once; whether it waits.
async fn futures_poll<F: Future>(mut future: std::pin::Pin<&mut F>) -> bool {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(future.as_mut().poll(context).is_pending())
    })
    .await
}

#[tokio::test]
async fn a_key_that_was_rotated_is_fetched_when_a_token_first_names_it() {
    let (old, new) = (signer(), signer());
    let (guard, issuer, clock) = setting(&old);
    assert_eq!(word(&guard, &long(&old)).await, "believed");
    clock.advance(Duration::from_secs(60));
    issuer.publish(&[&old, &new]);
    assert_eq!(word(&guard, &long(&new)).await, "believed");
    assert_eq!(word(&guard, &long(&old)).await, "believed");
    assert_eq!(issuer.count(KEYS), 2);
    // What is withdrawn is believed no longer than the set is kept.
    issuer.publish(&[&new]);
    clock.advance(Duration::from_secs(299));
    assert_eq!(word(&guard, &long(&old)).await, "believed");
    clock.advance(Duration::from_secs(1));
    assert_eq!(word(&guard, &long(&old)).await, "key");
    assert_eq!(word(&guard, &long(&new)).await, "believed");
}

#[tokio::test]
async fn the_last_good_keys_stay_in_use_while_the_issuer_is_away() {
    let signer = signer();
    let (guard, issuer, clock) = setting(&signer);
    let text = long(&signer);
    assert_eq!(word(&guard, &text).await, "believed");
    issuer.always(away());
    // Half a day.
    for _ in 0..720 {
        clock.advance(Duration::from_secs(60));
        assert_eq!(word(&guard, &text).await, "believed");
    }
    // Whether a stranger's key is good, nobody knows now.
    assert_eq!(
        word(&guard, &long(&crate::scripted::signer())).await,
        "unavailable"
    );
    let refused = guard
        .check(&bearer(&long(&crate::scripted::signer())))
        .await;
    let refused = refused.unwrap_err();
    assert_eq!(refused.status(), 503);
    assert!(refused.retry_after().unwrap() >= Duration::from_secs(1));
    // And when it comes back, it is asked again.
    issuer.always(None);
    let new = crate::scripted::signer();
    issuer.publish(&[&new]);
    clock.advance(Duration::from_secs(60));
    assert_eq!(word(&guard, &long(&new)).await, "believed");
    assert_eq!(word(&guard, &text).await, "key");
}

#[tokio::test]
async fn an_issuer_that_was_never_reached_is_not_asked_by_every_caller() {
    let signer = signer();
    let (guard, issuer, clock) = setting(&signer);
    issuer.always(away());
    let text = token(&signer);
    for _ in 0..100 {
        assert_eq!(word(&guard, &text).await, "unavailable");
        clock.advance(Duration::from_millis(100));
    }
    assert!(issuer.requests() <= 6, "{}", issuer.requests());
    issuer.always(None);
    clock.advance(Duration::from_secs(2));
    assert_eq!(word(&guard, &text).await, "believed");
}

#[tokio::test]
async fn an_issuer_that_does_not_answer_costs_a_caller_a_bounded_time() {
    let signer = signer();
    let (guard, issuer, clock) = setting(&signer);
    issuer.always(Some(Instead::Hangs));
    let text = long(&signer);
    let waiting = tokio::spawn({
        let (guard, head) = (guard.clone(), bearer(&text));
        async move { guard.check(&head).await }
    });
    while issuer.requests() == 0 {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    clock.advance(Duration::from_secs(10));
    assert_eq!(waiting.await.unwrap().unwrap_err().word(), "unavailable");

    issuer.always(None);
    clock.advance(Duration::from_secs(2));
    assert_eq!(word(&guard, &text).await, "believed");
    // With good keys at hand the one that asks for newer ones waits for 2 s, and the others for nothing.
    issuer.always(Some(Instead::Hangs));
    clock.advance(Duration::from_secs(300));
    let asked = issuer.requests();
    let elected = tokio::spawn({
        let (guard, head) = (guard.clone(), bearer(&text));
        async move { guard.check(&head).await }
    });
    while issuer.requests() == asked {
        tokio::task::yield_now().await;
    }
    tokio::task::yield_now().await;
    assert!(guard.check_at_once(&bearer(&text)).unwrap().is_ok());
    clock.advance(Duration::from_secs(2));
    assert!(elected.await.unwrap().is_ok());
}

#[tokio::test]
async fn keys_are_kept_fresh_by_a_future_so_that_no_caller_waits() {
    let signer = signer();
    let (guard, issuer, clock) = setting(&signer);
    let fresh = tokio::spawn({
        let guard = guard.clone();
        async move { guard.keep_fresh().await }
    });
    while issuer.count(KEYS) == 0 {
        tokio::task::yield_now().await;
    }
    let text = long(&signer);
    for minute in 1..=60 {
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        let judged = guard.check_at_once(&bearer(&text));
        assert!(judged.expect("nobody waits").is_ok(), "{minute}");
        clock.advance(Duration::from_secs(60));
    }
    let fetched = issuer.count(KEYS);
    assert!((14..=17).contains(&fetched), "{fetched}");
    // A day without the issuer: it goes on asking, and is there when it is back.
    issuer.always(away());
    for _ in 0..100 {
        clock.advance(Duration::from_secs(60));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(guard.check_at_once(&bearer(&text)).unwrap().is_ok());
    }
    fresh.abort();
    assert!(fresh.await.unwrap_err().is_cancelled());
}

// security.md 63, 64
#[tokio::test]
async fn metadata_of_another_issuer_is_refused_byte_for_byte() {
    let signer = signer();
    for other in [
        "https://id.example/",
        "https://ID.example",
        "https://other.example",
        "http://id.example",
    ] {
        let (guard, issuer, _) = setting(&signer);
        issuer.metadata("issuer", json!(other));
        assert_eq!(
            word(&guard, &token(&signer)).await,
            "unavailable",
            "{other}"
        );
        assert_eq!(issuer.count(KEYS), 0, "{other}");
    }
    for insecure in [
        "http://id.example/jwks.json",
        "http://127.0.0.1:1/jwks.json",
        "file:///jwks",
    ] {
        let (guard, issuer, _) = setting(&signer);
        issuer.metadata("jwks_uri", json!(insecure));
        assert_eq!(
            word(&guard, &token(&signer)).await,
            "unavailable",
            "{insecure}"
        );
        assert_eq!(issuer.requests(), 1, "{insecure}");
    }
    let (guard, issuer, _) = setting(&signer);
    issuer.metadata("jwks_uri", json!(null));
    assert_eq!(word(&guard, &token(&signer)).await, "unavailable");
}

#[tokio::test]
async fn the_document_of_openid_connect_is_read_where_there_is_no_other() {
    let signer = signer();
    let (guard, issuer, _) = setting(&signer);
    let document = json!({
        "issuer": ISSUER,
        "token_endpoint": "https://id.example/token",
        "jwks_uri": "https://id.example/jwks.json",
    });
    issuer.next(Instead::Says(says(404, "text/html", "no")));
    issuer.next(Instead::Says(ok(&document)));
    assert_eq!(word(&guard, &token(&signer)).await, "believed");
    assert_eq!((issuer.count(METADATA), issuer.count(OPENID)), (1, 1));
}

// attack B26
#[tokio::test]
async fn an_answer_that_is_no_document_of_the_issuer_is_refused() {
    let signer = signer();
    let redirect = || {
        let mut answer = says(302, "application/json", "{}");
        let elsewhere = http::HeaderValue::from_static("https://mallory.example/");
        answer.headers_mut().insert("Location", elsewhere);
        answer
    };
    let large = || says(200, "application/json", &" ".repeat(2 * 1024 * 1024));
    let page = || says(200, "text/html", "{}");
    let other = || says(200, "application/json", "[1,2");
    let answers: [(&str, &dyn Fn() -> http::Response<bytes::Bytes>); 4] = [
        ("a redirect is not followed", &redirect),
        ("2 MiB are too much", &large),
        ("a page is no document", &page),
        ("half a document is none", &other),
    ];
    for (why, answer) in answers {
        // In the place of the metadata, and in that of the keys.
        for before in [0, 1] {
            let (guard, issuer, clock) = setting(&signer);
            let metadata = json!({
                "issuer": ISSUER,
                "token_endpoint": "https://id.example/token",
                "jwks_uri": "https://id.example/jwks.json",
            });
            for _ in 0..before {
                issuer.next(Instead::Says(ok(&metadata)));
            }
            issuer.next(Instead::Says(answer()));
            assert_eq!(word(&guard, &token(&signer)).await, "unavailable", "{why}");
            assert_eq!(issuer.requests(), before + 1, "{why}");
            // It was that once: the next answer is taken.
            clock.advance(Duration::from_secs(2));
            assert_eq!(word(&guard, &token(&signer)).await, "believed", "{why}");
        }
    }
}

#[tokio::test]
async fn what_the_issuer_asks_to_wait_is_told_and_kept_to() {
    let signer = signer();
    let (guard, issuer, clock) = setting(&signer);
    let mut busy = says(429, "application/json", "{}");
    let wait = http::HeaderValue::from_static("20");
    busy.headers_mut().insert("Retry-After", wait);
    issuer.next(Instead::Says(busy));
    let refused = guard.check(&bearer(&token(&signer))).await.unwrap_err();
    assert_eq!(refused.retry_after(), Some(Duration::from_secs(20)));
    clock.advance(Duration::from_secs(19));
    assert_eq!(word(&guard, &token(&signer)).await, "unavailable");
    assert_eq!(issuer.requests(), 1);
    clock.advance(Duration::from_secs(1));
    assert_eq!(word(&guard, &token(&signer)).await, "believed");
}
