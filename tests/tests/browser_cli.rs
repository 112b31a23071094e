//! Does `countersign login` sign a person in through a real Chromium?

use serde_json::Value;

use crate::parts::{browser::Browser, shell::Home, sign_in::World};

const CODES: &str = "[session]\nbinding = \"code\"\n";

// checklist T1 positive · checklist T2 positive · checklist T15 positive
#[tokio::test(flavor = "multi_thread")]
async fn countersign_login_and_one_click_in_chromium_give_a_token_of_kind_0() {
    let world = World::start("").await;
    let issuer = world.site().issuer();
    let home = Home::new();
    let mut login = home.start(&[
        "login",
        issuer,
        "--as",
        "alice",
        "--no-browser",
        "--output",
        "json",
    ]);
    let link = login.link(issuer).await;
    let browser = Browser::start().await;
    browser.sign_in(&link, "alice").await;
    browser.picture("review-cli").await;
    browser.allow().await;
    let (code, printed) = login.ends().await;
    assert_eq!(code, Some(0), "{printed}");
    browser.read("Done, go back to your terminal").await;

    let output = home.run(&["token", "--decode", "--output", "json"]).await;
    let token: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&token["type"], &token["principal"]),
        (&0.into(), &"alice".into()),
        "{token}"
    );
    assert_eq!(token["claims"]["binding"], "loopback");
    assert_eq!(token["refreshes_remaining"], 10);
    for member in [
        "issue_app_id",
        "issue_cert_subject",
        "issue_cert_thumbprint",
    ] {
        assert_eq!(token[member], "", "{member}");
    }
    let output = home.run(&["whoami", "--output", "json"]).await;
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

// checklist T3 positive · checklist T3 negative
#[tokio::test(flavor = "multi_thread")]
async fn countersign_refresh_runs_out_and_another_sign_in_in_chromium_begins_anew() {
    let world = World::start("[session]\nrefresh_limit = 2\n").await;
    let issuer = world.site().issuer();
    let home = Home::new();
    let browser = Browser::start().await;
    for _ in 0..2 {
        let arguments = [
            "login",
            issuer,
            "--as",
            "alice",
            "--no-browser",
            "--output",
            "json",
        ];
        let mut login = home.start(&arguments);
        let link = login.link(issuer).await;
        browser.sign_in(&link, "alice").await;
        browser.allow().await;
        let (code, printed) = login.ends().await;
        assert_eq!(code, Some(0), "{printed}");

        for _ in 0..2 {
            let output = home.run(&["refresh"]).await;
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{said}");
        }
        let output = home.run(&["refresh"]).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(15), "{said}");
        assert!(
            said.contains("hint:") && said.contains("countersign login"),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn countersign_login_takes_the_code_that_chromium_shows() {
    let world = World::start(CODES).await;
    let issuer = world.site().issuer();
    let home = Home::new();
    let mut login = home.start_at_terminal(&["login", issuer, "--as", "alice", "--no-browser"]);
    let link = login.link(issuer).await;
    // The terminal listens on this machine, and the browser is another one's.
    let browser = Browser::elsewhere(&[world.site().address().to_string()]).await;
    browser.sign_in(&link, "alice").await;
    browser.allow().await;
    browser.click("form[action$='/code'] button").await;
    let code = browser.code().await;
    login.prints("code that the browser shows: ").await;
    login.types(&code);
    let (status, printed) = login.ends().await;
    assert_eq!(status, Some(0), "{printed}");
    assert!(!printed.contains("csn_rt_"), "{printed}");
    browser.read("go back to your terminal").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn countersign_login_signs_in_with_oidc_provider_in_chromium() {
    let (world, _provider) = World::with_provider("", &[]).await;
    let issuer = world.site().issuer();
    let home = Home::new();
    let mut login = home.start(&[
        "login",
        issuer,
        "--as",
        "alice",
        "--no-browser",
        "--output",
        "json",
    ]);
    let link = login.link(issuer).await;
    let browser = Browser::start().await;
    browser.sign_in_at_provider(&link, "alice").await;
    browser.allow().await;
    let (code, printed) = login.ends().await;
    assert_eq!(code, Some(0), "{printed}");
    browser.read("go back to your terminal").await;
}

// checklist T2 negative
#[tokio::test(flavor = "multi_thread")]
async fn countersign_login_ends_with_10_when_the_person_in_chromium_did_not_start_it() {
    let world = World::start("").await;
    let issuer = world.site().issuer();
    let home = Home::new();
    let mut login = home.start(&[
        "login",
        issuer,
        "--as",
        "alice",
        "--no-browser",
        "--output",
        "json",
    ]);
    let link = login.link(issuer).await;
    let browser = Browser::start().await;
    browser.sign_in(&link, "alice").await;
    browser.report().await;
    let (code, printed) = login.ends().await;
    assert_eq!(code, Some(10), "{printed}");
    let output = home.run(&["token"]).await;
    assert!(!output.status.success() && output.stdout.is_empty());
}

// checklist T2 negative · checklist T15 negative
#[tokio::test(flavor = "multi_thread")]
async fn countersign_login_ends_with_10_when_oidc_provider_denies_in_chromium() {
    let (world, _provider) = World::with_provider("", &["--deny"]).await;
    let issuer = world.site().issuer();
    let home = Home::new();
    let mut login = home.start(&[
        "login",
        issuer,
        "--as",
        "alice",
        "--no-browser",
        "--output",
        "json",
    ]);
    let link = login.link(issuer).await;
    let browser = Browser::start().await;
    browser.open(&link).await;
    let (code, printed) = login.ends().await;
    assert_eq!(code, Some(10), "{printed}");
    browser.read("Declined").await;
    assert!(!browser.text().await.contains("Done"));
}

#[tokio::test(flavor = "multi_thread")]
async fn countersign_login_ends_with_14_when_chromium_brings_somebody_else() {
    let world = World::start("").await;
    let issuer = world.site().issuer();
    let home = Home::new();
    let mut login = home.start(&[
        "login",
        issuer,
        "--as",
        "alice",
        "--no-browser",
        "--output",
        "json",
    ]);
    let link = login.link(issuer).await;
    let browser = Browser::start().await;
    browser.sign_in(&link, "mallory").await;
    browser.allow().await;
    let (code, printed) = login.ends().await;
    assert_eq!(code, Some(14), "{printed}");
    browser.read("Turned down").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn countersign_login_ends_with_11_when_nobody_answers_whether_chromium_brought_the_right_one()
{
    let world = World::start("[login]\naccept_s = 5\n").await;
    let issuer = world.site().issuer();
    let home = Home::new();
    let mut login = home.start_at_terminal(&["login", issuer, "--no-browser"]);
    let link = login.link(issuer).await;
    let browser = Browser::start().await;
    browser.sign_in(&link, "alice").await;
    browser.allow().await;
    login.prints("sign in as alice").await;
    let (code, printed) = login.ends().await;
    assert_eq!(code, Some(11), "{printed}");
    browser.read("This took too long").await;
}
