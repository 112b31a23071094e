//! How does an application hold a token that is always fresh?

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use countersign_proto::{
    assertion::{KidForm, PLATFORM_CLIENT_ID},
    key::Algorithm,
    metadata::{Metadata, check_issuer},
    scope::Scope,
    time::UnixTime,
};

use crate::{
    Audience, Clock, CredentialSource, Dpop, Error, ErrorKind, HttpTransport, Reload, SystemClock,
    Token, Transport,
    cache::{Cache, Offer},
    clock::{Deadline, within},
    discovery::Discovery,
    dpop::Prover,
    error::printable,
    exchange::{Exchange, Grant, Settings, Skew, thumbprint},
    flight::{Effort, Flights, Lead},
    random, retry,
};

/// Gets, caches and renews tokens for one application at one issuer. Cheap to clone; clones share the
/// cache.
///
/// Its futures are to be run on a Tokio runtime. Each call may be dropped at any moment: another
/// caller that waits takes over.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    exchange: Exchange,
    grant: Grant,
    deadline: Duration,
    cache: Cache,
    flights: Flights,
    /// When to look for another certificate, in seconds since 1970.
    look_at: AtomicU64,
}

impl Client {
    /// `issuer`: the server's issuer identifier, also the audience. `client_id`: the application's id.
    pub fn builder(
        issuer: &str,
        client_id: &str,
        credential: impl Into<CredentialSource>,
    ) -> ClientBuilder {
        ClientBuilder {
            source: credential.into(),
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

    /// A token that lives: from the cache, renewed ahead of its end, or fetched. One request however
    /// many ask.
    ///
    /// From about 80 % of its life on, one caller renews the token within its own call while the
    /// others take the living one. A renewal that fails leaves the living token in use.
    ///
    /// # Errors
    /// When there is no token that lives and none could be had before the deadline.
    pub async fn token(&self) -> Result<Token, Error> {
        match self.cached() {
            Some(token) => Ok(token),
            // Boxed, so that the future of a call that finds a token stays small.
            None => Box::pin(self.token_by_request()).await,
        }
    }

    /// A new token by a fresh assertion, whatever the cache holds; it replaces the cached one. Nothing
    /// has to be told again for it (that a kind 1 token cannot be refreshed does not matter).
    ///
    /// # Errors
    /// When none could be had before the deadline. The cached token stays.
    pub async fn renew(&self) -> Result<Token, Error> {
        let deadline = self.deadline();
        let arrival = self.inner.flights.arrive();
        let lead = self.lead(deadline).await?;
        match lead.begun_since(arrival) {
            Some(Err(error)) => return Err(error),
            Some(Ok(())) => {
                if let Offer::Fresh(token) = self.offer() {
                    return Ok(token);
                }
            }
            None => {}
        }
        lead.fly(Effort::Persistent, self.fetch(Effort::Persistent, deadline))
            .await
    }

    /// A platform token (kind 2) by a platform certificate; nothing is stored.
    ///
    /// # Errors
    /// When none could be had before the deadline.
    pub async fn platform_token(&self) -> Result<Token, Error> {
        let deadline = self.deadline();
        self.inner
            .exchange
            .token(Grant::Platform, Effort::Persistent, deadline)
            .await
    }

    /// Takes a bearer token that was got earlier, for instance by another process, into the cache.
    pub fn adopt(&self, token: &Token) {
        if self.inner.exchange.settings.dpop == Dpop::Off {
            self.inner.cache.hold(token, random::fraction());
        }
    }

    /// Forgets `token` if it is the cached one, for instance after an API answered 401.
    pub fn forget(&self, token: &Token) {
        self.inner.cache.forget(token);
    }

    /// Keeps the token fresh ahead of time until dropped; the application spawns it and owns it.
    pub async fn keep_fresh(&self) {
        /// A replaced certificate is noticed after this time at the latest.
        const LOOK: Duration = Duration::from_secs(30);
        let clock = self.clock();
        let mut failures = 0;
        loop {
            let wait = match self.token().await {
                Ok(_) => {
                    failures = 0;
                    let renewal = self.inner.cache.renewal().unwrap_or(clock.now());
                    renewal
                        .since(clock.now())
                        .clamp(Duration::from_secs(1), LOOK)
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, failures, "no token could be had");
                    let wait = Duration::from_secs(1 << failures.min(5));
                    wait.max(error.retry_after().unwrap_or_default())
                }
            };
            clock.sleep(wait).await;
        }
    }

    /// The server's metadata, fetched once and kept for an hour; longer if it cannot be fetched again.
    ///
    /// # Errors
    /// When there is none, or it is not that of the configured issuer (RFC 8414 §3.3).
    pub async fn metadata(&self) -> Result<Arc<Metadata>, Error> {
        let exchange = &self.inner.exchange;
        let clock = exchange.clock.as_ref();
        retry::persist(
            clock,
            self.deadline(),
            Effort::Persistent.attempts(),
            || {
                exchange
                    .discovery
                    .metadata(exchange.transport.as_ref(), clock)
            },
        )
        .await
    }

    /// The transport, for requests to the same platform.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.inner.exchange.transport
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.inner.exchange.clock
    }

    pub(crate) fn exchange(&self) -> &Exchange {
        &self.inner.exchange
    }

    pub(crate) fn deadline(&self) -> Deadline {
        Deadline::after(self.clock().as_ref(), self.inner.deadline)
    }

    /// A fresh token from the cache, unless it is time to look for another certificate.
    pub(crate) fn cached(&self) -> Option<Token> {
        let now = self.clock().now();
        if self.is_look_due(now) {
            return None;
        }
        match self.inner.cache.offer(now) {
            Offer::Fresh(token) => Some(token),
            _ => None,
        }
    }

    async fn token_by_request(&self) -> Result<Token, Error> {
        let deadline = self.deadline();
        let arrival = self.inner.flights.arrive();
        if self.take_look(self.clock().now()) {
            self.look(deadline).await;
        }
        let last_good = match self.offer() {
            Offer::Fresh(token) => return Ok(token),
            Offer::Ageing(token) => {
                return match self.inner.flights.try_lead() {
                    Some(lead) => self.renew_ahead(lead, token, deadline).await,
                    None => Ok(token),
                };
            }
            Offer::Late(token) if self.is_put_off() => return Ok(token),
            Offer::Late(token) => Some(token),
            Offer::Nothing => None,
        };
        let fetched = self.join(arrival, deadline).await;
        match (fetched, last_good) {
            (Err(_), Some(token)) if token.lives(self.clock().now()) => Ok(token),
            (fetched, _) => fetched,
        }
    }

    /// The token of the flight that is under way, or of one that this caller leads.
    async fn join(
        &self,
        arrival: crate::flight::Arrival,
        deadline: Deadline,
    ) -> Result<Token, Error> {
        let lead = self.lead(deadline).await?;
        if let Offer::Fresh(token) = self.offer() {
            return Ok(token);
        }
        if let Some(Err(error)) = lead.landed_since(arrival) {
            return Err(error);
        }
        lead.fly(Effort::Persistent, self.fetch(Effort::Persistent, deadline))
            .await
    }

    /// Renews while `living` is still good, with one try.
    async fn renew_ahead(
        &self,
        lead: Lead<'_>,
        living: Token,
        deadline: Deadline,
    ) -> Result<Token, Error> {
        if let Offer::Fresh(token) = self.offer() {
            return Ok(token);
        }
        let fetched = lead
            .fly(Effort::Once, self.fetch(Effort::Once, deadline))
            .await;
        let now = self.clock().now();
        match fetched {
            Err(error) if living.lives(now) => {
                tracing::warn!(%error, "the token could not be renewed; the living one stays in use");
                self.inner.cache.put_off(&living, now, error.retry_after());
                Ok(living)
            }
            fetched => fetched,
        }
    }

    async fn fetch(&self, effort: Effort, deadline: Deadline) -> Result<Token, Error> {
        let inner = &self.inner;
        let token = inner.exchange.token(inner.grant, effort, deadline).await?;
        inner.cache.hold(&token, random::fraction());
        Ok(token)
    }

    async fn lead(&self, deadline: Deadline) -> Result<Lead<'_>, Error> {
        let clock = self.clock().as_ref();
        let lead = within(clock, deadline.left(clock), self.inner.flights.lead()).await;
        // Whoever comes to the desk with no time left must not begin what it cannot end.
        lead.filter(|_| !deadline.left(clock).is_zero())
            .ok_or_else(|| retry::passed(None))
    }

    fn offer(&self) -> Offer {
        self.inner.cache.offer(self.clock().now())
    }

    /// Whether the last renewal failed, and the next is not due yet.
    fn is_put_off(&self) -> bool {
        let now = self.clock().now();
        self.inner.cache.renewal().is_some_and(|due| now < due)
    }

    /// Drops the token of a certificate that was replaced.
    async fn look(&self, deadline: Deadline) {
        let clock = self.clock().as_ref();
        let looked = self.inner.exchange.credential(Reload::IfDue);
        if let Some(Ok(credential)) = within(clock, deadline.left(clock), looked).await {
            self.inner.cache.keep_only_of(thumbprint(&credential));
        }
    }

    fn is_look_due(&self, now: UnixTime) -> bool {
        let due = self.inner.look_at.load(Ordering::Relaxed);
        // A clock that was set back must not stop the looking.
        now.as_secs() >= due || now.as_secs() + 2 < due
    }

    /// Whether it is this caller who looks for another certificate: one caller, once a second.
    fn take_look(&self, now: UnixTime) -> bool {
        let due = self.inner.look_at.load(Ordering::Relaxed);
        self.is_look_due(now)
            && self
                .inner
                .look_at
                .compare_exchange(due, now.as_secs() + 1, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("issuer", &self.inner.exchange.settings.issuer)
            .field("client_id", &self.inner.exchange.settings.client_id)
            .finish_non_exhaustive()
    }
}

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
                    kept_because: std::sync::Mutex::default(),
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

#[cfg(test)]
mod tests;
