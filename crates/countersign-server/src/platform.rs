//! What is one platform, apart from the sockets it listens on?

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use arc_swap::ArcSwap;
use countersign_proto::{
    jwt::LocalSigningKeys,
    metadata::{self, Metadata},
    time::UnixTime,
};
use url::Url;

use crate::{
    Clock, Rules, bootstrap,
    cleanup::Pace,
    clock::{Moment, Stopwatch},
    config::Settings,
    events::Events,
    http,
    idp::{self, IdentityProvider, PasswordHasher},
    keys::{self, IssuerKeys},
    limits::Limiter,
    metrics::Metrics,
    refusal::Fault,
    registry::Registry,
    secrets::{self, Secrets},
    service::{DummyKeys, Forwarder, Proofs, VerifiedTokens, login::Logins},
    store::{self, Store, StoreError, StoredKeys},
    tokens,
    trusted::TrustedIssuers,
};

/// A platform: settings, store, keys, registry in memory. Cheap to clone.
#[derive(Clone)]
pub struct Platform {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    clock: Arc<dyn Clock>,
    store: Arc<dyn Store>,
    registry: ArcSwap<Registry>,
    keys: ArcSwap<IssuerKeys>,
    /// The second in which keys were last looked for.
    keys_looked_for: AtomicU64,
    secrets: Secrets,
    local_signing_keys: Option<LocalSigningKeys>,
    metadata: Metadata,
    dummies: DummyKeys,
    proofs: Proofs,
    limiter: Limiter,
    verified_tokens: VerifiedTokens,
    trusted_issuers: TrustedIssuers,
    tokens: tokens::Memory,
    logins: Logins,
    metrics: Metrics,
    events: Events,
    identity_provider: Arc<dyn IdentityProvider>,
    forwarder: Forwarder,
    passwords: PasswordHasher,
}

/// Why a platform does not start: what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The settings do not read.
    #[error("{0}")]
    Settings(crate::config::SettingsError),
    /// The store does not open.
    #[error("{0}")]
    Store(StoreError),
    /// The secrets cannot be read or made, or do not fit the store.
    #[error("{0}")]
    Secrets(String),
    /// The certificate of `[bootstrap]` cannot be registered.
    #[error("{0}")]
    Bootstrap(String),
    /// The identity provider cannot be asked as it was set.
    #[error("{0}")]
    IdentityProvider(String),
    /// Events cannot be delivered as it was set.
    #[error("{0}")]
    Events(String),
    /// The TLS certificate and key cannot be used.
    #[error("{0}")]
    Tls(String),
    /// The address cannot be listened on.
    #[error("{0}")]
    Listen(String),
}

/// The name of the platform. Its keys and its store are not asked to print themselves.
impl std::fmt::Debug for Platform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Platform")
            .field("issuer", &self.issuer())
            .finish_non_exhaustive()
    }
}

impl Platform {
    /// Opens the store, makes or reads secrets and issuer keys, applies the bootstrap.
    ///
    /// # Errors
    /// [`StartError`] says what is wrong and what to do.
    pub async fn open(settings: Settings, clock: Arc<dyn Clock>) -> Result<Platform, StartError> {
        let rules = Rules {
            shared_certificate: settings.lab_shared_certificate,
        };
        let store = store::open(&settings.store, rules)
            .await
            .map_err(StartError::Store)?;
        Platform::with_store(settings, store, clock).await
    }

    /// The same on a store that is already open.
    ///
    /// # Errors
    /// [`StartError`] says what is wrong and what to do.
    pub async fn with_store(
        settings: Settings,
        store: Arc<dyn Store>,
        clock: Arc<dyn Clock>,
    ) -> Result<Platform, StartError> {
        if settings.lab_shared_certificate {
            tracing::warn!(
                "the lab switch is on: one certificate may be registered for both usages, \
                 turn it off outside a laboratory"
            );
        }
        let now = clock.now();
        let sealed = store.issuer_keys().await.map_err(StartError::Store)?;
        let secrets = Secrets::for_platform(settings.secrets_file.as_deref(), &sealed.keys)
            .map_err(|error| StartError::Secrets(error.to_string()))?;
        let local_signing_keys = settings.signing.secret_file.as_deref();
        let local_signing_keys = local_signing_keys
            .map(secrets::local_signing_keys)
            .transpose()
            .map_err(|error| StartError::Secrets(error.to_string()))?;
        let stored = keys::turn(store.as_ref(), &secrets, &settings.signing, now).await?;
        let keys = IssuerKeys::of(&stored, &secrets)?;
        let registry = bootstrap::apply(&settings, store.as_ref(), now).await?;
        let passwords = PasswordHasher::new();
        let random = |error: String| StartError::Secrets(error);
        let metrics = Metrics::new();
        let events = Events::new(&settings, &metrics).map_err(StartError::Events)?;
        Ok(Platform {
            inner: Arc::new(Inner {
                metadata: Metadata::for_platform(&settings.issuer),
                dummies: DummyKeys::make().map_err(|error| random(format!("{error:?}")))?,
                proofs: Proofs::new(&secrets).map_err(|fault| random(fault.to_string()))?,
                limiter: Limiter::new(&settings),
                verified_tokens: VerifiedTokens::new(),
                trusted_issuers: TrustedIssuers::new(&settings)
                    .map_err(StartError::IdentityProvider)?,
                tokens: tokens::Memory::new(&settings.tokens),
                logins: Logins::new(&settings.limits),
                events,
                metrics,
                forwarder: Forwarder::new(&settings).map_err(StartError::IdentityProvider)?,
                identity_provider: idp::open(&settings, &store, &passwords, &clock)?,
                passwords,
                registry: ArcSwap::from_pointee(registry),
                settings,
                clock,
                store,
                keys: ArcSwap::from_pointee(keys),
                keys_looked_for: AtomicU64::new(0),
                secrets,
                local_signing_keys,
            }),
        })
    }

    /// The same with another identity provider.
    #[cfg(test)]
    pub(crate) fn asking(mut self, provider: Arc<dyn IdentityProvider>) -> Platform {
        let inner = Arc::get_mut(&mut self.inner).expect("nobody else has it yet");
        inner.identity_provider = provider;
        self
    }

    /// Everything it serves, as one tower service: for a server, and for tests without a socket.
    pub fn router(&self) -> axum::Router {
        http::router(self)
    }

    /// Its store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.inner.store
    }

    /// Its settings.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Its issuer identifier, as it stands in tokens and metadata.
    pub fn issuer(&self) -> &str {
        &self.inner.metadata.issuer
    }

    /// Reads the registry again when another node has changed it, and the issuer's keys when
    /// another node has made one.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer, or holds a key that is sealed under other
    /// secrets; the registry or the keys stay as they were.
    pub async fn refresh_registry(&self) -> Result<(), StoreError> {
        let version = self.store().registry_version().await?;
        if version != self.inner.registry.load().version() {
            self.adopt(self.store().registry().await?);
        }
        self.read_keys().await
    }

    /// Does with the issuer's keys what is due: announces one, lets one sign, retires one. Of
    /// several nodes one does it, and the others see it.
    ///
    /// # Errors
    /// As for [`Platform::refresh_registry`].
    pub async fn turn_keys(&self) -> Result<(), StoreError> {
        let (store, rules) = (self.store().as_ref(), &self.settings().signing);
        let stored = keys::turn(store, &self.inner.secrets, rules, self.now())
            .await
            .map_err(keys::of_store)?;
        self.adopt_keys(&stored)
    }

    /// Reads the issuer's keys again.
    pub(crate) async fn read_keys(&self) -> Result<(), StoreError> {
        let stored = self.store().issuer_keys().await?;
        self.adopt_keys(&stored)
    }

    /// Makes newer keys visible. What was read may come in another order than it was written.
    fn adopt_keys(&self, stored: &StoredKeys) -> Result<(), StoreError> {
        if stored.version <= self.keys().version() {
            return Ok(());
        }
        let keys = IssuerKeys::of(stored, &self.inner.secrets).map_err(keys::of_store)?;
        let keys = Arc::new(keys);
        self.inner.keys.rcu(|current| {
            if keys.version() > current.version() {
                keys.clone()
            } else {
                current.clone()
            }
        });
        Ok(())
    }

    /// Asks whether another node has revoked or rotated a token. A platform goes by what it knows of
    /// granted tokens for a second after this, and reads the store otherwise.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn refresh_tokens(&self) -> Result<(), StoreError> {
        let asked = Moment::now();
        let version = self.store().token_version().await?;
        self.tokens().cache.saw(version, asked);
        Ok(())
    }

    /// Writes when and from where tokens were last used.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not take it; then it is kept for the next time.
    pub async fn write_token_uses(&self) -> Result<(), StoreError> {
        self.tokens().uses.flush(self.store().as_ref()).await
    }

    /// Counts granted tokens, for whoever watches.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn count_tokens(&self) -> Result<(), StoreError> {
        let warned = self.settings().tokens.expiry_warning;
        let counts = self.store().token_counts(self.now(), warned).await?;
        self.metrics().granted(&counts);
        Ok(())
    }

    /// Forgets what has ended: records of `jti`, denied tokens, quiet sources. A little at a time, and
    /// rests between, so that requests hardly notice; the longer there is more, the faster.
    ///
    /// # Errors
    /// [`StoreError`] when the store does not answer.
    pub async fn clean_up(&self) -> Result<(), StoreError> {
        self.limiter().forget_quiet_sources(self.now());
        self.logins().forget_quiet_sources();
        self.events().settle(self.now());
        let begun = Moment::now();
        loop {
            let pace = Pace::after(Moment::now().since(begun));
            let watch = Stopwatch::start();
            let forgotten = self.store().cleanup(self.now(), pace.rows).await?;
            if forgotten < u64::from(pace.rows) {
                return Ok(());
            }
            tokio::time::sleep(pace.rest(watch.elapsed())).await;
        }
    }

    /// Writes what waits, flushes and closes the store.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot.
    pub async fn close(&self) -> Result<(), StoreError> {
        if let Err(error) = self.write_token_uses().await {
            tracing::warn!(%error, "the last uses of tokens are not written");
        }
        self.store().close().await
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.inner.clock.as_ref()
    }

    pub(crate) fn now(&self) -> UnixTime {
        self.inner.clock.now()
    }

    /// The registry as it is now; a request keeps the one it began with.
    pub(crate) fn registry(&self) -> Arc<Registry> {
        self.inner.registry.load_full()
    }

    /// Makes a newer registry visible. Changes may come back in another order than they were made.
    pub(crate) fn adopt(&self, registry: Registry) {
        let registry = Arc::new(registry);
        // With a certificate, a mapping or a principal go the tokens that rest on it.
        self.tokens().cache.forget();
        self.inner.registry.rcu(|current| {
            if registry.version() > current.version() {
                registry.clone()
            } else {
                current.clone()
            }
        });
    }

    /// The keys as they are now; a request keeps those that it took.
    pub(crate) fn keys(&self) -> Arc<IssuerKeys> {
        self.inner.keys.load_full()
    }

    /// Whether nobody has looked for a key of the issuer in this second. Whoever asks looks.
    pub(crate) fn may_look_for_keys(&self, now: UnixTime) -> bool {
        let now = now.as_secs();
        self.inner.keys_looked_for.swap(now, Ordering::Relaxed) != now
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.inner.secrets
    }

    /// What signs app tokens in the form of a JWT, when it is not the key of the issuer.
    pub(crate) fn local_signing_keys(&self) -> Option<&LocalSigningKeys> {
        self.inner.local_signing_keys.as_ref()
    }

    pub(crate) fn metadata(&self) -> &Metadata {
        &self.inner.metadata
    }

    /// Where the socket of a sign-in stands, as the metadata has it.
    pub(crate) fn login_endpoint(&self) -> Result<&Url, Fault> {
        let endpoint = &self.inner.metadata.countersign_login_endpoint;
        endpoint
            .as_ref()
            .ok_or_else(|| Fault::new("there is no login endpoint"))
    }

    pub(crate) fn token_endpoint(&self) -> &Url {
        &self.inner.metadata.token_endpoint
    }

    pub(crate) fn dummies(&self) -> &DummyKeys {
        &self.inner.dummies
    }

    pub(crate) fn proofs(&self) -> &Proofs {
        &self.inner.proofs
    }

    pub(crate) fn trusted_issuers(&self) -> &TrustedIssuers {
        &self.inner.trusted_issuers
    }

    pub(crate) fn verified_tokens(&self) -> &VerifiedTokens {
        &self.inner.verified_tokens
    }

    /// What this node remembers of granted tokens.
    pub(crate) fn tokens(&self) -> &tokens::Memory {
        &self.inner.tokens
    }

    pub(crate) fn limiter(&self) -> &Limiter {
        &self.inner.limiter
    }

    pub(crate) fn logins(&self) -> &Logins {
        &self.inner.logins
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Tells whoever administrates it.
    pub(crate) fn events(&self) -> &Events {
        &self.inner.events
    }

    /// Who proves which person sits at a browser.
    pub(crate) fn identity_provider(&self) -> &Arc<dyn IdentityProvider> {
        &self.inner.identity_provider
    }

    /// Who is asked about assertions as well.
    pub(crate) fn forwarder(&self) -> &Forwarder {
        &self.inner.forwarder
    }

    /// Hashes the passwords of accounts.
    pub(crate) fn passwords(&self) -> &PasswordHasher {
        &self.inner.passwords
    }

    pub(crate) fn is_https(&self) -> bool {
        self.settings().issuer.scheme() == "https"
    }

    /// The issuer's path without a slash at its end: empty for most.
    pub(crate) fn base_path(&self) -> &str {
        self.settings().issuer.path().trim_end_matches('/')
    }

    /// Where the metadata document stands.
    pub(crate) fn well_known_paths(&self) -> [String; 2] {
        metadata::well_known(&self.settings().issuer).map(|url| url.path().to_owned())
    }

    /// The address that a client used for a path of ours, as a DPoP proof names it.
    pub(crate) fn url_of(&self, path: &str) -> Url {
        let mut url = self.settings().issuer.clone();
        url.set_path(path);
        url
    }
}
