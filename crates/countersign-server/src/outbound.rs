//! How does the platform ask another server?
//!
//! TLS 1.2 or later, the host name and the chain always verified; `http` goes to loopback only, and
//! to loopback through no proxy. Nothing is redirected, nothing is sent twice, an answer has at most
//! 1 MiB and is there within the time limit, and only so many questions are asked at one time.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use countersign_proto::metadata::is_loopback;
use http::{HeaderName, HeaderValue, StatusCode, header};
use tokio::sync::Semaphore;
use url::Url;
use zeroize::Zeroizing;

/// Bytes of an answer.
const ANSWER_MAX: usize = 1024 * 1024;
/// Time to connect, within that of the whole question.
const CONNECT: Duration = Duration::from_secs(5);

/// Asks other servers. Cheap to clone; clones share connections and the limit.
#[derive(Clone)]
pub(crate) struct Outbound {
    inner: Arc<Inner>,
}

struct Inner {
    authorities: Vec<reqwest::Certificate>,
    /// Made when first used: reading the system's certificate authorities takes some milliseconds.
    loopback: OnceLock<Result<reqwest::Client, String>>,
    outside: OnceLock<Result<reqwest::Client, String>>,
    questions: Semaphore,
}

/// A form to be posted, and how the platform says who it is.
pub(crate) struct Form {
    /// `application/x-www-form-urlencoded`; wiped when dropped.
    pub(crate) body: Zeroizing<String>,
    /// The `Authorization` header.
    pub(crate) authorization: Option<HeaderValue>,
}

/// A JSON document to be posted, and how the platform says that it wrote it.
pub(crate) struct Signed {
    pub(crate) body: Vec<u8>,
    pub(crate) headers: [(HeaderName, HeaderValue); 2],
}

/// What came back, whatever its status. The body is wiped when dropped.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    /// The essence of `Content-Type`, in lower case.
    pub(crate) media_type: Option<String>,
    pub(crate) body: Zeroizing<Vec<u8>>,
}

/// Why nothing came back. Texts name the server, never a path, a query or a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum OutboundError {
    /// No connection, no TLS session, or it ended too early.
    #[error("{0}")]
    Unreachable(String),
    /// No whole answer within the time limit.
    #[error("{0} did not answer in time")]
    Slow(String),
    /// The answer is longer than 1 MiB.
    #[error("the answer of {0} is longer than 1 MiB")]
    TooLarge(String),
    /// An address that nothing is sent to.
    #[error("{0} is neither https nor on loopback")]
    Insecure(String),
}

impl Outbound {
    /// Trusts the certificate authorities of `ca_bundle` besides those of the system, and asks
    /// `at_once` questions at one time; others wait, within their own time limit.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn new(ca_bundle: Option<&Path>, at_once: usize) -> Result<Outbound, String> {
        match ca_bundle {
            Some(file) => Outbound::trusting("outbound.ca_bundle", file, at_once),
            None => Ok(Outbound::with(Vec::new(), at_once)),
        }
    }

    /// The same with the authorities that another setting names.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(crate) fn trusting(
        setting: &str,
        ca_bundle: &Path,
        at_once: usize,
    ) -> Result<Outbound, String> {
        let authorities =
            read_authorities(ca_bundle).map_err(|error| format!("{setting}: {error}"))?;
        Ok(Outbound::with(authorities, at_once))
    }

    fn with(authorities: Vec<reqwest::Certificate>, at_once: usize) -> Outbound {
        Outbound {
            inner: Arc::new(Inner {
                authorities,
                loopback: OnceLock::new(),
                outside: OnceLock::new(),
                questions: Semaphore::new(at_once),
            }),
        }
    }

    /// Fetches a JSON document.
    ///
    /// # Errors
    /// [`OutboundError`] when nothing came back.
    pub(crate) async fn get(&self, url: &Url, limit: Duration) -> Result<Answer, OutboundError> {
        let client = self.client(url)?;
        let request = client.get(url.clone());
        self.ask(request, url, limit).await
    }

    /// Posts a form.
    ///
    /// # Errors
    /// [`OutboundError`] when nothing came back.
    pub(crate) async fn post(
        &self,
        url: &Url,
        form: Form,
        limit: Duration,
    ) -> Result<Answer, OutboundError> {
        const FORM: HeaderValue = HeaderValue::from_static("application/x-www-form-urlencoded");
        let mut request = self.client(url)?.post(url.clone());
        if let Some(authorization) = form.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let request = request
            .header(header::CONTENT_TYPE, FORM)
            .body(Bytes::from_owner(form.body));
        self.ask(request, url, limit).await
    }

    /// Posts a document.
    ///
    /// # Errors
    /// [`OutboundError`] when nothing came back.
    pub(crate) async fn deliver(
        &self,
        url: &Url,
        document: Signed,
        limit: Duration,
    ) -> Result<Answer, OutboundError> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let request = self.client(url)?.post(url.clone());
        let request = request
            .headers(document.headers.into_iter().collect())
            .header(header::CONTENT_TYPE, JSON)
            .body(document.body);
        self.ask(request, url, limit).await
    }

    async fn ask(
        &self,
        request: reqwest::RequestBuilder,
        url: &Url,
        limit: Duration,
    ) -> Result<Answer, OutboundError> {
        let peer = peer(url);
        let answer = async {
            let _turn = self.inner.questions.acquire().await;
            let accept = HeaderValue::from_static("application/json");
            let request = request.header(header::ACCEPT, accept).timeout(limit);
            let answer = request.send().await.map_err(|error| told(&peer, error))?;
            read(&peer, answer).await
        };
        // Waiting for one's turn counts too.
        match tokio::time::timeout(limit, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(OutboundError::Slow(peer)),
        }
    }

    fn client(&self, url: &Url) -> Result<&reqwest::Client, OutboundError> {
        let loopback = is_loopback(url);
        if !is_permitted(url) {
            return Err(OutboundError::Insecure(peer(url)));
        }
        let place = if loopback {
            &self.inner.loopback
        } else {
            &self.inner.outside
        };
        place
            .get_or_init(|| self.inner.make(loopback))
            .as_ref()
            .map_err(|problem| OutboundError::Unreachable(problem.clone()))
    }
}

impl Answer {
    /// Whether it says that it is JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.media_type
            .as_deref()
            .is_some_and(|found| found == "application/json" || found.ends_with("+json"))
    }
}

/// Whether anything is sent there: https, or http on loopback.
pub(crate) fn is_permitted(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(url),
        _ => false,
    }
}

impl Inner {
    fn make(&self, loopback: bool) -> Result<reqwest::Client, String> {
        let with_system = start(loopback)
            .tls_certs_merge(self.authorities.iter().cloned())
            .build();
        // The usual reason is a machine without any certificate authority. What was given is then
        // all there is.
        with_system.or_else(|_| {
            start(loopback)
                .tls_certs_only(self.authorities.iter().cloned())
                .build()
                .map_err(|error| format!("no HTTP client can be made: {}", innermost(&error)))
        })
    }
}

fn start(loopback: bool) -> reqwest::ClientBuilder {
    let addresses = [
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
        SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
    ];
    let builder = reqwest::Client::builder()
        .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .tls_version_min(reqwest::tls::Version::TLS_1_2)
        .connect_timeout(CONNECT)
        // A resolver that lies about this name must not get plain http sent elsewhere.
        .resolve_to_addrs("localhost", &addresses);
    if loopback {
        builder.no_proxy()
    } else {
        builder
    }
}

/// The whole body, as long as it is not too long.
async fn read(peer: &str, mut answer: reqwest::Response) -> Result<Answer, OutboundError> {
    let media_type = answer
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    let announced = answer.content_length().unwrap_or(0);
    if announced > ANSWER_MAX as u64 {
        return Err(OutboundError::TooLarge(peer.to_owned()));
    }
    let room = usize::try_from(announced).unwrap_or(0);
    let mut body = Zeroizing::new(Vec::with_capacity(room.max(16 * 1024)));
    while let Some(chunk) = answer.chunk().await.map_err(|error| told(peer, error))? {
        if body.len() + chunk.len() > ANSWER_MAX {
            return Err(OutboundError::TooLarge(peer.to_owned()));
        }
        append(&mut body, &chunk);
    }
    Ok(Answer {
        status: answer.status(),
        media_type,
        body,
    })
}

/// Grows into new room when there is too little, and wipes the old one.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    let needed = body.len() + chunk.len();
    if needed > body.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.max(2 * body.capacity())));
        larger.extend_from_slice(body);
        *body = larger;
    }
    body.extend_from_slice(chunk);
}

fn peer(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port_or_known_default() {
        Some(port) => format!("{host}:{port}"),
        None => host.to_owned(),
    }
}

fn told(peer: &str, error: reqwest::Error) -> OutboundError {
    let error = error.without_url();
    if error.is_timeout() {
        OutboundError::Slow(peer.to_owned())
    } else {
        OutboundError::Unreachable(format!("{peer}: {}", innermost(&error)))
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

fn read_authorities(file: &Path) -> Result<Vec<reqwest::Certificate>, String> {
    let shown = file.display();
    let pem = std::fs::read(file).map_err(|error| format!("{shown}: {error}"))?;
    match reqwest::Certificate::from_pem_bundle(&pem) {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err(format!("{shown}: holds no certificate in PEM")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use axum::{
        Router,
        body::Body,
        http::{HeaderMap, Response},
        response::Redirect,
        routing::{get, post},
    };

    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);

    /// A server on loopback, for as long as the test runs.
    async fn serve(router: Router) -> Url {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        url.parse().unwrap()
    }

    fn outbound() -> Outbound {
        Outbound::new(None, 8).unwrap()
    }

    fn form(body: &str) -> Form {
        Form {
            body: Zeroizing::new(body.to_owned()),
            authorization: None,
        }
    }

    #[tokio::test]
    async fn an_answer_comes_back_with_its_status_and_its_type() {
        let answer = || async {
            Response::builder()
                .status(404)
                .header("content-type", "Application/JSON; charset=utf-8")
                .body(Body::from("{}"))
                .unwrap()
        };
        let url = serve(Router::new().route("/", get(answer))).await;
        let answer = outbound().get(&url, LIMIT).await.unwrap();
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
        assert!(answer.is_json());
        assert_eq!(*answer.body, b"{}");
    }

    #[tokio::test]
    async fn a_form_is_posted_with_its_authorization_and_nothing_of_ours() {
        let echo = |headers: HeaderMap, body: String| async move {
            let shown: HashMap<_, _> = headers
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
                .collect();
            format!(
                "{body} {:?} {:?}",
                shown.get("authorization"),
                shown.get("referer")
            )
        };
        let url = serve(Router::new().route("/", post(echo))).await;
        let form = Form {
            authorization: Some(HeaderValue::from_static("Basic eA==")),
            ..form("grant_type=x")
        };
        let answer = outbound().post(&url, form, LIMIT).await.unwrap();
        assert_eq!(
            String::from_utf8_lossy(&answer.body),
            "grant_type=x Some(\"Basic eA==\") None"
        );
    }

    // security.md 92
    #[tokio::test]
    async fn a_redirect_is_an_answer_and_is_not_followed() {
        let router = Router::new()
            .route("/", get(|| async { Redirect::temporary("/elsewhere") }))
            .route("/elsewhere", get(|| async { "reached" }));
        let url = serve(router).await;
        let answer = outbound().get(&url, LIMIT).await.unwrap();
        assert_eq!(answer.status, StatusCode::TEMPORARY_REDIRECT);
        assert!(answer.body.is_empty());
    }

    #[tokio::test]
    async fn an_answer_that_is_too_long_is_refused_announced_or_not() {
        let exact = || async { vec![b'x'; ANSWER_MAX] };
        let announced = || async { vec![b'x'; ANSWER_MAX + 1] };
        let endless = || async {
            let chunk = Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 4096]));
            Body::from_stream(futures_util::stream::repeat_with(move || {
                chunk
                    .as_ref()
                    .map(Clone::clone)
                    .map_err(|_| std::io::Error::other("end"))
            }))
        };
        let router = Router::new()
            .route("/exact", get(exact))
            .route("/announced", get(announced))
            .route("/endless", get(endless));
        let url = serve(router).await;
        let ask = |path: &str| {
            let url = url.join(path).unwrap();
            async move { outbound().get(&url, LIMIT).await }
        };
        assert_eq!(ask("exact").await.unwrap().body.len(), ANSWER_MAX);
        for path in ["announced", "endless"] {
            let Err(error) = ask(path).await else {
                panic!("{path}");
            };
            assert!(matches!(error, OutboundError::TooLarge(_)), "{error}");
        }
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_waited_for_no_longer_than_the_limit() {
        let never = || async { std::future::pending::<String>().await };
        let stalls = || async {
            let first = futures_util::stream::iter([Ok::<_, std::io::Error>("begun")]);
            Body::from_stream(futures_util::StreamExt::chain(
                first,
                futures_util::stream::pending(),
            ))
        };
        let url = serve(
            Router::new()
                .route("/never", get(never))
                .route("/stalls", get(stalls)),
        )
        .await;
        for path in ["never", "stalls"] {
            let url = url.join(path).unwrap();
            let answer = outbound().get(&url, Duration::from_millis(50)).await;
            assert!(matches!(answer, Err(OutboundError::Slow(_))), "{path}");
        }
    }

    #[tokio::test]
    async fn who_waits_for_his_turn_waits_no_longer_than_his_limit() {
        let outbound = Outbound::new(None, 1).unwrap();
        let turn = outbound.inner.questions.acquire().await.unwrap();
        let url = serve(Router::new().route("/", get(|| async { "ok" }))).await;
        let answer = outbound.get(&url, Duration::from_millis(20)).await;
        assert!(matches!(answer, Err(OutboundError::Slow(_))));
        drop(turn);
        assert!(outbound.get(&url, LIMIT).await.is_ok());
    }

    // security.md 108
    #[tokio::test]
    async fn plain_http_goes_to_loopback_only() {
        for address in [
            "http://example.com/",
            "http://localhost.example.com/",
            "http://192.0.2.1/",
            "ftp://localhost/",
            "file:///etc/passwd",
        ] {
            let url = address.parse().unwrap();
            let answer = outbound().get(&url, LIMIT).await;
            assert!(
                matches!(answer, Err(OutboundError::Insecure(_))),
                "{address}"
            );
        }
    }

    #[tokio::test]
    async fn a_server_that_is_away_is_named_without_the_path() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        drop(listener);
        let url = format!("http://{address}/token?secret=x").parse().unwrap();
        let Err(error) = outbound().post(&url, form("code=secret"), LIMIT).await else {
            panic!("nobody listens");
        };
        let told = error.to_string();
        assert!(told.contains(&address.to_string()), "{told}");
        assert!(
            !told.contains("secret") && !told.contains("token"),
            "{told}"
        );
    }

    #[test]
    fn a_ca_bundle_that_is_none_is_refused_by_name() {
        let file = tempfile::NamedTempFile::new().unwrap();
        for path in [file.path(), Path::new("/nowhere/ca.pem")] {
            let problem = Outbound::new(Some(path), 1).err().unwrap();
            assert!(problem.starts_with("outbound.ca_bundle: "), "{problem}");
            assert!(problem.contains(path.to_str().unwrap()), "{problem}");
        }
    }
}
