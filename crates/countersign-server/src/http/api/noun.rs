//! `/api/v1/NOUN` and `/api/v1/NOUN/ID`: how is a noun of the registry managed?

use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
    routing::{MethodRouter, get},
};
use serde::de::DeserializeOwned;

use super::{Authorized, Id, JsonBody, ListQuery, answer, id::located};
use crate::{
    Platform,
    http::error,
    service::{self, Alterable, Noun},
};

/// The list, and how one is made.
pub(super) fn all<N: Noun + 'static>() -> MethodRouter<Platform> {
    get(list::<N>).post(create::<N>)
}

/// One that is made and taken away.
pub(super) fn one<N: Noun + 'static>() -> MethodRouter<Platform> {
    get(find::<N>).delete(delete::<N>)
}

/// One that is changed too.
pub(super) fn alterable<N>() -> MethodRouter<Platform>
where
    N: Alterable + 'static,
    N::Item: DeserializeOwned,
{
    one::<N>().put(update::<N>)
}

async fn list<N: Noun>(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    ListQuery { page, filter }: ListQuery<N::Filter>,
) -> Response {
    let found = service::list::<N>(&platform, &caller, &filter)
        .await
        .map(|all| page.of(&all, |it| N::id(it), |it| N::Item::clone(it)));
    answer(&platform, StatusCode::OK, found)
}

async fn find<N: Noun>(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(id): Id,
) -> Response {
    let found = service::find::<N>(&platform, &caller, &id).await;
    answer(&platform, StatusCode::OK, found.as_deref())
}

async fn create<N: Noun>(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    list: Uri,
    JsonBody(new): JsonBody<N::New>,
) -> Response {
    let made = service::create::<N>(&platform, &caller, new).await;
    let id = made.as_ref().map_or("", |made| N::id(made));
    let made = answer(&platform, StatusCode::CREATED, made.as_deref());
    located(&platform, &list, id, made)
}

async fn update<N: Alterable>(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(id): Id,
    JsonBody(item): JsonBody<N::Item>,
) -> Response
where
    N::Item: DeserializeOwned,
{
    if N::id(&item) != id {
        let detail = format!("the {} in the body is not the one in the path", N::ID);
        return error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail);
    }
    let changed = service::update::<N>(&platform, &caller, item).await;
    answer(&platform, StatusCode::OK, changed.as_deref())
}

async fn delete<N: Noun>(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(id): Id,
) -> Response {
    match service::delete::<N>(&platform, &caller, &id).await {
        Ok(()) => error::nothing(),
        Err(refusal) => error::change(&platform, &refusal),
    }
}
