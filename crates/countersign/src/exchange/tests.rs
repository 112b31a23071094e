//! Does the exchange ask as it must, and learn from every refusal once?

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use countersign_proto::{
    key::{PublicKey, SigningError, SigningKey},
    scope::Scope,
};
use serde_json::json;

use super::*;
use crate::{
    Client, CredentialSource, TransportError,
    scripted::{
        APP, Answer, ISSUER, Pair, START, Scripted, TestClock, answer, builder, client, granted,
        metadata, ok, refused, with_header,
    },
};

mod clock;

mod possession;

fn date(seconds: u64) -> String {
    UnixTime::from_secs(seconds).to_http_date()
}

#[tokio::test(start_paused = true)]
async fn the_request_says_who_asks_and_for_what() {
    let server = Scripted::generous();
    let client = builder(&server, &TestClock::new())
        .scope(Scope::parse("stock:read").unwrap())
        .principal("warehouse")
        .build()
        .unwrap();
    let token = client.token().await.unwrap();

    let asked = &server.asked()[0];
    assert_eq!(asked.method, http::Method::POST);
    assert_eq!(asked.url.as_str(), "https://platform.example/oauth2/token");
    assert_eq!(asked.form["grant_type"], "client_credentials");
    assert_eq!(asked.form["scope"], "stock:read");
    assert_eq!(asked.form["principal"], "warehouse");
    assert_eq!(asked.claim("iss"), APP);
    assert_eq!(asked.claim("sub"), APP);
    assert_eq!(asked.claim("iat"), START - 5);
    assert_eq!(asked.claim("exp"), START + 55);
    assert_eq!(token.access_token.expose(), "token-1");
    assert_eq!(token.kind, TokenKind::NonInteractive);
    assert_eq!(token.principal.as_deref(), Some("warehouse"));
    assert_eq!(token.issued_at, UnixTime::from_secs(START));
    assert_eq!(token.expires_at, UnixTime::from_secs(START + 900));
    // checklist T9
    assert_eq!(token.issue_app_id, APP);
    assert_eq!(token.issue_principal, "warehouse");
    assert_eq!(token.issue_cert_subject, "CN=Corellian");
}

// security.md 28 and B1
#[tokio::test(start_paused = true)]
async fn metadata_never_chooses_the_audience() {
    let lure = || {
        let mut document = metadata();
        document["token_endpoint"] = "https://elsewhere.example/token".into();
        document["audience"] = "https://elsewhere.example".into();
        document
    };
    let server = Scripted::with_metadata(
        move |_, _| Answer::Is(ok(&lure())),
        |_, _| Answer::Is(granted("t")),
    );
    client(&server).token().await.unwrap();
    assert_eq!(server.asked()[0].claim("aud"), ISSUER);
}

#[tokio::test(start_paused = true)]
async fn the_token_endpoint_is_the_audience_only_where_the_user_said_so() {
    let server = Scripted::generous();
    let client = builder(&server, &TestClock::new())
        .audience(Audience::TokenEndpoint)
        .build()
        .unwrap();
    client.token().await.unwrap();
    assert_eq!(
        server.asked()[0].claim("aud"),
        "https://platform.example/oauth2/token"
    );
}

// security.md 37
#[tokio::test(start_paused = true)]
async fn every_attempt_signs_anew() {
    let server = Scripted::new(|number, _| match number {
        1 | 2 => Answer::Is(refused(503, "temporarily_unavailable")),
        _ => Answer::Is(granted("t")),
    });
    client(&server).token().await.unwrap();
    let mut ids: Vec<String> = server
        .asked()
        .iter()
        .map(|asked| asked.claim("jti").to_string())
        .collect();
    assert_eq!(ids.len(), 3);
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn whichever_send_fails_the_token_is_had_and_asked_for_once_more() {
    for failing in 1..=3 {
        let failures = [
            TransportError::Connect("refused".to_owned()),
            TransportError::Timeout,
            TransportError::Interrupted("reset".to_owned()),
        ];
        for failure in failures {
            let sends = Arc::new(Mutex::new(0));
            let turn = move |sends: &Mutex<usize>, good: http::Response<Bytes>| {
                let mut sends = sends.lock().unwrap();
                *sends += 1;
                match *sends == failing {
                    true => Answer::Fails(failure.clone()),
                    false => Answer::Is(good),
                }
            };
            let (of_discovery, of_token) = (Arc::clone(&sends), Arc::clone(&sends));
            let again = turn.clone();
            let server = Scripted::with_metadata(
                move |_, _| turn(&of_discovery, ok(&metadata())),
                move |number, _| again(&of_token, granted(&format!("token-{number}"))),
            );
            let client = client(&server);
            let first = client.token().await.unwrap();
            let second = client.renew().await.unwrap();
            assert_ne!(first.access_token, second.access_token);
            let held = client.token().await.unwrap();
            assert_eq!(held.access_token, second.access_token, "send {failing}");
            assert_eq!(*sends.lock().unwrap(), 4, "send {failing}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_again_and_what_will_not_is_told() {
    let cases = [
        (429, json!({}), true),
        (502, json!({}), true),
        (503, json!({}), true),
        (504, json!({}), true),
        (400, json!({ "error": "temporarily_unavailable" }), true),
        (400, json!({ "error": "slow_down" }), true),
        (500, json!({}), false),
        (404, json!({}), false),
        (400, json!({ "error": "invalid_scope" }), false),
        (400, json!({ "error": "unauthorized_client" }), false),
        (403, json!({ "error": "access_denied" }), false),
    ];
    for (status, body, transient) in cases {
        let said = body.clone();
        let server = Scripted::new(move |number, _| match number {
            1 => Answer::Is(answer(status, &said)),
            _ => Answer::Is(granted("t")),
        });
        let got = client(&server).token().await;
        assert_eq!(got.is_ok(), transient, "{status} {body}");
        assert_eq!(
            server.count(),
            1 + usize::from(transient),
            "{status} {body}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_unavailable_server_is_asked_six_times_at_most() {
    let server = Scripted::new(|_, _| Answer::Is(refused(503, "temporarily_unavailable")));
    let error = client(&server).token().await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(server.count(), 6);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Is(with_header(answer(429, &json!({})), "retry-after", "7")),
        _ => Answer::Is(granted("t")),
    });
    let clock = TestClock::new();
    let client = builder(&server, &clock).build().unwrap();
    client.token().await.unwrap();
    let waited = clock.elapsed();
    assert!(
        waited >= Duration::from_secs(7) && waited < Duration::from_millis(7300),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_beyond_the_deadline_is_told_at_once() {
    let server = Scripted::new(|_, _| {
        Answer::Is(with_header(answer(503, &json!({})), "retry-after", "120"))
    });
    let clock = TestClock::new();
    let client = builder(&server, &clock).build().unwrap();
    let error = client.token().await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(120)));
    assert!(error.is_transient());
    assert_eq!(clock.elapsed(), Duration::ZERO);
    assert_eq!(server.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_costs_the_deadline_and_no_more() {
    let server = Scripted::new(|_, _| Answer::Hangs);
    let clock = TestClock::new();
    let client = builder(&server, &clock)
        .deadline(Duration::from_secs(12))
        .build()
        .unwrap();
    let error = client.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Deadline);
    let waited = clock.elapsed();
    assert!(
        waited >= Duration::from_secs(12) && waited < Duration::from_millis(12_010),
        "{waited:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_certificate_is_looked_for_again_and_tried_if_it_is_another() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.pem");
    let (old, new) = (Pair::new("Old"), Pair::new("New"));
    old.write(&file);
    let new_thumbprint = new.chain().leaf().sha1().to_hex();
    let swap = file.clone();
    let server = Scripted::new(move |_, asked| {
        if asked.assertion().header["kid"] == new_thumbprint.as_str() {
            return Answer::Is(granted("t"));
        }
        new.write(&swap);
        Answer::Is(refused(401, "invalid_client"))
    });
    let client = Client::builder(ISSUER, APP, CredentialSource::files(&file, None, None))
        .transport(server.clone())
        .clock(TestClock::new())
        .build()
        .unwrap();
    let token = client.token().await.unwrap();
    assert_eq!(token.issue_cert_subject, "CN=New");
    assert_eq!(server.count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_refused_certificate_that_is_still_the_same_is_not_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.pem");
    Pair::new("Same").write(&file);
    let server = Scripted::new(|_, _| Answer::Is(refused(401, "invalid_client")));
    let client = Client::builder(ISSUER, APP, CredentialSource::files(&file, None, None))
        .transport(server.clone())
        .clock(TestClock::new())
        .build()
        .unwrap();
    let error = client.token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IdentityRejected);
    assert_eq!(server.count(), 1);
}

#[test]
fn an_rsa_key_signs_ps256_where_it_is_listed_and_rs256_elsewhere() {
    let rsa = [Algorithm::PS256, Algorithm::RS256];
    let listed = |names: &[&str]| {
        names
            .iter()
            .map(|&name| name.to_owned())
            .collect::<Vec<_>>()
    };
    let cases = [
        (vec![], Algorithm::RS256),
        (listed(&["RS256", "PS256", "ES256"]), Algorithm::PS256),
        (listed(&["RS256"]), Algorithm::RS256),
        (listed(&["ES256"]), Algorithm::RS256),
    ];
    for (listed, expected) in cases {
        assert_eq!(choose_algorithm(&rsa, &listed), expected, "{listed:?}");
    }
    assert_eq!(
        choose_algorithm(&[Algorithm::ES384], &listed(&["ES256"])),
        Algorithm::ES384
    );
}

/// A key that tells on which thread it signed.
#[derive(Debug)]
struct Device {
    key: countersign_proto::key::LocalKey,
    signed_on: Mutex<Option<std::thread::ThreadId>>,
    fails: Option<SigningError>,
}

impl SigningKey for Device {
    fn public_key(&self) -> &PublicKey {
        self.key.public_key()
    }
    fn sign(&self, algorithm: Algorithm, message: &[u8]) -> Result<Vec<u8>, SigningError> {
        *self.signed_on.lock().unwrap() = Some(std::thread::current().id());
        match &self.fails {
            Some(error) => Err(error.clone()),
            None => self.key.sign(algorithm, message),
        }
    }
    fn may_block(&self) -> bool {
        true
    }
}

fn device(fails: Option<SigningError>) -> (Arc<Device>, Credential) {
    let pair = Pair::new("Device");
    let key = Arc::new(Device {
        key: countersign_proto::key::LocalKey::from_pem(&pair.key_pem).unwrap(),
        signed_on: Mutex::new(None),
        fails,
    });
    let credential = Credential::new(pair.chain(), key.clone()).unwrap();
    (key, credential)
}

#[tokio::test(start_paused = true)]
async fn a_key_that_may_block_signs_on_another_thread() {
    let server = Scripted::generous();
    let (key, credential) = device(None);
    let client = Client::builder(ISSUER, APP, credential)
        .transport(server.clone())
        .clock(TestClock::new())
        .build()
        .unwrap();
    client.token().await.unwrap();
    let signed_on = key.signed_on.lock().unwrap().unwrap();
    assert_ne!(signed_on, std::thread::current().id());
    assert_eq!(server.asked()[0].assertion().header["alg"], "ES256");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_away_is_asked_again_and_one_that_refuses_is_not() {
    let cases = [
        (SigningError::Unavailable("no reader".to_owned()), true),
        (SigningError::Refused("wrong PIN".to_owned()), false),
    ];
    for (failure, transient) in cases {
        let server = Scripted::generous();
        let clock = TestClock::new();
        let (_, credential) = device(Some(failure));
        let client = Client::builder(ISSUER, APP, credential)
            .transport(server.clone())
            .clock(clock.clone())
            .build()
            .unwrap();
        let error = client.token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Signing);
        assert_eq!(error.is_transient(), transient);
        assert_eq!(server.count(), 0);
    }
}

// security.md 51
#[tokio::test(start_paused = true)]
async fn an_expired_certificate_is_told_before_anything_is_sent() {
    let cases = [
        ((2020, 2026), ErrorKind::Expired),
        ((2028, 2030), ErrorKind::Credential),
    ];
    for (years, kind) in cases {
        let server = Scripted::generous();
        let pair = Pair::valid("Corellian", years);
        let client = Client::builder(ISSUER, APP, pair.credential())
            .transport(server.clone())
            .clock(TestClock::new())
            .build()
            .unwrap();
        let error = client.token().await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("CN=Corellian"), "{error}");
        assert_eq!(server.count(), 0);
    }
}

// checklist T7 and T10
#[tokio::test(start_paused = true)]
async fn a_platform_token_is_asked_for_as_the_platform_and_not_kept() {
    let server = Scripted::new(|number, _| {
        Answer::Is(ok(&json!({
            "access_token": format!("platform-{number}"), "token_type": "Bearer",
            "expires_in": 300, "kind": 2, "principal": "platform",
        })))
    });
    let client = client(&server);
    let first = client.platform_token().await.unwrap();
    let second = client.platform_token().await.unwrap();
    assert_ne!(first.access_token, second.access_token);
    assert_eq!(first.kind, TokenKind::Platform);
    assert_eq!(first.issue_app_id, "countersign:platform");
    let asked = &server.asked()[0];
    assert_eq!(
        asked.form["grant_type"],
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    assert_eq!(asked.claim("iss"), "countersign:platform");
    assert_eq!(asked.assertion().header["typ"], "countersign-platform+jwt");
    assert!(!asked.form.contains_key("principal"));
    assert!(!asked.form.contains_key("client_assertion"));
}

// security.md B26
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_no_token_is_refused_and_not_repeated() {
    let token =
        |text: &str| json!({ "access_token": text, "token_type": "Bearer", "expires_in": 900 });
    let html = http::Response::builder()
        .header("content-type", "text/html")
        .body(Bytes::from("<html>"))
        .unwrap();
    let redirect = with_header(answer(307, &json!({})), "location", "https://evil.example/");
    let cases = [
        ("a line break in the token", ok(&token("a\r\nX-Evil: b"))),
        ("a space in the token", ok(&token("a b"))),
        ("another token type", {
            ok(&json!({ "access_token": "t", "token_type": "mac", "expires_in": 900 }))
        }),
        ("no token", ok(&json!({ "token_type": "Bearer" }))),
        ("html", html),
        ("a redirect", redirect),
    ];
    for (what, response) in cases {
        let server = Scripted::new(move |_, _| Answer::Is(response.clone()));
        let error = client(&server).token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{what}: {error}");
        assert_eq!(server.count(), 1, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_secret_is_printed() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Is(granted("canary-token")),
        _ => Answer::Is(refused(401, "invalid_client")),
    });
    let client = client(&server);
    let token = client.token().await.unwrap();
    let error = client.renew().await.unwrap_err();
    let printed = format!("{client:?} {token:?} {error:?} {error} {:?}", error.hint());
    assert!(!printed.contains("canary-token"), "{printed}");
    for asked in server.asked() {
        let assertion = &asked.form["client_assertion"];
        assert!(!printed.contains(assertion.as_str()));
        let signature = assertion.rsplit('.').next().unwrap();
        assert!(!printed.contains(signature));
    }
}
