//! What does a browser do with the link?

use std::{collections::BTreeMap, net::SocketAddr};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;
use url::Url;

use super::{provider::AUTHORIZE, terminal::Terminal};
use crate::tests::world::{Answer, ISSUER};

/// A browser with its cookies.
#[derive(Clone)]
pub(in crate::tests) struct Browser {
    router: Router,
    address: &'static str,
    pub(in crate::tests) jar: BTreeMap<String, String>,
    /// `Sec-Fetch-Site` of what it asks for next.
    pub(in crate::tests) site: &'static str,
}

impl Browser {
    pub(in crate::tests) fn new(router: Router, address: &'static str) -> Browser {
        Browser {
            router,
            address,
            jar: BTreeMap::new(),
            site: "none",
        }
    }

    /// The same address is served by another.
    pub(in crate::tests) fn moves_to(&mut self, router: &Router) {
        self.router = router.clone();
    }

    pub(in crate::tests) async fn get(&mut self, path: &str) -> Answer {
        self.ask(Method::GET, path, HeaderMap::new(), "").await
    }

    /// A form of one of our own pages.
    pub(in crate::tests) async fn post(&mut self, path: &str, form: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, ISSUER.parse().unwrap());
        self.ask(Method::POST, path, headers, form).await
    }

    /// A body of JSON, as a page of ours or a program sends it.
    pub(in crate::tests) async fn ask_json(&mut self, path: &str, body: &str) -> Answer {
        let mut headers = HeaderMap::new();
        let kind = "application/json".parse().unwrap();
        headers.insert(header::CONTENT_TYPE, kind);
        headers.insert("x-countersign-console", "1".parse().unwrap());
        self.ask(Method::POST, path, headers, body).await
    }

    pub(in crate::tests) async fn ask(
        &mut self,
        method: Method,
        path: &str,
        headers: HeaderMap,
        form: &str,
    ) -> Answer {
        let mut request = Request::builder()
            .method(&method)
            .uri(path)
            .header("sec-fetch-site", self.site)
            .header(header::USER_AGENT, "Mozilla/5.0 (a browser)")
            .body(Body::from(form.to_owned()))
            .unwrap();
        if method == Method::POST {
            let kind = "application/x-www-form-urlencoded".parse().unwrap();
            request.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        request.headers_mut().extend(headers);
        let cookies: Vec<String> = self
            .jar
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        if !cookies.is_empty() {
            let cookies = cookies.join("; ").parse().unwrap();
            request.headers_mut().insert(header::COOKIE, cookies);
        }
        let peer: SocketAddr = format!("{}:50000", self.address).parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(peer));
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        for cookie in parts.headers.get_all(header::SET_COOKIE) {
            let (pair, _) = cookie.to_str().unwrap().split_once(';').unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }

    /// Opens the link, is sent to the provider, comes back as `name`.
    pub(super) async fn sign_in(&mut self, terminal: &Terminal, name: &str) {
        let back = self.callback(terminal, name).await;
        let answer = self.get(&back).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(&answer));
        assert_eq!(location(&answer), format!("{}/review", terminal.url.path()));
    }

    /// Where the provider sends this browser back to as `name`.
    pub(super) async fn callback(&mut self, terminal: &Terminal, name: &str) -> String {
        let answer = self.get(terminal.url.path()).await;
        let to = location(&answer);
        assert!(to.starts_with(AUTHORIZE), "{to}");
        let to: Url = to.parse().unwrap();
        let state = to
            .query_pairs()
            .find(|(name, _)| name == "state")
            .unwrap()
            .1
            .into_owned();
        format!("/login/callback?state={state}&code={name}")
    }

    /// Loads the review page.
    pub(super) async fn review(&mut self, terminal: &Terminal) -> Answer {
        self.get(&format!("{}/review", terminal.url.path())).await
    }

    /// Presses *Allow*, and answers the value in the address that it is sent to.
    pub(super) async fn allow(&mut self, terminal: &Terminal) -> String {
        let answer = self.press(terminal, "allow").await;
        let to: Url = location(&answer).parse().unwrap();
        assert_eq!(to.host_str(), Some("127.0.0.1"), "{to}");
        let (_, value) = to.query_pairs().find(|(name, _)| name == "value").unwrap();
        value.into_owned()
    }

    /// Presses *Show a code*, and answers the code on the page that follows.
    pub(super) async fn show_code(&mut self, terminal: &Terminal) -> Option<String> {
        self.press(terminal, "code").await;
        self.code(terminal).await
    }

    /// The code on the page, if there is one.
    pub(super) async fn code(&mut self, terminal: &Terminal) -> Option<String> {
        let page = text(&self.review(terminal).await);
        let (_, after) = page.split_once("<p class=\"code\">")?;
        let code = after.split_once('>')?.1.split_once('<')?.0;
        Some(code.to_owned())
    }

    /// Presses a button of the page on which this browser is.
    pub(super) async fn press(&mut self, terminal: &Terminal, button: &str) -> Answer {
        let page = self.review(terminal).await;
        let form = format!("token={}", form_token(&page));
        let path = format!("{}/{button}", terminal.url.path());
        let answer = self.post(&path, &form).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(&answer));
        answer
    }
}

/// The hidden token of the forms on a page.
#[track_caller]
pub(in crate::tests) fn form_token(page: &Answer) -> String {
    let text = text(page);
    let Some((_, after)) = text.split_once("name=\"token\" value=\"") else {
        panic!("no form on this page ({}): {text}", page.status);
    };
    after.split_once('"').unwrap().0.to_owned()
}

#[track_caller]
pub(in crate::tests) fn location(answer: &Answer) -> String {
    let to = answer.headers.get(header::LOCATION);
    let Some(to) = to else {
        panic!("goes nowhere ({}): {}", answer.status, text(answer));
    };
    to.to_str().unwrap().to_owned()
}

pub(in crate::tests) fn text(answer: &Answer) -> String {
    String::from_utf8(answer.body.clone()).unwrap()
}
