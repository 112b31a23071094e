//! How does a caller hear that its token ends soon?

use std::sync::{Arc, OnceLock};

use axum::{
    extract::Request,
    http::{Extensions, HeaderName, HeaderValue},
    middleware::Next,
    response::Response,
};
use countersign_proto::{management::GrantedState, time::UnixTime};

use crate::{Platform, service::Caller};

/// The end of the token that was presented, as an HTTP date (RFC 9110 §5.6.7).
pub(super) const TOKEN_EXPIRES: HeaderName = HeaderName::from_static("countersign-token-expires");

/// The end that the answer is to tell, once it is known.
#[derive(Clone, Default)]
struct Expiry(Arc<OnceLock<UnixTime>>);

/// Answers, and tells the end that was noted meanwhile.
pub(super) async fn tell(mut request: Request, next: Next) -> Response {
    let expiry = Expiry::default();
    request.extensions_mut().insert(expiry.clone());
    let mut response = next.run(request).await;
    let end = expiry.0.get().map(|end| end.to_http_date());
    if let Some(Ok(end)) = end.map(HeaderValue::try_from) {
        response.headers_mut().insert(TOKEN_EXPIRES, end);
    }
    response
}

/// Notes the end of a granted token that is near, or that has a successor.
pub(super) fn note(platform: &Platform, extensions: &Extensions, caller: &Caller) {
    let warned = platform.settings().tokens.expiry_warning;
    let end = caller.granted.as_ref().and_then(|row| {
        let state = row.state(platform.now(), warned);
        let is_near = matches!(state, GrantedState::Expiring | GrantedState::Rotated);
        row.ends_at().filter(|_| is_near)
    });
    if let (Some(end), Some(expiry)) = (end, extensions.get::<Expiry>()) {
        // Nobody noted it before: a request has one caller.
        let _ = expiry.0.set(end);
    }
}
