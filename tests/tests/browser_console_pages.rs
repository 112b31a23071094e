//! Can everybody read and use the pages of the registry at the console, in a real Chromium?
//!
//! Each page is looked at by axe-core, held to its width on a phone, and pictured at the desk and on
//! the phone, light and dark, in `target/screenshots`.

use countersign::{
    admin::PageRequest,
    proto::management::{NewPassword, Principal},
};
use serde_json::json;

use crate::parts::{
    axe::barriers,
    browser::{Browser, Scheme, Screen},
    sign_in::{PASSWORD, World},
};

const PEM: &str = include_str!("../../testdata/clients/p256/p256.pem");

/// An administrator in front of the console.
pub(crate) async fn at_the_console() -> (World, Browser, String) {
    let world = World::start("").await;
    let admin = world.site().admin();
    let olga = Principal {
        name: "olga".to_owned(),
        display_name: "Olga Ørsted".to_owned(),
        roles: vec!["Administrator".to_owned()],
        enabled: true,
        password_set_at: None,
    };
    admin.create_principal(&olga).await.expect("a new name");
    let password = NewPassword::new(PASSWORD);
    admin.set_password("olga", &password).await.expect("set");
    let browser = Browser::start().await;
    let console = format!("{}/console", world.site().issuer());
    browser.open(&console).await;
    browser.fill_in("olga", PASSWORD).await;
    browser.read("Olga Ørsted").await;
    (world, browser, console)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_registers_maps_and_revokes_by_clicks_in_chromium() {
    let (world, browser, console) = at_the_console().await;

    browser.click("nav a[href$='/applications']").await;
    browser.click(".actions a[href$='/new/applications']").await;
    look_at(&browser, "console-new-application").await;
    browser.write("#name", "billing").await;
    browser.write("#title", "Billing").await;
    browser.write("#scopes", "invoices\nreminders").await;
    browser.click("main button[type=submit]").await;
    browser.read("Done. Here it is.").await;
    look_at(&browser, "console-application").await;

    browser
        .open(format!("{console}/new/certificates?client_id=billing"))
        .await;
    browser.write("#pem", PEM).await;
    look_at(&browser, "console-new-certificate").await;
    browser.click("main button[type=submit]").await;
    browser.read("Done. Here it is.").await;
    look_at(&browser, "console-certificate").await;
    let certificate = browser.url().await;
    let sha256 = certificate
        .rsplit('/')
        .next()
        .unwrap()
        .split('?')
        .next()
        .unwrap();

    let mapping = format!("{console}/new/mappings?client_id=billing&certificate={sha256}");
    browser.open(mapping).await;
    browser.write("#principal", "nobody").await;
    browser.click("main button[type=submit]").await;
    browser.read("Nothing was done").await;
    look_at(&browser, "console-new-mapping-refused").await;
    browser
        .run("document.querySelector('#principal').value = ''")
        .await;
    browser.write("#principal", "alice").await;
    browser.click("main button[type=submit]").await;
    browser.read("Done. Here it is.").await;
    look_at(&browser, "console-mapping").await;

    browser
        .open(format!("{console}/certificates/{sha256}"))
        .await;
    browser.click("a[href$='/revoke']").await;
    look_at(&browser, "console-revoke").await;
    browser.write("#reason", "the laptop was lost").await;
    browser.click("main button[type=submit]").await;
    browser.read("the laptop was lost").await;

    let admin = world.site().admin();
    let revoked = admin.certificate(sha256).await.expect("it is there");
    assert_eq!(
        revoked.revocation_reason.as_deref(),
        Some("the laptop was lost")
    );
    let mappings = admin.mappings(&PageRequest::first()).await.expect("a list");
    let mapped = mappings
        .items
        .iter()
        .any(|it| it.client_id == "billing" && it.principal == "alice");
    assert!(mapped, "{mappings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_of_the_registry_is_for_everybody_in_chromium() {
    let (_world, browser, console) = at_the_console().await;
    look_at(&browser, "console-home").await;
    for (page, words) in [
        ("applications", "Who signs in with a certificate"),
        ("certificates", "signs in with it"),
        ("mappings", "Which principal"),
        ("principals", "People and services"),
        ("principals/alice", "alice of the tests"),
        ("principals/alice/edit", "Save"),
        ("principals/alice/password", "The same again"),
        ("principals/alice/delete", "Its account goes with it"),
        ("new/principals", "As the identity provider"),
        ("roles", "Named sets"),
        ("roles/Operator", "built in"),
        ("new/roles", "Each on a line"),
        ("sessions", "What people are signed in with"),
        ("keys", "The platform signs its tokens"),
        ("keys/rotate", "No token is refused"),
        ("keys/rotate-at-once", "For an emergency"),
        ("audit", "newest first"),
        ("audit?actor=nobody", "Nothing fits"),
        ("roles/Nothing", "Not found"),
    ] {
        browser.open(format!("{console}/{page}")).await;
        browser.read(words).await;
        let name = page.replace(['/', '?', '='], "-");
        look_at(&browser, &format!("console-{name}")).await;
    }
}

/// Looks at a page in every way.
pub(crate) async fn look_at(browser: &Browser, name: &str) {
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
