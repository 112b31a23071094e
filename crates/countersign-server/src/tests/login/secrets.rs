//! Is there a place where a token, a value or an id of a sign-in stands that it has no business in?

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use countersign_proto::login::{ClientMessage, ServerBody};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::{
    browser::{location, text},
    scene::Scene,
};

/// Everything that is logged, at every level.
#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<String>>);

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut Written(&mut self.0.lock().unwrap()));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut Written(&mut self.0.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut log = self.0.lock().unwrap();
        event.record(&mut Written(&mut log));
        log.push('\n');
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Written<'a>(&'a mut String);

impl Visit for Written<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

// security.md 112
#[tokio::test(start_paused = true)]
async fn nothing_secret_is_logged_stored_or_put_into_an_address() {
    let recorder = Recorder::default();
    // A subscriber that is alone is not asked about places that another test's thread reaches first:
    // they would never be logged. This one has company.
    let _company = tracing::Dispatch::new(Recorder::default());
    let _guard = tracing::subscriber::set_default(recorder.clone());
    // With a second one, what other threads log first is not switched off for this one.
    let _second = tracing::Dispatch::new(Recorder::default());
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

    let log = recorder.0.lock().unwrap().clone();
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
