//! What does an authorization server of another make want, and what helps when it says no?
//!
//! The servers that are known are data: one table, with where each fact is said. Another one is
//! described by its owner, by the same fields.

mod known;

mod refusals;
pub use refusals::Refusal;

mod fit;
pub use fit::Misfit;

use std::{borrow::Cow, time::Duration};

use countersign_proto::{
    assertion::{KidForm, ThumbprintForm, TypForm},
    exchange::ClientIdParameter,
    key::Algorithm,
};
use url::Url;

use crate::Audience;

/// One make of authorization server. Given to [`ClientBuilder::provider`](crate::ClientBuilder::provider),
/// it stands in for every setting that the application does not make itself.
///
/// Start from one of those that are known, or from [`Provider::other`], and set what differs.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Provider {
    /// What it is called on a command line.
    pub name: Cow<'static, str>,
    /// What people call it.
    pub title: Cow<'static, str>,
    /// Issuers of these hosts are certainly of this make; a dot in front stands for any name before it.
    pub hosts: Cow<'static, [Cow<'static, str>]>,
    /// How the path of an issuer ends: a segment in upper case stands for any, `GUID` for one of that
    /// form, and the empty text for no path. Any path will do where there is none of these.
    pub paths: Cow<'static, [Cow<'static, str>]>,
    /// What helps when no metadata is found for an issuer.
    pub issuer_hint: Cow<'static, str>,
    /// `aud` of the assertion.
    pub audience: Audience,
    /// `kid` of the assertion.
    pub kid: KidForm,
    /// `typ` of the assertion.
    pub typ: TypForm,
    /// `x5t` and `x5t#S256` of the assertion.
    pub thumbprints: ThumbprintForm,
    /// Whether the chain goes along as `x5c`.
    pub x5c: bool,
    /// By which algorithms assertions may be signed, the preferred one first.
    pub algorithms: Cow<'static, [Algorithm]>,
    /// Life of an assertion, 10 s to 300 s.
    pub lifetime: Duration,
    /// Whether the form has a `client_id`.
    pub client_id: ClientIdParameter,
    /// What must be asked for.
    pub scope: ScopeRule,
    /// Parameters of every request, by name and value.
    pub parameters: Cow<'static, [(Cow<'static, str>, Cow<'static, str>)]>,
    /// What it says when it refuses, and what helps.
    pub refusals: Cow<'static, [Refusal]>,
}

/// What must be asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ScopeRule {
    /// Nothing: without a scope the server decides.
    #[default]
    Optional,
    /// One scope or more.
    Required,
    /// Exactly one scope, `RESOURCE/.default`: all that was granted at that API.
    ResourceDefault,
}

impl Provider {
    /// Microsoft Entra ID, in the global cloud and the national ones.
    pub fn entra_id() -> &'static Provider {
        static KNOWN: Provider = known::ENTRA_ID;
        &KNOWN
    }

    /// Okta: the authorization server of an organization, and custom ones.
    pub fn okta() -> &'static Provider {
        static KNOWN: Provider = known::OKTA;
        &KNOWN
    }

    /// Keycloak 26.
    pub fn keycloak() -> &'static Provider {
        static KNOWN: Provider = known::KEYCLOAK;
        &KNOWN
    }

    /// Ory Hydra 2.
    pub fn hydra() -> &'static Provider {
        static KNOWN: Provider = known::HYDRA;
        &KNOWN
    }

    /// Those that are known.
    pub fn all() -> [&'static Provider; 4] {
        [
            Provider::entra_id(),
            Provider::okta(),
            Provider::keycloak(),
            Provider::hydra(),
        ]
    }

    /// The known one of this name.
    pub fn named(name: &str) -> Option<&'static Provider> {
        Provider::all().into_iter().find(|known| known.name == name)
    }

    /// The known one that an issuer is certainly of, by its host. No issuer is asked, and no client
    /// does this by itself: the application decides.
    pub fn of_issuer(issuer: &str) -> Option<&'static Provider> {
        let url = Url::parse(issuer).ok()?;
        let host = url.host_str().filter(|_| url.scheme() == "https")?;
        Provider::all()
            .into_iter()
            .find(|known| known.hosts.iter().any(|pattern| is_of(host, pattern)))
    }

    /// One of which nothing is known: everything as the platform itself has it.
    pub fn other(name: &str) -> Provider {
        Provider {
            name: Cow::Owned(name.to_owned()),
            title: Cow::Owned(name.to_owned()),
            ..known::OTHER
        }
    }

    /// What helps when it refuses like this.
    pub(crate) fn hint_for(&self, error: &str, description: Option<&str>) -> Option<&str> {
        let found = self
            .refusals
            .iter()
            .find(|known| known.is(error, description));
        found.map(|refusal| &*refusal.hint)
    }
}

fn is_of(host: &str, pattern: &str) -> bool {
    match pattern.strip_prefix('.') {
        Some(domain) => host
            .strip_suffix(domain)
            .is_some_and(|before| before.len() > 1 && before.ends_with('.')),
        None => host == pattern,
    }
}

#[cfg(test)]
mod tests;
