//! Does a client keep one good token for all its callers, and lose no call while it is renewed?

use std::{sync::Mutex, time::Duration};

use countersign_proto::{
    key::Algorithm,
    token::{AccessToken, TokenKind, TokenType},
};
use serde_json::json;

use super::*;
use crate::{
    CredentialSource, ErrorKind, TokenObject, TransportError,
    scripted::{
        APP, Answer, ISSUER, Pair, START, Scripted, TestClock, answer, builder, client, granted,
        refused, with_header,
    },
};

async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn text(token: &Token) -> &str {
    token.access_token.expose()
}

#[tokio::test(start_paused = true)]
async fn ten_thousand_callers_of_a_cold_client_make_one_request() {
    let server = Scripted::new(|number, _| {
        Answer::Later(
            Duration::from_millis(50),
            granted(&format!("token-{number}")),
        )
    });
    let client = client(&server);
    let calls: Vec<_> = (0..10_000)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.token().await })
        })
        .collect();
    for call in calls {
        assert_eq!(text(&call.await.unwrap().unwrap()), "token-1");
    }
    assert_eq!(server.count(), 1);
    assert_eq!(server.discoveries(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_the_one_request_met_is_told_to_all_who_waited() {
    let server = Scripted::new(|_, _| {
        Answer::Later(Duration::from_millis(50), refused(400, "invalid_scope"))
    });
    let client = client(&server);
    let calls = (0..100).map(|_| client.token());
    let outcomes = futures_util::future::join_all(calls).await;
    assert!(
        outcomes
            .iter()
            .all(|outcome| { outcome.as_ref().unwrap_err().kind() == ErrorKind::Policy })
    );
    assert_eq!(server.count(), 1);
    // A later caller asks for itself.
    client.token().await.unwrap_err();
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_used_until_about_80_percent_of_its_life() {
    let server = Scripted::generous();
    let client = client(&server);
    client.token().await.unwrap();
    pass(674).await;
    assert_eq!(text(&client.token().await.unwrap()), "token-1");
    pass(92).await;
    assert_eq!(text(&client.token().await.unwrap()), "token-2");
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_caller_renews_while_the_others_use_the_living_token() {
    let server = Scripted::new(|number, _| {
        Answer::Later(
            Duration::from_millis(100),
            granted(&format!("token-{number}")),
        )
    });
    let client = client(&server);
    client.token().await.unwrap();
    pass(800).await;
    let calls = (0..50).map(|_| client.token());
    let got = futures_util::future::join_all(calls).await;
    let new = got
        .iter()
        .filter(|token| text(token.as_ref().unwrap()) == "token-2")
        .count();
    assert_eq!(new, 1);
    assert_eq!(server.count(), 2);
    assert_eq!(text(&client.token().await.unwrap()), "token-2");
}

#[tokio::test(start_paused = true)]
async fn a_refused_renewal_leaves_the_living_token_in_use_until_its_end() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Is(granted("token-1")),
        _ => Answer::Is(refused(401, "invalid_client")),
    });
    let client = client(&server);
    client.token().await.unwrap();
    pass(800).await;
    for second in 800..900 {
        let token = client.token().await;
        assert_eq!(text(&token.unwrap()), "token-1", "second {second}");
        pass(1).await;
    }
    let renewals = server.count() - 1;
    assert!((5..=60).contains(&renewals), "{renewals} renewals in 100 s");
    assert_eq!(
        client.token().await.unwrap_err().kind(),
        ErrorKind::IdentityRejected
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_renewal_is_not_repeated_by_the_next_caller() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Is(granted("token-1")),
        _ => Answer::Fails(TransportError::Connect("refused".to_owned())),
    });
    let client = client(&server);
    client.token().await.unwrap();
    pass(800).await;
    for _ in 0..100 {
        assert_eq!(text(&client.token().await.unwrap()), "token-1");
    }
    // One try, without waiting: the living token does.
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn retry_after_puts_the_next_renewal_off() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Is(granted("token-1")),
        2 => Answer::Is(with_header(answer(503, &json!({})), "retry-after", "60")),
        _ => Answer::Is(granted("token-3")),
    });
    let client = client(&server);
    client.token().await.unwrap();
    pass(800).await;
    client.token().await.unwrap();
    pass(59).await;
    assert_eq!(text(&client.token().await.unwrap()), "token-1");
    assert_eq!(server.count(), 2);
    pass(2).await;
    assert_eq!(text(&client.token().await.unwrap()), "token-3");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_hangs_delays_one_caller_by_the_deadline_and_loses_no_call() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Is(granted("token-1")),
        _ => Answer::Hangs,
    });
    let clock = TestClock::new();
    let client = builder(&server, &clock)
        .deadline(Duration::from_secs(10))
        .build()
        .unwrap();
    client.token().await.unwrap();
    pass(800).await;
    let began = clock.elapsed();
    let (elected, other) = tokio::join!(client.token(), async {
        let token = client.token().await;
        (token, clock.elapsed())
    });
    assert_eq!(text(&elected.unwrap()), "token-1");
    assert_eq!(text(&other.0.unwrap()), "token-1");
    assert_eq!(other.1, began);
    assert!(clock.elapsed() - began <= Duration::from_millis(10_010));
}

#[tokio::test(start_paused = true)]
async fn when_the_leader_is_dropped_another_takes_over() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Hangs,
        _ => Answer::Is(granted(&format!("token-{number}"))),
    });
    let client = client(&server);
    let leader = tokio::spawn({
        let client = client.clone();
        async move { client.token().await }
    });
    pass(1).await;
    let followers: Vec<_> = (0..100)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.token().await })
        })
        .collect();
    pass(1).await;
    assert_eq!(server.count(), 1);
    leader.abort();
    for follower in followers {
        assert_eq!(text(&follower.await.unwrap().unwrap()), "token-2");
    }
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn each_caller_has_a_deadline_of_its_own() {
    let server = Scripted::new(|_, _| Answer::Hangs);
    let clock = TestClock::new();
    let client = builder(&server, &clock)
        .deadline(Duration::from_secs(10))
        .build()
        .unwrap();
    let timed = |after: u64| {
        let (client, clock) = (&client, &clock);
        async move {
            pass(after).await;
            let error = client.token().await.unwrap_err();
            (error.kind(), clock.elapsed())
        }
    };
    let (first, second) = tokio::join!(timed(0), timed(5));
    assert_eq!(
        (first.0, second.0),
        (ErrorKind::Deadline, ErrorKind::Deadline)
    );
    let near = |at: Duration, seconds: u64| {
        at >= Duration::from_secs(seconds) && at < Duration::from_millis(seconds * 1000 + 20)
    };
    assert!(near(first.1, 10), "{:?}", first.1);
    assert!(near(second.1, 15), "{:?}", second.1);
}

#[tokio::test(start_paused = true)]
async fn callers_whose_time_is_up_send_nothing() {
    let server = Scripted::new(|_, _| Answer::Hangs);
    let client = client(&server);
    let outcomes = futures_util::future::join_all((0..1000).map(|_| client.token())).await;
    assert!(outcomes.iter().all(Result::is_err));
    assert_eq!(server.count(), 1);
}

// security.md 71, checklist T4 and T13
#[tokio::test(start_paused = true)]
async fn renewals_asked_for_at_once_share_a_request_that_began_after_them() {
    let server = Scripted::new(|number, _| {
        Answer::Later(
            Duration::from_millis(100),
            granted(&format!("token-{number}")),
        )
    });
    let client = client(&server);
    client.token().await.unwrap();
    let renewed = futures_util::future::join_all((0..50).map(|_| client.renew())).await;
    for token in renewed {
        assert_ne!(text(&token.unwrap()), "token-1");
    }
    // The first leads at once. The others share the next, which began after all of them had come.
    assert_eq!(server.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_refused_renew_keeps_the_cached_token() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Is(granted("token-1")),
        _ => Answer::Is(refused(400, "invalid_scope")),
    });
    let client = client(&server);
    client.token().await.unwrap();
    client.renew().await.unwrap_err();
    assert_eq!(text(&client.token().await.unwrap()), "token-1");
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_replaced_certificate_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.pem");
    Pair::new("Old").write(&file);
    let server = Scripted::generous();
    let client = Client::builder(ISSUER, APP, CredentialSource::files(&file, None, None))
        .transport(server.clone())
        .clock(TestClock::new())
        .build()
        .unwrap();
    assert_eq!(client.token().await.unwrap().issue_cert_subject, "CN=Old");
    pass(10).await;
    assert_eq!(text(&client.token().await.unwrap()), "token-1");

    Pair::new("New").write(&file);
    pass(2).await;
    let token = client.token().await.unwrap();
    assert_eq!(token.issue_cert_subject, "CN=New");
    assert_eq!(text(&token), "token-2");
    pass(10).await;
    client.token().await.unwrap();
    assert_eq!(server.count(), 2);

    // Half a pair replaces nothing.
    std::fs::write(&file, Pair::new("Half").certificate_pem).unwrap();
    pass(10).await;
    assert_eq!(text(&client.token().await.unwrap()), "token-2");
}

#[tokio::test(start_paused = true)]
async fn a_certificate_replaced_under_load_loses_no_call() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.pem");
    Pair::new("Corellian 0").write(&file);
    let server = Scripted::new(|number, _| {
        Answer::Later(
            Duration::from_millis(30),
            granted(&format!("token-{number}")),
        )
    });
    let client = Client::builder(ISSUER, APP, CredentialSource::files(&file, None, None))
        .transport(server.clone())
        .clock(TestClock::new())
        .build()
        .unwrap();
    for round in 1..=5 {
        Pair::new(&format!("Corellian {round}")).write(&file);
        for _ in 0..40 {
            let calls = futures_util::future::join_all((0..20).map(|_| client.token())).await;
            assert!(calls.iter().all(Result::is_ok));
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let token = client.token().await.unwrap();
        assert_eq!(token.issue_cert_subject, format!("CN=Corellian {round}"));
    }
    assert_eq!(server.count(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_token_is_replaced_and_another_is_not_forgotten_for_it() {
    let server = Scripted::generous();
    let client = client(&server);
    let first = client.token().await.unwrap();
    client.forget(&first);
    assert_eq!(text(&client.token().await.unwrap()), "token-2");
    client.forget(&first);
    assert_eq!(text(&client.token().await.unwrap()), "token-2");
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn keep_fresh_renews_without_being_called() {
    let server = Scripted::generous();
    let clock = TestClock::new();
    let client = builder(&server, &clock).build().unwrap();
    let keeper = tokio::spawn({
        let client = client.clone();
        async move { client.keep_fresh().await }
    });
    pass(3600).await;
    let asked = server.count();
    assert!((4..=6).contains(&asked), "{asked} requests in an hour");
    let token = client.token().await.unwrap();
    assert!(token.expires_at.since(clock.now()) > Duration::from_secs(100));
    assert_eq!(server.count(), asked);
    keeper.abort();
    let _ = keeper.await;
    pass(3600).await;
    assert_eq!(server.count(), asked);
}

#[tokio::test(start_paused = true)]
async fn keep_fresh_outlives_a_server_that_is_away() {
    let server = Scripted::new(|number, _| match number {
        1..=40 => Answer::Fails(TransportError::Connect("refused".to_owned())),
        _ => Answer::Is(granted("token")),
    });
    let client = client(&server);
    let keeper = tokio::spawn({
        let client = client.clone();
        async move { client.keep_fresh().await }
    });
    pass(600).await;
    let asked = server.count();
    assert_eq!(asked, 41);
    client.token().await.unwrap();
    assert_eq!(server.count(), asked);
    keeper.abort();
}

#[tokio::test(start_paused = true)]
async fn an_adopted_token_is_used_and_renewed_in_its_time() {
    let server = Scripted::generous();
    let client = client(&server);
    let token = Token::from(TokenObject {
        access_token: AccessToken::new("adopted").unwrap(),
        token_type: TokenType::Bearer,
        kind: TokenKind::NonInteractive,
        principal: None,
        scope: None,
        issued_at: UnixTime::from_secs(START - 100),
        expires_at: UnixTime::from_secs(START + 800),
        issue_app_id: APP.to_owned(),
        issue_principal: String::new(),
        issue_cert_subject: String::new(),
        issue_cert_thumbprint: None,
    });
    client.adopt(&token);
    assert_eq!(text(&client.token().await.unwrap()), "adopted");
    assert_eq!(server.count(), 0);
    pass(700).await;
    assert_eq!(text(&client.token().await.unwrap()), "token-1");
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_born_dead_is_given_and_not_kept() {
    let server = Scripted::new(|number, _| {
        Answer::Is(crate::scripted::ok(&json!({
            "access_token": format!("token-{number}"), "token_type": "Bearer", "expires_in": 1,
        })))
    });
    let client = client(&server);
    assert_eq!(text(&client.token().await.unwrap()), "token-1");
    pass(1).await;
    assert_eq!(text(&client.token().await.unwrap()), "token-2");
}

#[test]
fn sixteen_threads_read_the_same_token() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let server = Scripted::generous();
    let client = Client::builder(ISSUER, APP, Pair::new("Corellian").credential())
        .transport(server.clone())
        .build()
        .unwrap();
    runtime.block_on(client.token()).unwrap();
    let read = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    let Some(token) = client.cached() else {
                        continue; // the one look in a second
                    };
                    assert_eq!(text(&token), "token-1");
                    *read.lock().unwrap() += 1;
                }
            });
        }
    });
    assert!(*read.lock().unwrap() > 0);
    assert_eq!(server.count(), 1);
}

#[test]
fn settings_that_cannot_be_are_refused_by_name() {
    let server_free =
        |issuer: &str, id: &str| Client::builder(issuer, id, Pair::new("Corellian").credential());
    let refused = |builder: ClientBuilder| {
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings);
        error.to_string()
    };
    assert!(refused(server_free("http://platform.example", APP)).contains("platform.example"));
    assert!(refused(server_free("platform", APP)).contains("issuer"));
    assert!(refused(server_free(ISSUER, "")).contains("application id"));
    assert!(refused(server_free(ISSUER, "countersign:platform")).contains("countersign:platform"));
    let as_platform = server_free(ISSUER, "countersign:platform").as_platform();
    assert!(refused(as_platform.principal("admin")).contains("principal"));
    let short = server_free(ISSUER, APP).assertion_lifetime(Duration::from_secs(9));
    assert!(refused(short).contains("10 s to 300 s"));
    let foreign = server_free(ISSUER, APP).algorithm(Algorithm::RS384);
    assert!(refused(foreign).contains("RS384"));
    let long = server_free(ISSUER, APP).assertion_lifetime(Duration::from_secs(301));
    assert!(refused(long).contains("10 s to 300 s"));
    assert!(refused(server_free(ISSUER, APP).deadline(Duration::ZERO)).contains("deadline"));
    server_free("http://127.0.0.1:8085", APP).build().unwrap();
    server_free(ISSUER, "countersign:platform")
        .as_platform()
        .build()
        .unwrap();
}
