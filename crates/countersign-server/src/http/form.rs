//! How is a body read without being held up or flooded?

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, header, request::Parts},
    response::Response,
};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::{error, sender};
use crate::Platform;

/// A form of a credential endpoint: no parameters in the target, the right content type, not too
/// large, not too slow, and not too often from this source.
pub(super) async fn read(
    platform: &Platform,
    parts: &Parts,
    body: Body,
) -> Result<Bytes, Response> {
    platform
        .limiter()
        .admit(sender::peer(&parts.extensions), platform.now())
        .map_err(|too_many| error::too_many(platform, too_many))?;
    if parts.uri.query().is_some() {
        let text = "parameters belong in the body, not in the target";
        return Err(error::bad_request(StatusCode::BAD_REQUEST, text));
    }
    if !is_media_type(&parts.headers, "application/x-www-form-urlencoded") {
        let text = "the body has to be application/x-www-form-urlencoded";
        return Err(error::bad_request(StatusCode::UNSUPPORTED_MEDIA_TYPE, text));
    }
    bytes(platform, body)
        .await
        .map_err(|(status, text)| error::bad_request(status, text))
}

/// A body of at most the permitted size, in the permitted time.
pub(super) async fn bytes(
    platform: &Platform,
    body: Body,
) -> Result<Bytes, (StatusCode, &'static str)> {
    let limits = &platform.settings().limits;
    let body = Limited::new(body, limits.body_bytes);
    match tokio::time::timeout(limits.body, body.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, "the body is too large"))
        }
        Ok(Err(_)) => Err((StatusCode::BAD_REQUEST, "the body did not arrive")),
        Err(_) => Err((
            StatusCode::REQUEST_TIMEOUT,
            "the body did not arrive in time",
        )),
    }
}

/// One `Content-Type` header with this media type, whatever its parameters.
pub(super) fn is_media_type(headers: &HeaderMap, wanted: &str) -> bool {
    let mut values = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return false;
    };
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default();
    essence.trim().eq_ignore_ascii_case(wanted)
}
