//! How is a person's token kept fresh until its refreshes are used up?

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use crate::{
    Clock, Error, ErrorKind, InteractiveToken, Token, TokenObject, Transport,
    cache::{Cache, Offer},
    clock::{Deadline, within},
    discovery::Discovery,
    dpop::{PROOF, Prover},
    exchange::Skew,
    flight::{Arrival, Effort, Flights, Lead},
    random, retry,
};
use countersign_proto::{
    exchange::{
        ExchangeError, RefreshToken, TokenRequest, TokenResponse, read_response, retry_after,
    },
    key::SigningKey,
    metadata::{Metadata, check_issuer},
    oauth_error::{ErrorCode, Reason},
    time::UnixTime,
    token::{TokenKind, TokenType},
};

mod end;

/// The longest that one call may take.
const LIMIT: Duration = Duration::from_secs(30);

/// What a person's login gave, kept fresh: each refresh is counted by the platform, and after the
/// last one a person has to sign in again ([`ErrorKind::RefreshLimit`]). Cheap to clone; clones
/// share the token.
///
/// Its futures are to be run on a Tokio runtime. Each call may be dropped at any moment: a refresh
/// whose answer was lost is asked for again, and counted once.
#[derive(Clone)]
pub struct InteractiveSession {
    inner: Arc<Inner>,
}

struct Inner {
    issuer: String,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
    discovery: Discovery,
    prover: Prover,
    skew: Skew,
    cache: Cache,
    flights: Flights,
    held: Mutex<Held>,
    store: Option<Store>,
}

type Store = Arc<dyn Fn(&InteractiveToken) -> Result<(), String> + Send + Sync>;

struct Held {
    current: InteractiveToken,
    /// There will be no refresh any more.
    over: Option<Error>,
}

impl InteractiveSession {
    /// `proof_key` is that of the login. The session lives in memory only: a new refresh token is
    /// lost with the process.
    ///
    /// # Errors
    /// When the issuer is none.
    pub fn new(
        issuer: &str,
        proof_key: Arc<dyn SigningKey>,
        token: InteractiveToken,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Result<InteractiveSession, Error> {
        InteractiveSession::make(issuer, proof_key, token, transport, clock, None)
    }

    /// As [`InteractiveSession::new`]; `store` keeps each new token, for instance in a
    /// [`cache_file`](crate::cache_file), before the old one is dropped. It may block.
    ///
    /// # Errors
    /// When the issuer is none.
    pub fn stored<E: fmt::Display>(
        issuer: &str,
        proof_key: Arc<dyn SigningKey>,
        token: InteractiveToken,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        store: impl Fn(&InteractiveToken) -> Result<(), E> + Send + Sync + 'static,
    ) -> Result<InteractiveSession, Error> {
        let store: Store = Arc::new(move |token| store(token).map_err(|error| error.to_string()));
        InteractiveSession::make(issuer, proof_key, token, transport, clock, Some(store))
    }

    fn make(
        issuer: &str,
        proof_key: Arc<dyn SigningKey>,
        token: InteractiveToken,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
        store: Option<Store>,
    ) -> Result<InteractiveSession, Error> {
        let url = check_issuer(issuer)
            .map_err(|error| Error::new(ErrorKind::Settings, error.to_string()))?;
        let cache = Cache::default();
        cache.hold(&token.token, random::fraction());
        Ok(InteractiveSession {
            inner: Arc::new(Inner {
                issuer: issuer.to_owned(),
                transport,
                clock,
                discovery: Discovery::new(issuer, url),
                prover: Prover::with_key(proof_key),
                skew: Skew::default(),
                cache,
                flights: Flights::default(),
                held: Mutex::new(Held {
                    current: token,
                    over: None,
                }),
                store,
            }),
        })
    }

    /// A token that lives: the one there is, refreshed ahead of its end, or a new one. One counted
    /// refresh however many ask.
    ///
    /// From about 80 % of its life on, one caller refreshes within its own call while the others
    /// take the living one. A refresh that fails leaves the living token in use, and so does a
    /// session that has none left.
    ///
    /// # Errors
    /// When no token lives and none could be had: [`ErrorKind::RefreshLimit`] when a person has to
    /// sign in again.
    pub async fn token(&self) -> Result<Token, Error> {
        let inner = &self.inner;
        let deadline = self.deadline();
        let arrival = inner.flights.arrive();
        let living = match inner.cache.offer(self.now()) {
            Offer::Fresh(token) => return Ok(token),
            Offer::Ageing(token) | Offer::Late(token) if self.refresh_token().is_err() => {
                return Ok(token);
            }
            Offer::Ageing(token) => {
                return match inner.flights.try_lead() {
                    Some(lead) => self.refresh_ahead(lead, token, deadline).await,
                    None => Ok(token),
                };
            }
            Offer::Late(token) if self.is_put_off() => return Ok(token),
            Offer::Late(token) => Some(token),
            Offer::Nothing => None,
        };
        let refreshed = self.join(arrival, deadline).await;
        match (refreshed, living) {
            (Err(_), Some(token)) if token.lives(self.now()) => Ok(token),
            (refreshed, _) => refreshed,
        }
    }

    /// A counted refresh, whatever the old token is still good for. Those who ask at the same time
    /// share one.
    ///
    /// # Errors
    /// When none could be had before the deadline of 30 s, or when the new refresh token could not
    /// be stored. The old token stays, and the refresh is not counted twice.
    pub async fn refresh(&self) -> Result<Token, Error> {
        let arrival = self.inner.flights.arrive();
        let deadline = self.deadline();
        let lead = self.lead(deadline).await?;
        match lead.landed_since(arrival) {
            Some(Ok(())) => Ok(self.snapshot().token),
            Some(Err(error)) => Err(error),
            None => {
                let refreshed = self.advance(Effort::Persistent, deadline, |next| {
                    self.store(next.clone())
                });
                lead.fly(Effort::Persistent, refreshed).await
            }
        }
    }

    /// As [`InteractiveSession::refresh`]; `store` keeps the new token, before the old one is
    /// dropped, in the place of what the session was made with.
    ///
    /// # Errors
    /// As there.
    pub async fn refresh_into<E: fmt::Display>(
        &self,
        store: impl FnOnce(&InteractiveToken) -> Result<(), E>,
    ) -> Result<Token, Error> {
        let deadline = self.deadline();
        let lead = self.lead(deadline).await?;
        let refreshed = self.advance(Effort::Persistent, deadline, |next| {
            std::future::ready(store(next).map_err(|error| error.to_string()))
        });
        lead.fly(Effort::Persistent, refreshed).await
    }

    /// The token as it is now, with what refreshes it: to be stored.
    pub fn snapshot(&self) -> InteractiveToken {
        self.held().current.clone()
    }

    /// The token of the refresh that is under way, or of one that this caller leads.
    async fn join(&self, arrival: Arrival, deadline: Deadline) -> Result<Token, Error> {
        let lead = self.lead(deadline).await?;
        if let Offer::Fresh(token) = self.inner.cache.offer(self.now()) {
            return Ok(token);
        }
        if let Some(Err(error)) = lead.landed_since(arrival) {
            return Err(error);
        }
        let refreshed = self.advance(Effort::Persistent, deadline, |next| {
            self.store(next.clone())
        });
        lead.fly(Effort::Persistent, refreshed).await
    }

    /// Refreshes while `living` is still good, with one try.
    async fn refresh_ahead(
        &self,
        lead: Lead<'_>,
        living: Token,
        deadline: Deadline,
    ) -> Result<Token, Error> {
        if let Offer::Fresh(token) = self.inner.cache.offer(self.now()) {
            return Ok(token);
        }
        let refreshed = self.advance(Effort::Once, deadline, |next| self.store(next.clone()));
        match lead.fly(Effort::Once, refreshed).await {
            Err(error) if living.lives(self.now()) => {
                tracing::warn!(%error, "the token could not be refreshed; the living one stays in use");
                let now = self.now();
                self.inner.cache.put_off(&living, now, error.retry_after());
                Ok(living)
            }
            refreshed => refreshed,
        }
    }

    /// One counted refresh. The new token takes the place of the old one when it is stored.
    async fn advance<F>(
        &self,
        effort: Effort,
        deadline: Deadline,
        store: impl FnOnce(&InteractiveToken) -> F,
    ) -> Result<Token, Error>
    where
        F: Future<Output = Result<(), String>>,
    {
        let refresh_token = self.refresh_token()?;
        let attempts = effort.attempts();
        let asked = retry::persist(self.clock(), deadline, attempts, || {
            self.attempt(&refresh_token)
        });
        let next = asked.await.inspect_err(|error| {
            if error.kind() == ErrorKind::RefreshLimit {
                self.held().over = Some(error.clone());
            }
        })?;
        store(&next).await.map_err(|why| {
            Error::new(
                ErrorKind::Settings,
                crate::error::printable(&format!(
                    "the new refresh token could not be stored, and the old one stays in use: {why}"
                )),
            )
        })?;
        let token = next.token.clone();
        self.held().current = next;
        self.inner.cache.hold(&token, random::fraction());
        Ok(token)
    }

    /// One attempt: as many requests as there is something to put right, each thing once. The
    /// platform answers a repetition with the same tokens.
    async fn attempt(&self, refresh_token: &RefreshToken) -> Result<InteractiveToken, Error> {
        let inner = &self.inner;
        let metadata = self.metadata().await?;
        let (mut nonce, mut clock) = (false, false);
        loop {
            let asked_at = self.now();
            let response = self.ask(refresh_token, &metadata).await?;
            let endpoint = &metadata.token_endpoint;
            let new_nonce = inner.prover.remember(endpoint, response.headers());
            let error = match read_response(&response, false) {
                Ok(granted) => return self.next_token(granted, refresh_token, asked_at),
                Err(error) => error,
            };
            let again = match &error {
                ExchangeError::Refused { error: refusal, .. } => match refusal.code {
                    ErrorCode::UseDpopNonce => new_nonce && !std::mem::replace(&mut nonce, true),
                    ErrorCode::InvalidDpopProof => {
                        matches!(refusal.reason, None | Some(Reason::ClockSkew))
                            && !std::mem::replace(&mut clock, true)
                            && inner.skew.learn(self.now(), refusal, response.headers())
                    }
                    _ => false,
                },
                _ => false,
            };
            if !again {
                let wait = retry_after(response.headers(), inner.skew.correct(self.now()));
                return Err(Error::exchange(&inner.issuer, &error).with_retry_after(wait));
            }
        }
    }

    async fn ask(
        &self,
        refresh_token: &RefreshToken,
        metadata: &Metadata,
    ) -> Result<http::Response<bytes::Bytes>, Error> {
        let request = TokenRequest::Refresh {
            refresh_token,
            scope: None,
        };
        let endpoint = &metadata.token_endpoint;
        let mut request = request.to_http(endpoint);
        let now = self.inner.skew.correct(self.now());
        let proof = self
            .inner
            .prover
            .prove(&http::Method::POST, endpoint, None, now)
            .await?;
        request.headers_mut().insert(PROOF, proof);
        Ok(self.inner.transport.send(request).await?)
    }

    /// The next token stands for whom the last one stood for.
    fn next_token(
        &self,
        granted: TokenResponse,
        refresh_token: &RefreshToken,
        asked_at: UnixTime,
    ) -> Result<InteractiveToken, Error> {
        let before = self.snapshot().token;
        let is_another = granted.principal != before.principal
            || granted.kind != Some(TokenKind::Interactive)
            || granted.token_type != TokenType::Bearer;
        if is_another {
            return Err(Error::new(
                ErrorKind::Server,
                format!(
                    "{} gave a token that is not of this session",
                    self.inner.issuer
                ),
            ));
        }
        Ok(InteractiveToken {
            token: Token::from(TokenObject {
                access_token: granted.access_token,
                token_type: granted.token_type,
                principal: granted.principal,
                scope: granted.scope.or_else(|| before.scope.clone()),
                issued_at: asked_at,
                expires_at: asked_at.plus(granted.expires_in),
                ..TokenObject::clone(&before)
            }),
            // A server that gives none leaves the old one in use (RFC 6749 §6).
            refresh_token: Some(granted.refresh_token.unwrap_or(refresh_token.clone())),
            refreshes_remaining: granted.refreshes_remaining,
        })
    }

    /// What the next refresh is asked with, if there can be one.
    fn refresh_token(&self) -> Result<RefreshToken, Error> {
        let held = self.held();
        if let Some(over) = &held.over {
            return Err(over.clone());
        }
        let used_up = || {
            Error::new(
                ErrorKind::RefreshLimit,
                format!("the session at {} has no refresh left", self.inner.issuer),
            )
            .with_hint("sign in again")
        };
        if held.current.refreshes_remaining == Some(0) {
            return Err(used_up());
        }
        held.current.refresh_token.clone().ok_or_else(used_up)
    }

    async fn store(&self, next: InteractiveToken) -> Result<(), String> {
        let Some(store) = self.inner.store.clone() else {
            return Ok(());
        };
        let stored = tokio::task::spawn_blocking(move || store(&next)).await;
        stored.unwrap_or_else(|_| Err("its thread was stopped".to_owned()))
    }

    /// What the server says about itself; fetched once and believed for a while.
    ///
    /// # Errors
    /// When it cannot be had, or is not acceptable.
    pub async fn metadata(&self) -> Result<Arc<Metadata>, Error> {
        let transport = self.inner.transport.as_ref();
        self.inner.discovery.metadata(transport, self.clock()).await
    }

    async fn lead(&self, deadline: Deadline) -> Result<Lead<'_>, Error> {
        within(
            self.clock(),
            deadline.left(self.clock()),
            self.inner.flights.lead(),
        )
        .await
        .ok_or_else(|| retry::passed(None))
    }

    /// Whether the last refresh failed, and the next is not due yet.
    fn is_put_off(&self) -> bool {
        let due = self.inner.cache.renewal();
        due.is_some_and(|due| self.now() < due)
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.inner
            .held
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn clock(&self) -> &dyn Clock {
        self.inner.clock.as_ref()
    }

    fn now(&self) -> UnixTime {
        self.inner.clock.now()
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.clock(), LIMIT)
    }
}

impl fmt::Debug for InteractiveSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InteractiveSession")
            .field("issuer", &self.inner.issuer)
            .field("current", &self.snapshot())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
