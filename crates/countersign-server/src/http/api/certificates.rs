//! `/api/v1/certificates`: how are certificates managed?

use axum::{
    extract::State,
    http::{StatusCode, Uri},
    response::Response,
};
use countersign_proto::management::{CertificateFilter, NewCertificate, Revocation};

use super::{Authorized, Id, JsonBody, ListQuery, answer, id::located};
use crate::{Platform, service::certificates};

pub(super) async fn list(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    ListQuery { page, filter }: ListQuery<CertificateFilter>,
) -> Response {
    let found = certificates::list(&platform, &caller, &filter)
        .map(|all| page.of(&all, |it| &it.record.sha256, |it| it.record.clone()));
    answer(&platform, StatusCode::OK, found)
}

pub(super) async fn find(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(sha256): Id,
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
    list: Uri,
    JsonBody(asked): JsonBody<NewCertificate>,
) -> Response {
    let registered = certificates::register(&platform, &caller, asked).await;
    let id = registered.as_ref().map_or("", |it| &it.sha256).to_owned();
    let made = answer(&platform, StatusCode::CREATED, registered);
    located(&platform, &list, &id, made)
}

pub(super) async fn revoke(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    Id(sha256): Id,
    JsonBody(asked): JsonBody<Revocation>,
) -> Response {
    let revoked = certificates::revoke(&platform, &caller, &sha256, asked.reason).await;
    answer(&platform, StatusCode::OK, revoked)
}
