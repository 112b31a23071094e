//! `/api/v1/principals/{name}/password`: how does a person get a password, and lose it?

use axum::{
    extract::{FromRequest, Request, State},
    http::StatusCode,
    response::Response,
};
use countersign_proto::management::NewPassword;

use super::{Authorized, Id};
use crate::{
    Platform,
    http::{error, form},
    service::passwords,
};

/// A body with a password, which no parser keeps a copy of.
pub(super) struct PasswordBody(NewPassword);

impl FromRequest<Platform> for PasswordBody {
    type Rejection = Response;

    async fn from_request(request: Request, platform: &Platform) -> Result<PasswordBody, Response> {
        let (parts, body) = request.into_parts();
        if !form::is_media_type(&parts.headers, "application/json") {
            let detail = "the body has to be application/json".to_owned();
            return Err(error::problem(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let bytes = form::bytes(platform, body)
            .await
            .map_err(|(status, text)| error::problem(status, text.to_owned()))?;
        NewPassword::from_json(&bytes)
            .map(PasswordBody)
            .map_err(|_| {
                let detail = "the body has to be {\"password\": …} and nothing else".to_owned();
                error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail)
            })
    }
}

pub(super) async fn set(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(name): Id,
    PasswordBody(new): PasswordBody,
) -> Response {
    match passwords::set(&platform, &caller, &name, &new).await {
        Ok(()) => error::nothing(),
        Err(refusal) => error::change(&platform, &refusal),
    }
}

pub(super) async fn delete(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(name): Id,
) -> Response {
    match passwords::delete(&platform, &caller, &name).await {
        Ok(()) => error::nothing(),
        Err(refusal) => error::change(&platform, &refusal),
    }
}
