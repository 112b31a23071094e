//! Which page of a sign-in, or its socket, answers which request?

mod assets;

mod cookie;

mod visit;

mod posted;

mod page;

mod end;

mod start;

mod password;

mod callback;

mod review;

mod conversation;

mod socket;

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    response::Response,
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
        .route(&format!("{base}/assets/login.css"), get(assets::style))
        .route(&format!("{base}/assets/login.js"), get(assets::script))
}

/// Sends a browser on, by GET whatever it came by (security.md 92).
fn see_other(location: &str) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(mut location) = HeaderValue::from_str(location) {
        // It may be one that carries a value.
        location.set_sensitive(true);
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
