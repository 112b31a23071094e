//! What do all pages for people have in common, at a sign-in and in the console?

pub(super) mod assets;

pub(super) mod cookies;

pub(super) mod origin;

pub(super) mod page;

pub(super) mod message;

use axum::{
    Router,
    http::{HeaderValue, StatusCode, header},
    response::Response,
    routing::get,
};

use crate::Platform;

pub(super) fn routes(base: &str) -> Router<Platform> {
    let mut routes = Router::new();
    for asset in &assets::ALL {
        let path = format!("{base}/assets/{}", asset.name);
        routes = routes.route(&path, get(async || asset.answer()));
    }
    routes
}

/// Sends a browser on, by GET whatever it came by (security.md 92).
pub(super) fn see_other(location: &str) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SEE_OTHER;
    if let Ok(mut location) = HeaderValue::from_str(location) {
        // It may be one that carries a value.
        location.set_sensitive(true);
        response.headers_mut().insert(header::LOCATION, location);
    }
    response
}
