//! How is a JSON body of the management API read?

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::StatusCode,
    response::Response,
};
use serde::de::DeserializeOwned;

use crate::{
    Platform,
    http::{error, form},
};

/// A value that was read strictly: one type, known members, nothing twice.
pub(super) struct JsonBody<T>(pub(super) T);

impl<T: DeserializeOwned> FromRequest<Platform> for JsonBody<T> {
    type Rejection = Response;

    async fn from_request(request: Request, platform: &Platform) -> Result<JsonBody<T>, Response> {
        let bytes = json(request, platform).await?;
        // A list of values would be read as the members in their order.
        if bytes.trim_ascii_start().starts_with(b"[") {
            let detail = "the body has to be an object".to_owned();
            return Err(error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail));
        }
        serde_json::from_slice(&bytes)
            .map(JsonBody)
            .map_err(|error| {
                let status = if error.is_data() {
                    StatusCode::UNPROCESSABLE_ENTITY
                } else {
                    StatusCode::BAD_REQUEST
                };
                error::problem(status, format!("the body: {error}"))
            })
    }
}

/// The bytes of a body that says that it is JSON.
pub(super) async fn json(request: Request, platform: &Platform) -> Result<Bytes, Response> {
    let (parts, body) = request.into_parts();
    if !form::is_media_type(&parts.headers, "application/json") {
        let detail = "the body has to be application/json".to_owned();
        return Err(error::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
    }
    form::bytes(platform, body)
        .await
        .map_err(|(status, text)| error::problem(status, text.to_owned()))
}

/// A body that says nothing of itself in the refusal, since it holds a secret.
pub(super) fn unreadable(detail: String) -> Response {
    error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail)
}
