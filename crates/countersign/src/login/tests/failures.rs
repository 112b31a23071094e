//! How does a login end that does not give a token?

use tokio_tungstenite::tungstenite::Message;

use super::*;

#[tokio::test]
async fn a_fatal_error_is_told_by_its_code() {
    use LoginErrorCode as Code;
    for (code, kind) in [
        (Code::Denied, ErrorKind::Denied),
        (Code::Reported, ErrorKind::Denied),
        (Code::Cancelled, ErrorKind::Denied),
        (Code::Expired, ErrorKind::Expired),
        (Code::Policy, ErrorKind::Policy),
        (Code::IdentityRejected, ErrorKind::IdentityRejected),
        (Code::Superseded, ErrorKind::Conflict),
        (Code::BadMessage, ErrorKind::Server),
        (Code::BadProof, ErrorKind::Server),
        (Code::NotExpected, ErrorKind::Server),
        (Code::TooMany, ErrorKind::Policy),
        (Code::Other("moon".to_owned()), ErrorKind::Server),
    ] {
        let mut pair = Pair::new().await;
        let (mut login, mut peer) = pair.begin(by_code()).await;
        peer.tell(error(code.clone(), true)).await;
        let ended = login.next().await.unwrap_err();
        assert_eq!(ended.kind(), kind, "{code}");
        assert_eq!(ended.login(), Some(&code));
        assert_eq!(
            ended.to_string(),
            format!(
                "{} ended the login: {code}: because (support id s-1)",
                pair.platform.issuer()
            )
        );
        // It stays ended.
        assert_eq!(login.next().await.unwrap_err().kind(), kind);
        assert!(login.confirm_code("BCDF-GHJK").await.is_err());
        // A connection that was closed for a reason is not opened again.
        let mut pair = Pair::new().await;
        let (mut login, mut peer) = pair.begin(by_code()).await;
        peer.close(code.close_code()).await;
        match login.next().await {
            Err(ended) => assert_eq!(ended.login(), Some(&code)),
            Ok(event) => {
                assert_eq!(name(&event), "Disconnected");
                assert!(code.close_code() < 4000, "{code}");
            }
        }
    }
}

#[tokio::test]
async fn an_error_that_is_not_fatal_ends_nothing() {
    let mut pair = Pair::new().await;
    let (mut login, mut peer) = pair.begin(by_code()).await;
    peer.tell(error(LoginErrorCode::NotExpected, false)).await;
    peer.tell(status(LoginStatus::Opened)).await;
    assert_eq!(next(&mut login).await, "Opened");
}

#[tokio::test]
async fn a_login_ends_by_itself_when_its_time_is_over() {
    let mut pair = Pair::new().await;
    let (mut login, _peer) = pair.begin(by_code()).await;
    let (ended, ()) = tokio::join!(login.next(), async {
        pair.clock.turn(Duration::from_secs(50));
        tokio::task::yield_now().await;
        pair.clock.turn(Duration::from_secs(550));
    });
    // Silence is noticed first; nobody is there to resume with.
    let ended = match ended {
        Ok(event) => {
            assert_eq!(name(&event), "Disconnected");
            login.next().await.unwrap_err()
        }
        Err(ended) => ended,
    };
    assert_eq!(ended.kind(), ErrorKind::Expired);
}

// login.md R1: the principal is that of the browser that was confirmed; the terminal takes no other.
#[tokio::test]
async fn another_person_than_the_expected_one_is_rejected() {
    let mut pair = Pair::new().await;
    let (mut login, mut peer) = pair.begin(by_code().expect("anna")).await;
    peer.tell(wanted(Binding::Code)).await;
    next(&mut login).await;
    login.confirm_code("BCDF-GHJK").await.unwrap();
    peer.hear().await;
    peer.tell(confirmed()).await;
    peer.tell(identity("mallory")).await;
    assert_eq!(next(&mut login).await, "Confirmed");
    match login.next().await.unwrap() {
        LoginEvent::Identity {
            principal,
            accepted,
            ..
        } => assert_eq!((principal.as_str(), accepted), ("mallory", false)),
        other => panic!("{other:?}"),
    }
    // It is too late to accept.
    assert!(login.accept().await.is_err());
    let (ended, ()) = tokio::join!(login.next(), async {
        assert_eq!(peer.hear().await.name(), "reject");
        peer.tell(error(LoginErrorCode::IdentityRejected, true))
            .await;
    });
    let ended = ended.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::IdentityRejected);
    let said = ended.to_string();
    assert!(
        said.contains("mallory signed in, and anna was expected"),
        "{said}"
    );
}

#[tokio::test]
async fn whoever_is_not_accepted_gets_no_token_even_when_the_platform_is_gone() {
    let mut pair = Pair::new().await;
    let (mut login, mut peer) = pair.begin(by_code()).await;
    peer.tell(wanted(Binding::Code)).await;
    next(&mut login).await;
    login.confirm_code("BCDF-GHJK").await.unwrap();
    peer.hear().await;
    peer.tell(confirmed()).await;
    peer.tell(identity("anna")).await;
    next(&mut login).await;
    next(&mut login).await;
    login.reject().await.unwrap();
    assert_eq!(peer.hear().await.name(), "reject");
    drop(peer);
    let ended = login.next().await.unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::IdentityRejected);
}

#[tokio::test]
async fn what_is_no_message_ends_the_login() {
    let large = format!(r#"{{"type":"bye","seq":2,"x":"{}"}}"#, "y".repeat(9000));
    for (frame, why) in [
        (Message::text("{"), "not JSON"),
        (Message::text(r#"{"type":"later","seq":2}"#), "of no type"),
        (Message::text(r#"{"type":"bye"}"#), "\"seq\""),
        (Message::text(r#"{"type":"bye","seq":2,"seq":3}"#), "twice"),
        (Message::text(large), "8 KiB"),
        (
            Message::Binary(vec![1, 2, 3].into()),
            "something else than text",
        ),
    ] {
        let mut pair = Pair::new().await;
        let (mut login, mut peer) = pair.begin(by_code()).await;
        peer.say(frame).await;
        let ended = login.next().await.unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::Server);
        assert!(ended.to_string().contains(why), "{ended}");
    }
}

// The platform's first word is held against what was asked of it.
#[tokio::test]
async fn a_session_that_does_not_fit_is_not_begun() {
    type Change = fn(&mut ServerBody, &str);
    let changes: [(Change, &str); 7] = [
        (
            |body, _| {
                if let ServerBody::Session { url, .. } = body {
                    *url = Url::parse("https://evil.example/login/H").unwrap();
                }
            },
            "another place",
        ),
        (
            // Another port of the same host is another origin.
            |body, _| {
                if let ServerBody::Session { url, .. } = body {
                    url.set_port(Some(1)).unwrap();
                }
            },
            "another place",
        ),
        (
            |body, _| {
                if let ServerBody::Session { label, .. } = body {
                    *label = "some other words".to_owned();
                }
            },
            "words",
        ),
        (
            |body, _| {
                if let ServerBody::Session { sid, .. } = body {
                    *sid = "BBBBBBBBBBBBBBBBBBBBBB".to_owned();
                }
            },
            "words",
        ),
        (
            |body, _| {
                if let ServerBody::Session { bind, .. } = body {
                    *bind = Binding::Loopback;
                }
            },
            "not offered",
        ),
        (
            |body, _| {
                if let ServerBody::Session { fallback, .. } = body {
                    *fallback = Some(Binding::Loopback);
                }
            },
            "not offered",
        ),
        (|body, _| *body = ServerBody::Bye, "out of place"),
    ];
    for (change, why) in changes {
        let mut pair = Pair::new().await;
        let starting = pair.start(by_code());
        let (login, ()) = tokio::join!(starting, async {
            let mut peer = pair.platform.welcome().await;
            peer.hear_hello().await;
            let mut session = pair.platform.session(&peer);
            change(&mut session, pair.platform.issuer());
            peer.tell(session).await;
        });
        let ended = login.unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::Server);
        assert!(ended.to_string().contains(why), "{ended}");
    }
}

#[tokio::test]
async fn a_platform_that_does_not_welcome_is_told_apart() {
    let answer = |status: &str| {
        format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    };
    for (status, transient) in [
        ("403 Forbidden", false),
        ("404 Not Found", false),
        ("429 Too Many Requests", true),
        ("503 Service Unavailable", true),
        ("302 Found", false),
        ("200 OK", false),
    ] {
        let pair = Pair::new().await;
        pair.platform.refusals.lock().unwrap().push(answer(status));
        let ended = pair.start(by_code()).await.unwrap_err();
        assert_eq!(ended.is_transient(), transient, "{status}: {ended}");
    }
    // An upgrade to something else, or one that proves nothing (RFC 6455 §4.1).
    for headers in [
        "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n",
        "Upgrade: h2c\r\nConnection: Upgrade\r\n",
    ] {
        let pair = Pair::new().await;
        let refusal = format!("HTTP/1.1 101 Switching Protocols\r\n{headers}\r\n");
        pair.platform.refusals.lock().unwrap().push(refusal);
        let ended = pair.start(by_code()).await.unwrap_err();
        assert_eq!(ended.kind(), ErrorKind::Server);
        assert!(ended.to_string().contains("WebSocket"), "{ended}");
    }
    // One that speaks, and says no.
    let mut pair = Pair::new().await;
    let starting = pair.start(by_code());
    let (login, ()) = tokio::join!(starting, async {
        let mut peer = pair.platform.welcome().await;
        peer.hear_hello().await;
        let no = ServerMessage::plain(error(LoginErrorCode::TooMany, true));
        peer.send(&no).await;
    });
    assert_eq!(login.unwrap_err().login(), Some(&LoginErrorCode::TooMany));
}

#[tokio::test]
async fn a_key_that_proves_no_login_is_refused_before_anything_is_asked() {
    let pair = Pair::new().await;
    let (key, _) = LocalKey::generate(KeyType::Ed25519).unwrap();
    let transport = HttpTransport::builder().build().unwrap();
    let clock: Arc<dyn Clock> = pair.clock.clone();
    let issuer = pair.platform.issuer().to_owned();
    let ended = Login::begin(&issuer, Arc::new(key), by_code(), transport, clock).await;
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Settings);
}

#[tokio::test]
async fn a_platform_that_is_gone_cannot_keep_a_login_from_being_cancelled() {
    let mut pair = Pair::new().await;
    let (login, peer) = pair.begin(by_code()).await;
    drop(peer);
    pair.platform
        .refusals
        .lock()
        .unwrap()
        .extend((0..100).map(|_| {
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned()
        }));
    let error = login.cancel().await.unwrap_err();
    assert!(
        error.is_transient() || error.kind() == ErrorKind::Network,
        "{error}"
    );
}
