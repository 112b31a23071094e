//! What is logged while a test runs, at every level?

use std::{
    fmt::Write as _,
    sync::{Arc, Mutex},
};

use tracing::{
    Dispatch, Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
    subscriber::DefaultGuard,
};

/// Everything that is logged, at every level.
#[derive(Clone, Default)]
pub(super) struct Recorder(Arc<Mutex<String>>);

impl Recorder {
    /// One that hears what this thread logs for as long as the guards are kept.
    pub(super) fn listening() -> (Recorder, (DefaultGuard, [Dispatch; 2])) {
        // A subscriber that is alone is not asked about places that another test's thread reaches
        // first: they would never be logged. This one has company, before and after it.
        let before = Dispatch::new(Recorder::default());
        let recorder = Recorder::default();
        let guard = tracing::subscriber::set_default(recorder.clone());
        let after = Dispatch::new(Recorder::default());
        (recorder, (guard, [before, after]))
    }

    /// All of it, as text.
    pub(super) fn heard(&self) -> String {
        self.0.lock().unwrap().clone()
    }
}

impl Subscriber for Recorder {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, attributes: &span::Attributes<'_>) -> span::Id {
        attributes.record(&mut Written(&mut self.0.lock().unwrap()));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        values.record(&mut Written(&mut self.0.lock().unwrap()));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut log = self.0.lock().unwrap();
        event.record(&mut Written(&mut log));
        log.push('\n');
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Written<'a>(&'a mut String);

impl Visit for Written<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}
