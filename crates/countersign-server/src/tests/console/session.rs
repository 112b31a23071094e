//! How long is somebody signed in, and who ends it?

use http::{Method, StatusCode, header};

use super::desk::{COOKIE, Desk, at_api, form, session_id};
use crate::{
    store::SessionState,
    tests::{
        login::browser::{form_token, location, text},
        world::{ISSUER, World},
    },
};

#[tokio::test]
async fn a_session_ends_after_a_working_day_however_much_it_is_used() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    for _ in 0..16 {
        assert_eq!(browser.get("/console").await.status, StatusCode::OK);
        desk.world.advance(1799);
    }
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    desk.world.advance(16);
    let answer = browser.get("/console").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(
        !browser.jar.contains_key(COOKIE),
        "the cookie is taken away"
    );
}

#[tokio::test]
async fn a_session_that_rests_for_half_an_hour_is_over() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    desk.world.advance(1799);
    let older = browser.clone();
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    desk.world.advance(1);
    let mut older = older;
    assert_eq!(
        older.get("/console").await.status,
        StatusCode::SEE_OTHER,
        "a cookie that was not used since"
    );
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);
    desk.world.advance(1800);
    assert_eq!(browser.get("/console").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn whoever_signs_out_is_out_everywhere_with_this_session() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    let mut copy = browser.clone();
    let page = browser.get("/console").await;
    let fields = form(&[("token", form_token(&page))]);
    let answer = browser.post("/console/sign-out", &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(&answer));
    assert_eq!(location(&answer), "/console/sign-in?notice=signed-out");
    assert!(!browser.jar.contains_key(COOKIE));
    assert_eq!(copy.get("/console").await.status, StatusCode::SEE_OTHER);
    assert_eq!(desk.actions().await[0], "session.end");
    let page = browser.get("/console/sign-in?notice=signed-out").await;
    assert!(text(&page).contains("You have signed out."));
}

#[tokio::test]
async fn an_administrator_sees_a_session_and_ends_it_at_once() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    let mut rita = desk.signed_in("rita").await;
    let id = session_id(&rita);
    let listed = at_api(&mut anna, Method::GET, &format!("/api/v1/sessions/{id}")).await;
    assert_eq!(listed.member("binding"), "console");
    assert_eq!(listed.member("client"), "console");
    assert_eq!(listed.member("state"), "active");
    let path = format!("/api/v1/sessions/{id}/end");
    let ended = at_api(&mut anna, Method::POST, &path).await;
    assert_eq!(ended.status, StatusCode::OK, "{}", text(&ended));
    assert_eq!(rita.get("/console").await.status, StatusCode::SEE_OTHER);
    let whoami = at_api(&mut rita, Method::GET, "/api/v1/whoami").await;
    assert_eq!(whoami.status, StatusCode::UNAUTHORIZED);
    let row = desk.world.store.session(&id).await.unwrap().unwrap();
    assert_eq!(row.state, SessionState::Ended);
    assert_eq!(row.end_reason.as_deref(), Some("ended_by_administrator"));
}

#[tokio::test]
async fn a_session_goes_with_its_principal() {
    let desk = Desk::new().await;
    let mut rita = desk.signed_in("rita").await;
    let name = "rita".to_owned();
    desk.change(crate::Change::DeletePrincipal { name }).await;
    assert_eq!(rita.get("/console").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn a_session_is_good_on_every_node_with_the_same_secrets_and_on_no_other() {
    let world = World::with_secrets_file().await;
    let desk = Desk { world };
    desk.person("anna", &["Administrator"]).await;
    let mut browser = desk.signed_in("anna").await;
    let settings = desk.world.platform.settings().clone();
    let node = desk.world.beside(settings.clone()).await;
    browser.moves_to(&node.router);
    assert_eq!(browser.get("/console").await.status, StatusCode::OK);

    let stranger = Desk::new().await;
    let mut elsewhere = stranger.browser();
    elsewhere.jar = browser.jar.clone();
    assert_eq!(
        elsewhere.get("/console").await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn nothing_that_was_changed_or_made_up_is_a_pass() {
    let desk = Desk::new().await;
    let (anna, rita) = (desk.signed_in("anna").await, desk.signed_in("rita").await);
    let parts = |browser: &crate::tests::login::browser::Browser| -> Vec<String> {
        browser.jar[COOKIE].split('.').map(str::to_owned).collect()
    };
    let (of_anna, of_rita) = (parts(&anna), parts(&rita));
    let mut passes = vec![String::new(), "x".to_owned(), "....".to_owned()];
    for at in 0..4 {
        let mut mixed = of_rita.clone();
        mixed[at].clone_from(&of_anna[at]);
        if mixed != of_rita {
            passes.push(mixed.join("."));
        }
    }
    let mut later = of_rita.clone();
    later[2] = (desk.world.now().as_secs() + 9).to_string();
    passes.push(later.join("."));
    for pass in passes {
        let mut browser = desk.browser();
        browser.jar.insert(COOKIE.to_owned(), pass.clone());
        let answer = browser.get("/console").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{pass}");
    }
}

#[tokio::test]
async fn a_link_on_another_site_leads_in_by_a_page_of_ours() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    let pass = browser.jar.clone();
    // A browser sends no strict cookie with what another site began.
    browser.jar.clear();
    browser.site = "cross-site";
    let page = browser.get("/console?notice=saved").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(
        text(&page).contains("url=/console?notice=saved\""),
        "{}",
        text(&page)
    );
    assert!(!page.headers.contains_key(header::SET_COOKIE));
    browser.jar = pass;
    browser.site = "same-origin";
    assert_eq!(
        browser.get("/console?notice=saved").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_form_that_comes_when_the_session_is_over_does_nothing_and_says_so() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    let page = browser.get("/console").await;
    let fields = form(&[("token", form_token(&page))]);
    desk.world.advance(1800);
    let answer = browser.post("/console/sign-out", &fields).await;
    assert_eq!(location(&answer), "/console/sign-in?notice=session-over");
    let page = browser.get(&location(&answer)).await;
    assert!(text(&page).contains("nothing was done"), "{ISSUER}");
}
