//! What happens to one call while there is chaos?

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    body::Body,
    extract::{Request, State},
    middleware::Next,
    response::Response,
};
use bytes::Bytes;
use countersign::{Clock as _, TransportError};
use futures_util::stream;
use http::{
    HeaderValue, StatusCode,
    header::{CONTENT_LENGTH, RETRY_AFTER},
};
use http_body_util::BodyExt as _;

use super::{
    Chaos, Harm, Refusal,
    fates::{self, Fate},
};
use crate::ManualClock;

/// The chaos of one platform, shared by its wire and its socket.
#[derive(Clone, Default)]
pub(crate) struct Unrest(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    harm: Harm,
    running: Option<Running>,
}

struct Running {
    chaos: Chaos,
    /// Of the hundred that is under way.
    fates: [Fate; 100],
}

/// What is done to one answer.
enum Deed {
    Nothing,
    Refuse(Refusal),
    Slow(Duration),
    Cut,
}

impl Unrest {
    /// Counts anew. The shares have at most a hundred in all.
    pub(crate) fn begin(&self, chaos: Chaos) {
        let mut inner = self.inner();
        inner.harm = Harm {
            seed: chaos.seed,
            ..Harm::default()
        };
        inner.running = Some(Running {
            fates: fates::of_a_hundred(&chaos, 0),
            chaos,
        });
    }

    /// No more harm.
    pub(crate) fn end(&self) -> Harm {
        let mut inner = self.inner();
        inner.running = None;
        inner.harm
    }

    pub(crate) fn harm(&self) -> Harm {
        self.inner().harm
    }

    /// What comes back over the wire in place of the platform's answer.
    pub(crate) async fn on_wire(
        &self,
        path: &str,
        answer: http::Response<Bytes>,
        clock: &ManualClock,
    ) -> Result<http::Response<Bytes>, TransportError> {
        match self.deed(path, answer.status()) {
            Deed::Nothing => Ok(answer),
            Deed::Refuse(refusal) => {
                let mut refused = http::Response::new(Bytes::new());
                refuse(&mut refused, refusal);
                Ok(refused)
            }
            Deed::Slow(delay) => {
                clock.sleep(delay).await;
                Ok(answer)
            }
            Deed::Cut => Err(TransportError::Interrupted(
                "the answer was cut in the middle".to_owned(),
            )),
        }
    }

    fn deed(&self, path: &str, status: StatusCode) -> Deed {
        let mut inner = self.inner();
        let Inner { harm, running } = &mut *inner;
        let Some(running) = running else {
            return Deed::Nothing;
        };
        if !status.is_success() || !running.chaos.place.has(path) {
            return Deed::Nothing;
        }
        let number = harm.good;
        harm.good += 1;
        if number > 0 && number % 100 == 0 {
            running.fates = fates::of_a_hundred(&running.chaos, number / 100);
        }
        match running.fates[(number % 100) as usize] {
            Fate::Pass => Deed::Nothing,
            Fate::Refuse => {
                harm.refused += 1;
                Deed::Refuse(running.chaos.refusal)
            }
            Fate::Slow => {
                harm.slowed += 1;
                Deed::Slow(running.chaos.delay)
            }
            Fate::Cut => {
                harm.cut += 1;
                Deed::Cut
            }
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // The state is whole between any two statements that hold the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What leaves the socket in place of the platform's answer.
pub(crate) async fn on_socket(
    State(unrest): State<Unrest>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let answer = next.run(request).await;
    match unrest.deed(&path, answer.status()) {
        Deed::Nothing => answer,
        Deed::Refuse(refusal) => {
            let mut refused = Response::new(Body::empty());
            refuse(&mut refused, refusal);
            refused
        }
        Deed::Slow(delay) => {
            tokio::time::sleep(delay).await;
            answer
        }
        Deed::Cut => cut(answer).await,
    }
}

fn refuse<B>(answer: &mut http::Response<B>, refusal: Refusal) {
    let (status, retry_after) = refusal.answer();
    *answer.status_mut() = status;
    if let Some(seconds) = retry_after {
        answer
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
}

/// The whole length is announced, and half of it sent. Then the server gives the connection up.
pub(super) async fn cut(answer: Response) -> Response {
    let (mut parts, body) = answer.into_parts();
    let body = match body.collect().await {
        Ok(body) => body.to_bytes(),
        Err(_) => Bytes::new(),
    };
    // Nothing is missing from an answer without a body unless it is said to have one.
    if body.is_empty() {
        parts.status = StatusCode::OK;
    }
    let announced = HeaderValue::from(body.len().max(1));
    parts.headers.insert(CONTENT_LENGTH, announced);
    let half = body.slice(..body.len() / 2);
    let torn = stream::unfold(Some(half), |half| async move {
        match half {
            Some(half) => Some((Ok(half), None)),
            None => {
                // What was written so far leaves while this waits.
                tokio::task::yield_now().await;
                Some((Err(std::io::Error::other("cut")), None))
            }
        }
    });
    Response::from_parts(parts, Body::from_stream(torn))
}
