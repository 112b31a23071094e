//! Who sees the sessions of people, ends them, and sets passwords?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::{
    terminal::SignIn,
    world::{Answer, NOW, World, principal},
};
use crate::Change;

async fn get(world: &World, bearer: &str, path: &str) -> Answer {
    world.api(Method::GET, path, bearer, None).await
}

async fn end(world: &World, bearer: &str, id: &str) -> Answer {
    let path = format!("sessions/{id}/end");
    world.api(Method::POST, &path, bearer, None).await
}

async fn set_password(world: &World, bearer: &str, name: &str, password: &str) -> Answer {
    let path = format!("principals/{name}/password");
    let body = json!({ "password": password });
    world.api(Method::PUT, &path, bearer, Some(body)).await
}

/// Somebody who may end sessions and write principals, and no more.
async fn helpdesk(world: &World) -> String {
    let role = json!({
        "name": "Helpdesk",
        "permissions": ["sessions:read", "sessions:write", "principals:write"],
    });
    let role = serde_json::from_value(role).unwrap();
    world.change(Change::CreateRole(role)).await;
    world.bearer("helpdesk", &["Helpdesk"]).await
}

#[tokio::test]
async fn sessions_are_listed_newest_first_with_what_they_are() {
    let world = World::new().await;
    let reader = world.bearer("reader", &["Reader"]).await;
    let mut first = world.terminal("anna").await;
    world.advance(10);
    let second = world.terminal("anna").await;
    world.advance(10);
    let third = world.terminal("bert").await;
    world.advance(10);
    first.refresh(&world).await;

    let page = get(&world, &reader, "sessions").await.json();
    let ids = |page: &Value| -> Vec<String> {
        let items = page["items"].as_array().unwrap().iter();
        items
            .map(|it| it["id"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(
        ids(&page),
        [&third.session, &second.session, &first.session].map(String::clone)
    );
    let of_anna = get(&world, &reader, "sessions?principal=anna&limit=1")
        .await
        .json();
    assert_eq!(ids(&of_anna), [second.session.as_str()]);
    let next = of_anna["next"].as_str().unwrap();
    let rest = format!("sessions?principal=anna&limit=1&after={next}");
    let rest = get(&world, &reader, &rest).await.json();
    assert_eq!(ids(&rest), [first.session.as_str()]);
    assert!(rest.get("next").is_none());

    let row = world.session(&first).await;
    let shown = get(&world, &reader, &format!("sessions/{}", first.session)).await;
    assert_eq!(
        shown.json(),
        json!({
            "id": first.session, "principal": "anna", "binding": "loopback",
            "created_at": NOW, "refreshed_at": NOW + 30, "ends_at": NOW + 43_200,
            "generation": 1, "refresh_limit": 10, "state": "active", "proof": row.proof,
            "address": "192.0.2.9", "client": "countersign 0.1.0", "provider": "built-in",
        })
    );
    let unknown = get(&world, &reader, "sessions/x").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_is_over_is_shown_as_ended() {
    let world = World::new().await;
    let reader = world.bearer("reader", &["Reader"]).await;
    let over = world.terminal("anna").await;
    world.advance(43_100);
    let pending = world.delivered("anna", SignIn::default()).await;
    world.advance(100);
    let reader_now = world.bearer("reader-2", &["Reader"]).await;
    assert_ne!(reader, reader_now);
    for (terminal, reason) in [(&over, "expired"), (&pending, "not_acknowledged")] {
        let path = format!("sessions/{}", terminal.session);
        let shown = get(&world, &reader_now, &path).await.json();
        assert_eq!(
            (&shown["state"], &shown["end_reason"]),
            (&json!("ended"), &json!(reason))
        );
    }
}

// security.md 79
#[tokio::test]
async fn a_session_that_is_ended_is_over_at_once_and_stays_as_it_ended() {
    let world = World::new().await;
    let helpdesk = helpdesk(&world).await;
    let terminal = world.terminal("anna").await;
    let other = world.terminal("anna").await;
    let ended = end(&world, &helpdesk, &terminal.session).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", ended.json());
    assert_eq!(ended.json()["state"], "ended");
    assert_eq!(ended.json()["end_reason"], "ended_by_administrator");
    assert!(!world.is_active(&terminal.access_token).await);
    assert!(world.is_active(&other.access_token).await);
    let answer = world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await;
    answer.refused("invalid_grant", "session_ended");
    assert_eq!(
        end(&world, &helpdesk, &terminal.session).await.json(),
        ended.json()
    );
    assert_eq!(
        end(&world, &helpdesk, "x").await.status,
        StatusCode::NOT_FOUND
    );
    let rows = world.audited().await;
    let ends = rows.iter().filter(|(action, _)| action == "session.end");
    assert_eq!(ends.count(), 1);
}

#[tokio::test]
async fn nobody_ends_sessions_or_sets_passwords_of_somebody_who_may_do_more() {
    let world = World::new().await;
    let helpdesk = helpdesk(&world).await;
    let reader = world.bearer("reader", &["Reader"]).await;
    world.principal("boss", &["Administrator"]).await;
    let boss = world.terminal("boss").await;
    let anna = world.terminal("anna").await;
    for (bearer, session, name) in [
        (&helpdesk, &boss.session, "boss"),
        (&reader, &anna.session, "anna"),
    ] {
        assert_eq!(
            end(&world, bearer, session).await.status,
            StatusCode::FORBIDDEN
        );
        let answer = set_password(&world, bearer, name, "correct horse").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        let path = format!("principals/{name}/password");
        let answer = world.api(Method::DELETE, &path, bearer, None).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    assert!(world.is_active(&boss.access_token).await);
    assert!(world.is_active(&anna.access_token).await);
    assert_eq!(world.store.account("boss").await.unwrap(), None);
    let refused = world.audited().await;
    let refused = refused
        .iter()
        .filter(|(action, _)| action == "change.refuse");
    assert_eq!(refused.count(), 6);
}

#[tokio::test]
async fn a_password_is_set_and_taken_away_and_sessions_end_with_it() {
    let world = World::new().await;
    let helpdesk = helpdesk(&world).await;
    let before = world.terminal("anna").await;
    let answer = set_password(&world, &helpdesk, "anna", "correct horse").await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert!(answer.body.is_empty());
    let account = world.store.account("anna").await.unwrap().unwrap();
    assert!(account.password.starts_with("$argon2id$"));
    assert_eq!(account.changed_at, world.now());
    assert!(!world.is_active(&before.access_token).await);
    let session = world.session(&before).await;
    assert_eq!(session.end_reason.as_deref(), Some("password_changed"));

    let path = "principals/anna/password";
    let after = world.terminal("anna").await;
    let answer = world.api(Method::DELETE, path, &helpdesk, None).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    assert_eq!(world.store.account("anna").await.unwrap(), None);
    assert!(!world.is_active(&after.access_token).await);
    let again = world.api(Method::DELETE, path, &helpdesk, None).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_password_that_cannot_be_is_refused_with_the_reason() {
    let world = World::new().await;
    let admin = world.bearer("admin", &["Administrator"]).await;
    world.principal("anna", &[]).await;
    for (name, password, status, told) in [
        (
            "anna",
            "short",
            StatusCode::UNPROCESSABLE_ENTITY,
            "8 to 1024 bytes",
        ),
        ("nobody", "correct horse", StatusCode::NOT_FOUND, "nobody"),
        (
            "platform",
            "correct horse",
            StatusCode::UNPROCESSABLE_ENTITY,
            "nobody signs in as it",
        ),
    ] {
        let answer = set_password(&world, &admin, name, password).await;
        assert_eq!(answer.status, status, "{name}");
        let detail = answer.member("detail");
        assert!(
            detail.contains(told) && !detail.contains(password),
            "{detail}"
        );
    }
    for body in [
        json!({}),
        json!({"password": 7}),
        json!({"password": "correct horse", "x": 1}),
    ] {
        let path = "principals/anna/password";
        let answer = world.api(Method::PUT, path, &admin, Some(body)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!answer.member("detail").contains("horse"));
    }
    assert_eq!(world.store.account("anna").await.unwrap(), None);
}

#[tokio::test]
async fn the_scope_of_a_person_limits_what_he_manages() {
    let world = World::new().await;
    world.principal("boss", &["Administrator"]).await;
    let how = SignIn {
        scope: "sessions:read",
        ..SignIn::default()
    };
    let narrow = world.terminal_by("boss", how).await;
    let wide = world.terminal("boss").await;
    let anna = world.terminal("anna").await;
    let read = get(&world, &narrow.access_token, "sessions").await;
    assert_eq!(read.status, StatusCode::OK);
    let refused = end(&world, &narrow.access_token, &anna.session).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let ended = end(&world, &wide.access_token, &anna.session).await;
    assert_eq!(ended.status, StatusCode::OK);
    world
        .change(Change::UpdatePrincipal(principal(
            "boss",
            &["Administrator", "Reader"],
        )))
        .await;
    let whoami = get(&world, &narrow.access_token, "whoami").await.json();
    assert_eq!(whoami["kind"], 0);
    assert_eq!(whoami["scopes"], json!(["sessions:read"]));
    assert_eq!(whoami["roles"], json!(["Administrator", "Reader"]));
}
