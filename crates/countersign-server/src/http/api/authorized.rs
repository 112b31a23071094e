//! Who presented a token with this request?

use axum::{extract::FromRequestParts, http::request::Parts, response::Response};

use super::expiry;
use crate::{
    Platform,
    http::{console::ConsoleCaller, error, sender},
    service::{AccessRefusal, Caller, authorize},
};

/// A caller whose token, or whose session of the console, was believed. A handler that takes one cannot be reached without.
pub(super) struct Authorized(pub(super) Caller);

impl FromRequestParts<Platform> for Authorized {
    type Rejection = Response;

    async fn from_request_parts(
        parts: &mut Parts,
        platform: &Platform,
    ) -> Result<Authorized, Response> {
        if let Some(ConsoleCaller(caller)) = parts.extensions.remove() {
            return Ok(Authorized(caller));
        }
        let peer = sender::peer(&parts.extensions);
        platform
            .limiter()
            .admit_to_api(peer, platform.now())
            .map_err(|too_many| error::too_many_problem(platform, too_many))?;
        let request = sender::presented(parts);
        let registry = platform.registry();
        authorize(platform, &registry, &request, &[platform.issuer()])
            .await
            .map(|caller| {
                expiry::note(platform, &parts.extensions, &caller);
                Authorized(caller)
            })
            .map_err(|refusal| {
                if matches!(refusal, AccessRefusal::InvalidToken) {
                    sender::not_recognised(platform, peer, "api/v1");
                }
                error::access(platform, &refusal)
            })
    }
}
