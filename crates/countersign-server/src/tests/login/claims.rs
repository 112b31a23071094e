//! What becomes of what a terminal says about itself?

use countersign_proto::login::{ClientMessage, ServerBody};
use futures_util::StreamExt as _;
use tokio_tungstenite::tungstenite::Message;

use super::{
    browser::text,
    scene::{Scene, TERMINAL},
    terminal::{Offer, hello, next, open, send, signed, welcomed},
};

#[tokio::test(start_paused = true)]
async fn what_a_terminal_says_about_itself_is_shown_and_never_believed() {
    let scene = Scene::new().await;
    let mut offer = Offer::default();
    offer.client.name = "<script>alert(1)</script>".to_owned();
    offer.client.host = "a\u{202e}b\u{1b}[2J\r\nc\"onclick=x".to_owned();
    offer.client.user = "x".repeat(64);
    offer.client.os = "'\"&<>".to_owned();
    let terminal = scene.terminal_that(offer).await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    let shown = text(&browser.review(&terminal).await);
    assert!(!shown.contains("<script>alert"), "{shown}");
    assert!(!shown.contains("\"onclick"), "{shown}");
    assert!(!shown.contains(['\u{202e}', '\u{1b}', '\r']), "{shown}");
    assert!(shown.contains(&"x".repeat(64)), "{shown}");
    let (_, claims) = shown.split_once("says about itself").unwrap();
    assert_eq!(claims.matches("<bdi>").count(), 4, "{claims}");
    // Nothing of it stands in a command that a person is told to run.
    browser.allow(&terminal).await;
    let shown = text(&browser.review(&terminal).await);
    assert!(shown.contains("ssh -L 43210:127.0.0.1:43210 OTHER-MACHINE<"));
    assert!(
        !shown.contains("onclick") && !shown.contains("xxxx"),
        "{shown}"
    );
}

// attacks A23 and C8
#[tokio::test(start_paused = true)]
async fn a_terminal_that_cleans_and_cuts_nothing_is_cleaned_and_cut_here() {
    let scene = Scene::new().await;
    let mut socket = open(&scene, TERMINAL).await;
    let nonce = welcomed(&mut socket).await;
    let told = hello(&scene, &Offer::default(), nonce);
    let jws = signed(&scene, &told, |claims| {
        claims["client"] = serde_json::json!({
            "name": "n".repeat(3_000),
            "host": "a\u{202e}b\u{1b}[2J\r\n\u{200b}c",
            "user": "\u{0}<img src=x>",
        });
    });
    send(&mut socket, &ClientMessage::Hello { jws }).await;
    let ServerBody::Session { url, .. } = next(&mut socket).await.body else {
        panic!("no session");
    };
    let mut browser = scene.browser();
    browser.site = "cross-site";
    let shown = text(&browser.get(url.path()).await);
    let (_, claims) = shown.split_once("says about itself").unwrap();
    assert!(claims.contains(&format!("<bdi>{}</bdi>", "n".repeat(64))));
    assert!(claims.contains("<bdi>ab[2Jc</bdi>"), "{claims}");
    assert!(
        claims.contains("<bdi>&#60;img src=x&#62;</bdi>"),
        "{claims}"
    );
    assert!(claims.contains("<bdi>says nothing</bdi>"), "{claims}");
}

// attacks A23 and C8
#[tokio::test(start_paused = true)]
async fn ten_thousand_letters_are_no_message() {
    let scene = Scene::new().await;
    let mut socket = open(&scene, TERMINAL).await;
    let nonce = welcomed(&mut socket).await;
    let told = hello(&scene, &Offer::default(), nonce);
    let jws = signed(&scene, &told, |claims| {
        claims["client"]["name"] = "n".repeat(10_000).into();
    });
    send(&mut socket, &ClientMessage::Hello { jws }).await;
    let answer = socket.next().await;
    assert!(!matches!(answer, Some(Ok(Message::Text(_)))), "{answer:?}");
}
