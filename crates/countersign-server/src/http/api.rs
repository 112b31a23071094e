//! `/api/v1`: which request manages what?
//!
//! Every request presents a token of this platform for this platform, or the session of the
//! console. Values are those of
//! `countersign_proto::management`; refusals are RFC 9457 problems.

mod noun;

mod certificates;

mod sessions;

mod keys;

mod password;

mod tokens;

mod audit;

mod whoami;

mod sign_in;

mod authorized;
use authorized::Authorized;

mod expiry;

mod page;
use page::ListQuery;
pub(super) use page::PageQuery;

mod id;
use id::Id;

mod body;
use body::JsonBody;

use std::borrow::Borrow;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::StatusCode,
    middleware,
    response::Response,
    routing::{get, post, put},
};
use serde::Serialize;

use super::{console, error};
use crate::{
    Platform,
    refusal::Fault,
    service::{Applications, ChangeRefusal, Mappings, Principals, Roles},
};

pub(super) fn routes(platform: &Platform, root: &str) -> Router<Platform> {
    let at = |path: &str| format!("{root}/{path}");
    let routes = Router::new()
        .route(&at("applications"), noun::all::<Applications>())
        .route(
            &at("applications/{client_id}"),
            noun::alterable::<Applications>(),
        )
        .route(&at("principals"), noun::all::<Principals>())
        .route(&at("principals/{name}"), noun::alterable::<Principals>())
        .route(&at("roles"), noun::all::<Roles>())
        .route(&at("roles/{name}"), noun::alterable::<Roles>())
        .route(&at("mappings"), noun::all::<Mappings>())
        .route(&at("mappings/{id}"), noun::one::<Mappings>())
        .route(
            &at("certificates"),
            get(certificates::list).post(certificates::register),
        )
        .route(&at("certificates/{sha256}"), get(certificates::find))
        .route(
            &at("certificates/{sha256}/revoke"),
            post(certificates::revoke),
        )
        .route(
            &at("principals/{name}/password"),
            put(password::set).delete(password::delete),
        )
        .route(&at("sessions"), get(sessions::list))
        .route(&at("sessions/{id}"), get(sessions::find))
        .route(&at("sessions/{id}/end"), post(sessions::end))
        .route(&at("keys"), get(keys::list))
        .route(&at("keys/rotate"), post(keys::rotate))
        .route(&at("keys/{kid}"), get(keys::find))
        .route(&at("keys/{kid}/retire"), post(keys::retire))
        .route(&at("audit"), get(audit::list))
        .route(&at("whoami"), get(whoami::answer))
        .merge(tokens::routes(root))
        // The body is limited where it is read, by the platform's own setting.
        .layer(DefaultBodyLimit::disable())
        .layer(middleware::from_fn(expiry::tell));
    if !platform.settings().console.enabled {
        return routes;
    }
    let by_session = middleware::from_fn_with_state(platform.clone(), console::take_session);
    routes
        .layer(by_session)
        .route(&at("signin"), post(sign_in::answer))
}

/// A value, or the refusal as a problem.
fn answer<T: Serialize>(
    platform: &Platform,
    status: StatusCode,
    result: Result<T, impl Borrow<ChangeRefusal>>,
) -> Response {
    match result.map(|value| serde_json::to_vec(&value)) {
        Ok(Ok(body)) => error::json(status, body),
        Ok(Err(fault)) => error::fault_problem(&Fault::new(fault.to_string())),
        Err(refusal) => error::change(platform, refusal.borrow()),
    }
}
