//! How is a body read that holds the string of a token?

use axum::{
    extract::{FromRequest, Request},
    response::Response,
};
use countersign_proto::management::ImportedToken;

use crate::{Platform, http::api::body};

/// A token to take in, which no parser keeps a copy of.
pub(super) struct ImportBody(pub(super) ImportedToken);

impl FromRequest<Platform> for ImportBody {
    type Rejection = Response;

    async fn from_request(request: Request, platform: &Platform) -> Result<ImportBody, Response> {
        let bytes = body::json(request, platform).await?;
        ImportedToken::from_json(&bytes)
            .map(ImportBody)
            .map_err(|error| {
                body::unreadable(format!(
                    "the body has to be the members of a new token, with token and, if it is, \
                     revoked: {error}"
                ))
            })
    }
}
