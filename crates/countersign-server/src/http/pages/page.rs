//! What is around every page, and what may a page do?

use askama::Template;
use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::Response,
};

use super::message;
use crate::{Platform, refusal::Fault};

/// What is around every page.
pub(in crate::http) struct Frame {
    pub(in crate::http) base: String,
    pub(in crate::http) platform: String,
    pub(in crate::http) poll: Option<Poll>,
}

/// What a page asks for from time to time, and where it goes when the answer is another.
pub(in crate::http) struct Poll {
    pub(in crate::http) state: &'static str,
    pub(in crate::http) url: String,
    pub(in crate::http) here: String,
}

impl Frame {
    pub(in crate::http) fn of(platform: &Platform) -> Frame {
        let issuer = &platform.settings().issuer;
        let host = issuer.host_str().unwrap_or_default();
        Frame {
            base: platform.base_path().to_owned(),
            platform: match issuer.port() {
                Some(port) => format!("{host}:{port}"),
                None => host.to_owned(),
            },
            poll: None,
        }
    }

    /// Looks for news from time to time.
    pub(in crate::http) fn polling(mut self, poll: Poll) -> Frame {
        self.poll = Some(poll);
        self
    }
}

/// A page, with what it may do: forms go to the platform and to where they are sent on from there.
pub(in crate::http) fn page(
    platform: &Platform,
    status: StatusCode,
    template: &impl Template,
    form_targets: &[String],
) -> Response {
    let text = match template.render() {
        Ok(text) => text,
        Err(error) => {
            let fault = Fault::new(format!("a page cannot be made: {error}"));
            return message::fault(platform, &fault);
        }
    };
    let mut response = Response::new(text.into());
    *response.status_mut() = status;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    // `no-referrer` would make our own forms come from `null`.
    let mut policy = String::from(
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
         base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
    );
    for target in form_targets {
        policy.push(' ');
        policy.push_str(target);
    }
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

const HEADERS: [(HeaderName, HeaderValue); 3] = [
    (
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/html; charset=utf-8"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];
