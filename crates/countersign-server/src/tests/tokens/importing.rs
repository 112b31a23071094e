//! Does a token of another platform become one of this platform, by its digest alone?

use std::{fs, io::Write as _};

use axum::http::StatusCode;
use countersign_proto::opaque::{OpaqueKind, OpaqueToken, TokenId};
use serde_json::{Value, json};

use super::scene::{administered, granted, newest, post, refused, show};
use crate::{
    Change,
    tests::world::{Answer, NOW, World},
    tokens::digest,
};

const TEXT: &str = "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5";
/// RFC 7519 §3.1.
const JWT: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn terms(token: &str) -> Value {
    json!({"kind": "app", "name": "moved", "owner": "robot", "token": token, "lifetime_s": 3600})
}

async fn import(world: &World, bearer: &str, body: Value) -> Answer {
    post(world, bearer, "tokens/import", body).await
}

async fn scene() -> (World, String) {
    let (world, admin) = administered().await;
    world.principal("robot", &["Reader"]).await;
    (world, admin)
}

fn foreign(kind: OpaqueKind) -> (String, String) {
    let id = TokenId::parse("02wq5mOzTzPWGCpJqKQcwj").unwrap();
    let token = OpaqueToken::compose("csn", kind, &id, &[7; 32]);
    (id.to_string(), token.expose().to_owned())
}

#[tokio::test]
async fn a_string_of_any_form_is_taken_in_and_known_by_its_digest() {
    let (world, admin) = scene().await;
    for text in [TEXT, JWT, "AbC-._~+/0123456=="] {
        let answer = import(&world, &admin, terms(text)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
        let shown = answer.json();
        let id = shown["id"].as_str().unwrap();
        assert_eq!(answer.headers["location"], format!("/api/v1/tokens/{id}"));
        assert_eq!(shown["form"], "imported");
        assert_eq!(shown["state"], "expiring");
        assert_eq!(shown["expires_at"], NOW + 3600);
        assert!(shown.get("token").is_none());
        assert_eq!(show(&world, &admin, id).await, shown);
        let row = world.store.token(id).await.unwrap().unwrap();
        assert!(digest::matches(world.platform.secrets(), &row, text).unwrap());
        let found = world.store.token_by_digest(&row.digest).await.unwrap();
        assert_eq!(found, Some(row));
        let [actor, subject, token, _] = newest(&world, "granted_token.import").await;
        assert_eq!(
            [actor, subject, token],
            ["admin", "robot", id].map(|it| Some(it.to_owned()))
        );
    }
}

#[tokio::test]
async fn a_string_of_another_countersign_keeps_its_id_and_loses_its_label() {
    let (world, admin) = scene().await;
    let (id, text) = foreign(OpaqueKind::App);
    let answer = import(&world, &admin, terms(&format!("robot-2026--{text}"))).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
    assert_eq!(answer.json()["id"], id);
    let row = world.store.token(&id).await.unwrap().unwrap();
    assert!(digest::matches(world.platform.secrets(), &row, &text).unwrap());
    // Another string with the same id is another token.
    let other = TokenId::parse(&id).unwrap();
    let other = OpaqueToken::compose("csn", OpaqueKind::App, &other, &[8; 32]);
    let answer = import(&world, &admin, terms(other.expose())).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
    assert_ne!(answer.json()["id"], id);
}

#[tokio::test]
async fn a_string_is_imported_once() {
    let (world, admin) = scene().await;
    let (_, own) = foreign(OpaqueKind::App);
    for text in [TEXT.to_owned(), own] {
        let first = import(&world, &admin, terms(&text)).await;
        assert_eq!(first.status, StatusCode::CREATED, "{}", first.json());
        let again = import(&world, &admin, terms(&text)).await;
        refused(&again, StatusCode::CONFLICT, "here already");
        assert!(!again.member("detail").contains(&text));
    }
}

#[tokio::test]
async fn a_string_that_is_known_under_an_older_pepper_is_not_imported_again() {
    let world = World::with_secrets_file().await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    world.principal("robot", &["Reader"]).await;
    let new = json!({"kind": "app", "name": "own", "owner": "robot"});
    let (_, own) = granted(&world, &admin, new).await;
    let first = import(&world, &admin, terms(TEXT)).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.json());
    let settings = world.platform.settings().clone();
    let file = settings.secrets_file.clone().unwrap();
    let mut file = fs::OpenOptions::new().append(true).open(file).unwrap();
    writeln!(file, "pepper 2 ERERERERERERERERERERERERERERERERERERERERERE").unwrap();
    let later = world.beside(settings).await;
    assert_eq!(later.platform.secrets().pepper().unwrap().0, 2);
    for text in [TEXT, &own] {
        let again = import(&later, &admin, terms(text)).await;
        refused(&again, StatusCode::CONFLICT, "here already");
    }
}

/// Who revokes what was granted through an id must cover the token of that id. Nobody gets there by
/// a token of his own that has the id of somebody's session.
#[tokio::test]
async fn only_who_may_do_everything_brings_an_id_along() {
    let (world, _) = scene().await;
    let role = json!({"name": "Mover", "permissions": ["tokens:write"]});
    let role = Change::CreateRole(serde_json::from_value(role).unwrap());
    world.change(role).await;
    let mover = world.bearer("mover", &["Mover", "Reader"]).await;
    let (id, text) = foreign(OpaqueKind::App);
    let answer = import(&world, &mover, terms(&text)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.json());
    let given = answer.json()["id"].as_str().unwrap().to_owned();
    assert_ne!(given, id);
    assert_eq!(world.store.token(&id).await.unwrap(), None);
    let row = world.store.token(&given).await.unwrap().unwrap();
    assert!(digest::matches(world.platform.secrets(), &row, &text).unwrap());
}

#[tokio::test]
async fn a_token_may_be_imported_as_revoked_from_the_start() {
    let (world, admin) = scene().await;
    let mut body = terms(TEXT);
    body["revoked"] = json!(true);
    let shown = import(&world, &admin, body).await.json();
    assert_eq!(shown["state"], "revoked");
    assert_eq!(shown["revoked_at"], NOW);
    assert_eq!(shown["revocation_reason"], "imported_as_revoked");
}

#[tokio::test]
async fn an_import_is_no_way_around_a_rule() {
    let (world, admin) = scene().await;
    let developer = world.bearer("developer", &["Developer"]).await;
    let mut own = terms(TEXT);
    own["owner"] = json!("developer");
    let answer = import(&world, &developer, own).await;
    refused(&answer, StatusCode::FORBIDDEN, "tokens:write");
    for (member, value, words) in [
        ("owner", json!("nobody"), "not registered"),
        ("roles", json!(["Administrator"]), "does not have"),
        ("scopes", json!(["roles:write"]), "needs a role"),
        ("lifetime_s", json!(31_536_001), "at most 365 days"),
        ("kind", json!("system"), "stands for nobody"),
    ] {
        let mut body = terms(TEXT);
        body[member] = value;
        let answer = import(&world, &admin, body).await;
        refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, words);
    }
}

#[tokio::test]
async fn a_token_of_ours_that_has_ended_is_refused_in_words_and_does_not_become_another() {
    let (world, admin) = scene().await;
    let new = json!({"kind": "app", "form": "jwt", "name": "x", "lifetime_s": 60});
    let (_, jwt) = granted(&world, &admin, new).await;
    world.advance(86_400);
    let later = world.bearer("later", &["Administrator"]).await;
    for text in [&jwt, &admin] {
        let answer = import(&world, &later, terms(text)).await;
        refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, "good no more");
        assert!(!answer.member("detail").contains(text.as_str()));
    }
}

#[tokio::test]
async fn a_string_that_can_be_no_token_here_is_refused_and_not_repeated() {
    let (world, admin) = scene().await;
    let (_, refresh) = foreign(OpaqueKind::Refresh);
    let (_, personal) = foreign(OpaqueKind::PersonalAccess);
    for (text, words) in [
        ("0123456789abcde", "16 characters"),
        ("0123456789 abcdef", "characters"),
        ("0123456789\u{e9}abcdef", "characters"),
        (&refresh, "refresh token"),
        (&personal, "another kind"),
        (&admin, "signed by this platform"),
    ] {
        let answer = import(&world, &admin, terms(text)).await;
        refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, words);
        assert!(!answer.member("detail").contains(text));
    }
    for body in [
        json!({"kind": "app", "name": "x"}),
        json!({"token": TEXT}),
        json!({"kind": "app", "name": "x", "token": 7}),
        json!({"kind": "app", "name": "x", "token": TEXT, "revoked": "yes"}),
        json!({"kind": "app", "name": "x", "token": TEXT, "other": 1}),
    ] {
        let answer = import(&world, &admin, body).await;
        refused(&answer, StatusCode::UNPROCESSABLE_ENTITY, "the body");
        assert!(!answer.member("detail").contains(TEXT));
    }
}
