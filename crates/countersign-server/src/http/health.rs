//! Is the platform alive, and can it serve?

use axum::{extract::State, http::StatusCode, response::Response};

use super::error;
use crate::Platform;

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> Response {
    error::json(StatusCode::OK, r#"{"status":"ok"}"#)
}

/// `GET /readyz`: the store can be written.
pub(super) async fn ready(State(platform): State<Platform>) -> Response {
    match platform.store().ping().await {
        Ok(()) => error::json(StatusCode::OK, r#"{"status":"ready"}"#),
        Err(error) => {
            tracing::warn!(cause = %error, "not ready");
            error::json(
                StatusCode::SERVICE_UNAVAILABLE,
                r#"{"status":"store does not answer"}"#,
            )
        }
    }
}
