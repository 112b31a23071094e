//! Which facts about a real Chromium does the sign-in rest on?
//!
//! Each fact has its control: the same page without what makes the difference. When a new browser breaks one of
//! these, the sign-in has to be thought over before its own tests are.

use http::{StatusCode, header};

use crate::parts::{
    axe::barriers,
    browser::Browser,
    website::{Website, answer, header_of, page, see_other},
};

/// `localhost` and `127.0.0.1` are two sites to a browser, and both are this machine.
const HERE: &str = "127.0.0.1";
const ELSEWHERE: &str = "localhost";

#[tokio::test(flavor = "multi_thread")]
async fn chromium_tells_a_typed_address_from_a_link_on_another_site() {
    let platform = Website::showing("<h1>platform</h1>").await;
    let link = format!("<a href='{}'>sign in</a>", platform.url(HERE, "/login"));
    let other = Website::showing(link).await;
    let browser = Browser::start().await;

    browser.open(platform.url(HERE, "/login")).await;
    browser.open(other.url(ELSEWHERE, "/")).await;
    browser.click("a").await;
    browser.arrive(&platform.url(HERE, "/login")).await;

    let seen: Vec<_> = platform
        .visits("/login")
        .iter()
        .map(|visit| header_of(visit, "sec-fetch-site").to_owned())
        .collect();
    assert_eq!(seen, ["none", "cross-site"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_brings_a_lax_cookie_back_from_the_provider_and_no_strict_one() {
    let platform = Website::answering(|visit| match visit.uri().path() {
        "/start" => answer(
            StatusCode::OK,
            &[
                (header::CONTENT_TYPE, "text/html"),
                (header::SET_COOKIE, "lax=1; Path=/; HttpOnly; SameSite=Lax"),
            ],
            "<h1>start</h1>",
        ),
        "/strict" => answer(
            StatusCode::OK,
            &[
                (header::CONTENT_TYPE, "text/html"),
                (
                    header::SET_COOKIE,
                    "strict=1; Path=/; HttpOnly; SameSite=Strict",
                ),
            ],
            "<h1>strict</h1>",
        ),
        _ => page("<h1>callback</h1>"),
    })
    .await;
    let (by_get, by_post) = (
        platform.url(HERE, "/callback"),
        platform.url(HERE, "/form-post"),
    );
    let provider = Website::answering(move |visit| match visit.uri().path() {
        "/authorize" => see_other(&by_get),
        "/sign-in" => page("<a href=/authorize>sign in</a>"),
        _ => page(&format!(
            "<form method=post action='{by_post}'></form><script>document.forms[0].submit()</script>"
        )),
    })
    .await;
    let browser = Browser::start().await;
    browser.open(platform.url(HERE, "/start")).await;
    browser.open(platform.url(HERE, "/strict")).await;

    browser.open(provider.url(ELSEWHERE, "/page")).await;
    browser.arrive(&platform.url(HERE, "/form-post")).await;
    // Chromium lets a cookie of the last two minutes pass with a POST unless it says Lax or Strict: ours says.
    assert_eq!(header_of(&platform.visits("/form-post")[0], "cookie"), "");

    browser.open(provider.url(ELSEWHERE, "/sign-in")).await;
    browser.click("a").await;
    browser.read("callback").await;
    let callbacks = platform.visits("/callback");
    assert_eq!(header_of(&callbacks[0], "cookie"), "lax=1");
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_stops_the_redirect_of_a_form_to_an_origin_that_form_action_does_not_list() {
    let provider = Website::showing("<h1>provider</h1>").await;
    let to = provider.url(ELSEWHERE, "/authorize");
    let listed = format!("form-action 'self' {}", provider.url(ELSEWHERE, ""));
    let platform = Website::answering(move |visit| {
        let policy = match visit.uri().path() {
            "/listed" => listed.as_str(),
            "/not-listed" => "form-action 'self'",
            _ => return see_other(&to),
        };
        answer(
            StatusCode::OK,
            &[
                (header::CONTENT_TYPE, "text/html"),
                (header::CONTENT_SECURITY_POLICY, policy),
            ],
            "<form method=post action=/go><button>go</button></form>",
        )
    })
    .await;
    let browser = Browser::start().await;

    browser.open(platform.url(HERE, "/not-listed")).await;
    let violation = browser
        .run_and_wait(
            "const done = arguments[0]; \
             document.addEventListener('securitypolicyviolation', e => done(e.effectiveDirective)); \
             document.querySelector('button').click();",
        )
        .await;
    assert_eq!(violation, "form-action");
    assert!(provider.visits("/authorize").is_empty());

    browser.open(platform.url(HERE, "/listed")).await;
    browser.click("button").await;
    browser.read("provider").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_says_origin_null_for_a_form_under_no_referrer_and_ours_under_same_origin() {
    let platform = Website::answering(|visit| {
        let policy = match visit.uri().path() {
            "/no-referrer" => "no-referrer",
            _ => "same-origin",
        };
        answer(
            StatusCode::OK,
            &[
                (header::CONTENT_TYPE, "text/html"),
                (header::REFERRER_POLICY, policy),
            ],
            "<form method=post action=/posted><button>post</button></form>",
        )
    })
    .await;
    let browser = Browser::start().await;
    for path in ["/no-referrer", "/same-origin"] {
        browser.open(platform.url(HERE, path)).await;
        browser.click("button").await;
        browser.arrive(&platform.url(HERE, "/posted")).await;
    }
    let posts = platform.visits("/posted");
    let origins: Vec<_> = posts
        .iter()
        .map(|visit| header_of(visit, "origin"))
        .collect();
    assert_eq!(origins, ["null", platform.url(HERE, "").as_str()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn chromium_lets_a_page_open_a_window_on_loopback_and_stay_itself() {
    let terminal = Website::showing("<h1>terminal</h1>").await;
    let to = terminal.url(HERE, "/path?value=x");
    let platform = Website::answering(move |visit| match visit.uri().path() {
        "/allow" => see_other(&to),
        _ => page("<h1>review</h1><form method=post action=/allow target=_blank><button>allow</button></form>"),
    })
    .await;
    let browser = Browser::start().await;
    browser.open(platform.url(ELSEWHERE, "/review")).await;
    browser.click("button").await;
    browser.until_windows(2).await;
    browser.read("review").await;
    browser.to_window(1).await;
    browser.read("terminal").await;
    // a form's window has no way back to the page that opened it
    assert_eq!(
        browser.run("return window.opener").await,
        serde_json::Value::Null
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn axe_core_finds_what_is_wrong_with_a_page() {
    let good = "<!doctype html><html lang=en><title>t</title><main><h1>t</h1><p>text</p></main>";
    let bad = "<!doctype html><html><title>t</title><main><h1>t</h1><input name=n>\
               <p style='color:#aaa;background:#fff'>pale</p></main>";
    let site = Website::answering(move |visit| {
        page(if visit.uri().path() == "/good" {
            good
        } else {
            bad
        })
    })
    .await;
    let browser = Browser::start().await;
    browser.open(site.url(HERE, "/good")).await;
    assert_eq!(barriers(&browser).await, [] as [&str; 0]);
    browser.open(site.url(HERE, "/bad")).await;
    let barriers = barriers(&browser).await.join("\n");
    for rule in ["html-has-lang", "label", "color-contrast"] {
        assert!(barriers.contains(rule), "{rule} is not in:\n{barriers}");
    }
}
