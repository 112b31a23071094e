//! How does somebody sign in with a password of the platform's own?

use http::{StatusCode, header};
use zeroize::Zeroizing;

use super::{
    browser::{Browser, form_token, location, text},
    scene::Scene,
    terminal::{Offer, Terminal},
};
use crate::{
    audit,
    idp::Password,
    store::AccountRow,
    tests::world::{Answer, World},
};

const RIGHT: &str = "correct horse battery";

/// A platform with accounts of its own. Carol has one.
async fn with_carol() -> Scene {
    let world = World::new().await;
    world.principal("carol", &["Reader"]).await;
    let password = Password::chosen(Zeroizing::new(RIGHT.to_owned())).unwrap();
    let row = AccountRow {
        principal: "carol".to_owned(),
        password: world.platform.passwords().hash(&password).await.unwrap(),
        changed_at: world.now(),
    };
    let entry = audit::by_system("password.set", "carol", world.now());
    world.store.put_account(row, entry).await.unwrap();
    Scene { world }
}

/// Types name and password into the form of this page.
async fn typed(
    browser: &mut Browser,
    terminal: &Terminal,
    page: &Answer,
    name: &str,
    password: &str,
) -> Answer {
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("token", &form_token(page))
        .append_pair("name", name)
        .append_pair("password", password)
        .finish();
    let path = format!("{}/sign-in", terminal.url.path());
    browser.post(&path, &form).await
}

#[tokio::test]
async fn a_name_and_its_password_sign_in() {
    let scene = with_carol().await;
    let offer = Offer {
        login_hint: Some("carol"),
        ..Offer::default()
    };
    let mut terminal = scene.terminal_that(offer).await;
    let mut browser = scene.browser();
    let page = browser.get(terminal.url.path()).await;
    assert_eq!(page.status, StatusCode::OK);
    let shown = text(&page);
    assert!(shown.contains("value=\"carol\""), "the hint: {shown}");
    assert!(
        shown.contains("autocomplete=\"current-password\""),
        "{shown}"
    );
    let answer = typed(&mut browser, &terminal, &page, "carol", RIGHT).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(&answer));
    assert_eq!(location(&answer), format!("{}/review", terminal.url.path()));
    let value = browser.allow(&terminal).await;
    terminal.until("need_confirm").await;
    terminal.confirm(&value).await;
    let token = terminal.finish().await;
    assert_eq!(token.principal.as_deref(), Some("carol"));
}

#[tokio::test]
async fn what_is_wrong_is_said_and_not_which_of_the_two() {
    let scene = with_carol().await;
    let terminal = scene.terminal().await;
    let mut browser = scene.browser();
    let page = browser.get(terminal.url.path()).await;
    for (name, password) in [
        ("carol", "wrong horse battery"),
        ("nobody", RIGHT),
        ("<b>\"carol", "wrong horse battery"),
        ("", ""),
    ] {
        let answer = typed(&mut browser, &terminal, &page, name, password).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
        let shown = text(&answer);
        assert!(
            shown.contains("role=\"alert\" id=\"problem\">The name or the password is wrong."),
            "{shown}"
        );
        assert!(shown.contains("aria-describedby=\"problem\""), "{shown}");
        assert!(!shown.contains("horse"), "no password comes back: {shown}");
        assert!(!shown.contains("<b>\"carol"), "{shown}");
        assert_eq!(
            browser.review(&terminal).await.status,
            StatusCode::FORBIDDEN,
            "nobody has signed in"
        );
    }
}

#[tokio::test]
async fn whoever_guesses_waits() {
    let scene = with_carol().await;
    let terminal = scene.terminal().await;
    let mut browser = scene.browser();
    let page = browser.get(terminal.url.path()).await;
    let mut last = typed(&mut browser, &terminal, &page, "carol", "wrong").await;
    for _ in 0..50 {
        if last.status == StatusCode::TOO_MANY_REQUESTS {
            break;
        }
        last = typed(&mut browser, &terminal, &page, "carol", "wrong").await;
    }
    assert_eq!(last.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(last.headers.contains_key(header::RETRY_AFTER));
    let right = typed(&mut browser, &terminal, &page, "carol", RIGHT).await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_callback_is_for_providers_that_send_one() {
    let scene = with_carol().await;
    let terminal = scene.terminal().await;
    let mut browser = scene.browser();
    browser.get(terminal.url.path()).await;
    let answer = browser.get("/login/callback?state=x&code=carol").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
}
