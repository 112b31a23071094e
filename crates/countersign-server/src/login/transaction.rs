//! What has the person at one browser done?

use std::net::IpAddr;

use countersign_proto::{time::UnixTime, token::Binding};
use serde::{Deserialize, Serialize};

use super::{End, Stage, Unfit, key, wire::BindingName};
use crate::config::LoginTimes;

/// One browser in which somebody has signed in. It is named by the digest of the secret in that
/// browser's cookie.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Transaction {
    digest: String,
    identity: Identity,
    address: Option<IpAddr>,
    phase: Phase,
}

/// Who signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) principal: String,
    /// For people.
    pub(crate) name: String,
    /// Who vouches for it.
    pub(crate) provider: String,
    /// What the provider calls the person.
    pub(crate) subject: String,
}

/// A value that releases the token, as far as it is remembered: what it is derived from, beside
/// the browser's secret and the platform's key, and its digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Release {
    binding: BindingName,
    nonce: String,
    digest: String,
}

/// What the browser of a transaction is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View<'a> {
    /// Whether to allow it.
    Review,
    /// The value is on its way, until then.
    Approved(&'a Release, UnixTime),
    /// The terminal has the value.
    Confirmed,
    /// The terminal has the token.
    Done,
    /// Another browser was faster.
    Elsewhere,
    /// The person took too long to allow it.
    Late,
    /// It ended without a token.
    Ended(&'a End),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Phase {
    Review { until: UnixTime },
    Approved { release: Release, until: UnixTime },
    Late,
    Closed,
}

impl Transaction {
    pub(super) fn new(
        digest: String,
        identity: Identity,
        address: Option<IpAddr>,
        until: UnixTime,
    ) -> Transaction {
        Transaction {
            digest,
            identity,
            address,
            phase: Phase::Review { until },
        }
    }

    /// A value that nobody brought in time is dead. Whether to allow it can then be asked again.
    pub(super) fn pass(&mut self, times: &LoginTimes, now: UnixTime) {
        if let Phase::Approved { until, .. } = self.phase
            && now >= until
        {
            let until = until.plus(times.review);
            self.phase = Phase::Review { until };
        }
        if let Phase::Review { until } = self.phase
            && now >= until
        {
            self.phase = Phase::Late;
        }
    }

    /// With a value, which takes the place of one that there was.
    pub(super) fn approve(&mut self, release: Release, until: UnixTime) -> Result<(), Unfit> {
        match self.phase {
            Phase::Review { .. } | Phase::Approved { .. } => {
                self.phase = Phase::Approved { release, until };
                Ok(())
            }
            Phase::Late | Phase::Closed => Err(Unfit::Stranger),
        }
    }

    /// No value any more, and none to come.
    pub(super) fn close(&mut self) {
        self.phase = Phase::Closed;
    }

    pub(super) fn is(&self, digest: &str) -> bool {
        key::is_same(&self.digest, digest)
    }

    pub(super) fn digest(&self) -> &str {
        &self.digest
    }

    /// Who signed in.
    pub(crate) fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Where the browser was.
    pub(super) fn address(&self) -> Option<IpAddr> {
        self.address
    }

    /// The value that would release the token now.
    pub(crate) fn release(&self) -> Option<&Release> {
        match &self.phase {
            Phase::Approved { release, .. } => Some(release),
            _ => None,
        }
    }

    pub(super) fn is_released_by(&self, binding: Binding, digest: &str) -> bool {
        self.release().is_some_and(|release| {
            release.binding() == binding && key::is_same(&release.digest, digest)
        })
    }

    pub(super) fn stage(&self) -> Option<Stage> {
        match self.phase {
            Phase::Review { .. } => Some(Stage::SignedIn),
            Phase::Approved { .. } => Some(Stage::Approved),
            Phase::Late | Phase::Closed => None,
        }
    }

    pub(super) fn view(&self) -> View<'_> {
        match &self.phase {
            Phase::Review { .. } => View::Review,
            Phase::Approved { release, until } => View::Approved(release, *until),
            Phase::Late | Phase::Closed => View::Late,
        }
    }

    pub(super) fn deadline(&self) -> Option<UnixTime> {
        match self.phase {
            Phase::Review { until } | Phase::Approved { until, .. } => Some(until),
            Phase::Late | Phase::Closed => None,
        }
    }
}

impl Release {
    pub(crate) fn new(binding: Binding, nonce: String, digest: String) -> Release {
        Release {
            binding: binding.into(),
            nonce,
            digest,
        }
    }

    /// Which way it goes.
    pub(crate) fn binding(&self) -> Binding {
        self.binding.0
    }

    /// What it is derived from, beside what is not here.
    pub(crate) fn nonce(&self) -> &str {
        &self.nonce
    }
}
