//! Is there a console, and how long does somebody stay signed in to it?

use std::time::Duration;

/// What holds for the console: `[console]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConsoleRules {
    /// Whether there is one.
    pub enabled: bool,
    /// The end of a session after its beginning.
    pub session: Duration,
    /// Time without a request after which a session is over.
    pub idle: Duration,
}

impl Default for ConsoleRules {
    fn default() -> ConsoleRules {
        ConsoleRules {
            enabled: true,
            session: Duration::from_secs(28_800),
            idle: Duration::from_secs(1800),
        }
    }
}
