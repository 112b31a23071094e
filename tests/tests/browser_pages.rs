//! Can everybody read every page of a sign-in, in a real Chromium?
//!
//! Each page is looked at by axe-core, held to its width on a phone, and pictured at the desk and on the phone, light
//! and dark, in `target/screenshots`.

use countersign::proto::{
    login::{ClientMessage, ConfirmValue, Hello},
    scope::Scope,
    token::Binding,
};
use serde_json::json;

use crate::parts::{
    axe::barriers,
    browser::{Browser, Scheme, Screen},
    listener::dead_target,
    sign_in::{PASSWORD, World},
    terminal::{Session, Terminal},
    website::Website,
};

const CODES: &str = "[session]\nbinding = \"code\"\n";

#[tokio::test(flavor = "multi_thread")]
async fn every_page_on_the_way_is_for_everybody_in_chromium() {
    let world = World::start(CODES).await;
    let browser = Browser::start().await;
    let ways = [Binding::Loopback, Binding::Code];
    let (mut terminal, session) =
        begin_asking_for(&world, &ways, "principals:read roles:read").await;

    let other = Website::showing(format!("<a href='{}'>your invoice</a>", session.url)).await;
    browser.open(other.url("localhost", "/")).await;
    browser.click("a").await;
    browser.read("Did you start this sign-in?").await;
    look_at(&browser, "warning").await;

    browser
        .click("form[action$='/continue'] button:not([formaction])")
        .await;
    browser.read("Password").await;
    look_at(&browser, "sign-in").await;

    browser.fill_in("admin", "not the password").await;
    browser.read("wrong").await;
    look_at(&browser, "sign-in-wrong-password").await;

    browser.sign_in(&session.url, "alice").await;
    look_at(&browser, "review").await;

    browser.allow().await;
    browser.see("#stuck[open]").await;
    look_at(&browser, "handing-over").await;

    browser.click("form[action$='/code'] button").await;
    let code = browser.code().await;
    look_at(&browser, "code").await;

    terminal
        .confirm(ConfirmValue::from_typed(&code).unwrap())
        .await;
    terminal.hear_of("identity").await;
    browser.read("Almost done").await;
    look_at(&browser, "almost-done").await;

    terminal.take_token().await;
    browser.read("go back to your terminal").await;
    look_at(&browser, "done").await;

    let same_device = World::start("").await;
    let (_terminal, elsewhere) = same_device
        .terminal(&[Binding::Loopback], Some(dead_target()))
        .await;
    browser.sign_in(&elsewhere.url, "alice").await;
    browser.allow().await;
    browser.see("#stuck[open]").await;
    look_at(&browser, "handing-over-elsewhere").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_at_an_end_is_for_everybody_in_chromium() {
    let world = World::start("[session]\nbinding = \"code\"\n[login]\nresume_s = 1\n").await;
    let browser = Browser::start().await;

    let (_terminal, _session) = reviewed(&world, &browser).await;
    browser.report().await;
    browser.read("Stopped").await;
    look_at(&browser, "end-reported").await;

    let (mut terminal, _session) = reviewed(&world, &browser).await;
    terminal.say(ClientMessage::Cancel).await;
    browser.read("Cancelled").await;
    look_at(&browser, "end-cancelled").await;

    let (terminal, _session) = reviewed(&world, &browser).await;
    drop(terminal);
    browser.read("took too long").await;
    look_at(&browser, "end-expired").await;

    let (mut terminal, _session) = reviewed(&world, &browser).await;
    browser.allow().await;
    browser.code().await;
    for _ in 0..3 {
        let wrong = ConfirmValue::from_typed("BBBB-BBBB").unwrap();
        terminal.confirm(wrong).await;
        terminal.hear_of("confirm_result").await;
    }
    browser.read("Too many wrong codes").await;
    look_at(&browser, "end-too-many-codes").await;

    let (mut terminal, _session) = reviewed(&world, &browser).await;
    browser.allow().await;
    let code = browser.code().await;
    terminal
        .confirm(ConfirmValue::from_typed(&code).unwrap())
        .await;
    terminal.hear_of("identity").await;
    terminal.say(ClientMessage::Reject).await;
    browser.read("Turned down").await;
    look_at(&browser, "end-turned-down").await;

    let (_terminal, session) = begin_asking_for(&world, &[Binding::Code], "everything:write").await;
    browser.open(&session.url).await;
    browser.fill_in("alice", PASSWORD).await;
    browser.read("More than you may do").await;
    look_at(&browser, "end-more-than-you-may-do").await;

    browser
        .open(format!(
            "{}/login/{}",
            world.site().issuer(),
            "A".repeat(22)
        ))
        .await;
    browser.read("No such sign-in").await;
    look_at(&browser, "no-such-sign-in").await;

    let (_terminal, session) = world.terminal(&[Binding::Code], None).await;
    browser.open(format!("{}/review", session.url)).await;
    browser.read("Another browser").await;
    look_at(&browser, "another-browser").await;

    browser
        .open(format!(
            "{}/login/callback?state=x&code=y",
            world.site().issuer()
        ))
        .await;
    browser.read("Another browser").await;
    look_at(&browser, "foreign-callback").await;

    let (mut terminal, session) = reviewed(&world, &browser).await;
    let second = Browser::start().await;
    second.sign_in(&session.url, "mallory").await;
    browser.allow().await;
    let code = browser.code().await;
    terminal
        .confirm(ConfirmValue::from_typed(&code).unwrap())
        .await;
    terminal.finish().await;
    second.read("Already used").await;
    look_at(&second, "already-used").await;
}

/// A terminal whose login asks for these scopes.
async fn begin_asking_for(world: &World, ways: &[Binding], scope: &str) -> (Terminal, Session) {
    let mut terminal = Terminal::connect(world.site().issuer()).await;
    let loopback = ways.contains(&Binding::Loopback).then(dead_target);
    let hello = Hello {
        scope: Scope::parse(scope).unwrap(),
        ..terminal.hello(ways, loopback)
    };
    let session = terminal.begin_with(&hello).await;
    (terminal, session)
}

/// A terminal that takes codes, and alice in front of the page that asks her.
async fn reviewed(world: &World, browser: &Browser) -> (Terminal, Session) {
    let (terminal, session) = world.terminal(&[Binding::Code], None).await;
    browser.sign_in(&session.url, "alice").await;
    (terminal, session)
}

/// Looks at a page in every way.
async fn look_at(browser: &Browser, name: &str) {
    browser.picture(name).await;
    let barriers = barriers(browser).await;
    assert!(barriers.is_empty(), "{name}:\n{}", barriers.join("\n"));
    browser.look_on(Screen::Phone, Scheme::Light).await;
    let overhang = browser
        .run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")
        .await;
    browser.look_on(Screen::Desk, Scheme::Light).await;
    assert_eq!(overhang, json!(0), "{name} is wider than a phone");
}
