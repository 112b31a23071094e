//! Who sent a request, as far as it shows?

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::{Extensions, HeaderMap, header, request::Parts},
};

use super::forwarded;
use crate::{
    Platform,
    events::{Event, EventName},
    service::{AuthorizationHeader, PresentedRequest},
};

/// Where a request set out.
#[derive(Clone, Copy, Debug)]
struct Origin(IpAddr);

/// Finds out where a request set out: the address of the socket's other end, or, if that is a proxy
/// that is trusted, the one that it names (security.md 109).
pub(super) fn locate(platform: &Platform, request: &mut Request) {
    let socket = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let Some(ConnectInfo(peer)) = socket else {
        return;
    };
    let proxies = &platform.settings().trusted_proxies;
    let origin = forwarded::origin(peer.ip(), proxies, request.headers());
    request.extensions_mut().insert(Origin(origin));
}

/// Where a request set out, as far as it is known.
pub(super) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<Origin>().map(|Origin(address)| *address)
}

/// Nobody was recognised: counts against the source, and tells the administrator.
pub(super) fn not_recognised(platform: &Platform, peer: Option<IpAddr>, endpoint: &str) {
    let now = platform.now();
    platform.limiter().failed(peer, now);
    let event = Event::new(EventName::AuthenticationRefused, endpoint, now).address(peer);
    platform
        .events()
        .raise(event.detail("nobody was recognised"));
}

/// Whether the request tries to authenticate by its `Authorization` header.
pub(super) fn authorization(headers: &HeaderMap) -> AuthorizationHeader {
    if headers.contains_key(header::AUTHORIZATION) {
        AuthorizationHeader::Present
    } else {
        AuthorizationHeader::Absent
    }
}

/// What of a request says who sent it and what for.
pub(super) fn presented(parts: &Parts) -> PresentedRequest<'_> {
    PresentedRequest {
        method: &parts.method,
        path: parts.uri.path(),
        headers: &parts.headers,
        peer: peer(&parts.extensions),
    }
}
