//! What does an administrator hear of as it happens?
//!
//! An event goes to the log (target `countersign::event`) and into a metric. It is no audit: that
//! is written by whoever raises it, in the transaction of what happened. To raise an event never
//! waits and never fails.

mod event;
pub(crate) use event::{Event, EventName};

mod coalescing;

use coalescing::{Coalescing, Told};
use countersign_proto::time::UnixTime;
use metrics::Counter;

/// Tells of events.
pub(crate) struct Events {
    coalescing: Coalescing,
    counters: [Counter; EventName::ALL.len()],
    #[cfg(test)]
    told: std::sync::Mutex<Vec<Event>>,
}

impl Events {
    /// Counted by `counters`, one for each name.
    pub(crate) fn new(counters: [Counter; EventName::ALL.len()]) -> Events {
        Events {
            coalescing: Coalescing::default(),
            counters,
            #[cfg(test)]
            told: std::sync::Mutex::default(),
        }
    }

    /// Tells of `event`, unless an equal one was told less than a minute ago: then it is told with
    /// the next, or when the minute is over. Counted it is in any case.
    pub(crate) fn raise(&self, event: Event) {
        self.counters[event.name as usize].increment(1);
        if let Some(told) = self.coalescing.judge(event) {
            self.tell(told);
        }
    }

    /// Tells of what was held back in a minute that is over.
    pub(crate) fn settle(&self, now: UnixTime) {
        for told in self.coalescing.settle(now) {
            self.tell(told);
        }
    }

    fn tell(&self, told: Told) {
        let Told { event, repeats } = told;
        tracing::warn!(
            target: "countersign::event",
            event = event.name.as_str(),
            at = event.at.as_secs(),
            subject = event.subject,
            token_id = event.token_id,
            certificate = event.certificate,
            address = event.address.map(tracing::field::display),
            detail = event.detail,
            repeats,
            "event"
        );
        #[cfg(test)]
        self.told.lock().unwrap().push(event);
    }

    /// What was told until now, oldest first.
    #[cfg(test)]
    pub(crate) fn told(&self) -> Vec<Event> {
        self.told.lock().unwrap().clone()
    }
}
