//! What is the terminal told, in which order?

use serde::{Deserialize, Serialize};

use super::{End, Identity, asked::Seen, wire::BindingName};

/// Something that the terminal is told, as far as it has to be remembered. The token is not among
/// it: it is signed again for whoever may have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Event {
    /// The login began. Its link and its id are told once and kept nowhere.
    Session,
    Opened {
        browser: Seen,
    },
    SignedIn {
        browser: Seen,
    },
    NeedConfirm {
        binding: BindingName,
        tries_left: u32,
    },
    /// Nobody brought the value in time.
    ValueExpired,
    ConfirmResult {
        ok: bool,
        tries_left: u32,
    },
    Identity(Identity),
    Token,
    Bye,
    Ended(End),
}

/// An event with its number. Numbers begin at 1 and have no gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Numbered<'a> {
    pub(crate) seq: u64,
    pub(crate) event: &'a Event,
}
