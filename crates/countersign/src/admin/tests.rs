//! Does a call of the management API name what was meant, and tell what came back?

use std::sync::Arc;

use countersign_proto::{
    management::{AuditOutcome, KeyRotation, NewPassword, Principal, SessionFilter, SessionState},
    time::UnixTime,
};
use serde_json::json;

use super::*;
use crate::{
    ErrorKind, TransportError,
    scripted::{Answer, Asked, Scripted, answer, client, granted, metadata, ok},
};

mod tokens;

fn platform(
    mut api: impl FnMut(usize, &Asked) -> Answer + Send + 'static,
) -> (Arc<Scripted>, Admin) {
    let mut tokens = 0;
    let mut calls = 0;
    let server = Scripted::new(move |_, asked| {
        if asked.url.path() == "/oauth2/token" {
            tokens += 1;
            return Answer::Is(granted(&format!("token-{tokens}")));
        }
        calls += 1;
        api(calls, asked)
    });
    let admin = Admin::new(client(&server));
    (server, admin)
}

fn calls(server: &Scripted) -> Vec<Asked> {
    let mut asked = server.asked();
    asked.retain(|asked| asked.url.path() != "/oauth2/token");
    asked
}

fn principal(name: &str) -> Principal {
    serde_json::from_value(json!({ "name": name, "roles": ["Reader"] })).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_call_names_what_was_meant() {
    let (server, admin) = platform(|_, asked| match asked.method {
        Method::DELETE => Answer::Is(answer(204, &json!(null))),
        _ => Answer::Is(ok(&json!({ "name": "a/b?c", "roles": [] }))),
    });
    admin.principal("a/b?c").await.unwrap();
    admin.create_principal(&principal("new")).await.unwrap();
    admin.update_principal(&principal("a/b?c")).await.unwrap();
    admin.delete_principal("%2e%2e").await.unwrap();

    let calls = calls(&server);
    let lines: Vec<String> = calls
        .iter()
        .map(|asked| format!("{} {}", asked.method, asked.url))
        .collect();
    assert_eq!(
        lines,
        [
            "GET https://platform.example/api/v1/principals/a%2Fb%3Fc",
            "POST https://platform.example/api/v1/principals",
            "PUT https://platform.example/api/v1/principals/a%2Fb%3Fc",
            "DELETE https://platform.example/api/v1/principals/%252e%252e",
        ]
    );
    assert!(
        calls
            .iter()
            .all(|asked| asked.headers["authorization"] == "Bearer token-1")
    );
    let sent: serde_json::Value = serde_json::from_slice(&calls[1].body).unwrap();
    assert_eq!(sent["name"], "new");
    assert_eq!(calls[1].headers["content-type"], "application/json");
}

#[tokio::test(start_paused = true)]
async fn a_name_that_would_be_another_place_is_not_sent() {
    let (server, admin) = platform(|_, _| Answer::Is(ok(&json!({}))));
    for name in ["", ".", ".."] {
        let error = admin.delete_principal(name).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings);
    }
    assert_eq!(calls(&server).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_page_is_asked_for_by_its_cursor() {
    let (server, admin) = platform(|_, _| Answer::Is(ok(&json!({ "items": [], "next": "c 2" }))));
    let first = admin.roles(&PageRequest::first().limit(2)).await.unwrap();
    let next = first.next.unwrap();
    admin.roles(&PageRequest::after(&next)).await.unwrap();
    let calls = calls(&server);
    assert_eq!(calls[0].url.query(), Some("limit=2"));
    assert_eq!(calls[1].url.query(), Some("after=c+2"));
}

#[tokio::test(start_paused = true)]
async fn sessions_are_asked_for_and_ended() {
    let session = json!({
        "id": "02wq5mOzTzPWGCpJqKQcwj", "principal": "anna", "binding": "loopback",
        "created_at": 1, "refreshed_at": 2, "ends_at": 3, "generation": 0, "refresh_limit": 10,
        "state": "active", "proof": "p", "client": "c", "provider": "built-in",
    });
    let (server, admin) = platform(move |number, _| match number {
        1 => Answer::Is(ok(&json!({ "items": [session] }))),
        _ => Answer::Is(ok(&session)),
    });
    let page = PageRequest::after("x").limit(5);
    let filter = SessionFilter {
        principal: Some("anna & bert".to_owned()),
        state: Some(SessionState::Active),
    };
    let found = admin.sessions(&filter, &page).await.unwrap();
    assert_eq!(found.items[0].principal, "anna");
    admin.session("s").await.unwrap();
    assert_eq!(admin.end_session("s").await.unwrap().state, "active");
    admin.end_session_with_tokens("s").await.unwrap();
    let lines: Vec<String> = calls(&server)
        .iter()
        .map(|asked| format!("{} {}", asked.method, asked.url))
        .collect();
    assert_eq!(
        lines,
        [
            "GET https://platform.example/api/v1/sessions?limit=5&after=x&principal=anna+%26+bert&state=active",
            "GET https://platform.example/api/v1/sessions/s",
            "POST https://platform.example/api/v1/sessions/s/end",
            "POST https://platform.example/api/v1/sessions/s/end",
        ]
    );
    let bodies: Vec<_> = calls(&server).into_iter().map(|it| it.body).collect();
    assert!(bodies[2].is_empty());
    assert_eq!(bodies[3], br#"{"with_tokens":true}"#);
}

#[tokio::test(start_paused = true)]
async fn keys_are_listed_rotated_and_retired() {
    let key = json!({
        "kid": "k", "algorithm": "ES256", "state": "announced", "created_at": 1, "active_at": 2,
    });
    let (server, admin) = platform(move |number, _| match number {
        1 => Answer::Is(ok(&json!({ "items": [key] }))),
        _ => Answer::Is(ok(&key)),
    });
    let found = admin.keys(&PageRequest::first()).await.unwrap();
    assert_eq!(found.items[0].kid, "k");
    let emergency = KeyRotation {
        at_once: true,
        retire_old: false,
        reason: Some("leaked".to_owned()),
    };
    admin.rotate_keys(&emergency).await.unwrap();
    admin.retire_key("a/b", "leaked").await.unwrap();
    let calls = calls(&server);
    let lines = calls
        .iter()
        .map(|asked| format!("{} {}", asked.method, asked.url.path()));
    let lines: Vec<String> = lines.collect();
    let expected = [
        "GET /api/v1/keys",
        "POST /api/v1/keys/rotate",
        "POST /api/v1/keys/a%2Fb/retire",
    ];
    assert_eq!(lines, expected);
    let sent: serde_json::Value = serde_json::from_slice(&calls[1].body).unwrap();
    assert_eq!(
        sent,
        json!({ "at_once": true, "retire_old": false, "reason": "leaked" })
    );
    let sent: serde_json::Value = serde_json::from_slice(&calls[2].body).unwrap();
    assert_eq!(sent, json!({ "reason": "leaked" }));
}

#[tokio::test(start_paused = true)]
async fn the_audit_is_asked_for_by_what_is_looked_for() {
    let (server, admin) = platform(|_, _| Answer::Is(ok(&json!({ "items": [] }))));
    let filter = AuditFilter {
        actor: Some("a&b".to_owned()),
        outcome: Some(AuditOutcome::Refused),
        from: Some(UnixTime::from_secs(1_795_336_200)),
        ..AuditFilter::default()
    };
    let page = PageRequest::first().limit(5);
    admin.audit(&filter, &page).await.unwrap();
    let mut asked: Vec<_> = calls(&server)[0].url.query_pairs().into_owned().collect();
    asked.sort();
    let expected = [
        ("actor", "a&b"),
        ("from", "1795336200"),
        ("limit", "5"),
        ("outcome", "refused"),
    ];
    assert_eq!(
        asked,
        expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[tokio::test(start_paused = true)]
async fn a_password_is_sent_once_and_never_shown() {
    let (server, admin) = platform(|_, _| Answer::Is(answer(204, &json!(null))));
    let password = NewPassword::new("correct \"horse\"");
    admin.set_password("anna", &password).await.unwrap();
    admin.delete_password("anna").await.unwrap();
    let calls = calls(&server);
    assert_eq!(calls[0].url.path(), "/api/v1/principals/anna/password");
    assert_eq!(calls[0].method, Method::PUT);
    assert_eq!(calls[0].body, br#"{"password":"correct \"horse\""}"#);
    assert_eq!(calls[0].headers["content-type"], "application/json");
    assert_eq!(calls[1].method, Method::DELETE);
    let call = Call::new(Method::PUT, &["x"]).secret_body(password.to_json());
    assert!(!format!("{call:?}").contains("horse"));
}

#[tokio::test(start_paused = true)]
async fn as_many_as_are_permitted_is_a_rule_and_no_conflict() {
    for (word, kind) in [
        ("limit-reached", ErrorKind::Policy),
        ("conflict", ErrorKind::Conflict),
    ] {
        let (_, admin) = platform(move |_, _| {
            Answer::Is(answer(
                409,
                &json!({
                    "type": format!("urn:countersign:problem:{word}"), "title": "Conflict",
                    "status": 409, "detail": "`anna` has 100 live tokens",
                }),
            ))
        });
        let error = admin.delete_role("x").await.unwrap_err();
        assert_eq!(error.kind(), kind, "{word}");
        assert!(error.to_string().contains("100 live tokens"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_problem_is_told_in_its_own_words_and_kind() {
    let cases = [
        (400, ErrorKind::Settings),
        (401, ErrorKind::IdentityRejected),
        (403, ErrorKind::Denied),
        (404, ErrorKind::NotFound),
        (409, ErrorKind::Conflict),
        (422, ErrorKind::Policy),
        (500, ErrorKind::Server),
    ];
    for (status, kind) in cases {
        let (_, admin) = platform(move |_, _| {
            Answer::Is(answer(
                status,
                &json!({
                    "type": "about:blank", "title": "No", "status": status,
                    "detail": "the role\u{1b}[2J is in use", "support_id": "s-1",
                }),
            ))
        });
        let error = admin.delete_role("Reader").await.unwrap_err();
        assert_eq!(error.kind(), kind);
        if kind != ErrorKind::Server {
            // security.md C8
            assert_eq!(error.to_string(), "the role[2J is in use (support id s-1)");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_got_anew_once() {
    let (server, admin) = platform(|number, _| match number {
        1 => Answer::Is(answer(401, &json!({}))),
        _ => Answer::Is(ok(&json!({ "items": [] }))),
    });
    admin.mappings(&PageRequest::first()).await.unwrap();
    let calls = calls(&server);
    assert_eq!(calls[0].headers["authorization"], "Bearer token-1");
    assert_eq!(calls[1].headers["authorization"], "Bearer token-2");
}

#[tokio::test(start_paused = true)]
async fn what_reads_is_tried_again_and_what_writes_is_sent_once() {
    let lost = || Answer::Fails(TransportError::Interrupted("reset".to_owned()));
    let (server, admin) = platform(move |number, _| match number {
        1 => lost(),
        _ => Answer::Is(ok(&json!({ "items": [] }))),
    });
    let all = AuditFilter::default();
    admin.audit(&all, &PageRequest::first()).await.unwrap();
    assert_eq!(calls(&server).len(), 2);

    let (server, admin) = platform(move |_, _| lost());
    let error = admin.create_principal(&principal("new")).await.unwrap_err();
    assert!(error.is_transient());
    assert_eq!(calls(&server).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_held_token_is_used_as_it_is() {
    let who = json!({
        "principal": "warehouse", "client_id": "inventory", "kind": 1, "roles": [], "scopes": [],
        "expires_at": 1_800_000_900,
    });
    let server = Scripted::new(move |_, _| Answer::Is(ok(&who)));
    let document = serde_json::to_vec(&metadata()).unwrap();
    let metadata = Metadata::parse(&document, crate::scripted::ISSUER).unwrap();
    let token = client(&Scripted::generous()).token().await.unwrap();
    let admin = Admin::with_token(server.clone(), Arc::new(metadata), token);
    assert_eq!(admin.whoami().await.unwrap().principal, "warehouse");
    let asked = server.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].url.path(), "/api/v1/whoami");
    assert_eq!(asked[0].headers["authorization"], "Bearer token-1");
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_management_api_is_said_to_be_that() {
    let mut document = metadata();
    document.as_object_mut().unwrap().remove("countersign_api");
    let server = Scripted::with_metadata(
        move |_, _| Answer::Is(ok(&document)),
        |_, _| Answer::Is(granted("t")),
    );
    let error = Admin::new(client(&server)).whoami().await.unwrap_err();
    assert!(error.to_string().contains("no management API"), "{error}");
}
