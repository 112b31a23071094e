//! What when the platform is another one meanwhile, on the same store?

use std::{path::Path, sync::Arc};

use countersign_proto::login::{ClientMessage, LoginErrorCode, ServerBody};
use futures_util::future::join_all;
use tempfile::TempDir;

use super::{browser::Browser, scene::Scene, terminal::Terminal};
use crate::{
    Rules,
    config::{Settings, StoreUrl},
    store::{SessionState, SqliteStore},
    tests::{clock::HandClock, world::ISSUER},
};

async fn opened(folder: &Path) -> Scene {
    let mut settings = Settings::in_memory(ISSUER.parse().unwrap());
    let file = folder.join("store.db");
    settings.store = StoreUrl::Sqlite(file.clone());
    settings.secrets_file = Some(folder.join("secrets"));
    let store = SqliteStore::open(&file, Rules::default()).await.unwrap();
    let clock = Arc::new(HandClock::turned_by_hand());
    Scene::on(settings, Arc::new(store), clock).await
}

/// Everything in memory is gone; terminal and browser find another platform at the same address.
async fn restarted(
    folder: &TempDir,
    scene: Scene,
    terminal: Terminal,
    browser: &mut Browser,
) -> (Scene, Terminal) {
    let lost = terminal.cut();
    scene.world.store.close().await.unwrap();
    drop(scene);
    let scene = opened(folder.path()).await;
    browser.moves_to(&scene.world.router);
    let terminal = lost.back(&scene).await;
    (scene, terminal)
}

#[tokio::test]
async fn a_sign_in_goes_on_after_a_restart_in_every_state() {
    for state in 0..7 {
        let folder = tempfile::tempdir().unwrap();
        let mut scene = opened(folder.path()).await;
        scene.world.principal("anna", &["Reader"]).await;
        let mut terminal = scene.terminal().await;
        let mut browser = scene.browser();
        let mut value = String::new();
        let mut delivered = Vec::new();
        for step in 0..7 {
            match step {
                0 => {}
                1 => {
                    browser.get(terminal.url.path()).await;
                    terminal.until("opened").await;
                }
                2 => {
                    browser.sign_in(&terminal, "anna").await;
                    terminal.until("signed_in").await;
                }
                3 => {
                    value = browser.allow(&terminal).await;
                    terminal.until("need_confirm").await;
                }
                4 => {
                    terminal.confirm(&value).await;
                    terminal.until("identity").await;
                }
                5 => {
                    let before = terminal.last_seq;
                    terminal.send(ClientMessage::Accept).await;
                    let ServerBody::Token(token) = terminal.until("token").await else {
                        unreachable!("it is a token by its name");
                    };
                    delivered.push(token.access_token.expose().to_owned());
                    if state == step {
                        // It got lost on its way.
                        terminal.last_seq = before;
                    }
                }
                _ => {
                    terminal.send(ClientMessage::Received).await;
                    terminal.until("bye").await;
                }
            }
            if state == step {
                (scene, terminal) = restarted(&folder, scene, terminal, &mut browser).await;
                if step == 5 {
                    let ServerBody::Token(token) = terminal.until("token").await else {
                        unreachable!("it is a token by its name");
                    };
                    delivered.push(token.access_token.expose().to_owned());
                }
            }
        }
        assert_eq!(terminal.closed().await, 1000, "{state}");
        let sessions = scene.world.store.sessions(None, None, 10).await.unwrap();
        let [session] = sessions.items.as_slice() else {
            panic!("{state}: one session: {sessions:?}");
        };
        assert_eq!(session.state, SessionState::Active, "{state}");
        for token in delivered {
            let claims = countersign_proto::token::inspect(&token).unwrap().claims;
            assert_eq!(claims["jti"], session.jti, "{state}");
        }
    }
}

// login.md R1
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everybody_at_once_makes_one_session_of_one_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let scene = opened(folder.path()).await;
    let names: Vec<String> = (0..8).map(|number| format!("person-{number}")).collect();
    for name in &names {
        scene.world.principal(name, &["Reader"]).await;
    }
    let mut terminal = scene.terminal().await;
    let values = join_all(names.iter().map(|name| {
        let (scene, terminal) = (&scene, &terminal);
        async move {
            let mut browser = scene.signed_in(terminal, name).await;
            (name.clone(), browser.allow(terminal).await)
        }
    }))
    .await;
    for (_, value) in &values {
        terminal.confirm(value).await;
    }
    let ServerBody::Identity { principal, .. } = terminal.until("identity").await else {
        unreachable!("it is an identity by its name");
    };
    assert_eq!(principal, values[0].0, "the first that was brought");
    terminal.send(ClientMessage::Accept).await;
    loop {
        match terminal.next().await {
            ServerBody::Token(token) => {
                assert_eq!(token.principal, Some(principal));
                break;
            }
            ServerBody::Error { fatal, .. } => assert!(!fatal),
            other => panic!("{other:?}"),
        }
    }
    let sessions = scene.world.store.sessions(None, None, 10).await.unwrap();
    assert_eq!(sessions.items.len(), 1);
}

// login.md R3
#[tokio::test]
async fn a_replaced_connection_can_do_nothing_on_a_node_that_has_not_heard_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let one = opened(folder.path()).await;
    one.world.principal("anna", &["Reader"]).await;
    let mut old = one.terminal().await;
    let value = one.allowed(&mut old, "anna").await;
    // Another process on the same file: what it writes wakes nobody here.
    let other = opened(folder.path()).await;
    let mut new = old.elsewhere().back(&other).await;
    old.confirm(&value).await;
    assert_eq!(old.failed().await, LoginErrorCode::Superseded);
    new.confirm(&value).await;
    let token = new.finish().await;
    assert_eq!(token.principal.as_deref(), Some("anna"));
}

#[tokio::test]
async fn the_browser_may_reach_another_node_than_the_terminal() {
    let folder = tempfile::tempdir().unwrap();
    let one = opened(folder.path()).await;
    one.world.principal("anna", &["Reader"]).await;
    let mut terminal = one.terminal().await;
    // Another node with the same store and the same secrets.
    let mut settings = Settings::in_memory(ISSUER.parse().unwrap());
    settings.secrets_file = Some(folder.path().join("secrets"));
    let clock = Arc::new(HandClock::turned_by_hand());
    let other = Scene::on(settings, one.world.store.clone(), clock).await;
    let mut browser = other.browser();
    browser.sign_in(&terminal, "anna").await;
    browser.moves_to(&one.world.router);
    browser.review(&terminal).await;
    browser.moves_to(&other.world.router);
    let value = browser.allow(&terminal).await;
    terminal.until("need_confirm").await;
    terminal.confirm(&value).await;
    terminal.finish().await;
}
