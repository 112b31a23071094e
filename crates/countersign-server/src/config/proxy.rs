//! Which proxies does the platform believe, and what?

use crate::networks::Networks;

/// `listen.trusted_proxies`, `listen.proxy_header`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies {
    /// From where a proxy speaks.
    pub networks: Networks,
    /// Where it says by whom it was asked.
    pub header: ProxyHeader,
}

/// The one header that the proxies write. The other may come from anybody, so it is not read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    /// `X-Forwarded-For`
    #[default]
    XForwardedFor,
    /// `Forwarded` (RFC 7239)
    Forwarded,
}
