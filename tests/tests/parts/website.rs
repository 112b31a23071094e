//! What does another site do to a browser, and what does the browser tell it?

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::{Router, body::Body};
use http::{Request, Response, StatusCode, header};
use tokio::{sync::watch, task::JoinHandle};

/// How long a visit may be awaited.
const PATIENCE: Duration = Duration::from_secs(20);

/// A site on a free port of loopback. Ends when dropped.
pub(crate) struct Website {
    address: SocketAddr,
    visits: Arc<watch::Sender<Vec<Visit>>>,
    serving: JoinHandle<()>,
}

/// One request that it got, without its body.
pub(crate) type Visit = Request<()>;

impl Website {
    /// Answers each visit like this.
    pub(crate) async fn answering(
        answer: impl Fn(&Visit) -> Response<String> + Clone + Send + Sync + 'static,
    ) -> Website {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let address = listener.local_addr().expect("an address");
        let visits = Arc::new(watch::Sender::new(Vec::new()));
        let log = visits.clone();
        let router = Router::new().fallback(async move |request: Request<Body>| {
            let (parts, _body) = request.into_parts();
            let visit = Visit::from_parts(parts, ());
            // Browsers ask for it on their own: it is no visit.
            if visit.uri().path() == "/favicon.ico" {
                return self::answer(StatusCode::NOT_FOUND, &[], "");
            }
            let answer = answer(&visit);
            log.send_modify(|visits: &mut Vec<Visit>| visits.push(visit));
            answer
        });
        let serving =
            tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Website {
            address,
            visits,
            serving,
        }
    }

    /// Shows this page at every path.
    pub(crate) async fn showing(html: impl Into<String>) -> Website {
        let html = html.into();
        Website::answering(move |_visit| page(&html)).await
    }

    /// An address of it, under a name for it: `127.0.0.1`, `localhost`, or what the browser was told to take for it.
    pub(crate) fn url(&self, host: &str, path: &str) -> String {
        format!("http://{host}:{}{path}", self.address.port())
    }

    /// The visits so far to this path, the oldest first.
    pub(crate) fn visits(&self, path: &str) -> Vec<Visit> {
        let visits = self.visits.borrow();
        visits
            .iter()
            .filter(|visit| visit.uri().path() == path)
            .cloned()
            .collect()
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Waits until this path was visited so often, and answers the last of these visits.
    pub(crate) async fn visited(&self, path: &str, count: usize) -> Visit {
        let mut visits = self.visits.subscribe();
        let is_at_path = |visit: &&Visit| visit.uri().path() == path;
        let is_enough = |visits: &Vec<Visit>| visits.iter().filter(is_at_path).count() >= count;
        let waiting = tokio::time::timeout(PATIENCE, visits.wait_for(is_enough)).await;
        assert!(waiting.is_ok(), "nobody visits {path}");
        drop(waiting);
        self.visits(path).swap_remove(count - 1)
    }
}

impl Drop for Website {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// A page of HTML.
pub(crate) fn page(html: &str) -> Response<String> {
    answer(
        StatusCode::OK,
        &[(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        html,
    )
}

/// A redirect by GET.
pub(crate) fn see_other(to: &str) -> Response<String> {
    answer(StatusCode::SEE_OTHER, &[(header::LOCATION, to)], "")
}

/// Any answer.
pub(crate) fn answer(
    status: StatusCode,
    headers: &[(header::HeaderName, &str)],
    body: &str,
) -> Response<String> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, *value);
    }
    response.body(body.to_owned()).expect("a response")
}

/// A header of a visit, empty when it is not there.
pub(crate) fn header_of<'a>(visit: &'a Visit, name: &str) -> &'a str {
    visit
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().expect("ASCII"))
}
