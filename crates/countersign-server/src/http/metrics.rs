//! `GET /metrics`: what was counted, as Prometheus text? It holds no name and no secret.

use axum::{
    body::Body,
    extract::State,
    http::{HeaderValue, header},
    response::Response,
};

use crate::Platform;

pub(super) async fn answer(State(platform): State<Platform>) -> Response {
    let mut response = Response::new(Body::from(platform.metrics().render()));
    let text = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, text);
    response
}
