//! `/api/v1/sessions`: who is signed in, and how is that ended?

use axum::{extract::State, http::StatusCode, response::Response};
use countersign_proto::management::{SessionEnd, SessionFilter};

use super::{Authorized, Id, ListQuery, answer, body::OptionalBody};
use crate::{Platform, service::sessions};

pub(super) async fn list(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    ListQuery { page, filter }: ListQuery<SessionFilter>,
) -> Response {
    let limit = page.rows();
    let found = sessions::list(&platform, &caller, filter, page.after, limit).await;
    answer(&platform, StatusCode::OK, found)
}

pub(super) async fn find(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(id): Id,
) -> Response {
    let found = sessions::find(&platform, &caller, &id).await;
    answer(&platform, StatusCode::OK, found)
}

pub(super) async fn end(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(id): Id,
    OptionalBody(asked): OptionalBody<SessionEnd>,
) -> Response {
    let ended = sessions::end(&platform, &caller, &id, &asked).await;
    answer(&platform, StatusCode::OK, ended)
}
