//! Who sent a request, as far as it shows?

use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::ConnectInfo,
    http::{Extensions, HeaderMap, header, request::Parts},
};

use crate::service::{AuthorizationHeader, PresentedRequest};

/// The address of the socket's other end. `X-Forwarded-For` and its kin are not read: anybody
/// can write them (security.md 109).
pub(super) fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map(|ConnectInfo(address)| address.ip())
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
