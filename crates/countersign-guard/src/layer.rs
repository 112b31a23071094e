//! How does a guard stand before a service?

use std::{
    mem,
    pin::Pin,
    task::{Context, Poll},
};

use http::{HeaderName, Request, Response, header::AUTHORIZATION};
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;

use crate::{Guard, Refusal, guard::Verdict, presented::View};

/// Puts a [`Guard`] before a service: axum, hyper, tonic, any tower service whose answers have a body
/// that can be empty.
#[derive(Clone, Debug)]
pub struct GuardLayer {
    guard: Guard,
}

/// A service behind a guard: each request that gets there has a [`crate::Caller`] in its extensions.
#[derive(Clone, Debug)]
pub struct Guarded<S> {
    inner: S,
    guard: Guard,
}

impl GuardLayer {
    pub(crate) fn new(guard: Guard) -> GuardLayer {
        GuardLayer { guard }
    }
}

impl<S> Layer<S> for GuardLayer {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded {
            inner,
            guard: self.guard.clone(),
        }
    }
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Answering<S::Future, R, S::Error>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // What follows may log the headers, and token and proof are nobody's business any more.
        for name in [AUTHORIZATION, HeaderName::from_static("dpop")] {
            if let Some(value) = request.headers_mut().get_mut(name) {
                value.set_sensitive(true);
            }
        }
        match self.guard.verdict(View::of(&request)) {
            Verdict::Done(Ok(caller)) => {
                request.extensions_mut().insert(caller);
                Answering::by_service(self.inner.call(request))
            }
            Verdict::Done(Err(refusal)) => Answering::refused(&refusal),
            Verdict::Ask(_) => {
                let guard = self.guard.clone();
                // The one that is ready is the one that is called.
                let spare = self.inner.clone();
                let mut inner = mem::replace(&mut self.inner, spare);
                Answering::after(async move {
                    let (mut parts, body) = request.into_parts();
                    match guard.check(&parts).await {
                        Ok(caller) => {
                            parts.extensions.insert(caller);
                            inner.call(Request::from_parts(parts, body)).await
                        }
                        Err(refusal) => Ok(refusal.response()),
                    }
                })
            }
        }
    }
}

type Waiting<R, E> = Pin<Box<dyn Future<Output = Result<Response<R>, E>> + Send>>;

pin_project! {
    /// The answer to a request that passed a layer of the guard, or was refused by it.
    pub struct Answering<F, R, E> {
        #[pin]
        way: Way<F, R, E>,
    }
}

pin_project! {
    #[project = WayProjection]
    enum Way<F, R, E> {
        Service { #[pin] answer: F },
        Refused { answer: Option<Response<R>> },
        Waiting { answer: Waiting<R, E> },
    }
}

impl<F, R: Default, E> Answering<F, R, E> {
    pub(crate) fn by_service(answer: F) -> Self {
        Answering {
            way: Way::Service { answer },
        }
    }

    pub(crate) fn refused(refusal: &Refusal) -> Self {
        Answering {
            way: Way::Refused {
                answer: Some(refusal.response()),
            },
        }
    }

    fn after(answer: impl Future<Output = Result<Response<R>, E>> + Send + 'static) -> Self {
        Answering {
            way: Way::Waiting {
                answer: Box::pin(answer),
            },
        }
    }
}

impl<F, R, E> Future for Answering<F, R, E>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = Result<Response<R>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project().way.project() {
            WayProjection::Service { answer } => answer.poll(context),
            WayProjection::Waiting { answer } => answer.as_mut().poll(context),
            WayProjection::Refused { answer } => match answer.take() {
                Some(answer) => Poll::Ready(Ok(answer)),
                // Asked again after it was ready, which no future permits.
                None => Poll::Pending,
            },
        }
    }
}
