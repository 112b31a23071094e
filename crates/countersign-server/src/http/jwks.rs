//! `GET /jwks.json`: by which keys are our tokens verified (RFC 7517 §5)?

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::error;
use crate::{Platform, keys::JWKS_KEPT};

pub(super) async fn answer(State(platform): State<Platform>) -> Response {
    let mut response = error::json(StatusCode::OK, platform.keys().jwks(platform.now()));
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/jwk-set+json"),
    );
    let kept = format!("public, max-age={}", JWKS_KEPT.as_secs());
    if let Ok(kept) = HeaderValue::from_str(&kept) {
        headers.insert(header::CACHE_CONTROL, kept);
    }
    response
}
