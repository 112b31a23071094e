//! `/api/v1/audit`: what happened, newest first?

use axum::{extract::State, http::StatusCode, response::Response};

use super::{Authorized, PageQuery, answer};
use crate::{Platform, http::error, refusal::Fault, service::ChangeRefusal};

pub(super) async fn list(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
    page: PageQuery,
) -> Response {
    if let Err(refusal) = caller.must_have("audit:read") {
        return error::access(&platform, &refusal);
    }
    let after = match page.after.as_deref().map(str::parse).transpose() {
        Ok(after) => after,
        Err(_) => {
            let detail = "after has to be the next of an earlier page".to_owned();
            return error::problem(StatusCode::UNPROCESSABLE_ENTITY, detail);
        }
    };
    let limit = u32::try_from(page.limit).unwrap_or(u32::MAX);
    let found = platform.store().audit(after, limit).await;
    let found = found.map_err(|error| ChangeRefusal::Fault(Fault::new(error.to_string())));
    answer(&platform, StatusCode::OK, found)
}
