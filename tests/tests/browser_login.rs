//! Does a person sign a terminal in, in a real Chromium?

use std::sync::Arc;

use countersign::{
    SystemClock,
    login::{Login, LoginEvent, LoginOptions},
    proto::{
        key::{KeyType, LocalKey},
        login::{ConfirmValue, LoginErrorCode, LoginStatus, ServerBody},
        token::Binding,
    },
};
use fantoccini::key::Key;
use serde_json::json;

use crate::{
    fixtures,
    parts::{
        browser::Browser,
        listener::dead_target,
        serving::{Site, free_address},
        sign_in::{PASSWORD, World},
    },
};

/// Where a code may be typed instead of a value that comes by itself.
const CODES: &str = "[session]\nbinding = \"code\"\n";
/// What somebody in front of a page that does not move may take it for broken after.
const SOON_MS: f64 = 3_000.0;

// checklist T2 positive · checklist T15 positive
#[tokio::test(flavor = "multi_thread")]
async fn one_click_in_chromium_hands_the_value_to_the_terminal() {
    let world = World::start("").await;
    let (mut terminal, session, listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.sign_in(&session.url, "alice").await;
    browser.allow().await;
    terminal.confirm(listener.value().await).await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
    // The window that brought the value ends on the platform, without the value; so does the one that opened it.
    browser.until_windows(2).await;
    for window in [1, 0] {
        browser.to_window(window).await;
        browser.read("go back to your terminal").await;
        let url = browser.url().await;
        assert!(
            url.starts_with(session.url.as_str()) && !url.contains("value"),
            "{url}"
        );
    }
    assert_eq!(listener.visits(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_from_the_page_in_chromium_is_typed_in_the_terminal() {
    let world = World::start(CODES).await;
    let (mut terminal, session) = world.terminal(&[Binding::Code], None).await;
    let browser = Browser::start().await;
    browser.sign_in(&session.url, "alice").await;
    browser.allow().await;
    let code = browser.code().await;
    // as people type
    let typed = code.to_lowercase().replace('-', " ");
    terminal
        .confirm(ConfirmValue::from_typed(&typed).unwrap())
        .await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
    browser.read("go back to your terminal").await;
    assert!(!browser.source().await.contains(&code));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_loopback_port_offers_the_code_in_chromium_within_three_seconds() {
    let world = World::start(CODES).await;
    let ways = [Binding::Loopback, Binding::Code];
    let (mut terminal, session) = world.terminal(&ways, Some(dead_target())).await;
    let browser = Browser::start().await;
    browser.sign_in(&session.url, "alice").await;
    let offered = milliseconds_from_allow_to(&browser, "form[action$='/code'] button").await;
    assert!(offered < SOON_MS, "{offered} ms");

    browser.click("form[action$='/code'] button").await;
    let code = browser.code().await;
    terminal
        .confirm(ConfirmValue::from_typed(&code).unwrap())
        .await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
    browser.read("go back to your terminal").await;
}

// login.md R6
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_loopback_port_says_what_to_do_in_chromium_where_no_code_is_permitted() {
    let world = World::start("").await;
    let target = dead_target();
    let ways = [Binding::Loopback, Binding::Code];
    let (_terminal, session) = world.terminal(&ways, Some(target.clone())).await;
    let browser = Browser::start().await;
    browser.sign_in(&session.url, "alice").await;
    let told = milliseconds_from_allow_to(&browser, "pre code").await;
    assert!(told < SOON_MS, "{told} ms");
    let port = target.port();
    browser
        .read(&format!("ssh -L {port}:127.0.0.1:{port} OTHER-MACHINE"))
        .await;
    assert!(!browser.sees("form[action$='/code']").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn allowing_again_in_chromium_reaches_a_terminal_that_listens_by_now() {
    let world = World::start("").await;
    let (mut terminal, session, listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.sign_in(&session.url, "alice").await;
    browser.allow().await;
    // It got lost on the way: the terminal did not take it.
    listener.value().await;
    browser.see("#stuck[open]").await;
    browser.allow().await;
    let value = listener.nth_value(2).await;
    terminal.confirm(value).await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_did_not_start_it_stops_it_by_one_click_in_chromium() {
    let world = World::start("").await;
    let (mut terminal, session, listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.sign_in(&session.url, "alice").await;
    browser.report().await;
    browser.read("Stopped").await;
    let (heard, ended) = terminal.hear_all().await;
    let said = heard.last();
    assert!(
        matches!(
            said,
            Some(ServerBody::Error {
                code: LoginErrorCode::Reported,
                fatal: true,
                ..
            })
        ),
        "{said:?}"
    );
    assert_eq!(ended.code, 4011);
    assert_eq!(listener.visits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_in_chromium_says_by_itself_that_the_terminal_gave_up() {
    // A terminal that is gone for a second is gone for good.
    let world = World::start("[login]\nresume_s = 1\n").await;
    let (terminal, session, _listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.sign_in(&session.url, "alice").await;
    drop(terminal);
    browser.read("took too long").await;
    assert!(!browser.sees("form").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_in_chromium_is_said_and_the_name_is_kept() {
    let world = World::start("").await;
    let (mut terminal, session, _listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.open(&session.url).await;
    browser.fill_in("alice", "not the password").await;
    browser.read("The name or the password is wrong").await;
    let kept = browser
        .run("return ['name', 'password'].map(id => document.getElementById(id).value)")
        .await;
    assert_eq!(kept, json!(["alice", ""]));
    browser.write("#password", PASSWORD).await;
    browser.click("form[action$='/sign-in'] button").await;
    browser.arrive(&format!("{}/review", session.url)).await;
    terminal.hear_of("status").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_with_a_keyboard_alone_signs_in_in_chromium() {
    let world = World::start("").await;
    let (mut terminal, session, listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.open(&session.url).await;
    browser.see("#name").await;
    // The name has the focus already.
    browser.type_in("alice").await;
    browser.press(Key::Tab).await;
    browser.type_in(PASSWORD).await;
    browser.press(Key::Enter).await;
    browser.arrive(&format!("{}/review", session.url)).await;
    let met = browser.tab_to("button Allow").await;
    // Saying no is as near as saying yes, and comes first.
    assert_eq!(met, ["button I did not start this", "button Allow"]);
    browser.press(Key::Enter).await;
    terminal.confirm(listener.value().await).await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_chromium_runs_no_script_signs_in_over_loopback() {
    let world = World::start("").await;
    let (mut terminal, session, listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.without_script().await;
    browser.sign_in(&session.url, "alice").await;
    browser.allow().await;
    terminal.confirm(listener.value().await).await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
    browser.until_windows(2).await;
    browser.to_window(1).await;
    browser.read("go back to your terminal").await;
    // The page behind it does not move by itself; it says how to look.
    browser.to_window(0).await;
    browser.click("details summary").await;
    browser.click("details a[href$='/review']").await;
    browser.read("go back to your terminal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_whose_chromium_runs_no_script_gets_the_code_when_nobody_listens() {
    let world = World::start(CODES).await;
    let ways = [Binding::Loopback, Binding::Code];
    let (mut terminal, session) = world.terminal(&ways, Some(dead_target())).await;
    let browser = Browser::start().await;
    browser.without_script().await;
    browser.sign_in(&session.url, "alice").await;
    browser.allow().await;
    browser.click("details summary").await;
    browser.click("details a[href$='/review']").await;
    browser.click("#stuck summary").await;
    browser.click("form[action$='/code'] button").await;
    let code = browser.code().await;
    terminal
        .confirm(ConfirmValue::from_typed(&code).unwrap())
        .await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_terminal_learns_what_the_platform_saw_of_chromium() {
    let world = World::start("").await;
    let (mut terminal, session, _listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.open(&session.url).await;
    let ServerBody::Status {
        state,
        browser: Some(seen),
        ..
    } = terminal.hear_of("status").await
    else {
        panic!("no browser was seen");
    };
    assert_eq!(state, LoginStatus::Opened);
    assert_eq!(
        (seen.address.as_str(), seen.same_network),
        ("127.0.0.1", true)
    );
    assert!(seen.user_agent.contains("Chrome/"), "{}", seen.user_agent);
}

// security.md 96, 101
#[tokio::test(flavor = "multi_thread")]
async fn over_tls_the_cookie_in_chromium_is_of_this_host_and_the_value_still_gets_to_the_sdk() {
    let world = World::with_accounts(over_tls()).await;
    let (key, _) = LocalKey::generate(KeyType::P256).unwrap();
    let mut login = Login::begin(
        world.site().issuer(),
        Arc::new(key),
        LoginOptions::default().expect("alice"),
        world.site().http_transport(),
        Arc::new(SystemClock),
    )
    .await
    .unwrap();
    let browser = Browser::trusting(&fixtures::path("tls/localhost.pem")).await;
    browser.sign_in(login.url(), "alice").await;
    browser.read(login.label()).await;

    let cookies = browser.devtools("Network.getCookies", json!({})).await;
    let cookies = cookies["cookies"].as_array().unwrap();
    let [cookie] = cookies.as_slice() else {
        panic!("{cookies:?}");
    };
    let name = cookie["name"].as_str().unwrap();
    assert!(name.starts_with("__Host-countersign-login-"), "{name}");
    assert_eq!(
        (&cookie["secure"], &cookie["httpOnly"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(
        (&cookie["sameSite"], &cookie["path"]),
        (&json!("Lax"), &json!("/"))
    );

    browser.allow().await;
    let token = loop {
        if let LoginEvent::Signed(token) = login.next().await.unwrap() {
            break token;
        }
    };
    assert_eq!(token.token.principal.as_deref(), Some("alice"));
    for window in [1, 0] {
        browser.to_window(window).await;
        browser.read("go back to your terminal").await;
    }
}

/// A platform with the fixture certificate of localhost.
fn over_tls() -> Site {
    let tls = format!(
        "[tls]\ncertificate = \"{}\"\nkey = \"{}\"\n",
        fixtures::path("tls/localhost.pem").display(),
        fixtures::path("tls/localhost.key").display()
    );
    let address = free_address();
    Site::at(address, &format!("https://{address}"), "memory:", &tls)
}

/// Presses *Allow* and measures by the page's own clock until an element of a later page is seen.
async fn milliseconds_from_allow_to(browser: &Browser, css: &str) -> f64 {
    // The time of a page is counted from its own beginning; the beginning is told in the time of the world.
    browser
        .run(
            "addEventListener('submit', () => \
               sessionStorage.setItem('allowed', performance.timeOrigin + performance.now()));",
        )
        .await;
    browser.watch_for(css).await;
    browser.allow().await;
    browser.see(css).await;
    let took = browser
        .run("return sessionStorage.getItem('seen') - sessionStorage.getItem('allowed')")
        .await;
    took.as_f64().expect("both were noted")
}
