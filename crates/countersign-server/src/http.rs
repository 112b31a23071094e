//! Which endpoint answers which request?

mod error;

mod request_scope;

mod forwarded;

mod sender;

mod form;

mod token;

mod introspect;

mod revoke;

mod jwks;

mod metadata;

mod health;

mod metrics;

mod openapi;

mod api;

mod pages;

mod login;

mod console;

use axum::{
    Router,
    http::{Method, StatusCode, Uri},
    middleware,
    response::Response,
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

use crate::Platform;

/// Everything that a platform serves. Paths stand under the issuer's path, but for health,
/// metrics and the RFC 8414 document, which stand at the root.
pub(crate) fn router(platform: &Platform) -> Router {
    let base = platform.base_path();
    let [inserted, appended] = platform.well_known_paths();
    let mut router = Router::new()
        .route(&format!("{base}/oauth2/token"), post(token::answer))
        .route(
            &format!("{base}/oauth2/introspect"),
            post(introspect::answer),
        )
        .route(&format!("{base}/oauth2/revoke"), post(revoke::answer))
        .route(&format!("{base}/jwks.json"), get(jwks::answer))
        .route(
            &format!("{base}/openapi.json"),
            openapi::route(platform.issuer()),
        )
        .route(&inserted, get(metadata::answer))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .route("/metrics", get(metrics::answer))
        .merge(api::routes(platform, &format!("{base}/api/v1")))
        .merge(pages::routes(base))
        .merge(login::routes(base))
        .merge(console::routes(platform));
    if appended != inserted {
        router = router.route(&appended, get(metadata::answer));
    }
    router
        .fallback(no_such_endpoint)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(middleware::from_fn_with_state(
            platform.clone(),
            request_scope::scope,
        ))
        .with_state(platform.clone())
}

async fn no_such_endpoint() -> Response {
    error::problem(
        StatusCode::NOT_FOUND,
        "there is no such endpoint".to_owned(),
    )
}

async fn wrong_method(method: Method, uri: Uri) -> Response {
    if uri.path().contains("/oauth2/") {
        return error::wrong_method_at_oauth();
    }
    let detail = format!("{method} is not a method of this endpoint");
    error::problem(StatusCode::METHOD_NOT_ALLOWED, detail)
}
