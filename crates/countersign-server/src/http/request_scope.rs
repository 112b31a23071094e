//! What happens around every request: a name, security headers, a count, one line in the log?

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, header},
    middleware::Next,
    response::Response,
};

use super::{error::Cause, sender};
use crate::{Platform, clock::Stopwatch, random};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The headers of every answer. Nothing here is for a cache, a frame or a script.
const SECURITY: [(HeaderName, HeaderValue); 5] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    ),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
];

/// Names the request, answers it, and says so once.
pub(super) async fn scope(
    State(platform): State<Platform>,
    mut request: Request,
    next: Next,
) -> Response {
    let watch = Stopwatch::start();
    sender::locate(&platform, &mut request);
    let request_id = random::support_id();
    let method = request.method().clone();
    // The route, never the target: a target can hold what somebody should not have put there.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let mut response = next.run(request).await;

    let status = response.status();
    let headers = response.headers_mut();
    for (name, value) in SECURITY {
        headers.entry(name).or_insert(value);
    }
    if platform.is_https() {
        let hsts = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, hsts);
    }
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        headers.insert(REQUEST_ID, value);
    }
    platform.metrics().responded(status);
    let cause = response
        .extensions_mut()
        .remove::<Cause>()
        .unwrap_or_default();
    tracing::info!(
        request_id,
        %method,
        route = route.as_ref().map_or("-", MatchedPath::as_str),
        status = status.as_u16(),
        us = u64::try_from(watch.elapsed().as_micros()).unwrap_or(u64::MAX),
        support_id = cause.support_id,
        cause = (!cause.text.is_empty()).then_some(cause.text),
        "request"
    );
    response
}
