//! How does the string of a token leave, once?

use axum::{
    body::{Body, Bytes},
    http::StatusCode,
    response::Response,
};
use countersign_proto::management::GivenToken;

use crate::{Platform, http::error, service::ChangeRefusal};

/// A token with its string, or the refusal as a problem.
pub(super) fn told(
    platform: &Platform,
    status: StatusCode,
    made: Result<GivenToken, ChangeRefusal>,
) -> Response {
    match made {
        // The body is wiped when it has left.
        Ok(given) => error::json(status, Body::from(Bytes::from_owner(given.to_json()))),
        Err(refusal) => error::change(platform, &refusal),
    }
}
