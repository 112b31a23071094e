//! `/api/v1/principals/{name}/password`: how does a person get a password, and lose it?

use axum::{
    extract::{FromRequest, Request, State},
    response::Response,
};
use countersign_proto::management::NewPassword;

use super::{Authorized, Id, body};
use crate::{Platform, http::error, service::passwords};

/// A body with a password, which no parser keeps a copy of.
pub(super) struct PasswordBody(NewPassword);

impl FromRequest<Platform> for PasswordBody {
    type Rejection = Response;

    async fn from_request(request: Request, platform: &Platform) -> Result<PasswordBody, Response> {
        let bytes = body::json(request, platform).await?;
        NewPassword::from_json(&bytes)
            .map(PasswordBody)
            .map_err(|_| {
                let detail =
                    "the body has to be {\"password\": …, \"with_tokens\": …} and nothing else"
                        .to_owned();
                body::unreadable(detail)
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
