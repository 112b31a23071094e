//! In what was a token granted, and does it end with that when it is asked for and only then?

use axum::http::{Method, StatusCode};
use serde_json::{Value, json};

use super::scene::{administered, granted, personal, post, refused, show, state};
use crate::{
    Change,
    tests::world::{World, principal},
};

async fn end(world: &World, bearer: &str, session: &str, body: Option<Value>) -> StatusCode {
    let path = format!("sessions/{session}/end");
    world.api(Method::POST, &path, bearer, body).await.status
}

async fn role(world: &World, name: &str, permissions: &[&str]) {
    let role = json!({"name": name, "permissions": permissions});
    world
        .change(Change::CreateRole(serde_json::from_value(role).unwrap()))
        .await;
}

async fn becomes(world: &World, name: &str, roles: &[&str]) {
    world
        .change(Change::UpdatePrincipal(principal(name, roles)))
        .await;
}

fn for_robot(role: &str) -> Value {
    json!({"kind": "app", "name": "r", "owner": "robot", "roles": [role]})
}

#[tokio::test]
async fn a_token_that_a_person_grants_was_granted_in_the_session_and_not_with_one_token_of_it() {
    let (world, admin) = administered().await;
    world.principal("anna", &["Developer"]).await;
    let mut terminal = world.terminal("anna").await;
    let (first, _) = granted(&world, &terminal.access_token, personal("a")).await;
    world.advance(60);
    terminal.refresh(&world).await;
    let (second, _) = granted(&world, &terminal.access_token, personal("b")).await;
    for id in [&first, &second] {
        let shown = show(&world, &admin, id).await;
        assert_eq!(shown["created_through"], json!(terminal.session));
    }
    let together = json!({"created_through": terminal.session, "reason": "x"});
    let answer = post(&world, &admin, "tokens/revoke", together).await;
    assert_eq!(answer.json(), json!({"revoked": 2}));
}

#[tokio::test]
async fn a_session_that_ends_leaves_what_was_granted_in_it_unless_that_is_to_end_too() {
    let (world, admin) = administered().await;
    world.principal("anna", &["Developer"]).await;
    let (one, other) = (world.terminal("anna").await, world.terminal("anna").await);
    let (in_one, string) = granted(&world, &one.access_token, personal("a")).await;
    let hour = json!({"kind": "personal", "name": "b", "lifetime_s": 3_600});
    let (with_that, _) = granted(&world, &string, hour).await;
    let (in_other, _) = granted(&world, &other.access_token, personal("c")).await;

    let ended = end(&world, &admin, &one.session, None).await;
    assert_eq!(ended, StatusCode::OK);
    for id in [&in_one, &with_that, &in_other] {
        assert_ne!(state(&world, &admin, id).await, "revoked");
    }
    // It has ended already, and that is no obstacle.
    let with_tokens = json!({"with_tokens": true});
    let ended = end(&world, &admin, &one.session, Some(with_tokens)).await;
    assert_eq!(ended, StatusCode::OK);
    for id in [&in_one, &with_that] {
        let shown = show(&world, &admin, id).await;
        assert_eq!(shown["state"], "revoked");
        assert_eq!(shown["revocation_reason"], "ended_by_administrator");
    }
    assert_eq!(state(&world, &admin, &in_other).await, "active");
}

#[tokio::test]
async fn whoever_ends_tokens_with_a_session_has_to_be_able_to_end_them_alone() {
    let (world, admin) = administered().await;
    let all_of_a_developer = ["own-tokens:read", "own-tokens:write", "sessions:write"];
    role(&world, "Doorman", &all_of_a_developer).await;
    let mut more = all_of_a_developer.to_vec();
    more.push("tokens:write");
    role(&world, "Guard", &more).await;
    let doorman = world.bearer("doorman", &["Doorman"]).await;
    let guard = world.bearer("guard", &["Guard"]).await;
    let with_tokens = json!({"with_tokens": true});

    world.principal("anna", &["Developer"]).await;
    let anna = world.terminal("anna").await;
    let (of_anna, _) = granted(&world, &anna.access_token, personal("a")).await;
    // Boss was an administrator when he granted this, and is none now.
    world.principal("boss", &["Administrator"]).await;
    world.principal("robot", &["Administrator"]).await;
    let boss = world.terminal("boss").await;
    let wide = for_robot("Administrator");
    let (of_robot, _) = granted(&world, &boss.access_token, wide).await;
    becomes(&world, "boss", &[]).await;

    for (bearer, session) in [(&doorman, &anna.session), (&guard, &boss.session)] {
        let answer = end(&world, bearer, session, Some(with_tokens.clone())).await;
        assert_eq!(answer, StatusCode::FORBIDDEN);
        let path = format!("sessions/{session}");
        let shown = world.api(Method::GET, &path, &admin, None).await.json();
        assert_eq!(shown["state"], "active", "nothing half done");
    }
    let alone = end(&world, &doorman, &anna.session, None).await;
    assert_eq!(alone, StatusCode::OK);
    assert_eq!(state(&world, &admin, &of_anna).await, "active");
    let both = end(&world, &guard, &anna.session, Some(with_tokens)).await;
    assert_eq!(both, StatusCode::OK);
    assert_eq!(state(&world, &admin, &of_anna).await, "revoked");
    assert_eq!(state(&world, &admin, &of_robot).await, "active");
}

#[tokio::test]
async fn a_body_that_ends_a_session_is_nothing_or_says_it_all() {
    let (world, admin) = administered().await;
    let anna = world.terminal("anna").await;
    for body in [
        json!({"with_token": true}),
        json!({"with_tokens": 1}),
        json!([]),
    ] {
        let status = end(&world, &admin, &anna.session, Some(body)).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert!(world.is_active(&anna.access_token).await);
    let nothing = end(&world, &admin, &anna.session, Some(json!({}))).await;
    assert_eq!(nothing, StatusCode::OK);
}

#[tokio::test]
async fn a_new_password_ends_all_tokens_of_a_person_when_that_is_asked_for() {
    for with_tokens in [None, Some(false), Some(true)] {
        let (world, admin) = administered().await;
        role(&world, "Granter", &["tokens:write"]).await;
        world.principal("anna", &["Developer", "Granter"]).await;
        world.principal("robot", &["Developer"]).await;
        world.principal("bert", &["Developer"]).await;
        let anna = world.terminal("anna").await;
        let (own, _) = granted(&world, &anna.access_token, personal("a")).await;
        let granted_to = for_robot("Developer");
        let (of_robot, _) = granted(&world, &anna.access_token, granted_to).await;
        let to_anna = json!({"kind": "personal", "name": "b", "owner": "anna"});
        let (by_admin, _) = granted(&world, &admin, to_anna).await;
        let bert = world.terminal("bert").await;
        let (of_bert, _) = granted(&world, &bert.access_token, personal("c")).await;

        let mut body = json!({"password": "correct horse"});
        if let Some(with_tokens) = with_tokens {
            body["with_tokens"] = json!(with_tokens);
        }
        let path = "principals/anna/password";
        let answer = world.api(Method::PUT, path, &admin, Some(body)).await;
        assert_eq!(answer.status, StatusCode::NO_CONTENT);
        let expected = match with_tokens {
            Some(true) => "revoked",
            _ => "active",
        };
        for id in [&own, &of_robot, &by_admin] {
            assert_eq!(state(&world, &admin, id).await, expected);
        }
        assert_eq!(state(&world, &admin, &of_bert).await, "active");
        assert!(!world.is_active(&anna.access_token).await);
    }
}

#[tokio::test]
async fn whoever_sets_a_password_and_may_not_end_the_tokens_does_neither() {
    let (world, admin) = administered().await;
    role(&world, "Helpdesk", &["principals:write"]).await;
    let helpdesk = world.bearer("helpdesk", &["Helpdesk"]).await;
    world.principal("carl", &[]).await;
    let carl = world.terminal("carl").await;
    let body = json!({"password": "correct horse", "with_tokens": true});
    let path = "principals/carl/password";
    let answer = world.api(Method::PUT, path, &helpdesk, Some(body)).await;
    refused(&answer, StatusCode::FORBIDDEN, "tokens:write");
    assert_eq!(world.store.account("carl").await.unwrap(), None);
    let path = format!("sessions/{}", carl.session);
    let shown = world.api(Method::GET, &path, &admin, None).await.json();
    assert_eq!(shown["state"], "active");
}

#[tokio::test]
async fn all_that_somebody_granted_is_revoked_to_whomever_it_was() {
    let (world, admin) = administered().await;
    world.principal("robot", &["Developer"]).await;
    let (own, _) = granted(&world, &admin, personal("a")).await;
    let (of_robot, _) = granted(&world, &admin, for_robot("Developer")).await;
    let bert = world.bearer("bert", &["Developer"]).await;
    let (of_bert, _) = granted(&world, &bert, personal("b")).await;
    let by_admin = json!({"created_by": "admin", "reason": "left"});
    let answer = post(&world, &bert, "tokens/revoke", by_admin.clone()).await;
    refused(&answer, StatusCode::FORBIDDEN, "tokens:write");
    let answer = post(&world, &admin, "tokens/revoke", by_admin).await;
    assert_eq!(answer.json(), json!({"revoked": 2}));
    for id in [&own, &of_robot] {
        assert_eq!(state(&world, &admin, id).await, "revoked");
    }
    assert_eq!(state(&world, &admin, &of_bert).await, "active");
}

/// A token whose owner has lost everything still leads to one that has not.
// security.md 74
#[tokio::test]
async fn nobody_ends_by_a_narrow_token_the_wide_one_that_was_granted_with_it() {
    let (world, admin) = administered().await;
    let permissions = ["own-tokens:read", "own-tokens:write", "tokens:write"];
    role(&world, "Guard", &permissions).await;
    let guard = world.bearer("guard", &["Guard"]).await;
    world.principal("boss", &["Administrator"]).await;
    world.principal("robot", &["Administrator"]).await;
    let boss = world.terminal("boss").await;
    let (narrow, string) = granted(&world, &boss.access_token, personal("n")).await;
    let mut wide = for_robot("Administrator");
    wide["lifetime_s"] = json!(3_600);
    let (wide, _) = granted(&world, &string, wide).await;
    becomes(&world, "boss", &["Developer"]).await;

    let alone = format!("tokens/{narrow}/revoke");
    for (path, body) in [
        (alone.as_str(), json!({"reason": "x"})),
        (
            "tokens/revoke",
            json!({"created_through": narrow, "reason": "x"}),
        ),
        (
            "tokens/revoke",
            json!({"created_through": boss.session, "reason": "x"}),
        ),
        (
            "tokens/revoke",
            json!({"created_by": "boss", "reason": "x"}),
        ),
        ("tokens/revoke", json!({"owner": "boss", "reason": "x"})),
    ] {
        let answer = post(&world, &guard, path, body).await;
        refused(&answer, StatusCode::FORBIDDEN, "more than you may");
        for id in [&narrow, &wide] {
            assert_ne!(state(&world, &admin, id).await, "revoked", "{path}");
        }
    }
    // Whose own it is, he ends it with all that came from it.
    let own = json!({"reason": "lost"});
    let answer = post(&world, &boss.access_token, &alone, own).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.json());
    for id in [&narrow, &wide] {
        assert_eq!(state(&world, &admin, id).await, "revoked");
    }
}
