//! What is said to a person when there is nothing else to show?

use askama::Template;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::page::{Frame, page};
use crate::{Platform, http::error, limits::TooMany, random, refusal::Fault};

#[derive(Template)]
#[template(path = "pages/message.html")]
pub(in crate::http) struct Message {
    pub(in crate::http) frame: Frame,
    pub(in crate::http) title: &'static str,
    pub(in crate::http) paragraphs: Vec<String>,
    pub(in crate::http) is_status: bool,
    pub(in crate::http) again: Option<Again>,
    pub(in crate::http) support_id: Option<String>,
}

/// A way on.
pub(in crate::http) struct Again {
    pub(in crate::http) href: String,
    pub(in crate::http) text: &'static str,
}

/// A form that no page of ours made for this browser.
pub(in crate::http) fn foreign_form(platform: &Platform) -> Response {
    let text = "This form did not come from a page of this platform in this browser. Go back, load \
                the page again, and try once more.";
    let paragraphs = vec![text.to_owned()];
    message(
        platform,
        StatusCode::FORBIDDEN,
        "That did not work",
        paragraphs,
    )
}

/// A form that did not arrive.
pub(in crate::http) fn unread_form(platform: &Platform, status: StatusCode) -> Response {
    let paragraphs = vec!["The form did not arrive whole. Go back and try again.".to_owned()];
    message(platform, status, "That did not work", paragraphs)
}

/// A source that asks too often.
pub(in crate::http) fn too_many(platform: &Platform, too_many: TooMany) -> Response {
    platform.metrics().limited();
    let seconds = too_many.retry_after.as_secs().max(1);
    let text = format!("Too much came from your address. Try again in {seconds} seconds.");
    let mut response = message(
        platform,
        StatusCode::TOO_MANY_REQUESTS,
        "Too many requests",
        vec![text],
    );
    let wait = HeaderValue::from(seconds);
    response.headers_mut().insert(header::RETRY_AFTER, wait);
    response
}

/// Ours to repair. The log has the reason.
pub(in crate::http) fn fault(platform: &Platform, fault: &Fault) -> Response {
    let support_id = random::support_id();
    tracing::error!(%support_id, cause = %fault, "fault");
    let page_of = Message {
        frame: Frame::of(platform),
        title: "Something is wrong here",
        paragraphs: vec!["It is not your fault. Try again in a moment.".to_owned()],
        is_status: false,
        again: None,
        support_id: Some(support_id),
    };
    match page_of.render() {
        Ok(_) => page(platform, StatusCode::INTERNAL_SERVER_ERROR, &page_of, &[]),
        Err(_) => error::fault_problem(fault),
    }
}

/// A page with a title and some paragraphs.
pub(in crate::http) fn message(
    platform: &Platform,
    status: StatusCode,
    title: &'static str,
    paragraphs: Vec<String>,
) -> Response {
    let page_of = Message {
        frame: Frame::of(platform),
        title,
        paragraphs,
        is_status: false,
        again: None,
        support_id: None,
    };
    page(platform, status, &page_of, &[])
}
