//! What of a request says who sent it?

use std::net::IpAddr;

use countersign_proto::{
    bearer::{self, BearerError},
    thumbprint::Thumbprint,
    token::TokenType,
};
use http::{Extensions, HeaderMap, Method, Request, Uri, request::Parts};

use crate::{PeerAddress, Refusal};

/// The certificate of the other end of a TLS connection, as a request extension. Whoever ends the TLS
/// connection puts it there: with it, tokens that are bound to a certificate can be taken (RFC 8705 §3).
///
/// Never from a header, unless that header is from a proxy that removes it from what it passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    thumbprint: Thumbprint,
}

impl PeerCertificate {
    /// The first certificate of the connection, as DER. It is digested here: make one for each
    /// connection rather than for each request.
    pub fn from_der(der: &[u8]) -> PeerCertificate {
        PeerCertificate {
            thumbprint: Thumbprint::sha256_of(der),
        }
    }

    pub(crate) fn thumbprint(&self) -> Thumbprint {
        self.thumbprint
    }
}

/// The parts of a request that a guard looks at.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) extensions: &'a Extensions,
}

/// A token, and how it was presented.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'a> {
    pub(crate) token: &'a str,
    pub(crate) scheme: TokenType,
}

impl<'a> View<'a> {
    pub(crate) fn of<B>(request: &'a Request<B>) -> View<'a> {
        View {
            method: request.method(),
            uri: request.uri(),
            headers: request.headers(),
            extensions: request.extensions(),
        }
    }

    pub(crate) fn of_parts(parts: &'a Parts) -> View<'a> {
        View {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            extensions: &parts.extensions,
        }
    }

    /// The one token. One in the address is not taken (RFC 6750 §2.3), but it is a second one.
    pub(crate) fn presented(self) -> Result<Presented<'a>, Refusal> {
        match bearer::read_text(self.headers) {
            Ok(_) if self.has_token_in_address() => Err(Refusal::Several),
            Ok((token, scheme)) => Ok(Presented { token, scheme }),
            Err(BearerError::Several) => Err(Refusal::Several),
            Err(BearerError::Malformed) => Err(Refusal::Malformed),
            Err(_) => Err(Refusal::Missing),
        }
    }

    /// From where the request comes, when whoever accepted the connection says so.
    pub(crate) fn peer(self) -> Option<IpAddr> {
        let PeerAddress(peer) = self.extensions.get::<PeerAddress>()?;
        Some(peer.ip().to_canonical())
    }

    fn has_token_in_address(self) -> bool {
        let query = self.uri.query().unwrap_or_default();
        url::form_urlencoded::parse(query.as_bytes()).any(|(name, _)| name == "access_token")
    }
}
