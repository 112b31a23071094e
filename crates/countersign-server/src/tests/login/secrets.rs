//! Is there a place where a token, a value or an id of a sign-in stands that it has no business in?

use countersign_proto::login::{ClientMessage, ServerBody};

use super::{
    browser::{location, text},
    scene::Scene,
};
use crate::tests::recorder::Recorder;

// security.md 112
#[tokio::test(start_paused = true)]
async fn nothing_secret_is_logged_stored_or_put_into_an_address() {
    let (recorder, _guards) = Recorder::listening();
    let scene = Scene::with_codes().await;
    let mut terminal = scene.terminal().await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    let cookie = browser.jar.values().next().unwrap().clone();
    let (_, secret) = cookie.split_once('.').unwrap();
    let pages = text(&browser.review(&terminal).await);
    let over_loopback = browser.allow(&terminal).await;
    let code = browser.show_code(&terminal).await.unwrap();
    let bare = code.replace('-', "");
    terminal.until("need_confirm").await;
    terminal.until("need_confirm").await;
    terminal.confirm_code(&code).await;
    terminal.until("identity").await;
    terminal.send(ClientMessage::Accept).await;
    let ServerBody::Token(token) = terminal.until("token").await else {
        unreachable!("it is a token by its name");
    };
    let refresh_token = token.refresh_token.unwrap();

    let log = recorder.heard();
    assert!(log.contains("/login/{handle}/allow"), "it does log: {log}");
    let handle = terminal.handle().to_owned();
    let key = scene.world.platform.login_key().unwrap();
    let row = scene
        .world
        .store
        .login(&key.id(&terminal.sid))
        .await
        .unwrap()
        .unwrap();
    let audit = format!("{:?}", scene.world.store.audit(None, 500).await.unwrap());
    let sessions = scene.world.store.sessions(None, None, 10).await.unwrap();
    let kept = format!("{row:?} {sessions:?} {audit}");
    for (name, secret) in [
        ("session id", terminal.sid.as_str()),
        ("handle", &handle),
        ("cookie", secret),
        ("value", &over_loopback),
        ("code", &code),
        ("code", &bare),
        ("access token", token.access_token.expose()),
        ("refresh token", refresh_token.expose()),
    ] {
        assert!(!log.contains(secret), "the {name} is in the log: {log}");
        assert!(!kept.contains(secret), "the {name} is in the store: {kept}");
    }
    // The path of the terminal's listener is in the address that leads there, and on no page.
    let path = "A".repeat(22);
    for page in [&pages, &text(&browser.review(&terminal).await)] {
        assert!(!page.contains(&path), "{page}");
    }
    assert!(!log.contains(&path), "{log}");
}

// login.md R4
#[tokio::test(start_paused = true)]
async fn the_address_after_the_terminal_holds_no_value() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    let answer = browser.press(&terminal, "allow").await;
    assert!(location(&answer).contains("value="));
    assert_eq!(answer.status, http::StatusCode::SEE_OTHER);
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(answer.body.is_empty());
}
