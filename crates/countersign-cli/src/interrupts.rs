//! How is a command told to end while it waits for somebody?

use std::{future::Future, io::IsTerminal};

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::failure::{Exit, Failure};

/// Ctrl-C, a terminal that is closed, and a system that goes down. From when it is made, nothing of
/// it is lost.
pub(crate) struct Interrupts {
    interrupt: Signal,
    hang_up: Option<Signal>,
    terminate: Signal,
}

impl Interrupts {
    pub(crate) fn new() -> Result<Interrupts, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::other(format!("cannot listen to signals: {error}")))
        };
        Ok(Interrupts {
            interrupt: listen(SignalKind::interrupt())?,
            // Without a terminal it may be somebody's wish that we do not care, as with nohup.
            hang_up: match std::io::stdin().is_terminal() {
                true => Some(listen(SignalKind::hangup())?),
                false => None,
            },
            terminate: listen(SignalKind::terminate())?,
        })
    }

    /// The next one. Losing the future loses nothing.
    pub(crate) async fn next(&mut self) {
        let hang_up = async {
            match &mut self.hang_up {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = hang_up => {}
            _ = self.terminate.recv() => {}
        }
    }

    /// Does something, unless one comes first.
    pub(crate) async fn unless<T>(
        &mut self,
        future: impl Future<Output = T>,
    ) -> Result<T, Failure> {
        tokio::select! {
            done = future => Ok(done),
            () = self.next() => Err(interrupted()),
        }
    }
}

/// How a command ends that was told to.
pub(crate) fn interrupted() -> Failure {
    Failure::new(Exit::Interrupted, "interrupted")
}
