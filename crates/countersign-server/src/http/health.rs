//! Is the platform alive, and can it serve?

use axum::{Extension, extract::State, http::StatusCode, response::Response};

use super::error;
use crate::{Platform, connection::Running};

/// `GET /healthz`: the process answers.
pub(super) async fn alive() -> Response {
    error::json(StatusCode::OK, r#"{"status":"ok"}"#)
}

/// `GET /readyz`: the store can be written, and the server was not told to stop.
pub(super) async fn ready(
    State(platform): State<Platform>,
    running: Option<Extension<Running>>,
) -> Response {
    if running.is_some_and(|Extension(running)| running != Running::Yes) {
        return error::json(StatusCode::SERVICE_UNAVAILABLE, r#"{"status":"stopping"}"#);
    }
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
