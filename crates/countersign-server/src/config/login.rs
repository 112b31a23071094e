//! How long may each part of a sign-in through a browser take?

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The times of a sign-in through a browser, and how often a value may be tried. A sign-in keeps
/// those that it began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LoginTimes {
    /// For the terminal to prove its key.
    pub hello: Duration,
    /// For the whole.
    pub total: Duration,
    /// For the person to allow it.
    pub review: Duration,
    /// Life of a value that goes over loopback.
    pub loopback: Duration,
    /// Life of a code.
    pub code: Duration,
    /// Wrong values after which it ends.
    pub code_tries: u32,
    /// For the terminal to accept the identity, and then to acknowledge the token.
    pub accept: Duration,
    /// Between two pings.
    pub ping: Duration,
    /// Silence after which a connection is dead.
    pub silence: Duration,
    /// For a terminal to come back.
    pub resume: Duration,
}

impl Default for LoginTimes {
    fn default() -> LoginTimes {
        LoginTimes {
            hello: Duration::from_secs(10),
            total: Duration::from_secs(600),
            review: Duration::from_secs(120),
            loopback: Duration::from_secs(60),
            code: Duration::from_secs(180),
            code_tries: 3,
            accept: Duration::from_secs(60),
            ping: Duration::from_secs(25),
            silence: Duration::from_secs(60),
            resume: Duration::from_secs(120),
        }
    }
}
