//! `/api/v1/audit`: what happened, newest first?

use axum::{extract::State, http::StatusCode, response::Response};
use countersign_proto::management::AuditFilter;

use super::{Authorized, ListQuery, answer};
use crate::{
    Platform,
    http::error,
    service::audit::{self, AuditQuery},
};

pub(super) async fn list(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    ListQuery { page, filter }: ListQuery<AuditFilter>,
) -> Response {
    let Ok(after) = page.after.as_deref().map(str::parse).transpose() else {
        let detail = "after has to be the next of an earlier page".to_owned();
        return error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail);
    };
    let query = AuditQuery {
        filter,
        after,
        limit: page.rows(),
    };
    let found = audit::list(&platform, &caller, query).await;
    answer(&platform, StatusCode::OK, found)
}
