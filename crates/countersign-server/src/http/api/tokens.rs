//! `/api/v1/tokens`: how are tokens granted, seen, renamed, rotated, imported and revoked?

mod given;

mod import;
use import::ImportBody;

use axum::{
    Router,
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
    routing::{get, post},
};
use countersign_proto::management::{
    GrantedToken, NewToken, Revocation, Rotation, TokenChange, TokenFilter, TokensRevocation,
};

use super::{Authorized, Id, JsonBody, ListQuery, answer, id::located};
use crate::{Platform, http::error, service::tokens};

/// Where tokens are listed, below the issuer.
const LIST: &str = "/api/v1/tokens";

/// Why a token was revoked that was deleted.
const DELETED: &str = "deleted";

pub(super) fn routes(root: &str) -> Router<Platform> {
    let at = |path: &str| format!("{root}/tokens{path}");
    Router::new()
        .route(&at(""), get(list).post(create))
        .route(&at("/import"), post(import_one))
        .route(&at("/revoke"), post(revoke_many))
        .route(&at("/{id}"), get(find).patch(describe).delete(delete))
        .route(&at("/{id}/rotate"), post(rotate))
        .route(&at("/{id}/confirm"), post(confirm))
        .route(&at("/{id}/abort"), post(abort))
        .route(&at("/{id}/revoke"), post(revoke))
}

async fn list(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    ListQuery { page, filter }: ListQuery<TokenFilter>,
) -> Response {
    let limit = page.rows();
    let found = tokens::list(&platform, &caller, filter, page.after, limit).await;
    answer(&platform, StatusCode::OK, found)
}

async fn create(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    list: Uri,
    JsonBody(new): JsonBody<NewToken>,
) -> Response {
    let made = tokens::create(&platform, &caller, new).await;
    let id = id_of(made.as_ref().map(|given| &given.granted));
    let made = given::told(&platform, StatusCode::CREATED, made);
    located(&platform, &list, &id, made)
}

async fn import_one(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    ImportBody(asked): ImportBody,
) -> Response {
    let imported = tokens::import(&platform, &caller, &asked).await;
    let id = id_of(imported.as_ref());
    let made = answer(&platform, StatusCode::CREATED, imported);
    let list = format!("{}{LIST}", platform.base_path());
    match list.parse() {
        Ok(list) => located(&platform, &list, &id, made),
        Err(_) => made,
    }
}

/// What was made, if it was.
fn id_of<E>(made: Result<&GrantedToken, E>) -> String {
    made.map(|granted| granted.id.clone()).unwrap_or_default()
}

async fn find(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(id): Id,
) -> Response {
    let found = tokens::find(&platform, &caller, &id).await;
    answer(&platform, StatusCode::OK, found)
}

async fn describe(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(id): Id,
    JsonBody(change): JsonBody<TokenChange>,
) -> Response {
    let described = tokens::describe(&platform, &caller, &id, change).await;
    answer(&platform, StatusCode::OK, described)
}

async fn delete(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(id): Id,
) -> Response {
    let revocation = Revocation {
        reason: DELETED.to_owned(),
    };
    match tokens::revoke(&platform, &caller, &id, &revocation).await {
        Ok(_) => error::nothing(),
        Err(refusal) => error::change(&platform, &refusal),
    }
}

async fn rotate(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(id): Id,
    JsonBody(rotation): JsonBody<Rotation>,
) -> Response {
    let rotated = tokens::rotate(&platform, &caller, &id, rotation).await;
    given::told(&platform, StatusCode::OK, rotated)
}

async fn confirm(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(id): Id,
) -> Response {
    let confirmed = tokens::confirm(&platform, &caller, &id).await;
    answer(&platform, StatusCode::OK, confirmed)
}

async fn abort(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(id): Id,
) -> Response {
    let aborted = tokens::abort(&platform, &caller, &id).await;
    answer(&platform, StatusCode::OK, aborted)
}

async fn revoke(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(id): Id,
    JsonBody(asked): JsonBody<Revocation>,
) -> Response {
    let revoked = tokens::revoke(&platform, &caller, &id, &asked).await;
    answer(&platform, StatusCode::OK, revoked)
}

async fn revoke_many(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    JsonBody(asked): JsonBody<TokensRevocation>,
) -> Response {
    let revoked = tokens::revoke_many(&platform, &caller, &asked).await;
    answer(&platform, StatusCode::OK, revoked)
}
