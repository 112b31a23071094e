//! `/api/v1/principals`: how are principals managed?

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use countersign_proto::management::Principal;

use super::{Authorized, JsonBody, PageQuery, answer, deleted};
use crate::{
    Platform,
    http::error,
    service::{attempt, principals},
};

pub(super) async fn list(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    page: PageQuery,
) -> Response {
    let found = principals::list(&platform, &caller)
        .map(|all| page.of(&all, |it| &it.name, |it| Principal::clone(it)));
    answer(&platform, StatusCode::OK, found)
}

pub(super) async fn find(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Path(name): Path<String>,
) -> Response {
    let found = principals::find(&platform, &caller, &name);
    answer(
        &platform,
        StatusCode::OK,
        found.map(|it| Principal::clone(&it)),
    )
}

pub(super) async fn create(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    JsonBody(asked): JsonBody<Principal>,
) -> Response {
    let made = attempt(
        &platform,
        &caller,
        "principals:write",
        principals::create(&platform, &caller, asked),
    )
    .await;
    answer(
        &platform,
        StatusCode::CREATED,
        made.map(|it| Principal::clone(&it)),
    )
}

pub(super) async fn update(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Path(name): Path<String>,
    JsonBody(asked): JsonBody<Principal>,
) -> Response {
    if asked.name != name {
        let detail = "the name in the body is not the one in the path".to_owned();
        return error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail);
    }
    let changed = attempt(
        &platform,
        &caller,
        "principals:write",
        principals::update(&platform, &caller, asked),
    )
    .await;
    answer(
        &platform,
        StatusCode::OK,
        changed.map(|it| Principal::clone(&it)),
    )
}

pub(super) async fn delete(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Path(name): Path<String>,
) -> Response {
    deleted(
        &platform,
        attempt(
            &platform,
            &caller,
            "principals:write",
            principals::delete(&platform, &caller, &name),
        )
        .await,
    )
}
