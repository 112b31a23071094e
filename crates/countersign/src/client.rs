//! How does an application hold a token that is always fresh?

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use countersign_proto::{metadata::Metadata, time::UnixTime};

use crate::{
    Clock, CredentialSource, Dpop, Error, Reload, Token, Transport,
    cache::{Cache, Offer},
    clock::{Deadline, within},
    exchange::{Exchange, Grant, thumbprint},
    flight::{Arrival, Effort, Flights, Lead},
    random, retry,
};

mod builder;
pub use builder::ClientBuilder;

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
        ClientBuilder::new(issuer, client_id, credential.into())
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
            || exchange.metadata(),
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
    async fn join(&self, arrival: Arrival, deadline: Deadline) -> Result<Token, Error> {
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
        within(clock, deadline.left(clock), self.inner.flights.lead())
            .await
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

    /// Has the token of a certificate that was replaced renewed with the new one.
    async fn look(&self, deadline: Deadline) {
        let Inner {
            exchange,
            cache,
            grant,
            ..
        } = &*self.inner;
        let clock = self.clock().as_ref();
        let looked = exchange.newest(Reload::IfDue);
        if let Some(Ok(current)) = within(clock, deadline.left(clock), looked).await {
            let newest = &current.credential;
            if exchange
                .successions
                .of(*grant)
                .is_worth_a_trial(newest, clock.elapsed())
            {
                cache.renew_unless_of(thumbprint(newest));
            }
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

#[cfg(test)]
mod tests;
