//! Who may speak on the socket, what, and for how long?

use std::time::Duration;

use countersign_proto::login::{
    ClientMessage, Hello, LoginErrorCode, LoopbackTarget, Resume, SUBPROTOCOL, ServerBody,
};
use futures_util::{SinkExt as _, StreamExt as _};
use http::StatusCode;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{
    scene::{Scene, TERMINAL, new_key},
    terminal::{
        Offer, called, closed, endpoint, hello, next, open, open_with, send, send_resume, signed,
        welcomed,
    },
};

async fn status(scene: &Scene, headers: &[(&'static str, &str)]) -> StatusCode {
    match open_with(scene, TERMINAL, headers).await {
        Ok(_) => StatusCode::SWITCHING_PROTOCOLS,
        Err(Error::Http(answer)) => answer.status(),
        Err(other) => panic!("{other}"),
    }
}

// security.md 95
#[tokio::test(start_paused = true)]
async fn no_web_page_opens_it() {
    let scene = Scene::new().await;
    let protocol = ("sec-websocket-protocol", SUBPROTOCOL);
    for origin in [
        "https://evil.example",
        "https://platform.example",
        "null",
        "",
        "chrome-extension://abc",
    ] {
        let found = status(&scene, &[protocol, ("origin", origin)]).await;
        assert_eq!(found, StatusCode::FORBIDDEN, "{origin}");
    }
    let found = status(&scene, &[protocol]).await;
    assert_eq!(found, StatusCode::SWITCHING_PROTOCOLS);
}

#[tokio::test(start_paused = true)]
async fn the_subprotocol_is_asked_for() {
    let scene = Scene::new().await;
    for protocol in ["chat", "countersign.login.v2"] {
        let headers = [("sec-websocket-protocol", protocol)];
        assert_eq!(status(&scene, &headers).await, StatusCode::BAD_REQUEST);
    }
    assert_eq!(status(&scene, &[]).await, StatusCode::BAD_REQUEST);
    let several = "chat, countersign.login.v1";
    let headers = [("sec-websocket-protocol", several)];
    assert_eq!(
        status(&scene, &headers).await,
        StatusCode::SWITCHING_PROTOCOLS
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_no_upgrade_is_told_what_it_is() {
    let scene = Scene::new().await;
    let answer = scene.browser().get("/login/socket").await;
    assert_eq!(answer.status, StatusCode::UPGRADE_REQUIRED);
    assert_eq!(answer.headers["upgrade"], "websocket");
}

#[tokio::test(start_paused = true)]
async fn a_terminal_proves_its_key_in_time_or_goes() {
    let scene = Scene::new().await;
    let mut socket = open(&scene, TERMINAL).await;
    welcomed(&mut socket).await;
    let start = Instant::now();
    let answer = next(&mut socket).await.body;
    assert!(
        matches!(
            answer,
            ServerBody::Error {
                code: LoginErrorCode::Expired,
                ..
            }
        ),
        "{answer:?}"
    );
    assert_eq!(closed(&mut socket).await, 4008);
    assert_eq!(start.elapsed().as_secs(), 10);
}

#[tokio::test(start_paused = true)]
async fn pings_buy_no_time_for_a_proof() {
    let scene = Scene::new().await;
    let mut socket = open(&scene, TERMINAL).await;
    welcomed(&mut socket).await;
    let start = Instant::now();
    let mut pings = tokio::time::interval(Duration::from_secs(1));
    while start.elapsed() < Duration::from_secs(9) {
        pings.tick().await;
        socket.send(Message::Ping(Vec::new().into())).await.unwrap();
    }
    assert_eq!(called(&next(&mut socket).await.body), "error");
    assert_eq!(closed(&mut socket).await, 4008);
    assert_eq!(start.elapsed().as_secs(), 10);
}

// security.md 96
#[tokio::test(start_paused = true)]
async fn the_endpoint_is_encrypted() {
    let scene = Scene::new().await;
    assert_eq!(
        endpoint(&scene).as_str(),
        "wss://platform.example/login/socket"
    );
}

#[tokio::test(start_paused = true)]
async fn a_proof_is_good_for_one_connection() {
    let scene = Scene::new().await;
    let key = new_key();
    let mut first = open(&scene, TERMINAL).await;
    let nonce = welcomed(&mut first).await;
    let told = hello(&scene, &Offer::default(), nonce);
    let jws = told
        .mint(&*key, scene.world.now(), "jti of a hello")
        .unwrap();
    // Somebody else sends it on his own connection, before or after.
    for _ in 0..2 {
        let mut second = open(&scene, TERMINAL).await;
        welcomed(&mut second).await;
        send(&mut second, &ClientMessage::Hello { jws: jws.clone() }).await;
        assert_refused(&mut second, LoginErrorCode::BadProof).await;
    }
    send(&mut first, &ClientMessage::Hello { jws }).await;
    assert_eq!(called(&next(&mut first).await.body), "session");
}

#[tokio::test(start_paused = true)]
async fn a_hello_for_another_platform_is_none() {
    let scene = Scene::new().await;
    let mut socket = open(&scene, TERMINAL).await;
    let nonce = welcomed(&mut socket).await;
    let told = Hello {
        htu: "wss://other.example/login/socket".parse().unwrap(),
        ..hello(&scene, &Offer::default(), nonce)
    };
    let jws = told
        .mint(&*new_key(), scene.world.now(), "jti of a hello")
        .unwrap();
    send(&mut socket, &ClientMessage::Hello { jws }).await;
    assert_refused(&mut socket, LoginErrorCode::BadProof).await;
}

async fn assert_refused(
    socket: &mut tokio_tungstenite::WebSocketStream<tokio::io::DuplexStream>,
    expected: LoginErrorCode,
) {
    let answer = next(socket).await.body;
    let ServerBody::Error { code, fatal, .. } = answer else {
        panic!("{answer:?}");
    };
    assert!(fatal);
    assert_eq!(code, expected);
    assert_eq!(closed(socket).await, expected.close_code());
}

// login.md R3
#[tokio::test(start_paused = true)]
async fn only_the_key_that_began_comes_back() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let sid = terminal.sid.clone();
    let wrong_key = new_key();
    for (key, sid) in [
        (&wrong_key, sid.clone()),
        (&terminal.key, "AAAAAAAAAAAAAAAAAAAAAA".to_owned()),
        (&terminal.key, terminal.handle().to_owned()),
    ] {
        let mut socket = open(&scene, TERMINAL).await;
        let nonce = welcomed(&mut socket).await;
        let resume = Resume {
            nonce,
            htu: endpoint(&scene),
            sid,
            last_seq: 1,
        };
        send_resume(&scene, &mut socket, &resume, key).await;
        assert_refused(&mut socket, LoginErrorCode::BadProof).await;
    }
    // It has disturbed nobody.
    let mut terminal = terminal.cut().back(&scene).await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    terminal.finish().await;
}

// login.md R3
#[tokio::test(start_paused = true)]
async fn a_resume_of_another_connection_is_none() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let mut first = open(&scene, TERMINAL).await;
    let old = Resume {
        nonce: welcomed(&mut first).await,
        htu: endpoint(&scene),
        sid: terminal.sid.clone(),
        last_seq: 1,
    };
    for _ in 0..2 {
        let mut second = open(&scene, TERMINAL).await;
        welcomed(&mut second).await;
        send_resume(&scene, &mut second, &old, &terminal.key).await;
        assert_refused(&mut second, LoginErrorCode::BadProof).await;
    }
}

#[tokio::test(start_paused = true)]
async fn nobody_comes_back_for_what_was_never_told() {
    let scene = Scene::new().await;
    for last_seq in [0, 2, 1 << 40] {
        let terminal = scene.terminal().await;
        let mut socket = open(&scene, TERMINAL).await;
        let resume = Resume {
            nonce: welcomed(&mut socket).await,
            htu: endpoint(&scene),
            sid: terminal.sid.clone(),
            last_seq,
        };
        send_resume(&scene, &mut socket, &resume, &terminal.key).await;
        assert_refused(&mut socket, LoginErrorCode::NotExpected).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_proof_comes_once() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    terminal
        .send(ClientMessage::Hello {
            jws: "a.b.c".to_owned(),
        })
        .await;
    assert_eq!(terminal.failed().await, LoginErrorCode::NotExpected);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_message_ends_the_connection_and_not_the_sign_in() {
    let scene = Scene::new().await;
    let messages = [
        Message::text("{"),
        Message::text(r#"{"type":"accept","more":1}"#),
        Message::text(r#"{"type":"confirm","bind":"code","value":"no code"}"#),
        Message::binary("binary".as_bytes()),
    ];
    for message in messages {
        let mut terminal = scene.terminal().await;
        terminal.socket.send(message).await.unwrap();
        assert_eq!(terminal.failed().await, LoginErrorCode::BadMessage);
        let mut terminal = terminal.cut().back(&scene).await;
        let value = scene.allowed(&mut terminal, "anna").await;
        terminal.confirm(&value).await;
        terminal.finish().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_too_large_ends_the_connection() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let lost = terminal.elsewhere();
    let mut socket = terminal.socket;
    socket
        .send(Message::text("x".repeat(8 * 1024 + 1)))
        .await
        .unwrap();
    assert!(!matches!(
        socket.next().await,
        Some(Ok(Message::Text(_) | Message::Binary(_)))
    ));
    lost.back(&scene).await;
}

#[tokio::test(start_paused = true)]
async fn whoever_sends_without_end_is_sent_away() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    for _ in 0..1024 {
        let ping = Message::Ping(Vec::new().into());
        if terminal.socket.send(ping).await.is_err() {
            break;
        }
    }
    assert_eq!(terminal.failed().await, LoginErrorCode::TooMany);
}

#[tokio::test(start_paused = true)]
async fn an_idle_terminal_is_asked_and_stays() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let start = Instant::now();
    let mut pings = Vec::new();
    while start.elapsed() < Duration::from_secs(100) {
        match terminal.socket.next().await {
            Some(Ok(Message::Ping(_))) => pings.push(start.elapsed().as_secs()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(pings, [25, 50, 75, 100]);
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_is_silent_counts_as_gone() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    // Nobody reads, so nobody answers the pings.
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(sockets(&scene), 1);
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert_eq!(sockets(&scene), 0);
    // It may come back within its time, which has begun.
    let mut terminal = terminal.cut().back(&scene).await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    terminal.finish().await;
}

fn sockets(scene: &Scene) -> u32 {
    let text = scene.world.platform.metrics().render();
    let line = text
        .lines()
        .find(|line| line.starts_with("countersign_login_sockets "));
    let (_, number) = line.unwrap().split_once(' ').unwrap();
    number.parse().unwrap()
}

// security.md 88
#[tokio::test(start_paused = true)]
async fn ports_that_no_browser_is_sent_to_are_refused() {
    let scene = Scene::new().await;
    let good = LoopbackTarget::new(43_210, &"A".repeat(22)).unwrap();
    for port in [22, 80, 1023, 6379, 6000] {
        let mut socket = open(&scene, TERMINAL).await;
        let nonce = welcomed(&mut socket).await;
        let told = hello(
            &scene,
            &Offer {
                loopback: Some(good.clone()),
                ..Offer::default()
            },
            nonce,
        );
        let jws = signed(&scene, &told, |claims| {
            claims["loopback"]["port"] = port.into();
        });
        send(&mut socket, &ClientMessage::Hello { jws }).await;
        assert_refused(&mut socket, LoginErrorCode::Policy).await;
    }
}
