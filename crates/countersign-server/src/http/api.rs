//! `/api/v1`: which request manages what?
//!
//! Every request presents a token of this platform for this platform. Values are those of
//! `countersign_proto::management`; refusals are RFC 9457 problems.

mod applications;

mod certificates;

mod principals;

mod roles;

mod mappings;

mod audit;

mod whoami;

mod authorized;
use authorized::Authorized;

mod page;
use page::PageQuery;

mod body;
use body::JsonBody;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    response::Response,
    routing::{get, post},
};
use serde::Serialize;

use super::error;
use crate::{Platform, service::ChangeRefusal};

pub(super) fn routes(root: &str) -> Router<Platform> {
    Router::new()
        .route(
            &format!("{root}/applications"),
            get(applications::list).post(applications::create),
        )
        .route(
            &format!("{root}/applications/{{client_id}}"),
            get(applications::find)
                .put(applications::update)
                .delete(applications::delete),
        )
        .route(
            &format!("{root}/certificates"),
            get(certificates::list).post(certificates::register),
        )
        .route(
            &format!("{root}/certificates/{{sha256}}"),
            get(certificates::find),
        )
        .route(
            &format!("{root}/certificates/{{sha256}}/revoke"),
            post(certificates::revoke),
        )
        .route(
            &format!("{root}/principals"),
            get(principals::list).post(principals::create),
        )
        .route(
            &format!("{root}/principals/{{name}}"),
            get(principals::find)
                .put(principals::update)
                .delete(principals::delete),
        )
        .route(
            &format!("{root}/roles"),
            get(roles::list).post(roles::create),
        )
        .route(
            &format!("{root}/roles/{{name}}"),
            get(roles::find).put(roles::update).delete(roles::delete),
        )
        .route(
            &format!("{root}/mappings"),
            get(mappings::list).post(mappings::create),
        )
        .route(
            &format!("{root}/mappings/{{id}}"),
            get(mappings::find).delete(mappings::delete),
        )
        .route(&format!("{root}/audit"), get(audit::list))
        .route(&format!("{root}/whoami"), get(whoami::answer))
        // The body is limited where it is read, by the platform's own setting.
        .layer(DefaultBodyLimit::disable())
}

/// A value, or the refusal as a problem.
fn answer<T: Serialize>(
    platform: &Platform,
    status: StatusCode,
    result: Result<T, ChangeRefusal>,
) -> Response {
    match result.map(|value| serde_json::to_vec(&value)) {
        Ok(Ok(body)) => error::json(status, body),
        Ok(Err(fault)) => error::fault_problem(&crate::Fault::new(fault.to_string())),
        Err(refusal) => error::change(platform, &refusal),
    }
}

/// Nothing more to say.
fn deleted(platform: &Platform, result: Result<(), ChangeRefusal>) -> Response {
    match result {
        Ok(()) => {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Err(refusal) => error::change(platform, &refusal),
    }
}
