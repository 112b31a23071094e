//! Can everybody sign in to the console and manage tokens there, in a real Chromium: with a mouse, with a keyboard, and
//! without script?

use fantoccini::key::Key;
use serde_json::json;

use crate::{
    browser_console_pages::{at_the_console, look_at},
    parts::{browser::Browser, sign_in::PASSWORD},
};

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_grants_replaces_and_revokes_a_token_by_clicks_in_chromium() {
    let (_world, browser, console) = at_the_console().await;
    browser.click(".below > nav a[href$='/tokens']").await;
    browser.read("There are no such tokens.").await;
    look_at(&browser, "console-tokens-none").await;

    browser.click(".actions a[href$='/tokens/new']").await;
    look_at(&browser, "console-tokens-new").await;
    browser.click("input[value=app]").await;
    browser.write("#name", "deploy").await;
    browser.write("#days", "9000").await;
    browser.click("main button[type=submit]").await;
    browser.read("Nothing was done").await;
    look_at(&browser, "console-tokens-new-refused").await;
    assert!(browser.sees("#days-problem").await);

    browser.write("#days", "30").await;
    browser.click("main button[type=submit]").await;
    browser.read("it is shown once").await;
    look_at(&browser, "console-tokens-given").await;
    let shown = browser.see("#string").await.text().await.expect("a text");
    assert!(shown.starts_with("csn_app_"), "{shown}");
    // What would go to the clipboard, which a headless browser keeps from its pages.
    browser
        .run(
            "navigator.clipboard.writeText = async text => { document.title = text; }; \
             document.querySelector('button[data-copy]').click();",
        )
        .await;
    browser.read("Copied.").await;
    assert_eq!(browser.title().await, shown);

    browser.click("main p > a.button").await;
    look_at(&browser, "console-tokens-one").await;
    let one = browser.url().await;
    browser.click(".actions a[href$='/rotate']").await;
    look_at(&browser, "console-tokens-replace").await;
    browser.click("main button[type=submit]").await;
    browser.read("The new token").await;
    look_at(&browser, "console-tokens-given-again").await;
    browser.click("main p > a.button").await;
    browser.click(".actions a[href$='/confirm']").await;
    look_at(&browser, "console-tokens-confirm").await;
    browser.click("main button[type=submit]").await;
    browser.read("The old token has ended.").await;

    browser.click(".actions a[href$='/revoke']").await;
    look_at(&browser, "console-tokens-revoke").await;
    browser.write("#reason", "the laptop was lost").await;
    browser.click("main button[type=submit]").await;
    browser.read("the laptop was lost").await;
    look_at(&browser, "console-tokens-revoked").await;
    browser.open(&one).await;
    browser.read("Revoked").await;

    browser
        .open(format!("{console}/tokens?state=revoked"))
        .await;
    browser.read("deploy").await;
    look_at(&browser, "console-tokens").await;
    browser.open(format!("{console}/tokens/revoke")).await;
    look_at(&browser, "console-tokens-revoke-all").await;

    // A token of another platform: its string stands on no page, not even on that which refuses it.
    let foreign = "gh-like_9f8e7d6c5b4a39281706f5e4d3c2b1a0";
    browser.open(format!("{console}/tokens/import")).await;
    browser.write("#string", foreign).await;
    browser.write("#name", "moved").await;
    browser.write("#days", "9000").await;
    browser.click("main button[type=submit]").await;
    browser.read("Nothing was done").await;
    look_at(&browser, "console-tokens-import-refused").await;
    assert!(!browser.source().await.contains(foreign));
    browser.write("#string", foreign).await;
    browser.write("#days", "30").await;
    browser.click("main button[type=submit]").await;
    browser.read("moved").await;
    look_at(&browser, "console-tokens-imported").await;
    assert!(!browser.source().await.contains(foreign));
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_grants_a_token_and_signs_out_by_keyboard_alone_and_without_script_in_chromium()
 {
    let (_world, browser, console) = at_the_console().await;
    browser.without_script().await;
    // By the first stop of every page: past the navigation.
    browser.open(format!("{console}/tokens/new")).await;
    browser.press(Key::Tab).await;
    assert_eq!(browser.focus().await, "a Skip to the content");
    browser.press(Key::Enter).await;
    browser.tab_to("input kind").await;
    browser.tab_to("input name").await;
    browser.type_in("by keyboard").await;
    browser.press(Key::Enter).await;
    browser.read("it is shown once").await;
    assert!(!browser.sees("button[data-copy]").await, "it needs script");
    browser.tab_to("button Sign out").await;
    browser.press(Key::Enter).await;
    browser.read("You have signed out.").await;
    look_at_sign_in(&browser, "console-signed-out").await;

    browser.type_in("olga").await;
    browser.tab_to("input password").await;
    browser.type_in("not the password").await;
    browser.press(Key::Enter).await;
    browser.read("The name or the password is wrong.").await;
    look_at_sign_in(&browser, "console-sign-in-wrong").await;
    browser.type_in(PASSWORD).await;
    browser.press(Key::Enter).await;
    browser.read("Olga Ørsted").await;
    assert_eq!(browser.url().await, console);
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_pressed_is_large_enough_for_a_finger_in_chromium() {
    let (_world, browser, console) = at_the_console().await;
    for page in ["", "/tokens", "/tokens/new", "/tokens/revoke", "/audit"] {
        browser.open(format!("{console}{page}")).await;
        let small = browser
            .run(
                "return [...document.querySelectorAll('button, .button, nav a, select, label.choice, input[type=text]')] \
                 .filter(it => it.offsetParent && it.getBoundingClientRect().height < 44) \
                 .map(it => it.outerHTML)",
            )
            .await;
        assert_eq!(small, json!([]), "{page}");
    }
}

/// Without script nothing can be asked of axe-core: only pictures.
async fn look_at_sign_in(browser: &Browser, name: &str) {
    browser.picture(name).await;
}
