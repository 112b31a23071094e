//! Where does a server's API stand, and of which generation is it?

use std::fmt;

use http::{HeaderMap, Request, StatusCode, header};
use url::Url;

use crate::metadata::check_issuer;

/// How a server of the dialect signs people in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Generation {
    /// 9.x and 23.x: over a WebSocket; the API stands under `/tachyon/api`.
    WebSocket,
    /// 24.1 and later: by polling; the API stands under `/api`.
    Poll,
}

/// Where the API of a server stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Root {
    url: Url,
}

/// Why a text is no server of the dialect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServerError {
    /// It is neither https nor http on loopback, or has a user name, a query or a fragment.
    Address,
    /// It has a path: the dialect says by itself where the API stands.
    Path,
}

/// Reads the address of a server: `https://HOST` or `https://HOST:PORT`; `http` on loopback only.
///
/// # Errors
///
/// [`ServerError`].
pub fn server(text: &str) -> Result<Url, ServerError> {
    let url = check_issuer(text).map_err(|_| ServerError::Address)?;
    match url.path() {
        "/" => Ok(url),
        _ => Err(ServerError::Path),
    }
}

impl Generation {
    /// In the order in which they are looked for: a later server may answer for the earlier
    /// generation too.
    pub const PROBED: [Generation; 2] = [Generation::Poll, Generation::WebSocket];

    /// What is asked to find out whether a server is of this generation; [`is_answered`] reads it.
    pub fn probe(self, server: &Url) -> Request<Vec<u8>> {
        get(&Root::at(server, self.path()).endpoint("information"))
    }

    /// Where the API may stand, the likeliest first. Published clients ask some servers of the later
    /// generation under the path of the earlier.
    pub fn roots(self, server: &Url) -> Vec<Root> {
        let earlier = Root::at(server, Generation::WebSocket.path());
        match self {
            Generation::WebSocket => vec![earlier],
            Generation::Poll => vec![Root::at(server, self.path()), earlier],
        }
    }

    /// A word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Generation::WebSocket => "websocket",
            Generation::Poll => "poll",
        }
    }

    /// Servers take no notice of case; published clients write it in both.
    const fn path(self) -> &'static str {
        match self {
            Generation::WebSocket => "/tachyon/api",
            Generation::Poll => "/api",
        }
    }
}

/// Whether an answer to [`Generation::probe`] is one of an API: a success, and no page for people,
/// with which some sites answer whatever is asked.
pub fn is_answered(status: StatusCode, headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE);
    let media_type = media_type.and_then(|value| value.to_str().ok());
    let is_page = media_type.is_some_and(|found| {
        let found = found.trim_start().as_bytes();
        found
            .get(..9)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"text/html"))
    });
    status.is_success() && !is_page
}

impl Root {
    fn at(server: &Url, path: &str) -> Root {
        let mut url = server.clone();
        url.set_path(path);
        Root { url }
    }

    /// Where it is.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// An endpoint of authentication, for example `Logout`.
    pub(super) fn authentication(&self, name: &str) -> Url {
        self.endpoint(&format!("Authentication/{name}"))
    }

    /// Where the WebSocket of the earlier generation is opened (RFC 6455 §3).
    pub fn socket(&self) -> Url {
        let mut url = self.authentication("RequestAuthentication");
        let scheme = match url.scheme() {
            "https" => "wss",
            _ => "ws",
        };
        // Cannot fail: from one special scheme to another.
        let _ = url.set_scheme(scheme);
        url
    }

    fn endpoint(&self, name: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}/{name}", self.url.path()));
        url
    }
}

/// A request without a body.
pub(super) fn get(url: &Url) -> Request<Vec<u8>> {
    let mut request = Request::new(Vec::new());
    *request.uri_mut() = uri(url);
    request
}

/// A request with a body of JSON.
pub(super) fn post_json(url: &Url, body: Vec<u8>) -> Request<Vec<u8>> {
    let mut request = Request::new(body);
    *request.method_mut() = http::Method::POST;
    *request.uri_mut() = uri(url);
    let json = http::HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::CONTENT_TYPE, json);
    request
}

/// Cannot fail: a URL that was parsed is a URI, and none here is as long as one may be.
fn uri(url: &Url) -> http::Uri {
    url.as_str().parse().unwrap_or_default()
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ServerError::Address => "it is neither https://HOST nor http:// on loopback",
            ServerError::Path => "it has a path, and the dialect knows its own",
        })
    }
}

impl std::error::Error for ServerError {}
