//! How does one request to the issuer leave, and one response come back?

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    pin::Pin,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use countersign_proto::metadata::is_loopback;
use url::Url;

/// Bodies of responses may have at most so many bytes.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// How long a connection may take to be there.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// How long one request and its answer may take.
const LIMIT: Duration = Duration::from_secs(10);

/// One request, one response.
///
/// Laws: no redirects are followed, nothing is sent twice, a body of at most 1 MiB comes back. The
/// guard holds the last one and the time against it, whoever implements it.
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
    /// No connection, or no TLS session: with whom, and why.
    Connect(String),
    /// No whole answer within the time limit.
    Timeout,
    /// The connection ended before the answer did.
    Interrupted(String),
    /// The answer is longer than 1 MiB.
    TooLarge,
    /// The transport or the address is not usable as configured.
    Settings(String),
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TransportError::Connect(what) => write!(f, "no connection to {what}"),
            TransportError::Timeout => f.write_str("no answer within the time limit"),
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
/// TLS 1.2 or later; the host name and the chain are always verified. `http` is for loopback only, and
/// requests to loopback go through no proxy. 5 s to connect, 10 s in all.
#[derive(Clone)]
pub struct HttpTransport {
    loopback: reqwest::Client,
    outside: reqwest::Client,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destination {
    Loopback,
    Outside,
}

impl HttpTransport {
    /// With the operating system's certificate authorities and proxy settings. On a machine that has no
    /// authorities, nobody is trusted.
    ///
    /// # Errors
    /// [`TransportError::Settings`] when TLS cannot be set up.
    pub fn new() -> Result<HttpTransport, TransportError> {
        HttpTransport::trusting(&[])
    }

    /// Trusts the certificate authorities of a PEM file besides those of the operating system.
    ///
    /// # Errors
    /// [`TransportError::Settings`] when the file cannot be read or holds no certificate.
    pub fn with_ca_bundle(pem_file: &Path) -> Result<HttpTransport, TransportError> {
        let unusable = |why: String| {
            let shown = pem_file.display();
            TransportError::Settings(format!("the CA bundle {shown} {why}"))
        };
        let pem = std::fs::read(pem_file)
            .map_err(|error| unusable(format!("cannot be read: {error}")))?;
        let found = reqwest::Certificate::from_pem_bundle(&pem)
            .map_err(|_| unusable("is not a PEM file".to_owned()))?;
        if found.is_empty() {
            return Err(unusable("holds no certificate".to_owned()));
        }
        HttpTransport::trusting(&found)
    }

    fn trusting(authorities: &[reqwest::Certificate]) -> Result<HttpTransport, TransportError> {
        let build = |start: fn() -> reqwest::ClientBuilder| {
            let with_system = start().tls_certs_merge(authorities.iter().cloned());
            // The usual reason for a failure is a machine without any certificate authority. What was
            // given is then all there is; and whoever asks nobody, or loopback, needs none.
            with_system.build().or_else(|_| {
                let only_given = start().tls_certs_only(authorities.iter().cloned());
                only_given
                    .build()
                    .map_err(|error| TransportError::Settings(innermost(&error)))
            })
        };
        Ok(HttpTransport {
            loopback: build(|| start().no_proxy())?,
            outside: build(start)?,
        })
    }

    async fn exchange(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Bytes>, TransportError> {
        let url = Url::parse(&request.uri().to_string()).map_err(|_| {
            TransportError::Settings("the address of the request is not absolute".to_owned())
        })?;
        let client = match destination(&url)? {
            Destination::Loopback => &self.loopback,
            Destination::Outside => &self.outside,
        };
        let peer = peer(&url);
        let request = reqwest::Request::try_from(request)
            .map_err(|error| TransportError::Settings(innermost(&error.without_url())))?;
        let answer = client.execute(request).await;
        let mut answer = answer.map_err(|error| read_error(&peer, error))?;

        let mut response = http::Response::new(Bytes::new());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        let told = answer.content_length().unwrap_or_default();
        if told > MAX_BODY_BYTES as u64 {
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

impl fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HttpTransport")
    }
}

fn start() -> reqwest::ClientBuilder {
    let loopback = [
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
        SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
    ];
    reqwest::Client::builder()
        .user_agent(concat!("countersign-guard/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .connect_timeout(CONNECT_LIMIT)
        .timeout(LIMIT)
        // A resolver that lies about this name must not send a token over plain http elsewhere.
        .resolve_to_addrs("localhost", &loopback)
}

fn destination(url: &Url) -> Result<Destination, TransportError> {
    let loopback = is_loopback(url);
    match (url.scheme(), loopback) {
        ("https" | "http", true) => Ok(Destination::Loopback),
        ("https", false) if url.has_host() => Ok(Destination::Outside),
        _ => Err(TransportError::Settings(format!(
            "{}://{} is neither https nor http on loopback",
            url.scheme(),
            peer(url)
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

fn read_error(peer: &str, error: reqwest::Error) -> TransportError {
    let error = error.without_url();
    let told = format!("{peer}: {}", innermost(&error));
    if error.is_timeout() {
        TransportError::Timeout
    } else if error.is_connect() {
        TransportError::Connect(told)
    } else if error.is_builder() {
        TransportError::Settings(told)
    } else {
        TransportError::Interrupted(told)
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

#[cfg(test)]
mod tests {
    use super::*;

    // security.md 85
    #[test]
    fn only_https_goes_out_and_http_stays_on_loopback() {
        let of = |text: &str| destination(&Url::parse(text).unwrap());
        for text in [
            "https://127.0.0.1:1/",
            "http://localhost/",
            "http://[::1]:80/",
        ] {
            assert_eq!(of(text), Ok(Destination::Loopback), "{text}");
        }
        assert_eq!(of("https://id.example/"), Ok(Destination::Outside));
        for text in [
            "http://id.example/",
            "http://127.0.0.1.example/",
            "ftp://localhost/",
            "file:///etc/passwd",
            "data:,x",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
    }
}
