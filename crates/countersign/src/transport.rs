//! How does one request leave and one response come back?

use std::{path::Path, pin::Pin};

use bytes::Bytes;

/// One request, one response. Laws: no redirects followed, no retries, a body of at most 1 MiB, an
/// answer within its time limit or an error. (Implemented by the HTTP client and by the test wire.)
pub trait Transport: Send + Sync {
    /// Sends.
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + '_>>;
}

/// Why no response came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportError {
    Connect(String),
    Timeout,
    Tls(String),
    Interrupted(String),
    TooLarge,
    Settings(String),
}

impl TransportError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        todo!()
    }
}

/// HTTP by reqwest over rustls. TLS 1.2 or later, host name and chain always verified; `http` on loopback only.
#[derive(Clone, Debug)]
pub struct HttpTransport {}

impl HttpTransport {
    /// Starts with the operating system's certificate authorities and proxy settings, 5 s to connect, 10 s in all.
    pub fn builder() -> HttpTransportBuilder {
        todo!()
    }
}

/// Settings of an [`HttpTransport`].
#[derive(Debug)]
#[must_use]
pub struct HttpTransportBuilder {}

impl HttpTransportBuilder {
    /// Trusts the certificate authorities of a PEM file besides those of the operating system.
    pub fn ca_bundle(self, _pem_file: &Path) -> Self {
        todo!()
    }
    /// Goes through a proxy instead of what the environment says.
    pub fn proxy(self, _url: url::Url) -> Self {
        todo!()
    }
    /// Goes through no proxy.
    pub fn no_proxy(self) -> Self {
        todo!()
    }
    /// The limit for one request and its answer. 1 s to 120 s, default 10 s.
    pub fn timeout(self, _limit: std::time::Duration) -> Self {
        todo!()
    }
    /// Reads the files and makes the transport.
    pub fn build(self) -> Result<HttpTransport, TransportError> {
        todo!()
    }
}

impl Transport for HttpTransport {
    fn send(
        &self,
        _request: http::Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + '_>>
    {
        todo!()
    }
}
