//! `/api/v1/mappings`: how are mappings managed?

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use countersign_proto::management::{NewMapping, PrincipalMapping};

use super::{Authorized, JsonBody, PageQuery, answer, deleted};
use crate::{
    Platform,
    service::{attempt, mappings},
};

pub(super) async fn list(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    page: PageQuery,
) -> Response {
    let found = mappings::list(&platform, &caller)
        .map(|all| page.of(&all, |it| &it.id, |it| PrincipalMapping::clone(it)));
    answer(&platform, StatusCode::OK, found)
}

pub(super) async fn find(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Path(id): Path<String>,
) -> Response {
    let found = mappings::find(&platform, &caller, &id);
    answer(
        &platform,
        StatusCode::OK,
        found.map(|it| PrincipalMapping::clone(&it)),
    )
}

pub(super) async fn create(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    JsonBody(asked): JsonBody<NewMapping>,
) -> Response {
    let made = attempt(
        &platform,
        &caller,
        "mappings:write",
        mappings::create(&platform, &caller, asked),
    )
    .await;
    answer(
        &platform,
        StatusCode::CREATED,
        made.map(|it| PrincipalMapping::clone(&it)),
    )
}

pub(super) async fn delete(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Path(id): Path<String>,
) -> Response {
    deleted(
        &platform,
        attempt(
            &platform,
            &caller,
            "mappings:write",
            mappings::delete(&platform, &caller, &id),
        )
        .await,
    )
}
