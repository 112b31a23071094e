//! What holds for every page of the console?

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderMap, Method, StatusCode, header};

use super::desk::Desk;
use crate::tests::{
    login::browser::{Browser, text},
    world::{Answer, principal},
};

/// Every page that links lead to from the first one, with its answer.
pub(super) async fn all(browser: &mut Browser) -> BTreeMap<String, Answer> {
    let mut pages = BTreeMap::new();
    let mut open = vec!["/console".to_owned()];
    while let Some(path) = open.pop() {
        if pages.contains_key(&path) {
            continue;
        }
        let answer = browser.get(&path).await;
        let found = values(&text(&answer), "href");
        open.extend(found.into_iter().filter(|it| it.starts_with("/console")));
        pages.insert(path, answer);
    }
    pages
}

/// The values of an attribute on a page, as a browser reads them.
pub(super) fn values(page: &str, attribute: &str) -> BTreeSet<String> {
    let opening = format!(" {attribute}=\"");
    page.split(&opening)
        .skip(1)
        .map(|after| after.split_once('"').unwrap().0.replace("&#38;", "&"))
        .collect()
}

#[tokio::test]
async fn every_link_and_every_form_leads_to_something() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    for (path, answer) in all(&mut browser).await {
        assert_eq!(answer.status, StatusCode::OK, "{path}");
        let page = text(&answer);
        for asset in values(&page, "href").iter().chain(&values(&page, "src")) {
            if asset.starts_with("/assets/") {
                assert_eq!(browser.get(asset).await.status, StatusCode::OK, "{asset}");
            }
        }
        for target in values(&page, "href")
            .iter()
            .filter(|it| it.starts_with('#'))
        {
            let id = &target[1..];
            assert!(page.contains(&format!("id=\"{id}\"")), "{path}: {target}");
        }
        for target in values(&page, "action") {
            // Without the token of the form: it is there, and does nothing.
            let answer = browser.post(&target, "").await;
            let is_there = answer.status == StatusCode::FORBIDDEN
                || browser.get(&target).await.status == StatusCode::OK;
            assert!(is_there, "{path}: {target}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn no_page_is_without_its_headers_or_with_anything_inline() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    let mut pages = all(&mut browser).await;
    for path in ["/console/nothing", "/console/sign-out"] {
        pages.insert(path.to_owned(), browser.get(path).await);
    }
    pages.insert(
        "sign-in".to_owned(),
        desk.browser().get("/console/sign-in").await,
    );
    pages.insert(
        "form".to_owned(),
        browser.post("/console/sign-out", "").await,
    );
    let mut led = desk.browser();
    led.site = "cross-site";
    pages.insert("led".to_owned(), led.get("/console").await);
    for (path, answer) in pages {
        let header = |name: &str| answer.headers[name].to_str().unwrap().to_owned();
        assert!(
            header("content-type").starts_with("text/html"),
            "{path}: {}",
            answer.status
        );
        assert_eq!(
            header("content-security-policy"),
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
             base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
            "{path}"
        );
        assert_eq!(header("cache-control"), "no-store", "{path}");
        assert_eq!(header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("x-frame-options"), "DENY", "{path}");
        assert!(
            answer
                .headers
                .contains_key(header::STRICT_TRANSPORT_SECURITY)
        );
        let page = text(&answer);
        for inline in [
            "<style",
            " style=",
            "<script>",
            " onclick",
            " onload",
            "javascript:",
        ] {
            assert!(!page.contains(inline), "{path}: {inline}");
        }
    }
}

#[tokio::test]
async fn a_method_that_a_page_does_not_take_is_answered_with_a_page() {
    let desk = Desk::new().await;
    let mut anna = desk.signed_in("anna").await;
    let fields = super::desk::form(&super::tokens::carried(&anna.get("/console").await));
    let put = anna
        .ask(Method::PUT, "/console/sign-in", HeaderMap::new(), "")
        .await;
    for (path, answer) in [
        ("sign-in", put),
        ("sign-out", anna.get("/console/sign-out").await),
        ("audit", anna.post("/console/audit", &fields).await),
        ("nothing", anna.post("/console/nothing", &fields).await),
    ] {
        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let kind = answer.headers["content-type"].to_str().unwrap();
        assert!(kind.starts_with("text/html"), "{path}: {kind}");
        assert!(answer.headers.contains_key(header::ALLOW), "{path}");
        assert!(text(&answer).contains("does not take"), "{path}");
    }
    // And a stranger is led to the sign-in, as by every page.
    let mut stranger = desk.browser();
    let answer = stranger.get("/console/sign-out").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn no_page_is_shown_to_somebody_who_is_not_signed_in() {
    let desk = Desk::new().await;
    let paths: Vec<String> = all(&mut desk.signed_in("anna").await)
        .await
        .into_keys()
        .collect();
    for path in paths {
        let mut stranger = desk.browser();
        let answer = stranger.get(&path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        assert!(answer.body.is_empty(), "{path}");
        let answer = stranger
            .ask(Method::HEAD, &path, HeaderMap::new(), "")
            .await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
        let answer = stranger.post(&path, "").await;
        assert!(!answer.status.is_success(), "{path}: {}", answer.status);
    }
}

// security.md 93
#[tokio::test]
async fn what_somebody_is_called_is_text_and_stays_in_its_place() {
    let desk = Desk::new().await;
    let hostile = "<script>alert(1)</script>\"'&\u{202e}txt.exe";
    let named = countersign_proto::management::Principal {
        display_name: hostile.chars().filter(|c| *c != '\u{202e}').collect(),
        ..principal("anna", &["Administrator"])
    };
    desk.change(crate::Change::UpdatePrincipal(named)).await;
    let mut browser = desk.signed_in("anna").await;
    for (path, answer) in all(&mut browser).await {
        let page = text(&answer);
        assert!(!page.contains("<script>"), "{path}");
        assert!(!page.contains('\u{202e}'), "{path}");
        assert!(
            page.contains("<bdi>&#60;script&#62;alert(1)"),
            "{path}: {page}"
        );
    }
}
