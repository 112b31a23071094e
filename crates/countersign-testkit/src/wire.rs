//! What may happen to a request between a client and a platform?

use std::{
    collections::VecDeque,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use countersign::{Clock as _, Transport, TransportError};
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use tokio::sync::watch;
use tower::ServiceExt as _;

use crate::{ManualClock, chaos::Unrest};

/// The largest answer that leaves the wire, as the law of [`Transport`] demands.
const MAX_ANSWER: usize = 1024 * 1024;

/// A [`Transport`] that is a function call into a platform: it counts, and misbehaves when told.
/// Clones are the same wire.
#[derive(Clone)]
pub struct Wire {
    platform: axum::Router,
    clock: ManualClock,
    state: Arc<Mutex<State>>,
    gate: Arc<watch::Sender<Gate>>,
    unrest: Unrest,
}

/// What happens to a request on its way.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing: it passes, to let good and bad alternate.
    None,
    /// The request never arrives.
    DropRequest,
    /// The request arrives and is answered; the answer is lost.
    DropAnswer,
    /// The request arrives after a time on the wire's clock.
    Delay(Duration),
    /// The request waits on the wire until [`Wire::release`], and then arrives.
    Hold,
    /// The answer loses its second half and its first byte is another one.
    CorruptAnswer,
    /// The request arrives twice; the second answer is the one that comes back.
    Replay,
    /// Something on the way answers with this HTTP status and an empty body; the request never arrives.
    Refuse(u16),
    /// Something on the way answers with this JSON body; the request never arrives.
    Answer {
        /// The HTTP status.
        status: u16,
        /// The body, sent as `application/json`.
        body: String,
    },
}

#[derive(Default)]
struct State {
    seen: Vec<Seen>,
    next: VecDeque<Fault>,
    always: Option<Fault>,
}

/// Where held requests wait.
#[derive(Default)]
struct Gate {
    held: usize,
    opened: u64,
}

struct Seen {
    path: String,
    request: Request<Vec<u8>>,
}

impl Wire {
    /// A wire to `platform`; delays pass, and answers are dated, on `clock`.
    pub fn new(platform: axum::Router, clock: ManualClock) -> Wire {
        Wire {
            platform,
            clock,
            state: Arc::default(),
            gate: Arc::default(),
            unrest: Unrest::default(),
        }
    }

    /// What is harmed by chaos. Others may share it.
    pub(crate) fn unrest(&self) -> &Unrest {
        &self.unrest
    }

    /// How many requests were sent, whatever became of them.
    pub fn requests(&self) -> usize {
        self.state().seen.len()
    }

    /// How many requests were sent to this path.
    pub fn requests_to(&self, path: &str) -> usize {
        self.state()
            .seen
            .iter()
            .filter(|seen| seen.path == path)
            .count()
    }

    /// Every request to this path as it was sent, oldest first. It holds assertions and tokens.
    pub fn sent_to(&self, path: &str) -> Vec<Request<Vec<u8>>> {
        self.state()
            .seen
            .iter()
            .filter(|seen| seen.path == path)
            .map(|seen| seen.request.clone())
            .collect()
    }

    /// The next request meets this fault. Several calls make a queue, one fault for each request.
    pub fn next(&self, fault: Fault) {
        self.state().next.push_back(fault);
    }

    /// Every request meets this fault, unless one is queued for it, until [`Wire::heal`].
    pub fn always(&self, fault: Fault) {
        self.state().always = Some(fault);
    }

    /// No more faults: what was queued is forgotten too.
    pub fn heal(&self) {
        let mut state = self.state();
        state.next.clear();
        state.always = None;
    }

    /// Ends when at least `count` requests are held by [`Fault::Hold`].
    pub async fn until_held(&self, count: usize) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self
            .gate
            .subscribe()
            .wait_for(|gate| gate.held >= count)
            .await;
    }

    /// Lets every request that is held now go on. None is held when this returns.
    pub fn release(&self) {
        self.gate.send_modify(|gate| {
            gate.held = 0;
            gate.opened += 1;
        });
    }

    /// Sends a request to the platform past all faults, chaos and counts, for instance one from [`Wire::sent_to`] again.
    pub async fn pass(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, TransportError> {
        let (mut parts, body) = request.into_parts();
        if let (None, Some(authority)) = (parts.headers.get(header::HOST), parts.uri.authority())
            && let Ok(host) = HeaderValue::from_str(authority.as_str())
        {
            parts.headers.insert(header::HOST, host);
        }
        let request = Request::from_parts(parts, axum::body::Body::from(body));
        let answer = match self.platform.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(never) => match never {},
        };
        let (mut parts, body) = answer.into_parts();
        let body = body
            .collect()
            .await
            .map_err(|error| TransportError::Interrupted(error.to_string()))?
            .to_bytes();
        if body.len() > MAX_ANSWER {
            return Err(TransportError::TooLarge);
        }
        // An HTTP server dates its answers (RFC 9110 §6.6.1); here there is none in between.
        if !parts.headers.contains_key(header::DATE)
            && let Ok(date) = HeaderValue::from_str(&self.clock.now().to_http_date())
        {
            parts.headers.insert(header::DATE, date);
        }
        Ok(Response::from_parts(parts, body))
    }

    async fn carry(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, TransportError> {
        match self.admit(&request) {
            Fault::None => self.deliver(request).await,
            Fault::DropRequest => Err(TransportError::Connect("the wire is cut".to_owned())),
            Fault::DropAnswer => {
                self.pass(request).await?;
                Err(TransportError::Interrupted(
                    "the answer was lost".to_owned(),
                ))
            }
            Fault::Delay(by) => {
                self.clock.sleep(by).await;
                self.deliver(request).await
            }
            Fault::Hold => {
                self.hold().await;
                self.deliver(request).await
            }
            Fault::CorruptAnswer => Ok(self.pass(request).await?.map(|body| corrupt(&body))),
            Fault::Replay => {
                self.pass(request.clone()).await?;
                self.pass(request).await
            }
            Fault::Refuse(status) => answer(status, String::new()),
            Fault::Answer { status, body } => answer(status, body),
        }
    }

    /// Passes, and what comes back may be harmed by chaos.
    async fn deliver(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, TransportError> {
        let path = request.uri().path().to_owned();
        let answer = self.pass(request).await?;
        self.unrest.on_wire(&path, answer, &self.clock).await
    }

    async fn hold(&self) {
        let mut gate = self.gate.subscribe();
        let held = Held::begin(&self.gate);
        let _ = gate.wait_for(|gate| gate.opened != held.opened).await;
    }

    fn admit(&self, request: &Request<Vec<u8>>) -> Fault {
        let mut state = self.state();
        state.seen.push(Seen {
            path: request.uri().path().to_owned(),
            request: request.clone(),
        });
        let queued = state.next.pop_front();
        queued
            .or_else(|| state.always.clone())
            .unwrap_or(Fault::None)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // The state is whole between any two statements that hold the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Transport for Wire {
    fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, TransportError>> + Send + '_>> {
        Box::pin(self.carry(request))
    }
}

/// Says how much passed, never what.
impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wire")
            .field("requests", &self.requests())
            .finish_non_exhaustive()
    }
}

/// Counts a request until it is released or given up.
struct Held<'a> {
    gate: &'a watch::Sender<Gate>,
    /// How often the gate had opened when this one came.
    opened: u64,
}

impl<'a> Held<'a> {
    fn begin(gate: &'a watch::Sender<Gate>) -> Self {
        let mut opened = 0;
        gate.send_modify(|gate| {
            gate.held += 1;
            opened = gate.opened;
        });
        Held { gate, opened }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.gate.send_if_modified(|gate| {
            let still_held = gate.opened == self.opened;
            gate.held -= usize::from(still_held);
            still_held
        });
    }
}

fn corrupt(body: &[u8]) -> Bytes {
    let half = &body[..body.len() / 2];
    half.iter()
        .enumerate()
        .map(|(at, byte)| if at == 0 { !byte } else { *byte })
        .collect()
}

fn answer(status: u16, body: String) -> Result<Response<Bytes>, TransportError> {
    Response::builder()
        .status(status)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Bytes::from(body))
        .map_err(|error| TransportError::Settings(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::routing::post;
    use countersign_proto::time::UnixTime;

    use super::*;

    /// A wire to something that counts and says `hello`.
    fn wire() -> (Wire, Arc<AtomicUsize>) {
        let arrived = Arc::new(AtomicUsize::new(0));
        let counter = arrived.clone();
        let router = axum::Router::new().route(
            "/hello",
            post(move || {
                counter.fetch_add(1, Ordering::SeqCst);
                async { "hello" }
            }),
        );
        let clock = ManualClock::new(UnixTime::from_secs(784_111_777));
        (Wire::new(router, clock), arrived)
    }

    fn hello() -> Request<Vec<u8>> {
        Request::post("https://platform.test/hello")
            .body(Vec::new())
            .unwrap()
    }

    #[tokio::test]
    async fn a_healthy_wire_counts_and_dates_what_passes() {
        let (wire, arrived) = wire();
        let answer = wire.send(hello()).await.unwrap();
        assert_eq!(answer.body(), "hello");
        // RFC 9110 §5.6.7 gives this moment as its example.
        assert_eq!(answer.headers()["date"], "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(
            (
                wire.requests(),
                wire.requests_to("/hello"),
                wire.requests_to("/other")
            ),
            (1, 1, 0)
        );
        assert_eq!(arrived.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn a_request_or_its_answer_is_lost_when_told() {
        let (wire, arrived) = wire();
        wire.next(Fault::DropRequest);
        wire.next(Fault::DropAnswer);
        assert!(matches!(
            wire.send(hello()).await,
            Err(TransportError::Connect(_))
        ));
        assert_eq!(arrived.load(Ordering::SeqCst), 0);
        assert!(matches!(
            wire.send(hello()).await,
            Err(TransportError::Interrupted(_))
        ));
        assert_eq!(arrived.load(Ordering::SeqCst), 1);
        assert!(wire.send(hello()).await.is_ok());
    }

    #[tokio::test]
    async fn a_fault_that_is_always_there_goes_when_the_wire_heals() {
        let (wire, arrived) = wire();
        wire.always(Fault::Refuse(503));
        assert_eq!(wire.send(hello()).await.unwrap().status(), 503);
        assert_eq!(wire.send(hello()).await.unwrap().status(), 503);
        wire.heal();
        assert_eq!(wire.send(hello()).await.unwrap().status(), 200);
        assert_eq!((wire.requests(), arrived.load(Ordering::SeqCst)), (3, 1));
    }

    #[tokio::test]
    async fn a_replayed_request_arrives_twice_and_a_corrupt_answer_is_another() {
        let (wire, arrived) = wire();
        wire.next(Fault::Replay);
        assert_eq!(wire.send(hello()).await.unwrap().body(), "hello");
        assert_eq!(arrived.load(Ordering::SeqCst), 2);
        wire.next(Fault::CorruptAnswer);
        assert_eq!(wire.send(hello()).await.unwrap().body(), &[!b'h', b'e'][..]);
    }

    #[tokio::test]
    async fn a_delayed_request_waits_for_the_clock_and_for_nothing_else() {
        let (wire, arrived) = wire();
        wire.next(Fault::Delay(Duration::from_secs(3600)));
        let sending = tokio::spawn({
            let wire = wire.clone();
            async move { wire.send(hello()).await }
        });
        wire.clock.until_sleeping(1).await;
        assert_eq!(arrived.load(Ordering::SeqCst), 0);
        wire.clock.advance(Duration::from_secs(3600));
        assert_eq!(sending.await.unwrap().unwrap().status(), 200);
    }

    #[tokio::test]
    async fn a_held_request_waits_until_it_is_released() {
        let (wire, arrived) = wire();
        wire.next(Fault::Hold);
        let sending = tokio::spawn({
            let wire = wire.clone();
            async move { wire.send(hello()).await }
        });
        wire.until_held(1).await;
        assert_eq!(arrived.load(Ordering::SeqCst), 0);
        wire.release();
        assert_eq!(sending.await.unwrap().unwrap().status(), 200);
        // What comes later passes.
        assert!(wire.send(hello()).await.is_ok());
    }
}
