//! Which page of a sign-in, or its socket, answers which request?

mod cookie;

mod visit;

mod posted;

mod page;

mod end;

mod start;
pub(super) use start::{cause, redirect_uri};

mod password;

mod callback;

mod review;

mod conversation;

mod socket;

use axum::{
    Router,
    routing::{get, post},
};

use crate::Platform;

pub(super) fn routes(base: &str) -> Router<Platform> {
    let at = |path: &str| format!("{base}/login/{path}");
    let of = |path: &str| format!("{base}/login/{{handle}}{path}");
    Router::new()
        .route(&at("socket"), get(socket::answer))
        .route(&at("callback"), get(callback::answer))
        .route(&of(""), get(start::answer))
        .route(&of("/continue"), post(start::go_on))
        .route(&of("/sign-in"), post(password::answer))
        .route(&of("/review"), get(review::answer))
        .route(&of("/allow"), post(review::allow))
        .route(&of("/code"), post(review::show_code))
        .route(&of("/report"), post(review::report))
        .route(&of("/state"), get(review::state))
        .route(&of("/done"), get(review::done))
}
