//! How does an application hold a token of the dialect that is always fresh?

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use url::Url;

use super::{DEFAULT_CONSUMER, Generation, Site, TachyonToken, certificate::Signer};
use crate::{
    Clock, CredentialSource, Error, ErrorKind, HttpTransport, SystemClock, Token, Transport,
    authorize::{check_destination, whole_url},
    cache::{Cache, Offer},
    clock::{Deadline, within},
    flight::{Effort, Flights, Lead},
    random, retry,
};

/// A token that was refused at once is not got anew for each request.
const YOUNG: Duration = Duration::from_secs(10);

/// Gets, caches and renews tokens of the dialect with a certificate (kind 1). Cheap to clone; clones
/// share the cache.
///
/// A token is renewed by a fresh assertion. Each call may be dropped at any moment: another caller that
/// waits takes over.
#[derive(Clone)]
pub struct TachyonClient {
    inner: Arc<Inner>,
}

struct Inner {
    site: Site,
    signer: Signer,
    deadline: Duration,
    cache: Cache,
    flights: Flights,
}

/// Settings of a [`TachyonClient`].
#[must_use]
pub struct TachyonClientBuilder {
    server: String,
    signer: Signer,
    consumer: String,
    deadline: Duration,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
}

impl TachyonClientBuilder {
    /// Which program this is, as it is registered with the server. Default: [`DEFAULT_CONSUMER`].
    pub fn consumer(mut self, name: &str) -> Self {
        name.clone_into(&mut self.consumer);
        self
    }

    /// The `token_endpoint` of the identity provider, byte for byte. A server that names another gets
    /// no assertion. Default: whatever the server names, which trusts the server with assertions for
    /// any provider.
    pub fn token_endpoint(mut self, address: &str) -> Self {
        self.signer.pinned = Some(address.to_owned());
        self
    }

    /// Life of an assertion. 10 s to 300 s, default 60 s.
    pub fn assertion_lifetime(mut self, lifetime: Duration) -> Self {
        self.signer.lifetime = lifetime;
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
    pub fn build(self) -> Result<TachyonClient, Error> {
        let id = &self.signer.app_id;
        if id.is_empty() || id.len() > 255 || id.chars().any(char::is_control) {
            return Err(Error::new(
                ErrorKind::Settings,
                "the application id must have 1 to 255 bytes and no control characters",
            ));
        }
        for (what, value, least, most) in [
            ("the life of an assertion", self.signer.lifetime, 10, 300),
            ("the deadline", self.deadline, 1, 600),
        ] {
            if value < Duration::from_secs(least) || value > Duration::from_secs(most) {
                return Err(Error::new(
                    ErrorKind::Settings,
                    format!("{what} must be {least} s to {most} s, not {value:?}"),
                ));
            }
        }
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(HttpTransport::builder().build()?),
        };
        let site = Site::new(&self.server, &self.consumer, transport, self.clock)?;
        Ok(TachyonClient {
            inner: Arc::new(Inner {
                site,
                signer: self.signer,
                deadline: self.deadline,
                cache: Cache::default(),
                flights: Flights::default(),
            }),
        })
    }
}

impl TachyonClient {
    /// `server`: `https://HOST`. `app_id`: the application as its identity provider knows it. The
    /// credential needs an RSA key.
    pub fn builder(
        server: &str,
        app_id: &str,
        credential: impl Into<CredentialSource>,
    ) -> TachyonClientBuilder {
        TachyonClientBuilder {
            server: server.to_owned(),
            signer: Signer {
                app_id: app_id.to_owned(),
                source: credential.into(),
                lifetime: countersign_proto::assertion::LIFETIME,
                pinned: None,
            },
            consumer: DEFAULT_CONSUMER.to_owned(),
            deadline: Duration::from_secs(30),
            transport: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// A token that lives: from the cache, renewed ahead of its end, or by a new sign-in. One request
    /// however many ask.
    ///
    /// # Errors
    /// When there is no token that lives and none could be had before the deadline.
    pub async fn token(&self) -> Result<TachyonToken, Error> {
        match self.offer() {
            Offer::Fresh(token) => Ok(TachyonToken::kept(token)),
            Offer::Ageing(token) => match self.inner.flights.try_lead() {
                Some(lead) => self.renew_ahead(lead, token).await,
                None => Ok(TachyonToken::kept(token)),
            },
            Offer::Late(token) => match self.join().await {
                Err(_) if token.lives(self.now()) => Ok(TachyonToken::kept(token)),
                joined => joined,
            },
            Offer::Nothing => self.join().await,
        }
    }

    /// A new token by a fresh assertion, whatever the cache holds; it replaces the cached one.
    ///
    /// # Errors
    /// When none could be had before the deadline. The cached token stays.
    pub async fn renew(&self) -> Result<TachyonToken, Error> {
        let deadline = self.deadline();
        let arrival = self.inner.flights.arrive();
        let lead = self.lead(deadline).await?;
        match (lead.begun_since(arrival), self.offer()) {
            (Some(Err(error)), _) => Err(error),
            (Some(Ok(())), Offer::Fresh(token)) => Ok(TachyonToken::kept(token)),
            _ => self.fly(lead, Effort::Persistent, deadline).await,
        }
    }

    /// Takes a token that was got earlier, for instance by another process, into the cache.
    pub fn adopt(&self, token: &TachyonToken) {
        self.inner.cache.hold(token.object(), random::fraction());
    }

    /// Forgets `token` if it is the cached one.
    pub fn forget(&self, token: &TachyonToken) {
        self.inner.cache.forget(token.object());
    }

    /// Sets the two headers of the dialect on a request to the server. `Authorization` stays as it is.
    ///
    /// # Errors
    /// [`ErrorKind::Settings`] when the request goes elsewhere; else those of [`TachyonClient::token`].
    /// The request is then as it was.
    pub async fn authorize<B>(&self, request: &mut Request<B>) -> Result<TachyonToken, Error> {
        let url = whole_url(request.uri())?;
        self.check_destination(&url)?;
        let token = self.token().await?;
        token.present(request.headers_mut(), &self.inner.site.consumer);
        Ok(token)
    }

    /// Sends a request to the server with a token. One that is answered with 401 is sent once more with
    /// a new token, unless the token was got just now: tokens need not say when they end.
    ///
    /// # Errors
    /// Those of [`TachyonClient::authorize`] and of the transport.
    pub async fn send(&self, request: Request<Vec<u8>>) -> Result<Response<Bytes>, Error> {
        let mut first = request.clone();
        let token = self.authorize(&mut first).await?;
        let transport = &self.inner.site.transport;
        let answer = transport.send(first).await?;
        let age = self.now().since(token.object().issued_at);
        if answer.status() != StatusCode::UNAUTHORIZED || age <= YOUNG {
            return Ok(answer);
        }
        self.forget(&token);
        let mut again = request;
        self.authorize(&mut again).await?;
        Ok(transport.send(again).await?)
    }

    /// Gives `token` back and forgets it.
    ///
    /// # Errors
    /// The server did not hear of it; it is forgotten here all the same.
    pub async fn log_out(&self, token: &TachyonToken) -> Result<(), Error> {
        self.forget(token);
        self.inner.site.log_out(token).await
    }

    /// Of which generation the server is.
    ///
    /// # Errors
    /// It does not answer, or not as a server of the dialect does.
    pub async fn generation(&self) -> Result<Generation, Error> {
        self.inner.site.generation().await
    }

    fn check_destination(&self, url: &Url) -> Result<(), Error> {
        check_destination(url)?;
        if url.origin() != self.inner.site.server.origin() {
            return Err(Error::new(
                ErrorKind::Settings,
                format!(
                    "a token of {} is not sent to {}",
                    self.inner.site.name(),
                    url.origin().ascii_serialization()
                ),
            ));
        }
        Ok(())
    }

    /// The token of the flight that is under way, or of one that this caller leads.
    async fn join(&self) -> Result<TachyonToken, Error> {
        let deadline = self.deadline();
        let arrival = self.inner.flights.arrive();
        let lead = self.lead(deadline).await?;
        match (self.offer(), lead.landed_since(arrival)) {
            (Offer::Fresh(token), _) => Ok(TachyonToken::kept(token)),
            (_, Some(Err(error))) => Err(error),
            _ => self.fly(lead, Effort::Persistent, deadline).await,
        }
    }

    /// Renews while `living` is still good, with one try.
    async fn renew_ahead(&self, lead: Lead<'_>, living: Token) -> Result<TachyonToken, Error> {
        if let Offer::Fresh(token) = self.offer() {
            return Ok(TachyonToken::kept(token));
        }
        match self.fly(lead, Effort::Once, self.deadline()).await {
            Err(error) if living.lives(self.now()) => {
                tracing::warn!(%error, "the token could not be renewed; the living one stays in use");
                let wait = error.retry_after();
                self.inner.cache.put_off(&living, self.now(), wait);
                Ok(TachyonToken::kept(living))
            }
            renewed => renewed,
        }
    }

    async fn fly(
        &self,
        lead: Lead<'_>,
        effort: Effort,
        deadline: Deadline,
    ) -> Result<TachyonToken, Error> {
        let Inner {
            site,
            signer,
            cache,
            ..
        } = self.inner.as_ref();
        let flight = async {
            let attempt = || signer.sign_in(site);
            let clock = site.clock.as_ref();
            let token = retry::persist(clock, deadline, effort.attempts(), attempt).await?;
            cache.hold(token.object(), random::fraction());
            Ok(token)
        };
        lead.fly(effort, flight).await
    }

    async fn lead(&self, deadline: Deadline) -> Result<Lead<'_>, Error> {
        let clock = self.inner.site.clock.as_ref();
        within(clock, deadline.left(clock), self.inner.flights.lead())
            .await
            .ok_or_else(|| retry::passed(None))
    }

    fn deadline(&self) -> Deadline {
        Deadline::after(self.inner.site.clock.as_ref(), self.inner.deadline)
    }

    fn offer(&self) -> Offer {
        self.inner.cache.offer(self.now())
    }

    fn now(&self) -> countersign_proto::time::UnixTime {
        self.inner.site.clock.now()
    }
}

impl std::fmt::Debug for TachyonClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TachyonClient")
            .field("server", &self.inner.site.name())
            .field("app_id", &self.inner.signer.app_id)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for TachyonClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TachyonClientBuilder")
            .field("server", &self.server)
            .field("app_id", &self.signer.app_id)
            .finish_non_exhaustive()
    }
}
