//! Does a signing key give way to another at the console as at the management API, for whoever may?

use std::collections::BTreeSet;

use countersign_proto::management::SigningKeyState;
use http::{Method, StatusCode};

use super::{desk::Desk, tokens::sent};
use crate::tests::login::browser::{Browser, form_token, location, text};

const ROTATE: &str = "/console/keys/rotate";
const AT_ONCE: &str = "/console/keys/rotate-at-once";

/// Announces a key, and answers its name.
pub(super) async fn announced(desk: &Desk) -> String {
    let mut anna = desk.signed_in("anna").await;
    let answer = sent(&mut anna, ROTATE, &[("reason", "once a year")]).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(&answer));
    let page = location(&answer);
    let page = page.strip_suffix("?notice=made").unwrap();
    page.strip_prefix("/console/keys/").unwrap().to_owned()
}

/// What the keys are called that are in this state.
async fn keys(desk: &Desk, state: SigningKeyState) -> Vec<String> {
    let stored = desk.world.store.issuer_keys().await.unwrap();
    let in_state = stored.keys.into_iter().filter(|key| key.state == state);
    in_state.map(|key| key.kid).collect()
}

async fn published(browser: &mut Browser) -> BTreeSet<String> {
    let set = browser.get("/jwks.json").await.json();
    let keys = set["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned())
        .collect()
}

async fn reasons(desk: &Desk) -> Vec<String> {
    let page = desk.world.store.audit(None, 50).await.unwrap();
    let rows = page.items.into_iter();
    rows.filter(|row| row.action.starts_with("key."))
        .filter_map(|row| row.reason)
        .collect()
}

#[tokio::test]
async fn a_key_is_announced_and_taken_back_before_it_signs() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    let kid = announced(&desk).await;
    assert_eq!(
        keys(&desk, SigningKeyState::Announced).await,
        std::slice::from_ref(&kid)
    );
    assert!(published(&mut anna).await.contains(&kid));
    let list = text(&anna.get("/console/keys").await);
    assert!(list.contains(&kid) && list.contains("signs next"), "{list}");

    let again = sent(&mut anna, ROTATE, &[]).await;
    assert_eq!(again.status, StatusCode::CONFLICT);
    assert!(text(&again).contains("is announced already"));

    let retire = format!("/console/keys/{kid}/retire");
    let silent = sent(&mut anna, &retire, &[("reason", " ")]).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        keys(&desk, SigningKeyState::Announced).await,
        std::slice::from_ref(&kid)
    );
    let gone = sent(&mut anna, &retire, &[("reason", "made by mistake")]).await;
    assert_eq!(
        location(&gone),
        format!("/console/keys/{kid}?notice=retired")
    );
    assert!(!published(&mut anna).await.contains(&kid));
    assert_eq!(reasons(&desk).await, ["made by mistake", "once a year"]);
    let page = text(&anna.get(&location(&gone)).await);
    assert!(!page.contains("/retire\""), "{page}");
}

#[tokio::test]
async fn in_an_emergency_a_new_key_signs_at_once_and_the_console_goes_on() {
    let desk = Desk::new().await;
    let stolen = desk.world.bearer("bert", &["Reader"]).await;
    let old = keys(&desk, SigningKeyState::Active).await;
    let mut anna = desk.signed_in("anna").await;
    let silent = sent(&mut anna, AT_ONCE, &[("retire_old", "on")]).await;
    assert_eq!(silent.status, StatusCode::UNPROCESSABLE_ENTITY);
    let shown = text(&silent);
    assert!(
        shown.contains("needs a reason") && shown.contains("checked"),
        "{shown}"
    );
    assert_eq!(keys(&desk, SigningKeyState::Active).await, old);

    let fields = [("retire_old", "on"), ("reason", "found on a stick")];
    let done = sent(&mut anna, AT_ONCE, &fields).await;
    assert_eq!(done.status, StatusCode::SEE_OTHER, "{}", text(&done));
    let new = keys(&desk, SigningKeyState::Active).await;
    assert!(new.len() == 1 && new != old);
    assert_eq!(keys(&desk, SigningKeyState::Retired).await, old);
    assert_eq!(published(&mut anna).await, new.into_iter().collect());
    let answer = desk.world.api(Method::GET, "whoami", &stolen, None).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let page = anna.get(&location(&done)).await;
    assert_eq!(page.status, StatusCode::OK, "her session is signed by none");
}

#[tokio::test]
async fn the_key_that_signs_is_not_retired() {
    let desk = Desk::new().await;
    let signing = keys(&desk, SigningKeyState::Active).await;
    let page = format!("/console/keys/{}", signing[0]);
    let mut anna = desk.signed_in("anna").await;
    let shown = text(&anna.get(&page).await);
    assert!(
        shown.contains(">signs<") && !shown.contains("/retire\""),
        "{shown}"
    );
    let fields = [("reason", "by a form of my own")];
    let refused = sent(&mut anna, &format!("{page}/retire"), &fields).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(text(&refused).contains("rotate first"));
    assert_eq!(keys(&desk, SigningKeyState::Active).await, signing);
}

// security.md 113
#[tokio::test]
async fn a_reader_sees_the_keys_and_changes_none() {
    let desk = Desk::new().await;
    let kid = announced(&desk).await;
    let before = desk.world.store.issuer_keys().await.unwrap().version;
    let mut rita = desk.signed_in("rita").await;
    let page = format!("/console/keys/{kid}");
    for seen in ["/console/keys", &page] {
        let shown = text(&rita.get(seen).await);
        assert!(shown.contains(&kid), "{shown}");
        assert!(!shown.contains("/rotate") && !shown.contains("/retire"));
    }
    let token = form_token(&rita.get("/console").await);
    for form in [ROTATE, AT_ONCE, &format!("{page}/retire")] {
        assert_eq!(rita.get(form).await.status, StatusCode::FORBIDDEN, "{form}");
        let fields = [("token", token.clone()), ("reason", "x".to_owned())];
        let answer = rita.post(form, &super::desk::form(&fields)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{form}");
    }
    let after = desk.world.store.issuer_keys().await.unwrap().version;
    assert_eq!(after, before);
}
