//! `GET /jwks.json`: by which keys are our tokens verified (RFC 7517 §5)?

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::error;
use crate::Platform;

pub(super) async fn answer(State(platform): State<Platform>) -> Response {
    let mut response = error::json(StatusCode::OK, platform.keys().jwks().to_owned());
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/jwk-set+json"),
    );
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=300"),
    );
    response
}
