//! Does a person sign in, in a real Chromium, at an OpenID provider that nobody here wrote and that is another site?

use countersign::proto::{
    login::{ConfirmValue, LoginErrorCode, ServerBody},
    token::Binding,
};

use crate::parts::{
    axe::barriers, browser::Browser, serving::Site, sign_in::World, website::Website,
};

// checklist T2 positive
#[tokio::test(flavor = "multi_thread")]
async fn chromium_comes_back_from_oidc_provider_with_its_cookie_and_signs_the_terminal_in() {
    let (world, _provider) = World::with_provider("", &[]).await;
    let (mut terminal, session, listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.sign_in_at_provider(&session.url, "alice").await;
    browser.allow().await;
    terminal.confirm(listener.value().await).await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
    browser.read("go back to your terminal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_over_oidc_provider_is_typed_in_the_terminal() {
    let (world, _provider) = World::with_provider("[session]\nbinding = \"code\"\n", &[]).await;
    let (mut terminal, session) = world.terminal(&[Binding::Code], None).await;
    let browser = Browser::start().await;
    browser.sign_in_at_provider(&session.url, "alice").await;
    browser.allow().await;
    let code = browser.code().await;
    terminal
        .confirm(ConfirmValue::from_typed(&code).unwrap())
        .await;
    let (principal, _token) = terminal.finish().await;
    assert_eq!(principal, "alice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_on_another_site_is_warned_of_before_chromium_is_sent_to_oidc_provider() {
    let (world, provider) = World::with_provider("", &[]).await;
    let (_terminal, session, _listener) = world.listening_terminal().await;
    let other = Website::showing(format!("<a href='{}'>your invoice</a>", session.url)).await;
    let browser = Browser::start().await;
    browser.open(other.url("localhost", "/")).await;
    browser.click("a").await;
    browser.read("Did you start this sign-in?").await;
    // The form's redirect leaves the platform: its policy has to list where to.
    browser
        .click("form[action$='/continue'] button:not([formaction])")
        .await;
    browser.arrive(&provider.issuer).await;
    browser.fill_in_at_provider("alice").await;
    browser.arrive(&format!("{}/review", session.url)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_denied_by_oidc_provider_and_the_terminal_are_told() {
    let (world, _provider) = World::with_provider("", &["--deny"]).await;
    let (mut terminal, session, _listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.open(&session.url).await;
    browser.read("Declined").await;
    look_at(&browser, "end-denied").await;
    let (heard, ended) = terminal.hear_all().await;
    assert!(
        matches!(
            heard.last(),
            Some(ServerBody::Error {
                code: LoginErrorCode::Denied,
                ..
            })
        ),
        "{heard:?}"
    );
    assert_eq!(ended.code, 4010);
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_oidc_provider_knows_and_the_platform_does_not_is_told_so() {
    let (world, _provider) = World::with_provider("", &[]).await;
    let (mut terminal, session, _listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.open(&session.url).await;
    browser.fill_in_at_provider("stranger").await;
    browser.read("You are not known here").await;
    look_at(&browser, "end-not-known").await;
    let (heard, ended) = terminal.hear_all().await;
    assert!(
        matches!(heard.last(), Some(ServerBody::Error { .. })),
        "{heard:?}"
    );
    assert_eq!(ended.code, 4021);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_oidc_provider_that_is_away_leaves_the_sign_in_open_in_chromium() {
    let nobody = crate::parts::serving::free_address();
    let settings = format!(
        "[identity_provider]\nkind = \"openid-connect\"\nname = \"The provider\"\nissuer = \"http://{nobody}\"\nclient_id = \"platform\"\n"
    );
    let world = World::at(Site::with("memory:", &settings)).await;
    let (_terminal, session, _listener) = world.listening_terminal().await;
    let browser = Browser::start().await;
    browser.open(&session.url).await;
    browser.read("The identity provider is away").await;
    browser
        .see(&format!("a[href$='{}']", session.url.path()))
        .await;
    look_at(&browser, "provider-away").await;
}

async fn look_at(browser: &Browser, name: &str) {
    browser.picture(name).await;
    assert_eq!(barriers(browser).await, [] as [&str; 0], "{name}");
}
