//! How far has a login come, and is its terminal there?

use countersign_proto::time::UnixTime;
use serde::{Deserialize, Serialize};

use super::{End, wire::BindingName};
use crate::config::LoginTimes;

/// How far it has come, as far as that is not a matter of its transactions. `by` is the digest of
/// the transaction that was confirmed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Course {
    Created,
    Opened,
    Bound {
        by: String,
        binding: BindingName,
        until: UnixTime,
    },
    Issued {
        by: String,
        session: String,
        until: UnixTime,
    },
    Done {
        by: String,
    },
    Ended(End),
}

/// The terminal's connection. Only the newest that was proven counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Connection {
    epoch: u64,
    away_since: Option<UnixTime>,
}

/// The state of a login, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Stage {
    Created,
    Opened,
    SignedIn,
    Approved,
    Bound,
    Issued,
    Done,
    Denied,
    Reported,
    Cancelled,
    Expired,
    Failed,
}

impl Course {
    pub(super) fn confirmed_by(&self) -> Option<&str> {
        match self {
            Course::Bound { by, .. } | Course::Issued { by, .. } | Course::Done { by } => Some(by),
            Course::Created | Course::Opened | Course::Ended(_) => None,
        }
    }

    pub(super) fn deadline(&self) -> Option<UnixTime> {
        match self {
            Course::Bound { until, .. } | Course::Issued { until, .. } => Some(*until),
            _ => None,
        }
    }
}

impl Connection {
    pub(super) fn first() -> Connection {
        Connection {
            epoch: 1,
            away_since: None,
        }
    }

    pub(super) fn next(&mut self) -> u64 {
        self.epoch += 1;
        self.away_since = None;
        self.epoch
    }

    pub(super) fn leave(&mut self, now: UnixTime) {
        self.away_since.get_or_insert(now);
    }

    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn deadline(&self, times: &LoginTimes) -> Option<UnixTime> {
        self.away_since.map(|since| since.plus(times.resume))
    }
}
