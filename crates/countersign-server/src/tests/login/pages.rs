//! What do the pages show, what may they do, and what do they refuse?

use std::collections::BTreeSet;

use countersign_proto::login::LoginErrorCode;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{
    browser::{form_token, location, text},
    provider::AUTHORIZE,
    scene::Scene,
    terminal::{Offer, Terminal, called},
};
use crate::tests::world::ISSUER;

// security.md 94, 100
#[tokio::test(start_paused = true)]
async fn every_page_is_in_its_own_window_and_loads_nothing_of_others() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let path = terminal.url.path().to_owned();
    let mut browser = scene.browser();
    browser.site = "cross-site";
    let mut answers = vec![browser.get(&path).await];
    browser.site = "same-origin";
    browser.sign_in(&terminal, "anna").await;
    answers.push(browser.review(&terminal).await);
    browser.allow(&terminal).await;
    answers.push(browser.review(&terminal).await);
    answers.push(browser.get(&format!("{path}/done")).await);
    browser.press(&terminal, "report").await;
    answers.push(browser.review(&terminal).await);
    answers.push(browser.get("/login/AAAAAAAAAAAAAAAAAAAAAA").await);
    answers.push(browser.get("/login/no-handle/review").await);
    answers.push(browser.get("/login/callback?state=x").await);
    for answer in answers {
        let shown = text(&answer);
        let header = |name: &str| {
            let value = answer
                .headers
                .get(name)
                .unwrap_or_else(|| panic!("{name}: {shown}"));
            value.to_str().unwrap().to_owned()
        };
        assert_eq!(header("content-type"), "text/html; charset=utf-8");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "same-origin");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("cross-origin-opener-policy"), "same-origin");
        assert_eq!(header("x-content-type-options"), "nosniff");
        let policy = header("content-security-policy");
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "style-src 'self'",
            "script-src 'self'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{part} in {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        for name in answer.headers.keys() {
            assert!(!name.as_str().starts_with("access-control-"), "{name}");
        }
        // Nothing but our own, and nothing in line that the policy would stop.
        for foreign in [
            "https://", "http://", "//cdn", "<style", "style=", "onclick", "<img",
        ] {
            assert!(!shown.contains(foreign), "{foreign} in {shown}");
        }
        assert!(
            shown.starts_with("<!doctype html>\n<html lang=\"en\">"),
            "{shown}"
        );
        assert_eq!(shown.matches("<h1").count(), 1, "{shown}");
        assert!(shown.contains("<main"), "{shown}");
        for label in ids_of(&shown, "for=\"") {
            assert!(shown.contains(&format!("id=\"{label}\"")), "{label}");
        }
    }
}

fn ids_of<'a>(page: &'a str, mark: &str) -> BTreeSet<&'a str> {
    page.split(mark)
        .skip(1)
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

// security.md 92
#[tokio::test(start_paused = true)]
async fn a_form_may_lead_to_the_terminal_and_to_the_provider_and_nowhere_else() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let mut browser = scene.browser();
    browser.site = "cross-site";
    let policy = |answer: &crate::tests::world::Answer| {
        let value = answer.headers[header::CONTENT_SECURITY_POLICY].to_str();
        let (_, forms) = value.unwrap().split_once("form-action ").unwrap();
        forms.to_owned()
    };
    let warning = browser.get(terminal.url.path()).await;
    assert_eq!(policy(&warning), "'self' https://idp.example");
    browser.site = "none";
    browser.sign_in(&terminal, "anna").await;
    let review = browser.review(&terminal).await;
    assert_eq!(policy(&review), "'self' http://127.0.0.1:43210");
    assert!(text(&review).contains("target=\"_blank\""));
    browser.press(&terminal, "report").await;
    let ended = browser.review(&terminal).await;
    assert_eq!(policy(&ended), "'self'");
}

#[tokio::test(start_paused = true)]
async fn whoever_comes_by_a_link_on_another_site_is_warned_before_anything_else() {
    let scene = Scene::new().await;
    for site in ["cross-site", "same-site"] {
        let mut terminal = scene.terminal().await;
        let mut browser = scene.browser();
        browser.site = site;
        let answer = browser.get(terminal.url.path()).await;
        assert_eq!(answer.status, StatusCode::OK, "{site}");
        let shown = text(&answer);
        assert!(shown.contains("Did you start this sign-in?"), "{shown}");
        assert!(shown.contains(">I did not start this</button>"), "{shown}");
        assert!(!shown.contains(AUTHORIZE), "{shown}");
        assert_eq!(called(&terminal.until("opened").await), "opened");
        // Going on is a form of this page.
        browser.site = "same-origin";
        let form = format!("token={}", form_token(&answer));
        let path = format!("{}/continue", terminal.url.path());
        let on = browser.post(&path, &form).await;
        assert_eq!(location(&on), terminal.url.path());
        let on = browser.get(terminal.url.path()).await;
        assert!(location(&on).starts_with(AUTHORIZE));
    }
    // A link that points deeper leads to the warning too.
    for page in ["/review", "/done"] {
        let terminal = scene.terminal().await;
        let mut browser = scene.browser();
        browser.site = "cross-site";
        let answer = browser.get(&format!("{}{page}", terminal.url.path())).await;
        if page == "/review" {
            assert_eq!(location(&answer), terminal.url.path());
        }
        assert!(!text(&answer).contains("Sign in with this browser"));
    }
    for site in ["none", "same-origin"] {
        let terminal = scene.terminal().await;
        let mut browser = scene.browser();
        browser.site = site;
        let answer = browser.get(terminal.url.path()).await;
        assert!(location(&answer).starts_with(AUTHORIZE), "{site}");
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_did_not_start_it_says_so_before_signing_in() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let mut browser = scene.browser();
    browser.site = "cross-site";
    let warning = browser.get(terminal.url.path()).await;
    browser.site = "same-origin";
    let form = format!("token={}", form_token(&warning));
    let path = format!("{}/report", terminal.url.path());
    assert_eq!(
        browser.post(&path, &form).await.status,
        StatusCode::SEE_OTHER
    );
    assert_eq!(terminal.failed().await, LoginErrorCode::Reported);
    let shown = browser.review(&terminal).await;
    assert_eq!(shown.status, StatusCode::GONE);
    assert!(text(&shown).contains("Stopped"));
    let reported = ("login.report".to_owned(), Some("reported".to_owned()));
    assert!(scene.world.audited().await.contains(&reported));
}

#[tokio::test(start_paused = true)]
async fn any_number_of_looks_changes_nothing() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let path = terminal.url.path().to_owned();
    scene.browser().get(&path).await;
    let kept = || async {
        let handle = scene
            .world
            .platform
            .login_key()
            .unwrap()
            .handle(terminal.handle());
        scene.world.store.login_by_handle(&handle).await.unwrap()
    };
    let before = kept().await;
    for round in 0..50 {
        let mut browser = scene.browser();
        browser.site = ["none", "cross-site", "same-site"][round % 3];
        for page in [
            "", "/review", "/done", "/state", "/allow", "/code", "/report", "/sign-in",
        ] {
            for method in [Method::GET, Method::HEAD] {
                browser
                    .ask(method, &format!("{path}{page}"), HeaderMap::new(), "")
                    .await;
            }
        }
        browser.get("/login/callback?state=x&code=anna").await;
    }
    assert_eq!(kept().await, before);
    terminal.until("opened").await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    terminal.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_form_without_its_token_its_cookie_or_from_elsewhere_does_nothing() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    let other = scene.signed_in(&terminal, "bert").await;
    let token = form_token(&browser.review(&terminal).await);
    let path = terminal.url.path().to_owned();
    let origin = |value: &str| {
        let value = HeaderValue::from_str(value).unwrap();
        HeaderMap::from_iter([(header::ORIGIN, value)])
    };
    let form = format!("token={token}");
    for page in ["allow", "report", "code", "continue"] {
        let at = format!("{path}/{page}");
        let mut stranger = scene.browser();
        let mut another = other.clone();
        let answers = [
            browser.ask(Method::POST, &at, origin(ISSUER), "").await,
            browser
                .ask(Method::POST, &at, origin(ISSUER), "token=x")
                .await,
            browser
                .ask(Method::POST, &at, origin("https://evil.example"), &form)
                .await,
            browser.ask(Method::POST, &at, origin("null"), &form).await,
            browser
                .ask(Method::POST, &format!("{at}?{form}"), origin(ISSUER), "")
                .await,
            stranger.ask(Method::POST, &at, origin(ISSUER), &form).await,
            another.ask(Method::POST, &at, origin(ISSUER), &form).await,
        ];
        for (number, answer) in answers.iter().enumerate() {
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{page} {number}");
            assert!(!answer.headers.contains_key(header::LOCATION));
        }
    }
    // With all of them, and from a browser so old that it does not name the page, it does.
    let at = format!("{path}/allow");
    let answer = browser
        .ask(Method::POST, &at, HeaderMap::new(), &form)
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    terminal.until("need_confirm").await;
}

#[tokio::test(start_paused = true)]
async fn each_end_has_its_page() {
    let scene = Scene::with_codes().await;
    let mut disabled = crate::tests::world::principal("carl", &["Reader"]);
    disabled.enabled = false;
    scene
        .world
        .change(crate::Change::CreatePrincipal(disabled))
        .await;
    for (name, scope, code, title) in [
        (
            "nobody",
            "",
            LoginErrorCode::IdentityRejected,
            "You are not known here",
        ),
        (
            "carl",
            "",
            LoginErrorCode::IdentityRejected,
            "Your account is disabled",
        ),
        (
            "platform",
            "",
            LoginErrorCode::IdentityRejected,
            "You are not known here",
        ),
        (
            "anna",
            "audit:write",
            LoginErrorCode::Policy,
            "More than you may do",
        ),
        (
            "anna",
            "orders",
            LoginErrorCode::Policy,
            "More than you may do",
        ),
    ] {
        let offer = Offer {
            scope,
            ..Offer::default()
        };
        let mut terminal = scene.terminal_that(offer).await;
        let mut browser = scene.browser();
        browser.sign_in(&terminal, name).await;
        assert_eq!(terminal.failed().await, code, "{name} {scope}");
        let answer = browser.review(&terminal).await;
        assert_eq!(answer.status, StatusCode::GONE, "{name} {scope}");
        assert!(text(&answer).contains(title), "{}", text(&answer));
    }
    let mut terminal = scene.terminal().await;
    let mut browser = scene.browser();
    let back = browser.callback(&terminal, "anna").await;
    let denied = back.replace("code=anna", "error=access_denied");
    browser.get(&denied).await;
    assert_eq!(terminal.failed().await, LoginErrorCode::Denied);
    assert!(text(&browser.review(&terminal).await).contains("Declined"));
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_away_is_tried_again() {
    let scene = Scene::new().await;
    let terminal = scene.terminal().await;
    let mut browser = scene.browser();
    let back = browser.callback(&terminal, "anna").await;
    let away = back.replace("code=anna", "error=temporarily_unavailable");
    let answer = browser.get(&away).await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    let shown = text(&answer);
    assert!(shown.contains("The identity provider is away"), "{shown}");
    assert!(shown.contains("Support id"), "{shown}");
    assert!(!shown.contains("temporarily_unavailable"), "{shown}");
    browser.sign_in(&terminal, "anna").await;
}

#[tokio::test(start_paused = true)]
async fn a_page_is_told_how_its_own_sign_in_stands_and_no_other() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let state = |terminal: &Terminal| format!("{}/state", terminal.url.path());
    let mut browser = scene.signed_in(&terminal, "anna").await;
    let mut stranger = scene.browser();
    stranger.get(terminal.url.path()).await;
    assert_eq!(
        stranger.get(&state(&terminal)).await.status,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        browser.get(&state(&terminal)).await.member("state"),
        "review"
    );
    let value = browser.allow(&terminal).await;
    assert_eq!(
        browser.get(&state(&terminal)).await.member("state"),
        "handing_over"
    );
    terminal.until("need_confirm").await;
    terminal.confirm(&value).await;
    terminal.until("identity").await;
    assert_eq!(
        browser.get(&state(&terminal)).await.member("state"),
        "confirmed"
    );
    let done = browser.get(&format!("{}/done", terminal.url.path())).await;
    assert!(text(&done).contains("Almost done"));
}
