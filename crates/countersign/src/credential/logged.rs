//! What is logged in these tests, and how often?

use std::{cell::RefCell, sync::Once};

thread_local! {
    /// What this thread logged since it wants to know.
    static LOGGED: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

/// Warnings of this thread, until it is dropped.
pub(crate) struct Log;

impl Log {
    pub(crate) fn begin() -> Log {
        static ONCE: Once = Once::new();
        // One for all threads: what a place that logs makes of it, is found out by whoever first
        // passes there.
        ONCE.call_once(|| {
            tracing_subscriber::fmt()
                .with_max_level(tracing::Level::WARN)
                .with_ansi(false)
                .with_writer(|| Line)
                .init();
        });
        LOGGED.set(Some(Vec::new()));
        Log
    }

    /// The lines since this was asked before.
    pub(crate) fn take(&self) -> Vec<String> {
        let bytes = LOGGED.replace(Some(Vec::new())).unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        LOGGED.set(None);
    }
}

struct Line;

impl std::io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| {
            if let Some(logged) = logged {
                logged.extend_from_slice(bytes);
            }
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
