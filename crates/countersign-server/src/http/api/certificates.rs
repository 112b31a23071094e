//! `/api/v1/certificates`: how are certificates managed?

use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use countersign_proto::{
    management::{NewCertificate, Revocation},
    thumbprint::Thumbprint,
};
use serde::Deserialize;

use super::{Authorized, JsonBody, PageQuery, answer};
use crate::{
    Platform,
    http::error,
    service::certificates::{self, Filter},
};

/// `?client_id=` and `?thumbprint=`, the second SHA-1 or SHA-256 in any form that people paste.
#[derive(Deserialize)]
pub(super) struct FilterQuery {
    client_id: Option<String>,
    thumbprint: Option<String>,
}

pub(super) async fn list(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    page: PageQuery,
    Query(asked): Query<FilterQuery>,
) -> Response {
    let thumbprint = match asked
        .thumbprint
        .as_deref()
        .map(Thumbprint::parse)
        .transpose()
    {
        Ok(thumbprint) => thumbprint,
        Err(_) => {
            let detail = "thumbprint has to be 40 or 64 hexadecimal digits".to_owned();
            return error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail);
        }
    };
    let filter = Filter {
        client_id: asked.client_id,
        thumbprint,
    };
    let found = certificates::list(&platform, &caller, &filter)
        .map(|all| page.of(&all, |it| &it.record.sha256, |it| it.record.clone()));
    answer(&platform, StatusCode::OK, found)
}

pub(super) async fn find(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Path(sha256): Path<String>,
) -> Response {
    answer(
        &platform,
        StatusCode::OK,
        certificates::find(&platform, &caller, &sha256),
    )
}

pub(super) async fn register(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    JsonBody(asked): JsonBody<NewCertificate>,
) -> Response {
    let registered = certificates::register(&platform, &caller, asked).await;
    answer(&platform, StatusCode::CREATED, registered)
}

pub(super) async fn revoke(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Path(sha256): Path<String>,
    JsonBody(asked): JsonBody<Revocation>,
) -> Response {
    let revoked = certificates::revoke(&platform, &caller, &sha256, asked.reason).await;
    answer(&platform, StatusCode::OK, revoked)
}
