//! What when the connection is cut, in whatever state?

use std::collections::BTreeSet;

use countersign_proto::{
    exchange::TokenResponse,
    login::{ClientMessage, LoginErrorCode, Resume, ServerBody},
    token::inspect,
};

use super::{
    scene::Scene,
    terminal::{Terminal, endpoint, next, open, send_resume, welcomed},
};
use crate::{login::Stage, service::login, store::SessionState};

/// Up to where a sign-in goes before its connection is cut.
const STATES: [&str; 7] = [
    "session",
    "opened",
    "signed_in",
    "need_confirm",
    "identity",
    "token",
    "received",
];

/// Drives a sign-in to its end. At `cut`, when the terminal has heard of that state or before it
/// has, the connection is cut and the terminal comes back.
async fn driven(scene: &Scene, cut: &str, heard: bool) -> TokenResponse {
    let mut terminal = scene.terminal().await;
    let mut browser = scene.browser();
    let mut value = String::new();
    for state in STATES {
        match state {
            "opened" => drop(browser.get(terminal.url.path()).await),
            "signed_in" => browser.sign_in(&terminal, "anna").await,
            "need_confirm" => value = browser.allow(&terminal).await,
            "identity" => terminal.confirm(&value).await,
            "token" => terminal.send(ClientMessage::Accept).await,
            _ => {}
        }
        if cut == state && !heard {
            // Nothing of what comes back is heard.
            terminal = settled(scene, terminal, state).await;
        }
        let told = match state {
            "session" => None,
            "received" => {
                terminal.send(ClientMessage::Received).await;
                None
            }
            _ => Some(terminal.until(state).await),
        };
        if let Some(ServerBody::Token(token)) = told {
            if cut == state && heard {
                terminal = terminal.cut().back(scene).await;
            }
            terminal.send(ClientMessage::Received).await;
            if cut == "received" {
                terminal = settled(scene, terminal, "received").await;
            }
            terminal.until("bye").await;
            assert_eq!(terminal.closed().await, 1000);
            return *token;
        }
        if cut == state && heard {
            terminal = terminal.cut().back(scene).await;
        }
    }
    unreachable!("it ends with the token");
}

/// Cuts the connection when what the terminal has sent was done.
async fn settled(scene: &Scene, terminal: Terminal, state: &str) -> Terminal {
    let stage = match state {
        "identity" => Some(Stage::Bound),
        "token" => Some(Stage::Issued),
        "received" => Some(Stage::Done),
        _ => None,
    };
    let mut changes = scene.world.store.watch();
    while stage.is_some() {
        let found = login::find(&scene.world.platform, terminal.handle()).await;
        if Some(found.unwrap().unwrap().login.stage()) == stage {
            break;
        }
        changes.recv().await.unwrap();
    }
    terminal.cut().back(scene).await
}

#[tokio::test(start_paused = true)]
async fn a_sign_in_survives_the_loss_of_its_connection_in_every_state() {
    for cut in STATES {
        for heard in [false, true] {
            let scene = Scene::new().await;
            let token = driven(&scene, cut, heard).await;
            assert_eq!(token.principal.as_deref(), Some("anna"), "{cut} {heard}");
            let sessions = scene.world.store.sessions(None, None, 10).await.unwrap();
            let [session] = sessions.items.as_slice() else {
                panic!("one session: {sessions:?}");
            };
            assert_eq!(session.state, SessionState::Active, "{cut} {heard}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_is_one_however_often_it_is_delivered() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    terminal.until("identity").await;
    terminal.send(ClientMessage::Accept).await;
    let before = terminal.last_seq;
    let (mut ids, mut refresh_tokens) = (BTreeSet::new(), BTreeSet::new());
    for _ in 0..5 {
        let ServerBody::Token(token) = terminal.next().await else {
            panic!("no token");
        };
        let claims = inspect(token.access_token.expose()).unwrap().claims;
        let named = ["jti", "iat", "exp", "sid"].map(|name| claims[name].to_string());
        ids.insert(named.join(" "));
        refresh_tokens.insert(token.refresh_token.unwrap().expose().to_owned());
        let mut lost = terminal.cut();
        // As if it had never arrived.
        lost.last_seq = before;
        terminal = lost.back(&scene).await;
    }
    assert_eq!((ids.len(), refresh_tokens.len()), (1, 1));
    terminal.until("token").await;
    terminal.send(ClientMessage::Received).await;
    terminal.until("bye").await;
    // It is acknowledged, and given to nobody any more.
    let mut lost = terminal.cut();
    lost.last_seq = before;
    let mut terminal = lost.back(&scene).await;
    assert_eq!(terminal.failed().await, LoginErrorCode::Expired);
    let sessions = scene.world.store.sessions(None, None, 10).await.unwrap();
    assert_eq!(sessions.items.len(), 1);
    assert_eq!(sessions.items[0].state, SessionState::Active);
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_back_hears_how_much_was_missed() {
    let scene = Scene::new().await;
    let lost = scene.terminal().await.cut();
    let (sid, handle) = (lost.sid.clone(), lost.url.path().to_owned());
    scene.browser().get(&handle).await;
    let mut socket = open(&scene, lost.address).await;
    let resume = Resume {
        nonce: welcomed(&mut socket).await,
        htu: endpoint(&scene),
        sid,
        last_seq: 1,
    };
    send_resume(&scene, &mut socket, &resume, &lost.key).await;
    let told = next(&mut socket).await.body;
    assert!(
        matches!(told, ServerBody::Resumed { last_seq: 2 }),
        "{told:?}"
    );
    assert_eq!(next(&mut socket).await.seq, Some(2));
}

#[tokio::test(start_paused = true)]
async fn what_is_wanted_twice_is_done_once() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    terminal.until("identity").await;
    terminal.send(ClientMessage::Accept).await;
    terminal.send(ClientMessage::Accept).await;
    terminal.until("token").await;
    terminal.send(ClientMessage::Received).await;
    terminal.send(ClientMessage::Received).await;
    terminal.until("bye").await;
    assert_eq!(terminal.closed().await, 1000);
    let sessions = scene.world.store.sessions(None, None, 10).await.unwrap();
    assert_eq!(sessions.items.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn the_end_is_told_to_whoever_was_away() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    let lost = terminal.cut();
    let handle = lost.url.path().to_owned();
    let page = browser.get(&format!("{handle}/review")).await;
    let form = format!("token={}", super::browser::form_token(&page));
    browser.post(&format!("{handle}/report"), &form).await;
    let mut terminal = lost.back(&scene).await;
    terminal.until("opened").await;
    terminal.until("signed_in").await;
    assert_eq!(terminal.failed().await, LoginErrorCode::Reported);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_an_administrator_ended_is_not_brought_to_life() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    terminal.until("identity").await;
    terminal.send(ClientMessage::Accept).await;
    terminal.until("token").await;
    let store = &scene.world.store;
    let session = store.sessions(None, None, 1).await.unwrap().items.remove(0);
    let entry = crate::audit::by_system("session.end", "anna", scene.world.now());
    let now = scene.world.now();
    assert!(
        store
            .end_session(&session.id, "by an administrator", now, entry)
            .await
            .unwrap()
    );
    terminal.send(ClientMessage::Received).await;
    assert_eq!(terminal.failed().await, LoginErrorCode::Expired);
    let session = store.session(&session.id).await.unwrap().unwrap();
    assert_eq!(session.state, SessionState::Ended);
    assert_eq!(session.end_reason.as_deref(), Some("by an administrator"));
}

#[tokio::test(start_paused = true)]
async fn whoever_was_disabled_meanwhile_gets_nothing() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    terminal.until("identity").await;
    let mut anna = crate::tests::world::principal("anna", &["Reader"]);
    anna.enabled = false;
    scene
        .world
        .change(crate::Change::UpdatePrincipal(anna))
        .await;
    terminal.send(ClientMessage::Accept).await;
    assert_eq!(terminal.failed().await, LoginErrorCode::IdentityRejected);
    let none = scene.world.store.sessions(None, None, 10).await.unwrap();
    assert_eq!(none.items, []);
}
