//! How long does a sign-in through a browser last, and how may its token reach the terminal?

use std::time::Duration;

/// What holds for sessions that begin from now on: `[session]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionRules {
    /// How often a session is refreshed at most.
    pub refresh_limit: u32,
    /// The end of a session, which no refresh moves.
    pub absolute: Duration,
    /// Time without a refresh after which a session is refreshed no more.
    pub idle: Duration,
    /// How the token may reach the terminal.
    pub binding: BindingPolicy,
}

/// Which ways from the browser to the terminal are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingPolicy {
    /// Over loopback alone: browser and terminal are on one machine. No code is ever made.
    SameDevice,
    /// By a code too, which is shown in the browser and typed in the terminal.
    Code,
}

impl Default for SessionRules {
    fn default() -> SessionRules {
        SessionRules {
            refresh_limit: 10,
            absolute: Duration::from_secs(43_200),
            idle: Duration::from_secs(43_200),
            binding: BindingPolicy::SameDevice,
        }
    }
}
