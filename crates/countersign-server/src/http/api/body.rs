//! How is a JSON body of the management API read?

use axum::{
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
        let (parts, body) = request.into_parts();
        if !form::is_media_type(&parts.headers, "application/json") {
            let detail = "the body has to be application/json".to_owned();
            return Err(error::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let bytes = form::bytes(platform, body)
            .await
            .map_err(|(status, text)| error::problem(status, text.to_owned()))?;
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
