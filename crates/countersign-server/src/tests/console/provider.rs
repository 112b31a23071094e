//! How does somebody sign in to the console by another identity provider?

use std::sync::Arc;

use http::{StatusCode, header};
use url::Url;

use super::desk::{COOKIE, form, hidden};
use crate::{
    Platform, Rules,
    config::Settings,
    store::MemoryStore,
    tests::{
        clock::HandClock,
        login::{
            browser::{Browser, form_token, location, text},
            provider::{AUTHORIZE, Believing},
        },
        world::{ISSUER, World},
    },
};

async fn world() -> World {
    let settings = Settings::in_memory(ISSUER.parse().unwrap());
    let clock = Arc::new(HandClock::turned_by_hand());
    let store = Arc::new(MemoryStore::new(Rules::default()));
    let platform = Platform::with_store(settings, store, clock.clone())
        .await
        .unwrap()
        .asking(Arc::new(Believing));
    let world = World::around(platform, clock);
    world.principal("anna", &["Administrator"]).await;
    world
}

fn browser(world: &World) -> Browser {
    let mut browser = Browser::new(world.router.clone(), "192.0.2.20");
    browser.site = "same-origin";
    browser
}

/// Goes to the provider, and answers its `state`.
async fn sent(browser: &mut Browser, to: &str) -> String {
    browser.site = "same-origin";
    let query = form(&[("return", to.to_owned())]);
    let page = browser.get(&format!("/console/sign-in?{query}")).await;
    assert!(
        text(&page).contains("Go on to <bdi>idp.example"),
        "{}",
        text(&page)
    );
    let policy = page.headers[header::CONTENT_SECURITY_POLICY]
        .to_str()
        .unwrap();
    assert!(
        policy.contains("form-action 'self' https://idp.example"),
        "{policy}"
    );
    let fields = [
        ("token", form_token(&page)),
        ("return", hidden(&page, "return")),
    ];
    let answer = browser.post("/console/sign-in", &form(&fields)).await;
    let to: Url = location(&answer).parse().unwrap();
    assert!(to.as_str().starts_with(AUTHORIZE), "{to}");
    let value = |wanted: &str| {
        let found = to.query_pairs().find(|(name, _)| name == wanted);
        found.unwrap().1.into_owned()
    };
    assert_eq!(value("redirect_uri"), format!("{ISSUER}/login/callback"));
    value("state")
}

#[tokio::test]
async fn somebody_comes_back_by_a_page_of_ours_to_where_he_wanted_to_go() {
    let world = world().await;
    let mut browser = browser(&world);
    let state = sent(&mut browser, "/console?a=1&b=%22").await;
    browser.site = "cross-site";
    let back = browser
        .get(&format!("/login/callback?state={state}&code=anna"))
        .await;
    assert_eq!(back.status, StatusCode::OK, "{}", text(&back));
    let page = text(&back);
    assert!(
        page.contains("<meta http-equiv=\"refresh\" content=\"0; url=/console?a=1&#38;b=%22\">"),
        "{page}"
    );
    browser.site = "same-origin";
    let home = browser.get("/console").await;
    assert!(text(&home).contains("anna"), "{}", text(&home));
    // What came back once is worth nothing twice: the cookie is gone.
    let again = browser
        .get(&format!("/login/callback?state={state}&code=anna"))
        .await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
}

// login.md R2
#[tokio::test]
async fn what_comes_back_is_for_the_browser_that_asked() {
    let world = world().await;
    let mut asked = browser(&world);
    let state = sent(&mut asked, "").await;
    let mut other = browser(&world);
    sent(&mut other, "").await;
    for mut wrong in [other, browser(&world)] {
        let answer = wrong
            .get(&format!("/login/callback?state={state}&code=anna"))
            .await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(!wrong.jar.contains_key(COOKIE));
    }
    for query in [
        "code=anna".to_owned(),
        "state=&code=anna".to_owned(),
        format!("state={}&code=anna", state.to_lowercase()),
        format!("state={state}&state={state}&code=anna"),
    ] {
        let answer = asked.get(&format!("/login/callback?{query}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{query}");
    }
}

#[tokio::test]
async fn whoever_is_not_known_or_says_no_is_told_so() {
    let world = world().await;
    for (came_back, status, said) in [
        (
            "code=mallory",
            StatusCode::FORBIDDEN,
            "this platform does not",
        ),
        (
            "code=platform",
            StatusCode::FORBIDDEN,
            "this platform does not",
        ),
        ("error=access_denied", StatusCode::FORBIDDEN, "was declined"),
        (
            "error=server_error",
            StatusCode::BAD_GATEWAY,
            "did not answer",
        ),
        ("iss=x", StatusCode::BAD_REQUEST, "did not answer"),
    ] {
        let mut browser = browser(&world);
        let state = sent(&mut browser, "").await;
        let answer = browser
            .get(&format!("/login/callback?state={state}&{came_back}"))
            .await;
        assert_eq!(answer.status, status, "{came_back}");
        assert!(text(&answer).contains(said), "{}", text(&answer));
        assert!(!browser.jar.contains_key(COOKIE));
    }
}

#[tokio::test]
async fn a_sign_in_by_name_and_password_is_for_accounts_of_the_platform() {
    let world = world().await;
    let body = r#"{"username":"anna","password":"correct horse battery"}"#;
    let answer = browser(&world).ask_json("/api/v1/signin", body).await;
    assert_eq!(answer.status, StatusCode::CONFLICT);
}
