//! What makes the pages look as they do, and keeps them up to date?

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use crate::http::error;

/// `GET /assets/login.css`
pub(super) async fn style() -> Response {
    asset(
        "text/css; charset=utf-8",
        include_str!("../../../assets/login.css"),
    )
}

/// `GET /assets/login.js`
pub(super) async fn script() -> Response {
    asset(
        "text/javascript; charset=utf-8",
        include_str!("../../../assets/login.js"),
    )
}

fn asset(kind: &'static str, text: &'static str) -> Response {
    let mut response = error::json(StatusCode::OK, text);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=300"),
    );
    response
}
