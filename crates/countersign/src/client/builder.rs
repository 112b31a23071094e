//! With which settings is a client made, and which cannot be?

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use countersign_proto::{
    assertion::{KidForm, PLATFORM_CLIENT_ID},
    key::Algorithm,
    metadata::check_issuer,
    scope::Scope,
};

use super::{Client, Inner};
use crate::{
    Audience, Clock, CredentialSource, Dpop, Error, ErrorKind, HttpTransport, SystemClock,
    Transport,
    cache::Cache,
    discovery::Discovery,
    dpop::Prover,
    error::printable,
    exchange::{Exchange, Grant, Settings, Skew, Successions},
    flight::Flights,
};

/// Settings of a [`Client`].
#[must_use]
pub struct ClientBuilder {
    source: CredentialSource,
    settings: Settings,
    grant: Grant,
    deadline: Duration,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
}

impl ClientBuilder {
    pub(super) fn new(issuer: &str, client_id: &str, source: CredentialSource) -> ClientBuilder {
        ClientBuilder {
            source,
            settings: Settings {
                issuer: issuer.to_owned(),
                client_id: client_id.to_owned(),
                scope: None,
                principal: None,
                audience: Audience::Issuer,
                kid: KidForm::Sha1Hex,
                algorithm: None,
                assertion_lifetime: Duration::from_secs(60),
                x5c: false,
                dpop: Dpop::Off,
            },
            grant: Grant::Client,
            deadline: Duration::from_secs(30),
            transport: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// Scopes to ask for. Default: none named.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.settings.scope = (!scope.is_empty()).then_some(scope);
        self
    }

    /// Which of several mapped principals. Default: the server decides.
    pub fn principal(mut self, name: &str) -> Self {
        self.settings.principal = Some(name.to_owned());
        self
    }

    /// Default: the issuer.
    pub fn audience(mut self, audience: Audience) -> Self {
        self.settings.audience = audience;
        self
    }

    /// Default: SHA-1 thumbprint, upper-case hex.
    pub fn kid(mut self, form: KidForm) -> Self {
        self.settings.kid = form;
        self
    }

    /// Default: chosen from the key and the metadata (PS256 before RS256 where listed).
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.settings.algorithm = Some(algorithm);
        self
    }

    /// Life of an assertion. 10 s to 300 s, default 60 s.
    pub fn assertion_lifetime(mut self, lifetime: Duration) -> Self {
        self.settings.assertion_lifetime = lifetime;
        self
    }

    /// Sends the chain as `x5c` (RFC 7515 §4.1.6).
    pub fn send_x5c(mut self) -> Self {
        self.settings.x5c = true;
        self
    }

    /// `client.token()` asks for platform tokens (kind 2).
    pub fn as_platform(mut self) -> Self {
        self.grant = Grant::Platform;
        self
    }

    /// Default: off.
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.settings.dpop = dpop;
        self
    }

    /// The longest that one call may take. 1 s to 600 s, default 30 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Default: [`HttpTransport`] with its defaults.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Default: the operating system's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Checks everything once. No request is made and no certificate is read.
    ///
    /// # Errors
    /// [`ErrorKind::Settings`] names the setting and what it must be like.
    pub fn build(self) -> Result<Client, Error> {
        let issuer_url = self.check()?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(HttpTransport::builder().build()?),
        };
        let discovery = Discovery::new(&self.settings.issuer, issuer_url);
        Ok(Client {
            inner: Arc::new(Inner {
                exchange: Exchange {
                    settings: self.settings,
                    source: self.source,
                    transport,
                    clock: self.clock,
                    discovery,
                    prover: Prover::default(),
                    skew: Skew::default(),
                    successions: Successions::default(),
                },
                grant: self.grant,
                deadline: self.deadline,
                cache: Cache::default(),
                flights: Flights::default(),
                look_at: AtomicU64::new(0),
            }),
        })
    }

    fn check(&self) -> Result<url::Url, Error> {
        let settings = &self.settings;
        if let Some(other) = settings.algorithm
            && !Algorithm::PROTOCOL.contains(&other)
        {
            return Err(wrong(&format!("{other} is no algorithm of the protocol")));
        }
        let issuer_url = check_issuer(&settings.issuer).map_err(|error| {
            wrong(&format!(
                "{} is no issuer identifier: {error}",
                settings.issuer
            ))
        })?;
        let id = &settings.client_id;
        if id.is_empty() || id.len() > 255 || id.chars().any(char::is_control) {
            return Err(wrong(
                "the application id must have 1 to 255 bytes and no control characters",
            ));
        }
        if id == PLATFORM_CLIENT_ID && self.grant != Grant::Platform {
            return Err(wrong(&format!(
                "the application id {PLATFORM_CLIENT_ID} is the platform's own"
            ))
            .with_hint("ask for platform tokens, or give the id of an application"));
        }
        if settings.principal.is_some() && self.grant == Grant::Platform {
            return Err(wrong(
                "a principal cannot be asked for with a platform token: it is fixed",
            ));
        }
        in_range(
            "the life of an assertion",
            settings.assertion_lifetime,
            10..=300,
        )?;
        in_range("the deadline", self.deadline, 1..=600)?;
        Ok(issuer_url)
    }
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("issuer", &self.settings.issuer)
            .field("client_id", &self.settings.client_id)
            .finish_non_exhaustive()
    }
}

fn in_range(
    what: &str,
    value: Duration,
    range: std::ops::RangeInclusive<u64>,
) -> Result<(), Error> {
    let (least, most) = (*range.start(), *range.end());
    if value < Duration::from_secs(least) || value > Duration::from_secs(most) {
        return Err(wrong(&format!(
            "{what} must be {least} s to {most} s, not {value:?}"
        )));
    }
    Ok(())
}

fn wrong(text: &str) -> Error {
    Error::new(ErrorKind::Settings, printable(text))
}
