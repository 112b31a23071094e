//! Who comes to a page of a sign-in, and which sign-in is it?

use axum::{
    extract::{FromRequestParts, Path},
    http::{HeaderMap, header, request::Parts},
    response::Response,
};
use countersign_proto::showable::showable;

use super::{cookie, end};
use crate::{
    Platform,
    http::{pages::message, sender},
    login::{Seen, TransactionSecret},
    service::login::{self, Browser, Found},
};

/// Characters of a handle: 128 bits in base64url.
const HANDLE: usize = 22;
/// Characters of a browser's name that are kept.
const USER_AGENT_MAX: usize = 160;

/// A browser that has a link.
pub(super) struct Visit {
    pub(super) platform: Platform,
    pub(super) handle: String,
    pub(super) headers: HeaderMap,
    pub(super) seen: Seen,
    /// What it has in its cookie for this link.
    pub(super) secret: Option<TransactionSecret>,
}

impl FromRequestParts<Platform> for Visit {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, platform: &Platform) -> Result<Visit, Response> {
        // The script of a page looks often, and nothing comes of it.
        if !parts.uri.path().ends_with("/state") {
            let peer = sender::peer(&parts.extensions);
            let admitted = platform.limiter().admit(peer, platform.now());
            admitted.map_err(|too_many| message::too_many(platform, too_many))?;
        }
        let handle = Path::<String>::from_request_parts(parts, platform)
            .await
            .map(|Path(handle)| handle)
            .unwrap_or_default();
        let is_handle = handle.len() == HANDLE
            && handle
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        if !is_handle {
            return Err(end::no_such_link(platform));
        }
        Ok(Visit {
            platform: platform.clone(),
            secret: cookie::secret_of(platform, &parts.headers, &handle),
            seen: seen(platform, parts),
            headers: parts.headers.clone(),
            handle,
        })
    }
}

impl Visit {
    /// The sign-in of the link, or the page that says that there is none.
    pub(super) async fn find(&self) -> Result<Found, Response> {
        match login::find(&self.platform, &self.handle).await {
            Ok(Some(found)) => Ok(found),
            Ok(None) => Err(end::no_such_link(&self.platform)),
            Err(fault) => Err(message::fault(&self.platform, &fault)),
        }
    }

    /// The browser, if it has a secret for this link.
    pub(super) fn browser(&self) -> Option<Browser> {
        Some(Browser {
            handle: self.handle.clone(),
            secret: self.secret.clone()?,
            seen: self.seen.clone(),
        })
    }

    /// Where a page of this sign-in stands, for a link in another.
    pub(super) fn path(&self, page: &str) -> String {
        path(&self.platform, &self.handle, page)
    }
}

/// Where a page of a sign-in stands.
pub(super) fn path(platform: &Platform, handle: &str, page: &str) -> String {
    format!("{}/login/{handle}{page}", platform.base_path())
}

/// What shows of a browser.
pub(super) fn seen(platform: &Platform, parts: &Parts) -> Seen {
    let user_agent = parts
        .headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    Seen {
        address: platform.observed(sender::peer(&parts.extensions)),
        user_agent: showable(user_agent, USER_AGENT_MAX),
    }
}
