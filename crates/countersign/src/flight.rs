//! How do many callers make one request?

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Mutex, MutexGuard};

use crate::{Error, ErrorKind};

/// The desk at which callers wait for the one request that is under way.
///
/// One caller at a time leads. A leader that is dropped leaves the desk without having landed, and
/// the next in the queue leads from the start. What a leader met is told to all who waited.
#[derive(Default)]
pub(crate) struct Flights {
    desk: Mutex<Landed>,
    /// How many flights have been begun.
    begun: AtomicU64,
    /// How many flights have landed.
    landed: AtomicU64,
}

#[derive(Default)]
struct Landed {
    /// Which flight was the last to land.
    number: u64,
    /// How it went. The token itself is in the cache.
    outcome: Option<Result<(), Error>>,
}

/// How hard a flight tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// One try, while a living token is in use.
    Once,
    /// Until it works or the deadline is near.
    Persistent,
}

impl Effort {
    /// How many attempts that is.
    pub(crate) const fn attempts(self) -> u32 {
        match self {
            Effort::Once => 1,
            Effort::Persistent => 6,
        }
    }
}

/// What had happened when a caller arrived.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrival {
    begun: u64,
    landed: u64,
}

/// A caller at the desk.
pub(crate) struct Lead<'a> {
    flights: &'a Flights,
    desk: MutexGuard<'a, Landed>,
}

impl Flights {
    /// Notes the moment.
    pub(crate) fn arrive(&self) -> Arrival {
        Arrival {
            begun: self.begun.load(Ordering::Acquire),
            landed: self.landed.load(Ordering::Acquire),
        }
    }

    /// Waits for the desk.
    pub(crate) async fn lead(&self) -> Lead<'_> {
        Lead {
            flights: self,
            desk: self.desk.lock().await,
        }
    }

    /// Takes the desk if nobody is there.
    pub(crate) fn try_lead(&self) -> Option<Lead<'_>> {
        let desk = self.desk.try_lock().ok()?;
        Some(Lead {
            flights: self,
            desk,
        })
    }
}

impl Lead<'_> {
    /// How the flight went that landed while this caller waited, if one did.
    pub(crate) fn landed_since(&self, arrival: Arrival) -> Option<Result<(), Error>> {
        (self.flights.landed.load(Ordering::Acquire) > arrival.landed)
            .then(|| self.desk.outcome.clone())
            .flatten()
    }

    /// How the flight went that was both begun and landed while this caller waited.
    pub(crate) fn begun_since(&self, arrival: Arrival) -> Option<Result<(), Error>> {
        (self.desk.number > arrival.begun)
            .then(|| self.desk.outcome.clone())
            .flatten()
    }

    /// Flies, and tells those who wait how it went. The failure of a single try is not told: whoever
    /// needs the token more may try harder. Nor is it told that the leader's time was up: the others
    /// have time of their own.
    pub(crate) async fn fly<T>(
        mut self,
        effort: Effort,
        flight: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let number = self.flights.begun.fetch_add(1, Ordering::AcqRel) + 1;
        let result = flight.await;
        self.desk.number = number;
        self.desk.outcome = match (&result, effort) {
            (Ok(_), _) => Some(Ok(())),
            (Err(error), Effort::Persistent) if error.kind() != ErrorKind::Deadline => {
                Some(Err(error.clone()))
            }
            (Err(_), _) => None,
        };
        self.flights.landed.fetch_add(1, Ordering::AcqRel);
        result
    }
}
