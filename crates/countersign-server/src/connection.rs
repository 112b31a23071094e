//! What of a connection is still there when its request has been answered?
//!
//! A request that is upgraded leaves a connection behind which is no request any more. Whoever goes
//! on with it holds what the server counts by, and hears when the server stops.

use std::{any::Any, fmt, sync::Arc};

use tokio::sync::watch;

/// Whether a server still accepts connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Running {
    Yes,
    /// It does, and says to whoever asks that it will not for long.
    Leaving,
    No,
}

/// The connection of a request that asks for an upgrade. Cheap to clone; counted until the last
/// clone is dropped.
#[derive(Clone)]
pub(crate) struct Connection {
    _held: Arc<dyn Any + Send + Sync>,
    running: watch::Receiver<Running>,
}

impl Connection {
    /// That holds `held` for as long as it is used.
    pub(crate) fn new(
        held: impl Any + Send + Sync,
        running: watch::Receiver<Running>,
    ) -> Connection {
        Connection {
            _held: Arc::new(held),
            running,
        }
    }

    /// Returns when the server stops.
    pub(crate) async fn stopped(&mut self) {
        // A server that is gone has stopped.
        let _ = self
            .running
            .wait_for(|running| *running == Running::No)
            .await;
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
