//! Whose is a cookie, how long is it good, and for what?

use http::{StatusCode, header};

use super::scene::Scene;
use crate::{config::Settings, store::MemoryStore, tests::clock::HandClock};

// security.md 101
#[tokio::test(start_paused = true)]
async fn a_cookie_of_before_the_sign_in_is_worth_nothing_after_it() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let mut attacker = scene.browser();
    attacker.get(terminal.url.path()).await;
    // The attacker has planted his cookie in the victim's browser.
    let mut victim = scene.browser();
    victim.jar = attacker.jar.clone();
    victim.sign_in(&terminal, "anna").await;
    assert_ne!(victim.jar, attacker.jar);
    assert_eq!(victim.review(&terminal).await.status, StatusCode::OK);
    assert_eq!(
        attacker.review(&terminal).await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test(start_paused = true)]
async fn a_cookie_is_for_this_host_and_for_no_script() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let answer = scene.browser().get(terminal.url.path()).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    let (pair, attributes) = cookie.split_once("; ").unwrap();
    assert!(pair.starts_with("__Host-countersign-login-"), "{pair}");
    assert_eq!(
        attributes,
        "Path=/; Max-Age=900; HttpOnly; SameSite=Lax; Secure"
    );
    let (name, value) = pair.split_once('=').unwrap();
    let (handle, secret) = value.split_once('.').unwrap();
    assert_eq!(handle, terminal.handle());
    assert_eq!(secret.len(), 22);
    assert_eq!(name.len(), "__Host-countersign-login-".len() + 8);

    let mut settings = Settings::in_memory("http://127.0.0.1:8085".parse().unwrap());
    settings.limits.per_source_per_minute = 100_000;
    let store = std::sync::Arc::new(MemoryStore::new(crate::Rules::default()));
    let clock = std::sync::Arc::new(HandClock::turned_by_tokio());
    let scene = Scene::on(settings, store, clock).await;
    let terminal = scene.terminal().await;
    let answer = scene.browser().get(terminal.url.path()).await;
    let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(cookie.starts_with("countersign-login-"), "{cookie}");
    assert!(!cookie.contains("Secure"), "{cookie}");
}

#[tokio::test(start_paused = true)]
async fn two_sign_ins_in_one_browser_do_not_disturb_each_other() {
    let scene = Scene::new().await;
    let mut one = scene.terminal().await;
    let mut other = scene.terminal().await;
    let mut browser = scene.browser();
    let back_of_one = browser.callback(&one, "anna").await;
    let back_of_other = browser.callback(&other, "bert").await;
    assert_eq!(browser.jar.len(), 2);
    browser.get(&back_of_one).await;
    browser.get(&back_of_other).await;
    for (terminal, name) in [(&mut one, "anna"), (&mut other, "bert")] {
        let value = browser.allow(terminal).await;
        terminal.until("need_confirm").await;
        terminal.confirm(&value).await;
        let token = terminal.finish().await;
        assert_eq!(token.principal.as_deref(), Some(name));
    }
}
