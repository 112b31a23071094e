//! How does one request leave and one response come back?

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
    pin::Pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use countersign_proto::metadata::is_loopback;
use url::Url;

/// Bodies of responses may have at most so many bytes.
pub(crate) const MAX_BODY_BYTES: usize = 1024 * 1024;

/// One request, one response.
///
/// Laws: no redirects are followed, nothing is sent twice, a body of at most 1 MiB comes back, and
/// there is an answer within the transport's time limit or an error.
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
    /// No connection: to whom, and why.
    Connect(String),
    /// No whole answer within the time limit.
    Timeout,
    /// No TLS session: with whom, and why.
    Tls(String),
    /// The connection ended before the answer did.
    Interrupted(String),
    /// The answer is longer than 1 MiB.
    TooLarge,
    /// The transport or the address is not usable as configured.
    Settings(String),
}

impl TransportError {
    /// Whether the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            TransportError::Connect(_)
            | TransportError::Timeout
            | TransportError::Interrupted(_) => true,
            TransportError::Tls(_) | TransportError::TooLarge | TransportError::Settings(_) => {
                false
            }
        }
    }
}

impl std::fmt::Display for TransportError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TransportError::Connect(what) => write!(f, "no connection to {what}"),
            TransportError::Timeout => f.write_str("no answer within the time limit"),
            TransportError::Tls(what) => write!(f, "no TLS session with {what}"),
            TransportError::Interrupted(what) => {
                write!(f, "the connection ended before the answer did: {what}")
            }
            TransportError::TooLarge => f.write_str("the answer is longer than 1 MiB"),
            TransportError::Settings(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for TransportError {}

/// HTTP by reqwest over rustls.
///
/// TLS 1.2 or later; the host name and the chain are always verified. `http` is for loopback only,
/// and requests to loopback go through no proxy.
#[derive(Clone)]
pub struct HttpTransport {
    inner: Arc<Inner>,
}

struct Inner {
    authorities: Vec<reqwest::Certificate>,
    proxy: Proxy,
    timeout: Duration,
    requests: Wires,
    sockets: Wires,
}

/// Made when first used: reading the system's certificate authorities takes some milliseconds.
#[derive(Default)]
struct Wires {
    loopback: OnceLock<Result<Wire, TransportError>>,
    outside: OnceLock<Result<Wire, TransportError>>,
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    /// One request and its answer.
    Request,
    /// To become something else than HTTP, which is possible by HTTP/1.1 only (RFC 9110 §7.8).
    Upgrade,
}

#[derive(Clone)]
struct Wire {
    client: reqwest::Client,
    /// No certificate authority at all could be found on this machine.
    trusts_nobody: bool,
}

#[derive(Clone)]
enum Proxy {
    FromEnvironment,
    None,
    By(Url),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destination {
    Loopback,
    Outside,
}

impl HttpTransport {
    /// Starts with the operating system's certificate authorities and proxy settings, 5 s to
    /// connect, 10 s in all.
    pub fn builder() -> HttpTransportBuilder {
        HttpTransportBuilder {
            ca_bundles: Vec::new(),
            proxy: Proxy::FromEnvironment,
            timeout: Duration::from_secs(10),
        }
    }

    /// A request that turns its connection into something else. The answer has the connection when
    /// its status is 101, and only then.
    pub(crate) async fn upgrade(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Option<reqwest::Upgraded>>, TransportError> {
        let (peer, mut answer) = self.answer(request, Purpose::Upgrade).await?;
        let mut response = http::Response::new(None);
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        if answer.status() == http::StatusCode::SWITCHING_PROTOCOLS {
            let upgraded = answer.upgrade().await;
            *response.body_mut() = Some(upgraded.map_err(|error| read_error(&peer, error))?);
        }
        Ok(response)
    }

    async fn answer(
        &self,
        request: http::Request<Vec<u8>>,
        purpose: Purpose,
    ) -> Result<(String, reqwest::Response), TransportError> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| {
            TransportError::Settings("the address of the request is not absolute".to_owned())
        })?;
        let destination = destination(&url)?;
        let wire = self.inner.wire(destination, purpose)?;
        let peer = peer(&url);
        if wire.trusts_nobody && url.scheme() == "https" {
            return Err(TransportError::Tls(format!(
                "{peer}: no certificate authorities were found on this machine (looked where \
                 SSL_CERT_FILE and SSL_CERT_DIR say, if they are set, and in the system's store)"
            )));
        }
        let request = reqwest::Request::try_from(request)
            .map_err(|error| TransportError::Settings(innermost(&error.without_url())))?;
        let answer = wire.client.execute(request).await;
        let answer = answer.map_err(|error| read_error(&peer, error))?;
        Ok((peer, answer))
    }

    async fn exchange(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let (peer, mut answer) = self.answer(request, Purpose::Request).await?;

        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        if answer
            .content_length()
            .is_some_and(|length| length > MAX_BODY_BYTES as u64)
        {
            return Err(TransportError::TooLarge);
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = answer
            .chunk()
            .await
            .map_err(|error| read_error(&peer, error))?
        {
            if body.len() + chunk.len() > MAX_BODY_BYTES {
                return Err(TransportError::TooLarge);
            }
            body.extend_from_slice(&chunk);
        }
        *response.body_mut() = body.freeze();
        Ok(response)
    }
}

impl Transport for HttpTransport {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + '_>>
    {
        Box::pin(self.exchange(request))
    }
}

/// Settings of an [`HttpTransport`].
#[derive(Debug)]
#[must_use]
pub struct HttpTransportBuilder {
    ca_bundles: Vec<PathBuf>,
    proxy: Proxy,
    timeout: Duration,
}

impl HttpTransportBuilder {
    /// Trusts the certificate authorities of a PEM file besides those of the operating system.
    pub fn ca_bundle(mut self, pem_file: &Path) -> Self {
        self.ca_bundles.push(pem_file.to_owned());
        self
    }

    /// Goes through a proxy (`http` or `https`; by `CONNECT`, so that it sees no request) instead
    /// of what the environment says.
    pub fn proxy(mut self, url: Url) -> Self {
        self.proxy = Proxy::By(url);
        self
    }

    /// Goes through no proxy.
    pub fn no_proxy(mut self) -> Self {
        self.proxy = Proxy::None;
        self
    }

    /// The limit for one request and its answer. 1 s to 120 s, default 10 s.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = limit;
        self
    }

    /// Reads the files and makes the transport.
    ///
    /// # Errors
    /// [`TransportError::Settings`] names the setting that is not usable.
    pub fn build(self) -> Result<HttpTransport, TransportError> {
        if !(Duration::from_secs(1)..=Duration::from_secs(120)).contains(&self.timeout) {
            return Err(TransportError::Settings(format!(
                "the time limit of a request must be 1 s to 120 s, not {:?}",
                self.timeout
            )));
        }
        if let Proxy::By(url) = &self.proxy
            && (!matches!(url.scheme(), "http" | "https") || !url.has_host())
        {
            return Err(TransportError::Settings(format!(
                "the proxy {}://{} is not an http or https address",
                url.scheme(),
                url.host_str().unwrap_or_default()
            )));
        }
        let mut authorities = Vec::new();
        for file in &self.ca_bundles {
            authorities.extend(read_authorities(file)?);
        }
        Ok(HttpTransport {
            inner: Arc::new(Inner {
                authorities,
                proxy: self.proxy,
                timeout: self.timeout,
                requests: Wires::default(),
                sockets: Wires::default(),
            }),
        })
    }
}

impl std::fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpTransport")
            .field("proxy", &self.inner.proxy)
            .field("timeout", &self.inner.timeout)
            .finish_non_exhaustive()
    }
}

/// The address of a proxy may hold a password: only where it is gets printed.
impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Proxy::FromEnvironment => f.write_str("FromEnvironment"),
            Proxy::None => f.write_str("None"),
            Proxy::By(url) => write!(f, "By({})", peer(url)),
        }
    }
}

/// Whether a token may be sent there: https, or http on loopback.
pub(crate) fn is_secure(url: &Url) -> bool {
    destination(url).is_ok()
}

impl Inner {
    fn wire(&self, destination: Destination, purpose: Purpose) -> Result<&Wire, TransportError> {
        let wires = match purpose {
            Purpose::Request => &self.requests,
            Purpose::Upgrade => &self.sockets,
        };
        let (place, proxy) = match destination {
            Destination::Loopback => (&wires.loopback, &Proxy::None),
            Destination::Outside => (&wires.outside, &self.proxy),
        };
        place
            .get_or_init(|| self.make_wire(proxy, purpose))
            .as_ref()
            .map_err(TransportError::clone)
    }

    fn make_wire(&self, proxy: &Proxy, purpose: Purpose) -> Result<Wire, TransportError> {
        let with_system = self
            .start(proxy, purpose)?
            .tls_certs_merge(self.authorities.iter().cloned())
            .build();
        let (client, trusts_nobody) = match with_system {
            Ok(client) => (client, false),
            // The usual reason is a machine without any certificate authority. What was given is
            // then all there is.
            Err(_) => {
                let only_given = self
                    .start(proxy, purpose)?
                    .tls_certs_only(self.authorities.iter().cloned())
                    .build()
                    .map_err(|error| TransportError::Settings(innermost(&error)))?;
                (only_given, self.authorities.is_empty())
            }
        };
        Ok(Wire {
            client,
            trusts_nobody,
        })
    }

    fn start(
        &self,
        proxy: &Proxy,
        purpose: Purpose,
    ) -> Result<reqwest::ClientBuilder, TransportError> {
        let loopback = [
            SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
        ];
        let builder = reqwest::Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .tls_version_min(reqwest::tls::Version::TLS_1_2)
            .connect_timeout(Duration::from_secs(5).min(self.timeout))
            .timeout(self.timeout)
            // A resolver that lies about this name must not send a token over plain http elsewhere.
            .resolve_to_addrs("localhost", &loopback);
        let builder = match purpose {
            Purpose::Request => builder,
            Purpose::Upgrade => builder.http1_only(),
        };
        Ok(match proxy {
            Proxy::FromEnvironment => builder,
            Proxy::None => builder.no_proxy(),
            Proxy::By(url) => {
                builder.proxy(reqwest::Proxy::https(url.clone()).map_err(|error| {
                    TransportError::Settings(format!("the proxy is not usable: {error}"))
                })?)
            }
        })
    }
}

fn destination(url: &Url) -> Result<Destination, TransportError> {
    let loopback = is_loopback(url);
    match (url.scheme(), loopback) {
        ("https" | "http", true) => Ok(Destination::Loopback),
        ("https", false) if url.has_host() => Ok(Destination::Outside),
        ("http", false) => Err(TransportError::Settings(format!(
            "http://{} is not on loopback: only https goes out",
            peer(url)
        ))),
        (scheme, _) => Err(TransportError::Settings(format!(
            "the scheme {scheme} is neither https nor http"
        ))),
    }
}

fn peer(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn read_authorities(file: &Path) -> Result<Vec<reqwest::Certificate>, TransportError> {
    let shown = file.display();
    let pem = std::fs::read(file).map_err(|error| {
        TransportError::Settings(format!("the CA bundle {shown} cannot be read: {error}"))
    })?;
    let found = reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| {
        TransportError::Settings(format!("the CA bundle {shown} is not a PEM file"))
    })?;
    if found.is_empty() {
        return Err(TransportError::Settings(format!(
            "the CA bundle {shown} holds no certificate"
        )));
    }
    Ok(found)
}

fn read_error(peer: &str, error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    if error.is_timeout() {
        return TransportError::Timeout;
    }
    let reason = innermost(&error);
    if let Some(tls) = tls_reason(&error) {
        TransportError::Tls(format!("{peer}: {tls}"))
    } else if error.is_connect() {
        TransportError::Connect(format!("{peer}: {reason}"))
    } else if error.is_builder() {
        TransportError::Settings(reason)
    } else {
        TransportError::Interrupted(format!("{peer}: {reason}"))
    }
}

/// The last reason of a chain of reasons: the one that says something.
fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut reason = error;
    while let Some(source) = reason.source() {
        reason = source;
    }
    reason.to_string()
}

/// What rustls said, if it was rustls that refused. An I/O error hides its inside from `source`.
fn tls_reason(error: &(dyn std::error::Error + 'static)) -> Option<String> {
    let mut reason = Some(error);
    while let Some(current) = reason {
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return Some(tls.to_string());
        }
        let inside = current
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        if let Some(found) = inside.and_then(|inside| tls_reason(inside)) {
            return Some(found);
        }
        reason = current.source();
    }
    None
}

#[cfg(test)]
mod tests;
