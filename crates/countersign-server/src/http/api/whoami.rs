//! `/api/v1/whoami`: who does this token stand for, and what is it now?

use axum::{extract::State, http::StatusCode, response::Response};
use countersign_proto::management::WhoAmI;

use super::Authorized;
use crate::{Platform, service::ChangeRefusal};

pub(super) async fn answer(
    State(platform): State<Platform>,
    Authorized(caller): Authorized,
) -> Response {
    let who = WhoAmI {
        principal: caller.claims.principal,
        client_id: caller.claims.client_id,
        kind: caller.claims.kind.number(),
        roles: caller.roles,
        scopes: caller.claims.scope.iter().map(str::to_owned).collect(),
        expires_at: caller.claims.expires_at,
    };
    super::answer(&platform, StatusCode::OK, Ok::<_, ChangeRefusal>(who))
}
