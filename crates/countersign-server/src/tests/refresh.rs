//! Does each refresh count exactly once, and what is refused?

use std::{collections::HashSet, time::Duration};

use countersign_proto::{
    key::{KeyType, LocalKey},
    opaque::{OpaqueKind, OpaqueToken},
};
use futures_util::future::join_all;

use super::{
    terminal::{id_in, limited},
    world::{Answer, NOW, World, claims_of},
};
use crate::{config::SessionRules, store::SessionState};

/// Actions and reasons of the audit that concern a session, oldest first.
async fn events(world: &World) -> Vec<(String, Option<String>)> {
    let mut rows = world.audited().await;
    rows.retain(|(action, _)| {
        [
            "token.refresh",
            "token.refuse",
            "session.end",
            "session.alarm",
        ]
        .contains(&action.as_str())
    });
    rows.reverse();
    rows
}

// security.md 65, 56
#[tokio::test]
async fn a_session_is_refreshed_as_often_as_its_limit_says() {
    let world = World::new().await;
    let mut terminal = world.terminal_by("anna", limited(3)).await;
    let mut tokens = HashSet::from([terminal.refresh_token.clone()]);
    for remaining in [2, 1, 0] {
        world.advance(100);
        let answer = terminal.refresh(&world).await;
        let body = answer.json();
        assert_eq!(body["refreshes_remaining"], remaining);
        assert_eq!(body["kind"], 0);
        assert_eq!(body["principal"], "anna");
        assert_eq!(body["token_type"], "Bearer");
        assert_eq!(body["expires_in"], 3600);
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.headers.contains_key("dpop-nonce"));
        let claims = claims_of(&terminal.access_token);
        assert_eq!(claims["sid"], terminal.session);
        assert_eq!(claims["client_id"], "countersign:cli");
        assert_eq!(claims["binding"], "loopback");
        assert_eq!(claims["type"], 0);
        assert_eq!(claims["iat"], world.now().as_secs());
        assert!(!claims.contains_key("cnf") && !claims.contains_key("cert"));
        assert_eq!(id_in(&terminal.refresh_token).to_string(), terminal.session);
        assert!(tokens.insert(terminal.refresh_token.clone()));
        assert!(world.is_active(&terminal.access_token).await);
    }
    let answer = world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await;
    answer.refused("invalid_grant", "refresh_limit_reached");
    // The last access token lives on.
    assert!(world.is_active(&terminal.access_token).await);
    assert_eq!(world.session(&terminal).await.generation, 3);
}

// security.md 65, B15
#[tokio::test]
async fn a_refresh_that_is_sent_many_times_at_once_counts_once() {
    let world = World::new().await;
    let mut terminal = world.terminal("anna").await;
    for generation in 1..=10 {
        let sent = (0..20).map(|_| world.refresh(&terminal.key, &terminal.refresh_token, ""));
        let answers = join_all(sent).await;
        let same = |answer: &Answer| {
            let claims = claims_of(&answer.token());
            let facts = [&claims["jti"], &claims["iat"], &claims["exp"]].map(ToString::to_string);
            (answer.member("refresh_token"), facts)
        };
        let distinct: HashSet<_> = answers.iter().map(same).collect();
        assert_eq!(distinct.len(), 1, "{distinct:?}");
        assert_eq!(world.session(&terminal).await.generation, generation);
        terminal.refresh_token = answers[0].member("refresh_token");
    }
    world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await
        .refused("invalid_grant", "refresh_limit_reached");
    let counted = events(&world).await;
    let refreshes = counted
        .iter()
        .filter(|(action, _)| action == "token.refresh");
    assert_eq!(refreshes.count(), 10);
}

// security.md 70
#[tokio::test]
async fn an_answer_that_was_lost_is_given_again_and_costs_nothing() {
    let world = World::new().await;
    let terminal = world.terminal("anna").await;
    let first = world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await;
    world.advance(3599);
    let again = world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await;
    assert_eq!(again.member("refresh_token"), first.member("refresh_token"));
    assert_eq!(again.json()["refreshes_remaining"], 9);
    assert_eq!(again.json()["expires_in"], 1);
    for claim in ["jti", "iat", "exp"] {
        let (first, again) = (claims_of(&first.token()), claims_of(&again.token()));
        assert_eq!(first[claim], again[claim], "{claim}");
    }
    assert_eq!(world.session(&terminal).await.generation, 1);
    assert_eq!(events(&world).await, [("token.refresh".to_owned(), None)]);
}

// security.md 65, 105
#[tokio::test]
async fn a_session_goes_on_at_whichever_node_is_asked() {
    let world = World::with_secrets_file().await;
    let terminal = world.terminal("anna").await;
    let second = world.beside(world.platform.settings().clone()).await;
    // The nonce is of the one, the other is asked: once, and not a second time at the first.
    let proof = world.refresh_proof(&terminal.key);
    let (proof, token) = (Some(proof.as_str()), &terminal.refresh_token);
    let answer = second.refresh_with(proof, token, "").await;
    assert_eq!(answer.json()["refreshes_remaining"], 9);
    let again = world.refresh_with(proof, token, "").await;
    again.refused("invalid_dpop_proof", "");
}

// security.md 66, 105
#[tokio::test]
async fn a_proof_is_remembered_for_the_holder_of_a_session_and_for_nobody_else() {
    let world = World::new().await;
    let (anna, bert) = (world.terminal("anna").await, world.terminal("bert").await);
    let elsewhere = World::new().await.terminal("anna").await;
    let proof = world.refresh_proof(&bert.key);
    for token in [&elsewhere.refresh_token, &anna.refresh_token] {
        let refused = world.refresh_with(Some(&proof), token, "").await;
        refused.refused("invalid_grant", "");
    }
    let answer = world
        .refresh_with(Some(&proof), &bert.refresh_token, "")
        .await;
    answer.token();
}

// security.md 67
#[tokio::test]
async fn an_old_token_is_without_effect_for_a_minute_and_then_ends_its_session() {
    let world = World::new().await;
    let mut terminal = world.terminal("anna").await;
    let old = terminal.refresh_token.clone();
    terminal.refresh(&world).await;
    world.advance(1000);
    terminal.refresh(&world).await;
    for _ in 0..2 {
        world.advance(29);
        let answer = world.refresh(&terminal.key, &old, "").await;
        answer.refused("invalid_grant", "superseded");
    }
    // The session goes on meanwhile.
    terminal.refresh(&world).await;
    assert!(world.is_active(&terminal.access_token).await);
    world.advance(2);
    let answer = world.refresh(&terminal.key, &old, "").await;
    answer.refused("invalid_grant", "session_ended");
    assert!(!world.is_active(&terminal.access_token).await);
    let newest = world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await;
    newest.refused("invalid_grant", "session_ended");
    let session = world.session(&terminal).await;
    assert_eq!(session.state, SessionState::Ended);
    assert_eq!(session.end_reason.as_deref(), Some("refresh_token_reused"));
    let told = events(&world).await;
    assert!(told.contains(&(
        "session.end".to_owned(),
        Some("refresh_token_reused".to_owned())
    )));
    let metrics = world.platform.metrics().render();
    assert!(
        metrics.contains("countersign_refresh_alarms_total{cause=\"reused\"} 1"),
        "{metrics}"
    );
}

// security.md 67
#[tokio::test]
async fn a_lost_answer_is_not_asked_for_when_its_access_token_is_dead() {
    let world = World::new().await;
    let terminal = world.terminal("anna").await;
    world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await
        .token();
    world.advance(3600);
    let answer = world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await;
    answer.refused("invalid_grant", "session_ended");
}

// security.md 66, 67
#[tokio::test]
async fn another_key_gets_nothing_and_ends_nothing_and_that_is_told_to_the_operator() {
    let world = World::new().await;
    let mut terminal = world.terminal("anna").await;
    let thief = LocalKey::generate(KeyType::P256).unwrap().0;
    let old = terminal.refresh_token.clone();
    terminal.refresh(&world).await;
    let unknown = terminal.refresh_token.replace("csn_rt_", "csn_rt_x");
    let nothing = world.refresh(&thief, &unknown, "").await;
    for stolen in [&terminal.refresh_token, &old] {
        let answer = world.refresh(&thief, stolen, "").await;
        answer.refused("invalid_grant", "");
        assert_eq!(answer.body, nothing.body, "as if the token were unknown");
    }
    terminal.refresh(&world).await;
    assert!(world.is_active(&terminal.access_token).await);
    let alarm = (
        "session.alarm".to_owned(),
        Some("wrong_proof_key".to_owned()),
    );
    let told = events(&world).await;
    assert_eq!(told.iter().filter(|event| **event == alarm).count(), 2);
}

// security.md 66, 105
#[tokio::test]
async fn a_refresh_needs_a_proof_with_our_nonce_once() {
    let world = World::new().await;
    let terminal = world.terminal("anna").await;
    let token = &terminal.refresh_token;
    world
        .refresh_with(None, token, "")
        .await
        .refused("invalid_dpop_proof", "");
    let proof = world.refresh_proof(&terminal.key);
    world.advance(600);
    let late = world.refresh_with(Some(&proof), token, "").await;
    late.refused("use_dpop_nonce", "");
    assert!(late.headers.contains_key("dpop-nonce"));
    assert_eq!(world.session(&terminal).await.generation, 0);
    let proof = world.refresh_proof(&terminal.key);
    world.refresh_with(Some(&proof), token, "").await.token();
    let repeated = world.refresh_with(Some(&proof), token, "").await;
    repeated.refused("invalid_dpop_proof", "");
}

// security.md 68
#[tokio::test]
async fn no_refresh_leads_beyond_the_end_of_the_session() {
    let world = World::new().await;
    let mut terminal = world.terminal("anna").await;
    world.advance(43_200 - 600);
    let answer = terminal.refresh(&world).await;
    assert_eq!(answer.json()["expires_in"], 600);
    assert_eq!(claims_of(&terminal.access_token)["exp"], NOW + 43_200);
    world.advance(600);
    assert!(!world.is_active(&terminal.access_token).await);
    let answer = world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await;
    answer.refused("invalid_grant", "session_ended");
}

// security.md 68
#[tokio::test]
async fn a_session_that_rests_too_long_is_refreshed_no_more() {
    let rules = SessionRules {
        idle: Duration::from_secs(7_200),
        ..SessionRules::default()
    };
    let world = World::with(|settings| settings.session = rules).await;
    let mut terminal = world.terminal("anna").await;
    for _ in 0..3 {
        world.advance(7_199);
        terminal.refresh(&world).await;
    }
    world.advance(7_200);
    assert!(!world.is_active(&terminal.refresh_token).await);
    let answer = world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await;
    answer.refused("invalid_grant", "session_ended");
}

// security.md 69
#[tokio::test]
async fn what_is_no_refresh_token_refreshes_nothing() {
    let world = World::new().await;
    let terminal = world.terminal("anna").await;
    let one = world.bearer("robot", &[]).await;
    let component = world.component().await;
    let two = world
        .exchange_platform(&world.platform_assertion(&component), "")
        .await
        .token();
    for token in [one, two] {
        let answer = world
            .refresh(&terminal.key, &token, "&client_id=countersign:cli")
            .await;
        answer.refused("invalid_grant", "not_refreshable");
    }
    let other_kind = terminal.refresh_token.replace("csn_rt_", "csn_pat_");
    let mut typo = terminal.refresh_token.clone();
    typo.replace_range(40..41, if &typo[40..41] == "a" { "b" } else { "a" });
    for token in [&terminal.access_token, &other_kind, &typo, "x"] {
        let answer = world.refresh(&terminal.key, token, "").await;
        answer.refused("invalid_grant", "");
    }
    assert_eq!(world.session(&terminal).await.generation, 0);
}

#[tokio::test]
async fn a_platform_with_a_prefix_of_its_own_refuses_the_usual_one() {
    let world = World::with(|settings| settings.tokens.prefix = "acme2".to_owned()).await;
    let mut terminal = world.terminal("anna").await;
    terminal.refresh(&world).await;
    let token = OpaqueToken::parse(&terminal.refresh_token, "acme2").unwrap();
    let usual = OpaqueToken::compose("csn", OpaqueKind::Refresh, token.id(), token.secret());
    let answer = world.refresh(&terminal.key, usual.expose(), "").await;
    answer.refused("invalid_grant", "");
    assert!(!world.is_active(usual.expose()).await);
    assert!(world.is_active(&terminal.refresh_token).await);
    terminal.refresh(&world).await;
}
