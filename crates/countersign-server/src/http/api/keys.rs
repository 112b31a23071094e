//! `/api/v1/keys`: which keys sign tokens, and how does another take their place?

use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use countersign_proto::management::{KeyRotation, Revocation};

use super::{Authorized, Id, JsonBody, answer, id::located, page::PageQuery};
use crate::{Platform, service::keys};

/// Sorted by name, as every list is by what `after` names.
pub(super) async fn list(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    page: PageQuery,
) -> Response {
    let found = keys::list(&platform, &caller).await.map(|mut all| {
        all.sort_by(|a, b| a.kid.cmp(&b.kid));
        page.of(&all, |it| &it.kid, Clone::clone)
    });
    answer(&platform, StatusCode::OK, found)
}

pub(super) async fn find(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(kid): Id,
) -> Response {
    let found = keys::find(&platform, &caller, &kid).await;
    answer(&platform, StatusCode::OK, found)
}

pub(super) async fn rotate(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    path: Uri,
    JsonBody(asked): JsonBody<KeyRotation>,
) -> Response {
    let made = keys::rotate(&platform, &caller, asked).await;
    let place = path.path().trim_end_matches("rotate").parse();
    let kid = made.as_ref().map_or("", |it| &it.kid).to_owned();
    let made = answer(&platform, StatusCode::CREATED, made);
    match place {
        Ok(list) => located(&platform, &list, &kid, made),
        Err(_) => made,
    }
}

pub(super) async fn retire(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(kid): Id,
    JsonBody(asked): JsonBody<Revocation>,
) -> Response {
    let retired = keys::retire(&platform, &caller, &kid, &asked.reason).await;
    answer(&platform, StatusCode::OK, retired)
}
