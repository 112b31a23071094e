//! Does an app token go its whole way at the console, in a real Chromium, while a client calls with it all the time?
//!
//! Granted to somebody else, shown once, used, seen in use, replaced without one call that fails, and revoked.

use std::time::Duration;

use http::{Request, StatusCode, header};
use serde_json::json;
use tokio::{
    sync::watch,
    task::JoinHandle,
    time::{interval, timeout},
};

use crate::{
    browser_console_pages::{at_the_console, look_at},
    parts::{browser::Browser, serving::Site},
};

/// How long something may be waited for. Uses are written every 15 seconds.
const PATIENCE: Duration = Duration::from_secs(40);
/// Between two calls of the client.
const PACE: Duration = Duration::from_millis(10);
/// How often a page is loaded again that does not yet say what is waited for.
const GLANCE: Duration = Duration::from_millis(500);

#[tokio::test(flavor = "multi_thread")]
async fn an_app_token_is_granted_used_replaced_and_revoked_while_no_good_call_fails_in_chromium() {
    let (world, browser, console) = at_the_console().await;
    let site = world.site();

    // Granted to somebody else.
    browser.click(".below > nav a[href$='/tokens']").await;
    browser.click(".actions a[href$='/tokens/new']").await;
    browser.click("input[value=app]").await;
    browser.write("#name", "nightly report").await;
    browser.click("#owner option[value=alice]").await;
    browser.click("input[name=roles][value=Reader]").await;
    look_at(&browser, "journey-1-create").await;
    browser.click("main button[type=submit]").await;
    let first = given(&browser, "journey-2-given").await;
    let old = page_of_given(&browser).await;

    // Shown once.
    let list = format!("{console}/tokens");
    let audit = format!("{console}/audit");
    for (page, words) in [
        (&old, "nightly report"),
        (&list, "nightly report"),
        (&audit, "granted_token.create"),
    ] {
        browser.open(page).await;
        browser.read(words).await;
        assert!(!browser.source().await.contains(secret(&first)), "{page}");
    }

    // Used, and seen in use.
    let caller = Caller::start(site, &first);
    caller.answered(3).await;
    until_used(&browser, &old).await;
    look_at(&browser, "journey-3-in-use").await;
    assert_eq!(fact(&browser, "Owner").await, json!("alice"));
    assert_eq!(fact(&browser, "From").await, json!("127.0.0.1"));

    // Replaced: both go on until the new one is used.
    browser.click(".actions a[href$='/rotate']").await;
    look_at(&browser, "journey-4-replace").await;
    browser.click("main button[type=submit]").await;
    let second = given(&browser, "journey-5-given-again").await;
    assert_ne!(second, first);
    let new = page_of_given(&browser).await;
    look_at(&browser, "journey-6-taking-over").await;
    caller.answered(3).await;
    browser.open(&old).await;
    browser.read("Being replaced").await;
    look_at(&browser, "journey-7-being-replaced").await;
    caller.goes_on_with(&second);
    caller.answered(3).await;
    assert_eq!(call(site, &first).await, StatusCode::UNAUTHORIZED);
    browser.open(&old).await;
    browser.read("Revoked").await;
    look_at(&browser, "journey-8-old-one-ended").await;
    until_used(&browser, &new).await;
    look_at(&browser, "journey-9-new-one-in-use").await;
    caller.answered(3).await;

    // Revoked: the very next call is refused.
    browser.click(".actions a[href$='/revoke']").await;
    browser
        .write("#reason", "the report is made elsewhere now")
        .await;
    look_at(&browser, "journey-10-revoke").await;
    caller.answered(1).await;
    browser.click("main button[type=submit]").await;
    browser.read("the report is made elsewhere now").await;
    assert_eq!(call(site, &second).await, StatusCode::UNAUTHORIZED);
    look_at(&browser, "journey-11-revoked").await;
    let (calls, last) = caller.end().await;
    assert_eq!(last, StatusCode::UNAUTHORIZED, "after {calls} good calls");
    browser.open(&list).await;
    browser.read("nightly report").await;
    look_at(&browser, "journey-12-list").await;
}

/// Looks at the page that shows a token, and answers the string.
async fn given(browser: &Browser, name: &str) -> String {
    browser.read("it is shown once").await;
    look_at(browser, name).await;
    let shown = browser.see("#string").await.text().await.expect("a text");
    assert!(shown.starts_with("csn_app_"), "{shown}");
    shown
}

/// Goes on from there to the page of the token, and answers its address.
async fn page_of_given(browser: &Browser) -> String {
    browser.click("main p > a.button").await;
    browser.read("What it may do").await;
    browser.url().await
}

/// What of the string must be nowhere else: its end, since its id is everywhere.
fn secret(token: &str) -> &str {
    &token[token.len() - 20..]
}

/// Loads the page of a token until it says that it was used.
async fn until_used(browser: &Browser, page: &str) {
    let looking = async {
        let mut glance = interval(GLANCE);
        loop {
            glance.tick().await;
            browser.open(page).await;
            if fact(browser, "Last used").await != json!("never") {
                return;
            }
        }
    };
    timeout(PATIENCE, looking).await.expect("it is seen in use");
}

/// What the page says under this name.
async fn fact(browser: &Browser, name: &str) -> serde_json::Value {
    browser
        .run_with(
            "const found = [...document.querySelectorAll('dt')].find(it => it.textContent === arguments[0]); \
             return found && found.nextElementSibling.textContent.trim();",
            vec![json!(name)],
        )
        .await
}

/// The answer to one call with this token.
async fn call(site: &Site, token: &str) -> StatusCode {
    let answer = site.transport().send(request(site.issuer(), token)).await;
    answer.expect("an answer").status()
}

fn request(issuer: &str, token: &str) -> Request<Vec<u8>> {
    Request::get(format!("{issuer}/api/v1/whoami"))
        .header(header::AUTHORIZATION, format!("Bearer {token}"))
        .body(Vec::new())
        .expect("a request")
}

/// A client that calls again and again, until a call is not answered well.
struct Caller {
    token: watch::Sender<String>,
    /// How many calls were answered well with the token that it has now.
    answered: watch::Receiver<(String, u64)>,
    calling: JoinHandle<(u64, StatusCode)>,
}

impl Caller {
    fn start(site: &Site, token: &str) -> Caller {
        let (given_to, given) = watch::channel(token.to_owned());
        let (count, answered) = watch::channel((String::new(), 0));
        let (issuer, transport) = (site.issuer().to_owned(), site.transport());
        let calling = tokio::spawn(async move {
            let (mut pace, mut all) = (interval(PACE), 0);
            loop {
                pace.tick().await;
                let token = given.borrow().clone();
                let answer = transport.send(request(&issuer, &token)).await;
                let status = answer.expect("an answer").status();
                if status != StatusCode::OK {
                    return (all, status);
                }
                all += 1;
                count.send_modify(|(with, calls)| {
                    *calls = if *with == token { *calls + 1 } else { 1 };
                    *with = token;
                });
            }
        });
        Caller {
            token: given_to,
            answered,
            calling,
        }
    }

    /// Calls with this one from the next call on.
    fn goes_on_with(&self, token: &str) {
        self.token.send_replace(token.to_owned());
    }

    /// Waits for so many more good answers to what it has now.
    async fn answered(&self, more: u64) {
        let token = self.token.borrow().clone();
        let mut answered = self.answered.clone();
        let with_it = |seen: &(String, u64)| if seen.0 == token { seen.1 } else { 0 };
        let goal = with_it(&answered.borrow()) + more;
        let enough = answered.wait_for(|seen| with_it(seen) >= goal);
        let seen = timeout(PATIENCE, enough).await.expect("it calls on");
        assert!(seen.is_ok(), "a call was refused: it calls no more");
    }

    /// How many calls were good, and what the first one was answered that was not.
    async fn end(self) -> (u64, StatusCode) {
        let ended = timeout(PATIENCE, self.calling).await;
        ended.expect("a call is refused").expect("no panic")
    }
}
