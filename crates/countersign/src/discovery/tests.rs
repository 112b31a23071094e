//! Is only the right document believed, and is it kept as long as it should be?

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::{
    TransportError,
    scripted::{
        APP, Answer, ISSUER, Pair, Scripted, TestClock, answer, granted, metadata, ok, with_header,
    },
};

fn client_of(issuer: &str, server: &Arc<Scripted>, clock: &Arc<TestClock>) -> crate::Client {
    crate::Client::builder(issuer, APP, Pair::new("Corellian").credential())
        .transport(server.clone())
        .clock(clock.clone())
        .build()
        .unwrap()
}

fn serving(
    metadata: impl FnMut(usize, &crate::scripted::Asked) -> Answer + Send + 'static,
) -> Arc<Scripted> {
    Scripted::with_metadata(metadata, |_, _| Answer::Is(granted("t")))
}

fn document_of(issuer: &str) -> Value {
    let mut document = metadata();
    document["issuer"] = issuer.into();
    document
}

fn missing() -> http::Response<Bytes> {
    answer(404, &json!({}))
}

#[tokio::test(start_paused = true)]
async fn the_path_is_inserted_and_then_appended() {
    let issuer = "https://platform.example/realms/one";
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = Arc::clone(&seen);
    let server = serving(move |number, asked| {
        log.lock().unwrap().push(asked.url.to_string());
        Answer::Is(match number {
            1 => missing(),
            _ => ok(&document_of(issuer)),
        })
    });
    let client = client_of(issuer, &server, &TestClock::new());
    client.metadata().await.unwrap();
    assert_eq!(
        *seen.lock().unwrap(),
        [
            "https://platform.example/.well-known/oauth-authorization-server/realms/one",
            "https://platform.example/realms/one/.well-known/openid-configuration",
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_where_the_document_should_be_is_passed_over() {
    let page = http::Response::builder()
        .header("content-type", "text/html")
        .body(Bytes::from("<!doctype html>"))
        .unwrap();
    let server = serving(move |number, _| {
        Answer::Is(match number {
            1 => page.clone(),
            _ => ok(&metadata()),
        })
    });
    let client = client_of(ISSUER, &server, &TestClock::new());
    client.metadata().await.unwrap();
}

// security.md 64
#[tokio::test(start_paused = true)]
async fn an_issuer_that_differs_in_one_byte_is_refused() {
    for found in [
        "https://platform.example/",
        "https://Platform.example",
        "https://platform.example:443",
        "http://platform.example",
        "https://platform.example.evil.example",
        "",
    ] {
        let server = serving(move |number, _| {
            Answer::Is(match number {
                1 => ok(&document_of(found)),
                _ => missing(),
            })
        });
        let client = client_of(ISSUER, &server, &TestClock::new());
        let error = client.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{found}");
        assert!(error.hint().unwrap().contains("exactly"), "{error}");
        assert_eq!(server.count(), 0, "{found}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed() {
    let server = serving(|_, _| {
        Answer::Is(with_header(
            answer(302, &json!({})),
            "location",
            "https://evil.example/",
        ))
    });
    let client = client_of(ISSUER, &server, &TestClock::new());
    let error = client.metadata().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    assert!(error.to_string().contains("redirect"), "{error}");
    // One for each of the two addresses, none for where they point.
    assert_eq!(server.discoveries(), 2);
}

// security.md B26
#[tokio::test(start_paused = true)]
async fn what_is_too_long_or_takes_too_long_is_refused() {
    let mut bomb = metadata();
    bomb["padding"] = "x".repeat(1024 * 1024).into();
    let server = serving(move |_, _| Answer::Is(ok(&bomb)));
    let error = client_of(ISSUER, &server, &TestClock::new())
        .metadata()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server, "{error}");

    let clock = TestClock::new();
    let server = serving(|number, _| match number {
        1 => Answer::Hangs,
        _ => Answer::Is(ok(&metadata())),
    });
    let client = client_of(ISSUER, &server, &clock);
    client.metadata().await.unwrap();
    let waited = clock.elapsed();
    assert!(waited >= Duration::from_secs(10) && waited < Duration::from_secs(11));
}

#[tokio::test(start_paused = true)]
async fn a_document_without_a_secure_token_endpoint_is_refused() {
    for endpoint in [
        "http://platform.example/token",
        "ftp://platform.example/",
        "",
    ] {
        let mut document = metadata();
        document["token_endpoint"] = endpoint.into();
        let server = serving(move |_, _| Answer::Is(ok(&document)));
        let client = client_of(ISSUER, &server, &TestClock::new());
        client.token().await.unwrap_err();
        assert_eq!(server.count(), 0, "{endpoint}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_document_is_kept_for_an_hour() {
    let server = serving(|_, _| Answer::Is(ok(&metadata())));
    let client = client_of(ISSUER, &server, &TestClock::new());
    for _ in 0..10 {
        client.renew().await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(3599)).await;
    client.renew().await.unwrap();
    assert_eq!(server.discoveries(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    client.renew().await.unwrap();
    assert_eq!(server.discoveries(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_last_good_document_stays_in_use_when_it_cannot_be_fetched_again() {
    let server = serving(|number, _| match number {
        1 => Answer::Is(ok(&metadata())),
        2 => Answer::Fails(TransportError::Timeout),
        3 => Answer::Is(ok(&document_of("https://evil.example"))),
        _ => Answer::Is(missing()),
    });
    let client = client_of(ISSUER, &server, &TestClock::new());
    client.renew().await.unwrap();
    tokio::time::sleep(Duration::from_secs(3601)).await;
    client.renew().await.unwrap();
    client.renew().await.unwrap();
    assert_eq!(server.discoveries(), 2);
    tokio::time::sleep(Duration::from_secs(61)).await;
    client.renew().await.unwrap();
    assert_eq!(server.discoveries(), 4);
    assert_eq!(server.count(), 4);
}

#[tokio::test(start_paused = true)]
async fn callers_at_once_fetch_it_once() {
    let server = serving(|_, _| Answer::Later(Duration::from_millis(20), ok(&metadata())));
    let client = client_of(ISSUER, &server, &TestClock::new());
    let all = futures_util::future::join_all((0..100).map(|_| client.metadata())).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(server.discoveries(), 1);
}
