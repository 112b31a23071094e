//! Is exactly the stated share of the good calls harmed, and nothing else?

use std::collections::BTreeMap;

use axum::{
    Router,
    routing::{get, post},
};
use countersign::{
    Credential, Transport as _, TransportError,
    proto::{assertion::Assertion, exchange::TokenRequest},
};
use http::Request;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{fates::Fate, *};
use crate::{Fault, ManualClock, Pair, TestPlatform, TestkitError, Wire, fixtures};

const SECOND: Duration = Duration::from_secs(1);

/// Something that says yes, no, and yes with nothing more.
fn yes_and_no() -> Router {
    Router::new()
        .route("/yes", get(|| async { "a whole answer" }))
        .route("/no", get(|| async { (StatusCode::BAD_REQUEST, "no") }))
        .route("/oauth2/token", post(|| async { "token" }))
}

fn wire(chaos: Chaos) -> (Wire, ManualClock) {
    let clock = ManualClock::default();
    let wire = Wire::new(yes_and_no(), clock.clone());
    wire.unrest().begin(chaos);
    (wire, clock)
}

fn asking(path: &str) -> Request<Vec<u8>> {
    let method = if path == "/oauth2/token" {
        "POST"
    } else {
        "GET"
    };
    Request::builder()
        .method(method)
        .uri(format!("https://platform.test{path}"))
        .body(Vec::new())
        .unwrap()
}

/// What came back: a status and the length of the body, or nothing.
async fn outcome(wire: &Wire, path: &str) -> String {
    match wire.send(asking(path)).await {
        Ok(answer) => format!("{} {}", answer.status().as_u16(), answer.body().len()),
        Err(TransportError::Interrupted(_)) => "interrupted".to_owned(),
        Err(other) => other.to_string(),
    }
}

async fn outcomes(wire: &Wire, path: &str, calls: usize) -> Vec<String> {
    let mut all = Vec::new();
    for _ in 0..calls {
        all.push(outcome(wire, path).await);
    }
    all
}

fn counted(outcomes: &[String]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for outcome in outcomes {
        *counts.entry(outcome.as_str()).or_default() += 1;
    }
    counts
}

#[test]
fn of_every_hundred_calls_exactly_the_stated_share_is_harmed() {
    let chaos = |seed| {
        Chaos::seeded(seed)
            .refuse(5, Refusal::InternalError)
            .slow(7, SECOND)
            .cut(3)
    };
    let mut orders = std::collections::BTreeSet::new();
    for seed in 0..50 {
        for hundred in 0..20 {
            let fates = fates::of_a_hundred(&chaos(seed), hundred);
            let count = |fate| fates.iter().filter(|one| **one == fate).count();
            let counts = [Fate::Refuse, Fate::Slow, Fate::Cut, Fate::Pass].map(count);
            assert_eq!(counts, [5, 7, 3, 85], "seed {seed}");
            orders.insert(fates.map(|fate| fate as u8));
        }
    }
    // Another seed and another hundred are another order each.
    assert_eq!(orders.len(), 50 * 20);
}

#[test]
fn every_call_of_a_hundred_is_harmed_by_some_seed() {
    let mut harmed = [0; 100];
    for seed in 0..1000 {
        let fates = fates::of_a_hundred(&Chaos::seeded(seed).cut(10), 0);
        for (count, fate) in harmed.iter_mut().zip(fates) {
            *count += u32::from(fate == Fate::Cut);
        }
    }
    // 100 on the average with a deviation of 9.5: six of these on each side.
    assert!(
        harmed.iter().all(|count| (43..158).contains(count)),
        "{harmed:?}"
    );
}

#[tokio::test]
async fn what_is_counted_is_what_the_callers_saw() {
    let chaos = Chaos::seeded(7)
        .refuse(
            4,
            Refusal::TooManyRequests {
                retry_after: Duration::from_millis(1500),
            },
        )
        .cut(3);
    let (wire, _) = wire(chaos);
    let seen = outcomes(&wire, "/yes", 1000).await;
    let expected = BTreeMap::from([("200 14", 930), ("429 0", 40), ("interrupted", 30)]);
    assert_eq!(counted(&seen), expected);
    let harm = wire.unrest().end();
    assert_eq!(
        harm.to_string(),
        "of 1000 good calls 40 were refused, 0 slowed and 30 cut (seed 7)"
    );
    assert_eq!(counted(&outcomes(&wire, "/yes", 200).await)["200 14"], 200);
    assert_eq!(wire.unrest().harm(), harm);
}

#[tokio::test]
async fn the_same_seed_harms_the_same_calls_and_another_seed_others() {
    let chaos = |seed| {
        Chaos::seeded(seed)
            .refuse(10, Refusal::InternalError)
            .cut(10)
    };
    let (one, _) = wire(chaos(1));
    let (again, _) = wire(chaos(1));
    let (other, _) = wire(chaos(2));
    let seen = outcomes(&one, "/yes", 300).await;
    assert_eq!(outcomes(&again, "/yes", 300).await, seen);
    assert_ne!(outcomes(&other, "/yes", 300).await, seen);
    // What was drawn by chance is repeated by its seed.
    let drawn = Chaos::random().cut(50);
    let (first, _) = wire(drawn.clone());
    let (second, _) = wire(Chaos::seeded(drawn.seed()).cut(50));
    let seen = outcomes(&first, "/yes", 100).await;
    assert_eq!(outcomes(&second, "/yes", 100).await, seen);
    assert_ne!(Chaos::random().seed(), drawn.seed());
}

#[tokio::test]
async fn what_the_platform_refuses_comes_back_as_it_is_and_is_not_counted() {
    let (wire, _) = wire(Chaos::seeded(1).cut(100));
    assert_eq!(
        counted(&outcomes(&wire, "/no", 100).await),
        BTreeMap::from([("400 2", 100)])
    );
    assert_eq!(outcome(&wire, "/nowhere").await, "404 0");
    assert_eq!(wire.unrest().harm().good, 0);
    assert_eq!(outcome(&wire, "/yes").await, "interrupted");
}

#[tokio::test]
async fn only_the_stated_place_is_harmed() {
    let (wire, _) = wire(Chaos::seeded(1).cut(100).only(Place::TokenEndpoint));
    assert_eq!(outcome(&wire, "/yes").await, "200 14");
    assert_eq!(outcome(&wire, "/oauth2/token").await, "interrupted");
    assert_eq!(wire.unrest().harm().good, 1);
    let has = |place: Place| {
        [
            "/a/oauth2/token",
            "/jwks.json",
            "/oauth2/introspect",
            "/healthz",
        ]
        .map(|path| place.has(path))
    };
    assert_eq!(has(Place::Everything), [true; 4]);
    assert_eq!(has(Place::TokenEndpoint), [true, false, false, false]);
    assert_eq!(has(Place::KeySet), [false, true, false, false]);
    assert_eq!(has(Place::Introspection), [false, false, true, false]);
}

#[tokio::test]
async fn a_slow_answer_waits_for_the_clock_and_is_whole() {
    let (wire, clock) = wire(Chaos::seeded(1).slow(100, 60 * SECOND));
    let waiting = tokio::spawn(async move { outcome(&wire, "/yes").await });
    clock.until_sleeping(1).await;
    clock.advance(59 * SECOND);
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    clock.advance(SECOND);
    assert_eq!(waiting.await.unwrap(), "200 14");
}

#[tokio::test]
async fn a_fault_of_its_own_is_enough_for_a_request() {
    let (wire, _) = wire(Chaos::seeded(1).cut(100));
    wire.next(Fault::Replay);
    assert_eq!(outcome(&wire, "/yes").await, "200 14");
    wire.next(Fault::None);
    assert_eq!(outcome(&wire, "/yes").await, "interrupted");
    assert_eq!(wire.pass(asking("/yes")).await.unwrap().status(), 200);
    assert_eq!(wire.unrest().harm().good, 1);
}

#[tokio::test]
async fn shares_of_more_than_all_are_refused_and_change_nothing() {
    let platform = TestPlatform::new().await.unwrap();
    platform.begin_chaos(Chaos::seeded(9).cut(100)).unwrap();
    let too_much = Chaos::seeded(1).cut(60).slow(41, SECOND);
    assert!(matches!(
        platform.begin_chaos(too_much),
        Err(TestkitError::Shares(101))
    ));
    assert_eq!(platform.harm().seed, 9);
    // What a test itself asks is left alone.
    platform.application("service").register().await.unwrap();
    assert_eq!(platform.end_chaos().good, 0);
}

/// Asks over a connection of its own, and reads until it is closed.
async fn asked_on_loopback(platform: &TestPlatform, path: &str) -> String {
    let address = platform.address().unwrap();
    let mut socket = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    socket.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

fn announced_and_sent(answer: &str) -> (usize, usize) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .unwrap();
    (length.parse().unwrap(), body.len())
}

#[tokio::test]
async fn on_loopback_a_connection_is_closed_in_the_middle_of_an_answer() {
    let platform = TestPlatform::on_loopback(ManualClock::default())
        .await
        .unwrap();
    let (whole, sent) = announced_and_sent(&asked_on_loopback(&platform, "/jwks.json").await);
    assert!(whole > 100 && sent == whole, "{sent} of {whole}");

    platform
        .begin_chaos(Chaos::seeded(3).cut(30).only(Place::KeySet))
        .unwrap();
    let mut cut = 0;
    for _ in 0..100 {
        let answer = asked_on_loopback(&platform, "/jwks.json").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        match announced_and_sent(&answer) {
            (announced, sent) if sent == whole => assert_eq!(announced, whole),
            part => {
                assert_eq!(part, (whole, whole / 2));
                cut += 1;
            }
        }
    }
    assert_eq!(cut, 30);
    let harm = platform.end_chaos();
    assert_eq!((harm.good, harm.cut), (100, 30));
}

#[tokio::test]
async fn on_loopback_a_call_is_refused_and_a_refusal_passes() {
    let platform = TestPlatform::on_loopback(ManualClock::default())
        .await
        .unwrap();
    for (refusal, status, retry_after) in [
        (
            Refusal::Unavailable {
                retry_after: Duration::from_millis(1001),
            },
            "503",
            Some("2"),
        ),
        (
            Refusal::TooManyRequests {
                retry_after: 7 * SECOND,
            },
            "429",
            Some("7"),
        ),
        (Refusal::InternalError, "500", None),
    ] {
        platform
            .begin_chaos(Chaos::seeded(1).refuse(100, refusal))
            .unwrap();
        let answer = asked_on_loopback(&platform, "/jwks.json").await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{answer}"
        );
        let found = answer
            .lines()
            .find_map(|line| line.strip_prefix("retry-after: "));
        assert_eq!(found, retry_after);
        let passed = asked_on_loopback(&platform, "/nowhere").await;
        assert!(passed.starts_with("HTTP/1.1 404 "), "{passed}");
        assert_eq!(platform.harm().good, 1);
    }
}

#[tokio::test(start_paused = true)]
async fn on_loopback_a_slow_answer_waits_for_the_clock_of_tokio() {
    let platform = TestPlatform::on_loopback(ManualClock::default())
        .await
        .unwrap();
    platform
        .begin_chaos(Chaos::seeded(1).slow(100, 90 * SECOND))
        .unwrap();
    let before = tokio::time::Instant::now();
    let answer = asked_on_loopback(&platform, "/jwks.json").await;
    let (announced, sent) = announced_and_sent(&answer);
    assert_eq!(announced, sent);
    assert!(before.elapsed() >= 90 * SECOND, "{:?}", before.elapsed());
}

#[tokio::test]
async fn an_answer_without_a_body_is_cut_too() {
    let answer = http::Response::builder()
        .status(204)
        .body(axum::body::Body::empty())
        .unwrap();
    let torn = unrest::cut(answer).await;
    assert_eq!(
        (torn.status().as_u16(), &torn.headers()["content-length"]),
        (200, &"1".parse().unwrap())
    );
    assert!(axum::body::to_bytes(torn.into_body(), 16).await.is_err());
}

/// Five of a hundred, one way or another.
fn five_percent(seed: u64) -> Chaos {
    Chaos::seeded(seed)
        .refuse(
            2,
            Refusal::Unavailable {
                retry_after: SECOND,
            },
        )
        .slow(1, 2 * SECOND)
        .cut(2)
}

/// Turns the clock whenever somebody waits on it.
fn turning(clock: &ManualClock) -> tokio::task::JoinHandle<()> {
    let clock = clock.clone();
    tokio::spawn(async move {
        loop {
            clock.until_sleeping(1).await;
            clock.advance(Duration::from_millis(100));
            tokio::task::yield_now().await;
        }
    })
}

#[tokio::test]
async fn a_client_of_the_sdk_has_a_living_token_whenever_it_asks_in_spite_of_chaos() {
    let Pair {
        client,
        platform,
        clock,
        ..
    } = Pair::new().await.unwrap();
    platform.begin_chaos(five_percent(11)).unwrap();
    let turning = turning(&clock);
    for call in 0..1000 {
        let token = client.token().await;
        let token =
            token.unwrap_or_else(|error| panic!("call {call}: {error}; {}", platform.harm()));
        assert!(token.expires_at > clock.now(), "call {call}");
        clock.advance(300 * SECOND);
    }
    turning.abort();
    let harm = platform.end_chaos();
    // A token lives for 900 s, and 300,000 s went by.
    assert!(harm.good >= 333, "{harm}");
    assert!(
        harm.refused >= 6 && harm.cut >= 6 && harm.slowed >= 3,
        "{harm}"
    );
}

#[tokio::test]
async fn who_asks_once_and_no_more_fails_as_often_as_it_is_harmed() {
    let Pair {
        platform, clock, ..
    } = Pair::new().await.unwrap();
    platform
        .begin_chaos(five_percent(11).only(Place::TokenEndpoint))
        .unwrap();
    let turning = turning(&clock);
    let mut failed = 0;
    for call in 0..200 {
        let request = token_request(
            &platform,
            &fixtures::service(),
            &format!("once and no more {call}"),
        );
        match platform.wire().send(request).await {
            Ok(answer) if answer.status() == 200 => {}
            _ => failed += 1,
        }
    }
    turning.abort();
    let harm = platform.end_chaos();
    assert_eq!(
        (harm.good, harm.refused, harm.slowed, harm.cut),
        (200, 4, 2, 4)
    );
    assert_eq!(failed, 8, "{harm}");
}

fn token_request(platform: &TestPlatform, credential: &Credential, jti: &str) -> Request<Vec<u8>> {
    let assertion = Assertion::client("service", platform.issuer());
    let algorithm = credential.chain().leaf().public_key().algorithms()[0];
    let now = platform.clock().now();
    let assertion = assertion
        .mint(
            credential.chain(),
            credential.key().as_ref(),
            algorithm,
            now,
            jti,
        )
        .unwrap();
    let request = TokenRequest::ClientCredentials {
        client_id: "service",
        assertion: &assertion,
        scope: None,
        principal: None,
    };
    request.to_http(
        &format!("{}/oauth2/token", platform.issuer())
            .parse()
            .unwrap(),
    )
}
