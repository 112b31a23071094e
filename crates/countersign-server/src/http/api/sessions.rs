//! `/api/v1/sessions`: who is signed in, and how is that ended?

use axum::{
    extract::{Path, Query, State},
    http::StatusCode,
    response::Response,
};
use serde::Deserialize;

use super::{Authorized, PageQuery, answer};
use crate::{Platform, service::sessions};

/// `?principal=`
#[derive(Deserialize)]
pub(super) struct FilterQuery {
    principal: Option<String>,
}

pub(super) async fn list(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    page: PageQuery,
    Query(asked): Query<FilterQuery>,
) -> Response {
    let limit = u32::try_from(page.limit).unwrap_or(u32::MAX);
    let (principal, after) = (asked.principal.as_deref(), page.after.as_deref());
    let found = sessions::list(&platform, &caller, principal, after, limit).await;
    answer(&platform, StatusCode::OK, found)
}

pub(super) async fn find(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Path(id): Path<String>,
) -> Response {
    let found = sessions::find(&platform, &caller, &id).await;
    answer(&platform, StatusCode::OK, found)
}

pub(super) async fn end(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Path(id): Path<String>,
) -> Response {
    let ended = sessions::end(&platform, &caller, &id).await;
    answer(&platform, StatusCode::OK, ended)
}
