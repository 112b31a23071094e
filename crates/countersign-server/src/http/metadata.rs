//! What does the platform say about itself (RFC 8414)?

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::Response,
};

use super::error;
use crate::Platform;

pub(super) async fn answer(State(platform): State<Platform>) -> Response {
    let mut response = error::json(StatusCode::OK, platform.metadata().to_json());
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=300"),
    );
    response
}
