//! How is a JSON body of the management API read?

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode},
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
        read(&bytes).map(JsonBody)
    }
}

/// The same, or nothing at all: then the value by default, whatever the media type.
pub(super) struct OptionalBody<T>(pub(super) T);

impl<T: DeserializeOwned + Default> FromRequest<Platform> for OptionalBody<T> {
    type Rejection = Response;

    async fn from_request(
        request: Request,
        platform: &Platform,
    ) -> Result<OptionalBody<T>, Response> {
        let (parts, body) = request.into_parts();
        let bytes = form::bytes(platform, body)
            .await
            .map_err(|(status, text)| error::problem(status, text.to_owned()))?;
        if bytes.is_empty() {
            return Ok(OptionalBody(T::default()));
        }
        must_be_json(&parts.headers)?;
        read(&bytes).map(OptionalBody)
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Response> {
    // A list of values would be read as the members in their order.
    if bytes.trim_ascii_start().starts_with(b"[") {
        let detail = "the body has to be an object".to_owned();
        return Err(error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail));
    }
    serde_json::from_slice(bytes).map_err(|error| {
        let status = if error.is_data() {
            StatusCode::UNPROCESSABLE_ENTITY
        } else {
            StatusCode::BAD_REQUEST
        };
        let detail = without_secrets(&error.to_string());
        error::problem(status, format!("the body: {detail}"))
    })
}

/// Longer than any name of a member, in bytes.
const LONG: usize = 32;

/// What is wrong with a body repeats what stands in it; words that may be a token are left out.
fn without_secrets(text: &str) -> String {
    let is_boundary = |it: char| !(it.is_ascii_alphanumeric() || "-._~+/=".contains(it));
    let pieces = text.split_inclusive(is_boundary).map(|piece| {
        let word = piece.trim_end_matches(is_boundary);
        match piece.strip_prefix(word) {
            Some(after) if word.len() > LONG => format!("…{after}"),
            _ => piece.to_owned(),
        }
    });
    pieces.collect()
}

/// The bytes of a body that says that it is JSON.
pub(super) async fn json(request: Request, platform: &Platform) -> Result<Bytes, Response> {
    let (parts, body) = request.into_parts();
    must_be_json(&parts.headers)?;
    form::bytes(platform, body)
        .await
        .map_err(|(status, text)| error::problem(status, text.to_owned()))
}

fn must_be_json(headers: &HeaderMap) -> Result<(), Response> {
    if form::is_media_type(headers, "application/json") {
        return Ok(());
    }
    let detail = "the body has to be application/json".to_owned();
    Err(error::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail))
}

/// A body that says nothing of itself in the refusal, since it holds a secret.
pub(super) fn unreadable(detail: String) -> Response {
    error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_long_enough_for_a_token_is_left_out_and_names_are_not() {
        for (text, expected) in [
            (
                "unknown variant `0c83091d-fc2f-40b5-8aca-940e4cf5f9b5`, expected `app`",
                "unknown variant `…`, expected `app`",
            ),
            (
                "unknown field `x`, expected one of `accept_token_endpoint_audience` at line 1",
                "unknown field `x`, expected one of `accept_token_endpoint_audience` at line 1",
            ),
            ("", ""),
        ] {
            assert_eq!(without_secrets(text), expected);
        }
    }
}
