//! `/api/v1/applications`: how are applications managed?

use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::Response,
};
use countersign_proto::management::Application;

use super::{Authorized, JsonBody, PageQuery, answer, deleted};
use crate::{
    Platform,
    http::error,
    service::{applications, attempt},
};

pub(super) async fn list(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    page: PageQuery,
) -> Response {
    let found = applications::list(&platform, &caller)
        .map(|all| page.of(&all, |it| &it.client_id, |it| Application::clone(it)));
    answer(&platform, StatusCode::OK, found)
}

pub(super) async fn find(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Path(client_id): Path<String>,
) -> Response {
    let found = applications::find(&platform, &caller, &client_id);
    answer(
        &platform,
        StatusCode::OK,
        found.map(|it| Application::clone(&it)),
    )
}

pub(super) async fn create(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    JsonBody(asked): JsonBody<Application>,
) -> Response {
    let made = attempt(
        &platform,
        &caller,
        "applications:write",
        applications::create(&platform, &caller, asked),
    )
    .await;
    answer(
        &platform,
        StatusCode::CREATED,
        made.map(|it| Application::clone(&it)),
    )
}

pub(super) async fn update(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Path(client_id): Path<String>,
    JsonBody(asked): JsonBody<Application>,
) -> Response {
    if asked.client_id != client_id {
        let detail = "the client_id in the body is not the one in the path".to_owned();
        return error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail);
    }
    let changed = attempt(
        &platform,
        &caller,
        "applications:write",
        applications::update(&platform, &caller, asked),
    )
    .await;
    answer(
        &platform,
        StatusCode::OK,
        changed.map(|it| Application::clone(&it)),
    )
}

pub(super) async fn delete(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Path(client_id): Path<String>,
) -> Response {
    deleted(
        &platform,
        attempt(
            &platform,
            &caller,
            "applications:write",
            applications::delete(&platform, &caller, &client_id),
        )
        .await,
    )
}
