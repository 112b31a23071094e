//! How does code without async judge a request?

use std::sync::Arc;

use http::request::Parts;
use tokio::runtime::{Handle, Runtime};

use crate::{BuildError, Caller, Refusal};

/// A [`crate::Guard`] on a runtime of its own, which only asks the issuer: what can be judged by what
/// is known is judged on the thread of the caller. Cheap to clone; clones share what is known and the
/// runtime.
#[derive(Clone, Debug)]
pub struct Guard {
    guard: crate::Guard,
    worker: Arc<Worker>,
}

/// The runtime; it is left behind, not waited for, when the last guard is dropped.
#[derive(Debug)]
struct Worker(Option<Runtime>);

impl Guard {
    /// Wraps a guard.
    ///
    /// # Errors
    /// [`BuildError::NoThread`].
    pub fn new(guard: crate::Guard) -> Result<Guard, BuildError> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("countersign-guard")
            .enable_all()
            .build()
            .map_err(|error| BuildError::NoThread(error.to_string()))?;
        Ok(Guard {
            guard,
            worker: Arc::new(Worker(Some(runtime))),
        })
    }

    /// See [`crate::Guard::check`].
    ///
    /// # Errors
    /// As there, and [`Refusal::Unavailable`] when it is called inside async code and the issuer would
    /// have to be asked; so it is on a thread of `spawn_blocking`, where [`crate::Guard::check`] is at hand.
    pub fn check(&self, request: &Parts) -> Result<Caller, Refusal> {
        if let Some(known) = self.guard.check_at_once(request) {
            return known;
        }
        match &self.worker.0 {
            // To block a thread of a runtime would stop what it waits for.
            Some(runtime) if Handle::try_current().is_err() => {
                runtime.block_on(self.guard.check(request))
            }
            _ => {
                tracing::error!("the blocking form of the guard is called inside async code");
                Err(Refusal::unavailable(None))
            }
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
