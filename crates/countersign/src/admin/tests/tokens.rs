//! Do calls about granted tokens name what was meant, and does a string come back whole?

use countersign_proto::management::{
    GrantedKind, GrantedState, ImportedToken, NewToken, Rotation, TokenChange, TokenFilter,
    TokensRevocation,
};
use serde_json::Value;

use super::*;

const STRING: &str =
    "csn_pat_02wq5mOzTzPWGCpJqKQcwjj7HwfYr75nnrVBQZywhozc3nYt2bmKMFumbyICHGPU03Qki4o";
const ID: &str = "02wq5mOzTzPWGCpJqKQcwj";

fn token() -> Value {
    json!({
        "id": ID, "kind": "personal", "form": "opaque", "name": "build", "owner": "anna",
        "audience": "https://platform.example", "created_at": 1, "created_by": "anna",
        "state": "active",
    })
}

fn terms() -> NewToken {
    serde_json::from_value(json!({
        "kind": "personal", "name": "build", "roles": ["Developer"], "lifetime_s": 3600,
    }))
    .unwrap()
}

fn lines(server: &Scripted) -> Vec<String> {
    calls(server)
        .iter()
        .map(|asked| {
            format!(
                "{} {}",
                asked.method,
                &asked.url[url::Position::BeforePath..]
            )
        })
        .collect()
}

fn body(asked: &Asked) -> Value {
    serde_json::from_slice(&asked.body).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_token_is_granted_and_rotated_and_its_string_comes_once() {
    let (server, admin) =
        platform(|_, _| Answer::Is(ok(&json!({ "token": STRING, "granted": token() }))));
    let given = admin.create_token(&terms()).await.unwrap();
    assert_eq!(given.expose(), STRING);
    assert_eq!(given.granted.kind, GrantedKind::Personal);
    let rotation = Rotation {
        grace_s: Some(3600),
        ..Rotation::default()
    };
    let given = admin.rotate_token(ID, &rotation).await.unwrap();
    assert_eq!(given.expose(), STRING);
    // security.md 112
    assert!(!format!("{given:?}").contains(STRING));

    assert_eq!(
        lines(&server),
        [
            "POST /api/v1/tokens",
            "POST /api/v1/tokens/02wq5mOzTzPWGCpJqKQcwj/rotate",
        ]
    );
    let calls = calls(&server);
    assert_eq!(
        body(&calls[0]),
        json!({
            "kind": "personal", "form": "opaque", "name": "build", "description": "",
            "roles": ["Developer"], "scopes": [], "lifetime_s": 3600, "never_expires": false,
        })
    );
    assert_eq!(
        body(&calls[1]),
        json!({ "grace_s": 3600, "keep_until_grace_ends": false })
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_string_is_not_taken_and_not_repeated() {
    for answered in [
        token(),
        json!({ "token": STRING }),
        json!({ "token": STRING, "granted": { "id": STRING } }),
    ] {
        let (server, admin) = platform(move |_, _| Answer::Is(ok(&answered)));
        let error = admin.create_token(&terms()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server);
        assert!(!error.to_string().contains("csn_pat"), "{error}");
        assert_eq!(calls(&server).len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn tokens_are_listed_by_what_is_asked_of_them() {
    let (server, admin) = platform(|_, _| Answer::Is(ok(&json!({ "items": [token()] }))));
    let all = TokenFilter::default();
    let found = admin.tokens(&all, &PageRequest::first()).await.unwrap();
    assert_eq!(found.items[0].id, ID);
    let some = TokenFilter {
        owner: Some("anna & bert".to_owned()),
        kind: Some(GrantedKind::App),
        state: Some(GrantedState::Expiring),
        ..TokenFilter::default()
    };
    let page = PageRequest::after("x").limit(5);
    admin.tokens(&some, &page).await.unwrap();
    let calls = calls(&server);
    assert_eq!(calls[0].url.query(), None);
    let asked: Vec<_> = calls[1].url.query_pairs().into_owned().collect();
    let pairs = [
        ("limit", "5"),
        ("after", "x"),
        ("kind", "app"),
        ("owner", "anna & bert"),
        ("state", "expiring"),
    ];
    let mut asked: Vec<_> = asked
        .iter()
        .map(|(n, v)| (n.as_str(), v.as_str()))
        .collect();
    asked[2..].sort_unstable();
    assert_eq!(asked, pairs);
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_token_is_said_by_its_id() {
    let (server, admin) = platform(|_, _| Answer::Is(ok(&token())));
    let change = TokenChange {
        name: Some("release".to_owned()),
        description: None,
    };
    admin.token(ID).await.unwrap();
    admin.describe_token("a/b", &change).await.unwrap();
    admin.confirm_rotation(ID).await.unwrap();
    admin.abort_rotation(ID).await.unwrap();
    admin.revoke_token(ID, "left").await.unwrap();
    assert_eq!(
        lines(&server),
        [
            "GET /api/v1/tokens/02wq5mOzTzPWGCpJqKQcwj",
            "PATCH /api/v1/tokens/a%2Fb",
            "POST /api/v1/tokens/02wq5mOzTzPWGCpJqKQcwj/confirm",
            "POST /api/v1/tokens/02wq5mOzTzPWGCpJqKQcwj/abort",
            "POST /api/v1/tokens/02wq5mOzTzPWGCpJqKQcwj/revoke",
        ]
    );
    let calls = calls(&server);
    assert_eq!(body(&calls[1]), json!({ "name": "release" }));
    assert_eq!(body(&calls[4]), json!({ "reason": "left" }));
}

#[tokio::test(start_paused = true)]
async fn tokens_are_revoked_together_and_counted() {
    let (server, admin) = platform(|_, _| Answer::Is(ok(&json!({ "revoked": 3 }))));
    let which = TokensRevocation {
        certificate: Some("ab".repeat(32)),
        reason: "the laptop is gone".to_owned(),
        ..TokensRevocation::default()
    };
    assert_eq!(admin.revoke_tokens(&which).await.unwrap().revoked, 3);
    assert_eq!(lines(&server), ["POST /api/v1/tokens/revoke"]);
    let sent = json!({ "certificate": "ab".repeat(32), "reason": "the laptop is gone" });
    assert_eq!(body(&calls(&server)[0]), sent);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_platform_is_sent_once_and_never_shown() {
    let lost = || Answer::Fails(TransportError::Interrupted("reset".to_owned()));
    let (server, admin) = platform(move |number, _| match number {
        1 => Answer::Is(ok(&token())),
        _ => lost(),
    });
    let mut imported = ImportedToken::new("other \"1\"", terms());
    imported.revoked = true;
    assert_eq!(admin.import_token(&imported).await.unwrap().id, ID);
    let error = admin.import_token(&imported).await.unwrap_err();
    assert!(!error.to_string().contains("other"), "{error}");
    let calls = calls(&server);
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0].url.path(), "/api/v1/tokens/import");
    let sent = body(&calls[0]);
    assert_eq!(sent["token"], "other \"1\"");
    assert_eq!(
        (&sent["revoked"], &sent["name"]),
        (&json!(true), &json!("build"))
    );
}
