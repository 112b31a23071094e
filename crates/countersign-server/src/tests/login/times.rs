//! Does each part end in its time, and is everybody told?

use std::time::Duration;

use countersign_proto::login::{ClientMessage, LoginErrorCode, ServerBody};
use http::StatusCode;
use tokio::time::{Instant, advance};

use super::{
    browser::{Browser, text},
    scene::Scene,
    terminal::{Offer, Terminal, called},
};
use crate::store::SessionState;

async fn expires_after(terminal: &mut Terminal, seconds: u64, start: Instant) {
    assert_eq!(terminal.failed().await, LoginErrorCode::Expired);
    assert_eq!(start.elapsed().as_secs(), seconds);
}

async fn page(browser: &mut Browser, terminal: &Terminal) -> (StatusCode, String) {
    let answer = browser.review(terminal).await;
    (answer.status, text(&answer))
}

#[tokio::test(start_paused = true)]
async fn the_whole_takes_ten_minutes_at_most() {
    let scene = Scene::new().await;
    let start = Instant::now();
    let mut terminal = scene.terminal().await;
    expires_after(&mut terminal, 600, start).await;
    let answer = scene.browser().get(terminal.url.path()).await;
    assert_eq!(answer.status, StatusCode::GONE);
    assert!(text(&answer).contains("This took too long"));
}

#[tokio::test(start_paused = true)]
async fn whoever_does_not_allow_it_in_time_signs_in_again() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    terminal.until("signed_in").await;
    terminal.waits(119).await;
    assert_eq!(page(&mut browser, &terminal).await.0, StatusCode::OK);
    terminal.waits(1).await;
    let (status, shown) = page(&mut browser, &terminal).await;
    assert_eq!(status, StatusCode::GONE);
    assert!(shown.contains("Sign in again"), "{shown}");
    browser.sign_in(&terminal, "anna").await;
    let value = browser.allow(&terminal).await;
    terminal.until("need_confirm").await;
    terminal.confirm(&value).await;
    terminal.finish().await;
}

// login.md R4
// security.md 98
#[tokio::test(start_paused = true)]
async fn a_code_that_nobody_typed_in_time_is_dead() {
    let scene = Scene::with_codes().await;
    let mut terminal = scene.terminal_that(Offer::code()).await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    browser.press(&terminal, "allow").await;
    let code = browser.code(&terminal).await.unwrap();
    terminal.until("need_confirm").await;
    let start = Instant::now();
    let told = terminal.next().await;
    assert_eq!(called(&told), "signed_in", "{told:?}");
    assert_eq!(start.elapsed().as_secs(), 180);
    terminal.confirm_code(&code).await;
    let ServerBody::Error { code, fatal, .. } = terminal.next().await else {
        panic!("the dead code is taken for one");
    };
    assert_eq!((code, fatal), (LoginErrorCode::NotExpected, false));
    // The person is asked again, and gets another.
    assert_eq!(browser.code(&terminal).await, None);
    browser.press(&terminal, "allow").await;
    let code = browser.code(&terminal).await.unwrap();
    terminal.until("need_confirm").await;
    terminal.confirm_code(&code).await;
    terminal.finish().await;
}

// security.md 98
#[tokio::test(start_paused = true)]
async fn the_fourth_code_is_not_even_looked_at() {
    let scene = Scene::with_codes().await;
    let mut terminal = scene.terminal_that(Offer::code()).await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    browser.press(&terminal, "allow").await;
    let code = browser.code(&terminal).await.unwrap();
    terminal.until("need_confirm").await;
    let wrong = if code == "BCDF-GHJK" {
        "BCDF-GHJL"
    } else {
        "BCDF-GHJK"
    };
    for left in [2, 1, 0] {
        terminal.confirm_code(wrong).await;
        let told = terminal.next().await;
        assert!(
            matches!(told, ServerBody::ConfirmResult { ok: false, tries_left } if tries_left == left),
            "{told:?}"
        );
    }
    assert_eq!(terminal.failed().await, LoginErrorCode::TooMany);
    let (status, shown) = page(&mut browser, &terminal).await;
    assert_eq!(status, StatusCode::GONE);
    assert!(shown.contains("Too many wrong codes"), "{shown}");
    let refused = ("login.refuse".to_owned(), Some("too_many_tries".to_owned()));
    assert!(scene.world.audited().await.contains(&refused));
    // The right one is of no use any more.
    let mut terminal = terminal.cut().back(&scene).await;
    assert_eq!(terminal.closed().await, 4029);
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_does_not_accept_in_time_gets_nothing() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    let start = Instant::now();
    terminal.until("identity").await;
    expires_after(&mut terminal, 60, start).await;
    let none = scene.world.store.sessions(None, None, 10).await.unwrap();
    assert_eq!(none.items, []);
}

// login.md R5
#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_acknowledged_in_time_is_worth_nothing() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    terminal.until("identity").await;
    let start = Instant::now();
    terminal.send(ClientMessage::Accept).await;
    terminal.until("token").await;
    expires_after(&mut terminal, 60, start).await;
    let sessions = scene.world.store.sessions(None, None, 10).await.unwrap();
    let [session] = sessions.items.as_slice() else {
        panic!("{sessions:?}");
    };
    assert_eq!(session.state, SessionState::Ended);
    assert_eq!(session.end_reason.as_deref(), Some("not_acknowledged"));
}

#[tokio::test(start_paused = true)]
async fn a_terminal_that_does_not_come_back_in_time_is_waited_for_no_more() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let lost = terminal.cut();
    advance(Duration::from_secs(121)).await;
    let mut terminal = lost.back(&scene).await;
    assert_eq!(terminal.failed().await, LoginErrorCode::Expired);
    let answer = scene.browser().get(terminal.url.path()).await;
    assert_eq!(answer.status, StatusCode::GONE);
}

#[tokio::test(start_paused = true)]
async fn the_page_stays_good_while_the_terminal_is_away() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let lost = terminal.cut();
    advance(Duration::from_secs(60)).await;
    let mut terminal = lost.back(&scene).await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    terminal.finish().await;
}

#[tokio::test(start_paused = true)]
async fn whoever_cancels_in_whatever_state_has_cancelled_both_sides() {
    for state in 0..5 {
        let scene = Scene::new().await;
        let mut terminal = scene.terminal().await;
        let mut browser = scene.browser();
        if state >= 1 {
            browser.get(terminal.url.path()).await;
        }
        if state >= 2 {
            browser.sign_in(&terminal, "anna").await;
        }
        if state >= 3 {
            let value = browser.allow(&terminal).await;
            terminal.until("need_confirm").await;
            terminal.confirm(&value).await;
            terminal.until("identity").await;
        }
        if state >= 4 {
            terminal.send(ClientMessage::Accept).await;
            terminal.until("token").await;
        }
        terminal.send(ClientMessage::Cancel).await;
        assert_eq!(
            terminal.failed().await,
            LoginErrorCode::Cancelled,
            "{state}"
        );
        let shown = browser.get(terminal.url.path()).await;
        let shown = match shown.status {
            StatusCode::SEE_OTHER => browser.review(&terminal).await,
            _ => shown,
        };
        assert_eq!(shown.status, StatusCode::GONE, "{state}");
        assert!(text(&shown).contains("Cancelled"), "{state}");
        let sessions = scene.world.store.sessions(None, None, 10).await.unwrap();
        let good = sessions
            .items
            .iter()
            .filter(|session| session.state != SessionState::Ended);
        assert_eq!(good.count(), 0, "{state}");
    }
}
