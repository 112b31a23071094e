//! Can a page of somebody else's, or one of before, make the console do something?

use http::{HeaderMap, Method, StatusCode, header};

use super::desk::{Desk, form};
use crate::{
    store::SessionState,
    tests::{
        login::browser::{Browser, form_token, text},
        world::{Answer, ISSUER},
    },
};

const SIGN_OUT: &str = "/console/sign-out";

async fn token_of(browser: &mut Browser) -> String {
    form_token(&browser.get("/console").await)
}

async fn post(browser: &mut Browser, headers: &[(&str, &str)], fields: &str) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: header::HeaderName = name.parse().unwrap();
        map.append(name, value.parse().unwrap());
    }
    browser.ask(Method::POST, SIGN_OUT, map, fields).await
}

// security.md 94
#[tokio::test]
async fn a_form_is_taken_from_a_page_of_ours_and_from_no_other() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    let fields = form(&[("token", token_of(&mut browser).await)]);
    for (site, origins) in [
        ("cross-site", vec!["https://evil.example"]),
        ("same-origin", vec!["https://evil.example"]),
        ("cross-site", vec![ISSUER]),
        ("same-site", vec![ISSUER]),
        ("none", vec![ISSUER]),
        ("same-origin", vec!["null"]),
        ("same-origin", vec![""]),
        ("same-origin", vec!["http://platform.example"]),
        ("same-origin", vec!["https://platform.example:444"]),
        ("same-origin", vec!["https://platform.example.evil.example"]),
        ("same-origin", vec![ISSUER, ISSUER]),
        ("same-origin", vec![ISSUER, "https://evil.example"]),
        ("cross-site", vec![]),
        ("", vec![]),
    ] {
        browser.site = site;
        let headers: Vec<(&str, &str)> = origins.iter().map(|it| ("origin", *it)).collect();
        let answer = post(&mut browser, &headers, &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site} {origins:?}");
    }
    let session = desk.session_of(&browser).await;
    assert_eq!(session.state, SessionState::Active, "nothing was done");
    browser.site = "same-origin";
    let answer = post(&mut browser, &[], &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(&answer));
}

#[tokio::test]
async fn a_form_is_not_taken_with_parameters_in_its_address() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    let fields = form(&[("token", token_of(&mut browser).await)]);
    let headers = HeaderMap::from_iter([(header::ORIGIN, ISSUER.parse().unwrap())]);
    let path = format!("{SIGN_OUT}?x=y");
    let answer = browser.ask(Method::POST, &path, headers, &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let session = desk.session_of(&browser).await;
    assert_eq!(session.state, SessionState::Active, "nothing was done");
}

// security.md 94
#[tokio::test]
async fn a_form_carries_the_token_of_this_session_once() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    let token = token_of(&mut browser).await;
    let of_another = token_of(&mut desk.signed_in("anna").await).await;
    let of_somebody_else = token_of(&mut desk.signed_in("rita").await).await;
    let of_a_sign_in = form_token(&desk.browser().get("/console/sign-in").await);
    let origin = [("origin", ISSUER)];
    for wrong in [
        String::new(),
        form(&[("token", String::new())]),
        form(&[("token", token.to_lowercase())]),
        form(&[("token", format!("{token} "))]),
        form(&[("token", of_another)]),
        form(&[("token", of_somebody_else)]),
        form(&[("token", of_a_sign_in)]),
        form(&[("token", token.clone()), ("token", token.clone())]),
        form(&[("Token", token.clone())]),
    ] {
        let answer = post(&mut browser, &origin, &wrong).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{wrong}");
    }
    let fields = form(&[("token", token.clone())]);
    for kind in ["text/plain", "application/json", "multipart/form-data"] {
        let headers = [("origin", ISSUER), ("content-type", kind)];
        let answer = post(&mut browser, &headers, &fields).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{kind}");
    }
    let path = format!("{SIGN_OUT}?{fields}");
    let answer = browser.post(&path, "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "in the address");
    assert_eq!(
        desk.session_of(&browser).await.state,
        SessionState::Active,
        "nothing was done"
    );
    let answer = post(&mut browser, &origin, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(&answer));
}

#[tokio::test]
async fn looking_does_nothing() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    let token = token_of(&mut browser).await;
    let answer = browser.get(&format!("{SIGN_OUT}?token={token}")).await;
    assert!(!answer.status.is_success(), "{}", answer.status);
    assert_eq!(desk.session_of(&browser).await.state, SessionState::Active);
}
