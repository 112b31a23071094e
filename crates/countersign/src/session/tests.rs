//! Is each refresh counted once, and is nothing lost when something fails?

use std::sync::atomic::{AtomicUsize, Ordering};

use countersign_proto::{
    key::{KeyType, LocalKey},
    scope::Scope,
    token::AccessToken,
};
use http::Response;
use serde_json::{Value, json};

use super::*;
use crate::{
    TransportError,
    scripted::{Answer, Asked, ISSUER, START, Scripted, TestClock, answer, ok, refused},
};

fn signed_in(remaining: Option<u32>) -> InteractiveToken {
    InteractiveToken {
        token: Token::from(TokenObject {
            access_token: AccessToken::new("token-0").unwrap(),
            token_type: TokenType::Bearer,
            kind: TokenKind::Interactive,
            principal: Some("anna".to_owned()),
            scope: Some(Scope::parse("roles:read").unwrap()),
            issued_at: UnixTime::from_secs(START),
            expires_at: UnixTime::from_secs(START + 900),
            issue_app_id: String::new(),
            issue_principal: String::new(),
            issue_cert_subject: String::new(),
            issue_cert_thumbprint: None,
        }),
        refresh_token: Some(RefreshToken::new("secret-0").unwrap()),
        refreshes_remaining: remaining,
    }
}

fn grant(number: u32, remaining: u32) -> Value {
    json!({"access_token": format!("token-{number}"), "token_type": "Bearer", "expires_in": 900,
        "kind": 0, "principal": "anna", "refresh_token": format!("secret-{number}"),
        "refreshes_remaining": remaining})
}

/// Counts as the real one does: the same secret gets the same answer, until its successor was used.
fn counting(limit: u32) -> Arc<Scripted> {
    let generation = AtomicUsize::new(0);
    Scripted::new(move |_, asked| {
        let used = asked.form["refresh_token"]
            .strip_prefix("secret-")
            .and_then(|number| number.parse::<usize>().ok())
            .unwrap();
        let current = generation.load(Ordering::SeqCst);
        if used + 1 == current {
            // A repetition.
        } else if used != current {
            return Answer::Is(no("superseded"));
        } else if current == limit as usize {
            return Answer::Is(no("refresh_limit_reached"));
        } else {
            generation.store(used + 1, Ordering::SeqCst);
        }
        let next = u32::try_from(used).unwrap() + 1;
        Answer::Is(ok(&grant(next, limit - next)))
    })
}

fn no(reason: &str) -> Response<bytes::Bytes> {
    answer(400, &json!({"error": "invalid_grant", "reason": reason}))
}

fn key() -> Arc<LocalKey> {
    Arc::new(LocalKey::generate(KeyType::P256).unwrap().0)
}

fn session(server: &Arc<Scripted>, remaining: Option<u32>) -> InteractiveSession {
    InteractiveSession::new(
        ISSUER,
        key(),
        signed_in(remaining),
        server.clone(),
        TestClock::new(),
    )
    .unwrap()
}

fn text(token: &Token) -> &str {
    token.access_token.expose()
}

async fn turn(by: u64) {
    tokio::time::advance(Duration::from_secs(by)).await;
}

#[tokio::test(start_paused = true)]
async fn a_refresh_is_asked_for_with_the_secret_and_a_proof_by_the_key_of_the_login() {
    let server = counting(10);
    let key = key();
    let thumbprint = countersign_proto::jwk::thumbprint(key.public_key());
    let session = InteractiveSession::new(
        ISSUER,
        key,
        signed_in(Some(10)),
        server.clone(),
        TestClock::new(),
    )
    .unwrap();
    let token = session.refresh().await.unwrap();
    assert_eq!(text(&token), "token-1");
    assert_eq!(token.principal.as_deref(), Some("anna"));
    assert_eq!(token.scope, Some(Scope::parse("roles:read").unwrap()));
    let now = session.snapshot();
    assert_eq!(now.refresh_token.unwrap().expose(), "secret-1");
    assert_eq!(now.refreshes_remaining, Some(9));

    let asked = server.asked().remove(0);
    assert_eq!(asked.method, http::Method::POST);
    assert_eq!(asked.form["grant_type"], "refresh_token");
    assert_eq!(asked.form["refresh_token"], "secret-0");
    assert_eq!(asked.form["client_id"], "countersign:cli");
    assert!(!asked.headers.contains_key("authorization"));
    let proof = asked.proof();
    assert_eq!(proof.claims["htm"], "POST");
    assert_eq!(proof.claims["htu"], "https://platform.example/oauth2/token");
    assert!(!proof.claims.contains_key("ath"));
    let jwk = countersign_proto::jwk::Jwk::from_members(proof.header["jwk"].as_object().unwrap());
    assert_eq!(
        countersign_proto::jwk::thumbprint(&jwk.unwrap().key),
        thumbprint
    );
}

// security.md 71
#[tokio::test(start_paused = true)]
async fn many_who_ask_at_once_share_one_counted_refresh() {
    let server = counting(10);
    let session = session(&server, Some(10));
    turn(901).await;
    let asks = (0..50).map(|_| session.token());
    for token in futures_util::future::join_all(asks).await {
        assert_eq!(text(&token.unwrap()), "token-1");
    }
    assert_eq!(server.count(), 1);
    // Also when each of them wants a new one.
    let asks = (0..50).map(|_| session.refresh());
    for token in futures_util::future::join_all(asks).await {
        assert_eq!(text(&token.unwrap()), "token-2");
    }
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_token_is_refreshed_ahead_of_its_end_by_one_caller() {
    let server = counting(10);
    let session = session(&server, Some(10));
    turn(600).await;
    assert_eq!(text(&session.token().await.unwrap()), "token-0");
    assert_eq!(server.count(), 0);
    turn(200).await;
    assert_eq!(text(&session.token().await.unwrap()), "token-1");
    assert_eq!(text(&session.token().await.unwrap()), "token-1");
    assert_eq!(server.count(), 1);
}

// seed 003: after the last refresh a person has to sign in again, and is told so.
#[tokio::test(start_paused = true)]
async fn after_the_last_refresh_a_person_has_to_sign_in_again() {
    let server = counting(3);
    let session = session(&server, Some(3));
    for number in 1..=3 {
        turn(901).await;
        assert_eq!(
            text(&session.token().await.unwrap()),
            format!("token-{number}")
        );
    }
    // The last token is used to its end, and the platform is not asked in vain.
    turn(899).await;
    assert_eq!(text(&session.token().await.unwrap()), "token-3");
    turn(2).await;
    for _ in 0..2 {
        let error = session.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RefreshLimit);
        assert_eq!(error.hint(), Some("sign in again"));
        assert_eq!(
            session.refresh().await.unwrap_err().kind(),
            ErrorKind::RefreshLimit
        );
    }
    assert_eq!(server.count(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_says_it_is_over_is_believed_once() {
    for reason in ["refresh_limit_reached", "session_ended"] {
        let server = Scripted::new(move |_, _| Answer::Is(no(reason)));
        let session = session(&server, None);
        let error = session.refresh().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::RefreshLimit, "{reason}");
        assert_eq!(error.hint(), Some("sign in again"));
        assert_eq!(
            session.refresh().await.unwrap_err().kind(),
            ErrorKind::RefreshLimit
        );
        assert_eq!(server.count(), 1);
        // The living token is still good.
        assert_eq!(text(&session.token().await.unwrap()), "token-0");
    }
}

// tokens.md: a lost answer costs nothing
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_with_the_same_secret_and_a_new_proof() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Fails(TransportError::Interrupted("cut".to_owned())),
        2 => Answer::Is(refused(503, "temporarily_unavailable")),
        _ => Answer::Is(ok(&grant(1, 9))),
    });
    let session = session(&server, Some(10));
    assert_eq!(text(&session.refresh().await.unwrap()), "token-1");
    let asked = server.asked();
    assert!(
        asked
            .iter()
            .all(|asked| asked.form["refresh_token"] == "secret-0")
    );
    let mut proofs: Vec<Value> = asked
        .iter()
        .map(|it| it.proof().claims["jti"].clone())
        .collect();
    proofs.dedup();
    assert_eq!(proofs.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_caller_who_gives_up_while_the_answer_is_on_its_way_costs_nothing() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Later(Duration::from_secs(1), ok(&grant(1, 9))),
        _ => Answer::Is(ok(&grant(1, 9))),
    });
    let session = session(&server, Some(10));
    {
        let asked = session.refresh();
        tokio::pin!(asked);
        while server.count() == 0 {
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(asked.as_mut().poll(context).is_pending())
            });
            assert!(polled.await);
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(
        session.snapshot().refresh_token.unwrap().expose(),
        "secret-0"
    );
    assert_eq!(text(&session.refresh().await.unwrap()), "token-1");
    assert_eq!(session.snapshot().refreshes_remaining, Some(9));
}

// security.md 71: the new one is stored before the old one is dropped
#[tokio::test(start_paused = true)]
async fn a_new_token_that_cannot_be_stored_leaves_the_old_one_in_use() {
    let server = counting(10);
    let stored: Arc<Mutex<Vec<String>>> = Arc::default();
    let fails = Arc::new(AtomicUsize::new(1));
    let (log, failing) = (stored.clone(), fails.clone());
    let session = InteractiveSession::stored(
        ISSUER,
        key(),
        signed_in(Some(10)),
        server.clone(),
        TestClock::new(),
        move |token| {
            if failing.swap(0, Ordering::SeqCst) == 1 {
                return Err("the disk is full");
            }
            let secret = token.refresh_token.as_ref().unwrap();
            log.lock().unwrap().push(secret.expose().to_owned());
            Ok(())
        },
    )
    .unwrap();
    let error = session.refresh().await.unwrap_err();
    assert!(error.to_string().ends_with("the disk is full"), "{error}");
    assert_eq!(
        session.snapshot().refresh_token.unwrap().expose(),
        "secret-0"
    );
    assert_eq!(text(&session.token().await.unwrap()), "token-0");
    // The same secret gets the same successor: nothing was lost, nothing counted twice.
    assert_eq!(text(&session.refresh().await.unwrap()), "token-1");
    assert_eq!(*stored.lock().unwrap(), ["secret-1"]);
    assert_eq!(session.snapshot().refreshes_remaining, Some(9));
}

#[tokio::test(start_paused = true)]
async fn a_token_is_refreshed_into_the_place_that_is_given() {
    let server = counting(10);
    let session = session(&server, Some(10));
    let mut kept = None;
    let refreshed = session
        .refresh_into(|next| {
            kept = Some(next.clone());
            Ok::<_, Error>(())
        })
        .await
        .unwrap();
    assert_eq!(text(&refreshed), "token-1");
    assert_eq!(kept.unwrap().refresh_token.unwrap().expose(), "secret-1");
    let error = session.refresh_into(|_| Err("no room")).await.unwrap_err();
    assert!(error.to_string().contains("no room"), "{error}");
    assert_eq!(
        session.snapshot().refresh_token.unwrap().expose(),
        "secret-1"
    );
}

#[tokio::test(start_paused = true)]
async fn the_nonce_that_the_platform_wants_is_sent_once_more() {
    let server = Scripted::new(|number, asked| {
        let nonce = asked.proof().claims.get("nonce").cloned();
        match number {
            1 => {
                assert_eq!(nonce, None);
                let mut response = refused(400, "use_dpop_nonce");
                let value = http::HeaderValue::from_static("n-1");
                response.headers_mut().insert("DPoP-Nonce", value);
                Answer::Is(response)
            }
            _ => {
                assert_eq!(nonce, Some("n-1".into()));
                Answer::Is(ok(&grant(1, 9)))
            }
        }
    });
    let session = session(&server, Some(10));
    assert_eq!(text(&session.refresh().await.unwrap()), "token-1");
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_of_this_session_is_refused() {
    for (name, value) in [
        ("principal", json!("mallory")),
        ("principal", json!(null)),
        ("kind", json!(1)),
        ("kind", json!(null)),
    ] {
        let mut body = grant(1, 9);
        body[name] = value.clone();
        let server = Scripted::new(move |_, _: &Asked| Answer::Is(ok(&body)));
        let session = session(&server, Some(10));
        let error = session.refresh().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{name} {value}");
        assert_eq!(
            session.snapshot().refresh_token.unwrap().expose(),
            "secret-0"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_another_process_has_used_is_told_apart_from_the_end() {
    let server = Scripted::new(|_, _| Answer::Is(no("superseded")));
    let session = session(&server, Some(10));
    let error = session.refresh().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    assert!(error.hint().unwrap().contains("another process"));
    assert_eq!(text(&session.token().await.unwrap()), "token-0");
}

#[tokio::test(start_paused = true)]
async fn a_refresh_that_fails_leaves_the_living_token_in_use() {
    let server = Scripted::new(|_, _| Answer::Is(refused(503, "temporarily_unavailable")));
    let session = session(&server, Some(10));
    turn(800).await;
    assert_eq!(text(&session.token().await.unwrap()), "token-0");
    turn(94).await;
    assert_eq!(text(&session.token().await.unwrap()), "token-0");
    turn(10).await;
    assert!(session.token().await.unwrap_err().is_transient());
}

#[tokio::test(start_paused = true)]
async fn whoever_signs_out_gives_the_session_back_and_refreshes_no_more() {
    let server = Scripted::new(|_, asked| {
        assert_eq!(asked.url.path(), "/oauth2/revoke");
        assert_eq!(asked.form["token"], "secret-0");
        assert_eq!(asked.form["client_id"], "countersign:cli");
        Answer::Is(ok(&json!({})))
    });
    let session = session(&server, Some(10));
    session.end().await.unwrap();
    assert_eq!(
        session.token().await.unwrap_err().kind(),
        ErrorKind::RefreshLimit
    );
    assert_eq!(server.count(), 1);
    // Without a refresh token, whoever holds the token gives it back.
    let server = Scripted::new(|_, asked| {
        assert_eq!(asked.form["token"], "token-0");
        assert_eq!(asked.headers["authorization"], "Bearer token-0");
        Answer::Is(ok(&json!({})))
    });
    let mut bare = signed_in(None);
    bare.refresh_token = None;
    let session =
        InteractiveSession::new(ISSUER, key(), bare, server.clone(), TestClock::new()).unwrap();
    session.end().await.unwrap();
    assert_eq!(server.count(), 1);
}

// security.md 112
#[tokio::test(start_paused = true)]
async fn a_session_shows_no_secret() {
    let shown = format!("{:?}", session(&counting(1), Some(1)));
    assert!(
        !shown.contains("secret-0") && !shown.contains("token-0"),
        "{shown}"
    );
}

// security.md 71: one refresh in flight per token, also of several processes
#[tokio::test(start_paused = true)]
async fn processes_that_share_a_file_share_its_refreshes_and_a_crash_costs_none() {
    use crate::cache_file::{CacheFolder, CacheIdentity};

    let home = tempfile::tempdir().unwrap();
    let folder = CacheFolder::open(&home.path().join("countersign")).unwrap();
    let identity = CacheIdentity::new(&[("server", ISSUER)]);
    let server = counting(10);
    let clock = TestClock::new();
    let process = |current| {
        InteractiveSession::new(ISSUER, key(), current, server.clone(), clock.clone()).unwrap()
    };
    let wait = Duration::from_secs(5);
    {
        let lock = folder.lock(&identity, wait).unwrap();
        lock.write_interactive(&signed_in(Some(10))).unwrap();
    }
    // The first is killed when the answer is there and nothing is written yet.
    {
        let lock = folder.lock(&identity, wait).unwrap();
        let session = process(lock.read_interactive().unwrap().unwrap());
        let killed = session.refresh_into(|_| Err("killed")).await;
        assert!(killed.is_err());
    }
    // The second gets the same successor, and the third finds it.
    {
        let lock = folder.lock(&identity, wait).unwrap();
        let session = process(lock.read_interactive().unwrap().unwrap());
        let refreshed = session.refresh_into(|next| lock.write_interactive(next));
        assert_eq!(text(&refreshed.await.unwrap()), "token-1");
    }
    let found = folder.read_interactive(&identity).unwrap().unwrap();
    assert_eq!(text(&found.token), "token-1");
    assert_eq!(found.refresh_token.unwrap().expose(), "secret-1");
    assert_eq!(found.refreshes_remaining, Some(9));
    assert_eq!(server.count(), 2);
}
