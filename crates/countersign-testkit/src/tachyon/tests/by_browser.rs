//! Does a person sign in to either generation, whatever the server does on the way?

use std::{sync::Arc, time::Duration};

use countersign::{
    Clock, Error, ErrorKind, HttpTransport, SystemClock,
    proto::{tachyon::Shape, token::TokenKind},
    tachyon::{ASSUMED_LIFETIME, Generation, TachyonLogin},
};

use super::{Instead, Step, TachyonServer, ask};
use crate::ManualClock;

const BOTH: [Generation; 2] = [Generation::WebSocket, Generation::Poll];

async fn begin(server: &TachyonServer, clock: impl Clock + 'static) -> Result<TachyonLogin, Error> {
    let transport = HttpTransport::builder().build().unwrap();
    TachyonLogin::begin(server.url(), "Explorer", transport, Arc::new(clock)).await
}

/// The person opens the address of a sign-in.
async fn open(server: &TachyonServer, login: &TachyonLogin) {
    let address = login.url().as_str();
    let path = address.strip_prefix(server.url()).unwrap();
    assert_eq!(ask(server, &format!("GET {path}"), "", "").await.0, 200);
}

async fn failure(generation: Generation, step: Step, instead: Instead) -> Error {
    let server = TachyonServer::start(generation).await.unwrap();
    server.set(|knobs| {
        knobs.instead.insert(step, instead);
    });
    let mut login = match begin(&server, SystemClock).await {
        Ok(login) => login,
        Err(error) => return error,
    };
    open(&server, &login).await;
    let error = login.token().await.unwrap_err();
    assert_eq!(
        login.token().await.unwrap_err().to_string(),
        error.to_string()
    );
    error
}

#[tokio::test]
async fn a_person_signs_in_by_opening_the_address_in_both_generations_and_shapes() {
    for generation in BOTH {
        for shape in [Shape::Object, Shape::ArrayOfOne] {
            let server = TachyonServer::start(generation).await.unwrap();
            server.set(|knobs| knobs.shape = shape);
            let mut login = begin(&server, SystemClock).await.unwrap();
            assert_eq!(login.generation(), generation);
            assert_eq!(
                login.elsewhere(),
                None,
                "the provider is on the same host here"
            );
            open(&server, &login).await;
            let token = login.token().await.unwrap();
            assert!(server.is_live(token.access_token()));
            assert_eq!(token.object().kind, TokenKind::Interactive);
            assert_eq!(token.object().principal.as_deref(), Some("URTH\\vader"));
            assert!(token.says_when_it_ends());
            assert_eq!(login.token().await.unwrap_err().kind(), ErrorKind::Settings);
        }
    }
}

#[tokio::test]
async fn a_token_of_1_byte_to_64_kib_comes_in_frames_of_1_byte_to_1_kib() {
    for (token, frames) in [
        ("t".to_owned(), Some(1)),
        ("t".repeat(2000), Some(1)),
        ("T-0_k.".repeat(700), Some(7)),
        ("t".repeat(64 * 1024), Some(1024)),
        ("t".repeat(64 * 1024), None),
    ] {
        for generation in BOTH {
            let server = TachyonServer::start(generation).await.unwrap();
            server.set(|knobs| {
                knobs.token = Some(token.clone());
                knobs.frame_bytes = frames;
            });
            let mut login = begin(&server, SystemClock).await.unwrap();
            open(&server, &login).await;
            let got = login.token().await.unwrap();
            assert_eq!(
                got.access_token().expose(),
                token,
                "{generation:?} {frames:?}"
            );
            let object = got.object();
            assert!(!got.says_when_it_ends());
            assert_eq!(object.expires_at, object.issued_at.plus(ASSUMED_LIFETIME));
        }
    }
}

#[tokio::test]
async fn a_larger_token_is_refused_with_the_reason() {
    for generation in BOTH {
        for bytes in [64 * 1024 + 1, 256 * 1024, 600 * 1024] {
            let token = "t".repeat(bytes);
            let message = countersign::proto::tachyon::successful(&token, Shape::Object);
            let step = match generation {
                Generation::WebSocket => Step::SocketToken,
                Generation::Poll => Step::Token,
            };
            let error = failure(generation, step, Instead::Body(message.to_vec())).await;
            assert_eq!(error.kind(), ErrorKind::Server);
            let said = error.to_string();
            assert!(
                said.contains("too long")
                    || said.contains("512 KiB")
                    || said.contains("524288 bytes"),
                "{said}"
            );
            assert!(!said.contains("ttt"), "{said}");
        }
    }
}

#[tokio::test]
async fn each_failure_of_the_socket_ends_the_sign_in_and_says_why() {
    let body = |text: &str| Instead::Body(text.as_bytes().to_vec());
    for (step, instead, said) in [
        (Step::Begin, Instead::Status(404), "status 404"),
        (Step::Begin, Instead::Status(503), "status 503"),
        (Step::Begin, body("{}"), "answered with status 200"),
        (Step::Address, Instead::Close, "ended the connection"),
        (
            Step::Address,
            Instead::ClosePolitely,
            "closed the connection",
        ),
        (
            Step::Address,
            Instead::Binary(b"{}".to_vec()),
            "something else than text",
        ),
        (Step::Address, body("{"), "not JSON"),
        (
            Step::Address,
            body(r#"{"Status":"LicenceExpired"}"#),
            "LicenceExpired",
        ),
        (
            Step::Address,
            body(r#"{"Status":"AuthenticationRequested","Data":"file:///etc/passwd"}"#),
            "neither https nor http",
        ),
        (
            Step::Address,
            body(r#"{"Status":"AuthenticationSuccessful","Data":"t"}"#),
            "before it says where",
        ),
        (Step::SocketToken, Instead::Close, "ended the connection"),
        (
            Step::SocketToken,
            Instead::ClosePolitely,
            "closed the connection",
        ),
        (
            Step::SocketToken,
            Instead::Binary(b"t".to_vec()),
            "something else than text",
        ),
        (
            Step::SocketToken,
            body(r#"{"Status":"AuthenticationFailed","Data":"no"}"#),
            "AuthenticationFailed",
        ),
        (
            Step::SocketToken,
            body(r#"{"Status":"AuthenticationSuccessful","Data":"a\r\nb"}"#),
            "is no token",
        ),
        (Step::SocketToken, body(r#"[]"#), "array of 0"),
    ] {
        let error = failure(Generation::WebSocket, step, instead.clone()).await;
        assert!(
            error.to_string().contains(said),
            "{step:?} {instead:?}: {error}"
        );
    }
}

#[tokio::test]
async fn each_failure_of_polling_ends_the_sign_in_and_says_why() {
    let body = |text: &str| Instead::Body(text.as_bytes().to_vec());
    for (step, instead, said, kind) in [
        (
            Step::Begin,
            Instead::Status(401),
            "status 401): as the test wants it",
            ErrorKind::IdentityRejected,
        ),
        (
            Step::Begin,
            body("{}"),
            "State is missing",
            ErrorKind::Server,
        ),
        (Step::Begin, body("<html>"), "not JSON", ErrorKind::Server),
        (
            Step::Begin,
            body(r#"{"State":"s","AuthenticationUrl":"javascript:alert(1)"}"#),
            "neither https nor http",
            ErrorKind::Server,
        ),
        (
            Step::Check,
            Instead::Status(400),
            "status 400",
            ErrorKind::IdentityRejected,
        ),
        (
            Step::Check,
            Instead::Status(302),
            "redirect",
            ErrorKind::Server,
        ),
        (Step::Check, body("<html>"), "not JSON", ErrorKind::Server),
        (
            Step::Check,
            body(r#"{"Status":"AccessDenied"}"#),
            "AccessDenied",
            ErrorKind::Denied,
        ),
        (
            Step::Token,
            Instead::Status(401),
            "status 401",
            ErrorKind::IdentityRejected,
        ),
        (Step::Token, body("{}"), "is no token", ErrorKind::Server),
        (
            Step::Token,
            body(r#"{"Data":"a b"}"#),
            "is no token",
            ErrorKind::Server,
        ),
    ] {
        let error = failure(Generation::Poll, step, instead.clone()).await;
        assert!(
            error.to_string().contains(said),
            "{step:?} {instead:?}: {error}"
        );
        assert_eq!(error.kind(), kind, "{error}");
    }
}

#[tokio::test]
async fn a_server_that_answers_no_information_is_none_of_the_dialect() {
    for generation in BOTH {
        for (instead, kind) in [
            (Instead::Status(404), ErrorKind::Server),
            (Instead::Status(401), ErrorKind::Server),
            (Instead::Status(503), ErrorKind::Server),
            (Instead::Close, ErrorKind::Network),
        ] {
            let error = failure(generation, Step::Information, instead.clone()).await;
            assert_eq!(error.kind(), kind, "{instead:?}: {error}");
        }
    }
}

#[tokio::test]
async fn the_later_generation_is_asked_where_the_earlier_stands_when_nothing_is_found() {
    let server = TachyonServer::start(Generation::Poll).await.unwrap();
    server.set(|knobs| knobs.api_is_elsewhere = true);
    let mut login = begin(&server, SystemClock).await.unwrap();
    open(&server, &login).await;
    login.token().await.unwrap();
    let check = |line: &&String| line.ends_with("CheckAuthenticationState");
    let asked = server.asked();
    assert!(
        asked
            .iter()
            .filter(check)
            .all(|line| line.contains(" /tachyon/api/")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn polling_asks_each_second_and_goes_on_when_the_server_is_away() {
    let clock = ManualClock::default();
    let server = TachyonServer::start(Generation::Poll).await.unwrap();
    server.set(|knobs| {
        knobs.lifetime = None;
        knobs.instead.insert(Step::Check, Instead::Status(503));
    });
    let login = begin(&server, clock.clone()).await.unwrap();
    open(&server, &login).await;
    let mut login = login;
    let waiting = tokio::spawn(async move { login.token().await.map(|_| ()) });
    let polls = || {
        let asked = server.asked();
        asked.iter().filter(|line| line.ends_with("State")).count()
    };
    for before in 1..=3 {
        server.until_asked("CheckAuthenticationState", before).await;
        let mut turned = Duration::ZERO;
        while polls() == before {
            clock.advance(Duration::from_millis(50));
            turned += Duration::from_millis(50);
            tokio::task::yield_now().await;
        }
        assert!(
            turned >= Duration::from_secs(1),
            "{turned:?} after poll {before}"
        );
        match before {
            1 => server.hold(),
            2 => server.set(|knobs| knobs.instead.clear()),
            _ => server.release(),
        }
    }
    while !waiting.is_finished() {
        clock.advance(Duration::from_millis(50));
        tokio::task::yield_now().await;
    }
    waiting.await.unwrap().unwrap();
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_10_minutes() {
    for generation in BOTH {
        let clock = ManualClock::default();
        let server = TachyonServer::start(generation).await.unwrap();
        server.hold();
        let mut login = begin(&server, clock.clone()).await.unwrap();
        assert_eq!(login.left(), Duration::from_secs(600));
        let waiting = tokio::spawn(async move { login.token().await });
        clock.until_sleeping(1).await;
        clock.advance(Duration::from_secs(600));
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Expired, "{error}");
    }
}

#[tokio::test]
async fn a_caller_who_stops_waiting_loses_nothing() {
    for generation in BOTH {
        let server = TachyonServer::start(generation).await.unwrap();
        server.set(|knobs| knobs.frame_bytes = Some(3));
        server.hold();
        let mut login = begin(&server, SystemClock).await.unwrap();
        for _ in 0..20 {
            // Polled once or twice, then dropped.
            tokio::select! {
                biased;
                token = login.token() => panic!("{token:?}"),
                () = tokio::task::yield_now() => {}
            }
        }
        open(&server, &login).await;
        server.release();
        // A request that is under way goes on although nobody waits for it just now.
        let token = loop {
            tokio::select! {
                biased;
                token = login.token() => break token.unwrap(),
                () = tokio::task::yield_now() => {}
            }
        };
        let polls = server.asked().len();
        assert!(polls < 10, "{polls} requests");
        assert!(server.is_live(token.access_token()));
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_is_left_after_30_s() {
    let clock = ManualClock::default();
    let server = TachyonServer::start(Generation::WebSocket).await.unwrap();
    server.set(|knobs| {
        knobs.instead.insert(Step::Address, Instead::Silence);
    });
    let turned = clock.clone();
    let beginning = async { begin(&server, clock).await.map(|_| ()) };
    let turning = async {
        server.until_asked("RequestAuthentication", 1).await;
        turned.until_sleeping(1).await;
        turned.advance(Duration::from_secs(30));
    };
    let (begun, ()) = tokio::join!(beginning, turning);
    assert_eq!(begun.unwrap_err().kind(), ErrorKind::Deadline);
}

#[tokio::test]
async fn nothing_of_a_sign_in_is_shown_by_debug_but_where_it_is() {
    let server = TachyonServer::start(Generation::Poll).await.unwrap();
    let mut login = begin(&server, SystemClock).await.unwrap();
    open(&server, &login).await;
    let shown = format!("{login:?}");
    assert!(
        !shown.contains("state-1") && !shown.contains("sign-in/1"),
        "{shown}"
    );
    let token = login.token().await.unwrap();
    let secret = token.access_token().expose().to_owned();
    assert!(!format!("{token:?}").contains(&secret));
}
