//! What did the terminal ask for, and what was seen of it and of the browsers?

use std::{fmt, net::IpAddr};

use countersign_proto::{
    login::{ClientInfo, LoopbackTarget},
    token::Binding,
};
use serde::{Deserialize, Serialize};

use super::wire::{BindingName, Target};
use crate::source::Source;

/// What a terminal asked for when it proved its key, and what the platform made of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// Thumbprint of the proof key.
    pub(crate) proof: String,
    /// Where the connection came from, as far as it shows.
    pub(crate) address: Option<IpAddr>,
    /// Three words that tell windows apart.
    pub(crate) label: String,
    /// What the terminal says it is. Nobody has vouched for it.
    pub(crate) client: Claimed,
    pub(crate) scope: String,
    pub(crate) login_hint: Option<String>,
    pub(crate) ways: Ways,
}

/// What the terminal says about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claimed {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) os: String,
    pub(crate) host: String,
    pub(crate) user: String,
}

/// How the value may come from the browser to the terminal: what policy left of what was offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Ways {
    first: BindingName,
    second: Option<BindingName>,
    target: Option<Target>,
}

/// What was seen of a browser.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Seen {
    pub(crate) address: Option<IpAddr>,
    pub(crate) user_agent: String,
}

impl Asked {
    /// By which way the value comes, unless the person asks for the other.
    pub(crate) fn binding(&self) -> Binding {
        self.ways.first.0
    }

    /// The other way, if there is one.
    pub(crate) fn fallback(&self) -> Option<Binding> {
        self.ways.second.map(|binding| binding.0)
    }

    /// Whether the value may come this way.
    pub(crate) fn offers(&self, binding: Binding) -> bool {
        self.binding() == binding || self.fallback() == Some(binding)
    }

    /// Where the terminal listens, if it does.
    pub(crate) fn target(&self) -> Option<&LoopbackTarget> {
        self.ways.target.as_ref().map(|target| &target.0)
    }

    /// Whether this address and that of the terminal are one source.
    pub(crate) fn is_from_same_network(&self, other: Option<IpAddr>) -> bool {
        match (self.address, other) {
            (Some(ours), Some(other)) => {
                let both_local =
                    ours.to_canonical().is_loopback() && other.to_canonical().is_loopback();
                both_local || Source::of(Some(ours)) == Source::of(Some(other))
            }
            _ => false,
        }
    }
}

impl Ways {
    /// Over loopback, and by a code if `second` says so.
    pub(crate) fn loopback(target: LoopbackTarget, second: Option<Binding>) -> Ways {
        Ways {
            first: Binding::Loopback.into(),
            second: second
                .filter(|it| *it != Binding::Loopback)
                .map(BindingName),
            target: Some(Target(target)),
        }
    }

    /// By a code alone.
    pub(crate) fn code() -> Ways {
        Ways {
            first: Binding::Code.into(),
            second: None,
            target: None,
        }
    }
}

impl From<&ClientInfo> for Claimed {
    fn from(info: &ClientInfo) -> Claimed {
        Claimed {
            name: info.name.clone(),
            version: info.version.clone(),
            os: info.os.clone(),
            host: info.host.clone(),
            user: info.user.clone(),
        }
    }
}

/// What there is of it, in one line.
impl fmt::Display for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.name, &self.version, &self.os, &self.user, &self.host];
        let told: Vec<&str> = parts
            .into_iter()
            .map(String::as_str)
            .filter(|part| !part.is_empty())
            .collect();
        f.write_str(&told.join(" "))
    }
}
