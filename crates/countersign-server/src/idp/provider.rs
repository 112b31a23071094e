//! What does a provider say about itself, and by which keys does it sign?
//!
//! Fetched when first asked for, and again after an hour. What cannot be fetched again stays in use
//! for a day; a try that failed is not repeated at once, however many ask.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use countersign_proto::{
    jwk::{Jwk, JwkSet},
    key::Algorithm,
    metadata::well_known,
    time::UnixTime,
};
use http::StatusCode;
use tokio::task::JoinHandle;
use url::Url;

use super::IdpRefusal;
use crate::outbound::{Answer, Outbound, OutboundError};

mod description;
pub(crate) use description::Description;

/// How long a document is used before it is fetched again.
const FRESH: Duration = Duration::from_secs(3600);
/// How long it is used when it cannot be fetched again.
const LAST_GOOD: Duration = Duration::from_secs(24 * 3600);
/// How soon another try follows one that failed, and one that found no such key.
const HOLD_OFF: Duration = Duration::from_secs(10);
/// The longest that one document may take.
const LIMIT: Duration = Duration::from_secs(10);

/// One provider, by its issuer. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Provider {
    inner: Arc<Inner>,
}

struct Inner {
    /// As configured, byte for byte.
    issuer: String,
    url: Url,
    outbound: Outbound,
    description: Kept<Description>,
    keys: Kept<JwkSet>,
}

impl Provider {
    /// `issuer` was checked when the settings were read.
    pub(crate) fn new(issuer: &str, url: Url, outbound: Outbound) -> Provider {
        Provider {
            inner: Arc::new(Inner {
                issuer: issuer.to_owned(),
                url,
                outbound,
                description: Kept::nothing(),
                keys: Kept::nothing(),
            }),
        }
    }

    /// Its issuer, byte for byte.
    pub(crate) fn issuer(&self) -> &str {
        &self.inner.issuer
    }

    /// By what it is asked.
    pub(crate) fn outbound(&self) -> &Outbound {
        &self.inner.outbound
    }

    /// What it says about itself.
    ///
    /// # Errors
    /// [`IdpRefusal::Unavailable`] when it is away or out of order, [`IdpRefusal::Provider`] when
    /// what it says cannot be used.
    pub(crate) async fn description(&self, now: UnixTime) -> Result<Arc<Description>, IdpRefusal> {
        let inner = self.inner.clone();
        let renewing = || tokio::spawn(async move { inner.renew_description(now).await });
        self.inner.description.current(now, renewing).await
    }

    /// The key that signed by `algorithm` under this name. A name that is not known makes the
    /// platform look again, but not often.
    ///
    /// # Errors
    /// As for [`Provider::description`]; [`IdpRefusal::Provider`] when there is no such key.
    pub(crate) async fn key(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
        now: UnixTime,
    ) -> Result<Jwk, IdpRefusal> {
        let renewing = |why: fn(&State<JwkSet>, UnixTime) -> bool| {
            let provider = self.clone();
            tokio::spawn(async move { provider.renew_keys(why, now).await })
        };
        let keys = self
            .inner
            .keys
            .current(now, || renewing(State::is_due))
            .await?;
        if let Some(key) = choose(&keys, kid, algorithm) {
            return Ok(key.clone());
        }
        let _ = renewing(State::may_look_again).await;
        let keys = self.inner.keys.usable(now)?;
        choose(&keys, kid, algorithm)
            .cloned()
            .ok_or_else(unknown_key)
    }

    /// Fetches the keys if that is due.
    pub(crate) async fn keep_keys(&self, now: UnixTime) {
        let provider = self.clone();
        let renewing =
            || tokio::spawn(async move { provider.renew_keys(State::is_due, now).await });
        let _ = self.inner.keys.current(now, renewing).await;
    }

    async fn renew_keys(&self, why: fn(&State<JwkSet>, UnixTime) -> bool, now: UnixTime) {
        let keys = &self.inner.keys;
        let _flight = keys.flight.lock().await;
        if why(&keys.state(), now) {
            let fetched = match self.description(now).await {
                Ok(description) => self.inner.fetch_keys(&description).await,
                Err(refusal) => Err(refusal),
            };
            keys.settle(fetched, now, self.issuer());
        }
    }
}

impl Inner {
    async fn renew_description(&self, now: UnixTime) {
        let _flight = self.description.flight.lock().await;
        if self.description.state().is_due(now) {
            let fetched = self.fetch_description().await;
            self.description.settle(fetched, now, &self.issuer);
        }
    }

    /// The document of OpenID Connect Discovery, else that of RFC 8414.
    async fn fetch_description(&self) -> Result<Description, IdpRefusal> {
        let [oauth, openid] = well_known(&self.url);
        let first = self.outbound.get(&openid, LIMIT).await?;
        let answer = if first.status == StatusCode::NOT_FOUND {
            self.outbound.get(&oauth, LIMIT).await?
        } else {
            first
        };
        let body = document(&answer, "its metadata")?;
        Description::parse(body, &self.issuer).map_err(IdpRefusal::Provider)
    }

    async fn fetch_keys(&self, description: &Description) -> Result<JwkSet, IdpRefusal> {
        let Some(url) = &description.jwks_uri else {
            let problem = "its metadata has no jwks_uri".to_owned();
            return Err(IdpRefusal::Provider(problem));
        };
        let answer = self.outbound.get(url, LIMIT).await?;
        let body = document(&answer, "its keys")?;
        JwkSet::parse_published(body)
            .map_err(|error| IdpRefusal::Provider(format!("its keys: {error}")))
    }
}

/// A document, fetched by one task at a time, which goes on when nobody waits for it any more.
struct Kept<T> {
    state: Mutex<State<T>>,
    flight: tokio::sync::Mutex<()>,
}

/// What was fetched, and how the last try went.
struct State<T> {
    good: Option<(Arc<T>, UnixTime)>,
    tried_at: Option<UnixTime>,
    problem: Option<IdpRefusal>,
}

impl<T> Kept<T> {
    fn nothing() -> Kept<T> {
        Kept {
            state: Mutex::new(State {
                good: None,
                tried_at: None,
                problem: None,
            }),
            flight: tokio::sync::Mutex::default(),
        }
    }

    /// What is known. Only who knows nothing at all waits until it is fetched: a document that is
    /// old and usable is renewed beside, so that a slow provider slows nobody down.
    async fn current(
        &self,
        now: UnixTime,
        renewing: impl FnOnce() -> JoinHandle<()>,
    ) -> Result<Arc<T>, IdpRefusal> {
        let (is_due, known) = {
            let state = self.state();
            (state.is_due(now), state.usable(now))
        };
        if !is_due {
            return known;
        }
        let renewed = renewing();
        if known.is_ok() {
            return known;
        }
        let _ = renewed.await;
        self.usable(now)
    }

    fn usable(&self, now: UnixTime) -> Result<Arc<T>, IdpRefusal> {
        self.state().usable(now)
    }

    fn settle(&self, fetched: Result<T, IdpRefusal>, now: UnixTime, issuer: &str) {
        let mut state = self.state();
        state.tried_at = Some(now);
        match fetched {
            Ok(value) => {
                state.good = Some((Arc::new(value), now));
                state.problem = None;
            }
            Err(problem) => {
                tracing::warn!(
                    issuer,
                    ?problem,
                    "a document of the provider was not fetched"
                );
                state.problem = Some(problem);
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    /// Whether to fetch now. A clock that was set back makes it due.
    fn is_due(&self, now: UnixTime) -> bool {
        let good = self.good.as_ref();
        let fresh = good.is_some_and(|(_, at)| within(*at, FRESH, now));
        let held_off = self.problem.is_some() && !self.may_look_again(now);
        !fresh && !held_off
    }

    /// Whether the last try is long enough ago for another.
    fn may_look_again(&self, now: UnixTime) -> bool {
        !self.tried_at.is_some_and(|at| within(at, HOLD_OFF, now))
    }

    fn usable(&self, now: UnixTime) -> Result<Arc<T>, IdpRefusal> {
        match (&self.good, &self.problem) {
            (Some((value, at)), _) if within(*at, LAST_GOOD, now) => Ok(value.clone()),
            (_, Some(problem)) => Err(problem.clone()),
            _ => Err(IdpRefusal::Unavailable("nothing is known yet".to_owned())),
        }
    }
}

impl From<OutboundError> for IdpRefusal {
    fn from(error: OutboundError) -> IdpRefusal {
        match error {
            OutboundError::Unreachable(_) | OutboundError::Slow(_) => {
                IdpRefusal::Unavailable(error.to_string())
            }
            OutboundError::TooLarge(_) | OutboundError::Insecure(_) => {
                IdpRefusal::Provider(error.to_string())
            }
        }
    }
}

fn within(at: UnixTime, time: Duration, now: UnixTime) -> bool {
    at <= now && now.since(at) < time
}

/// With a name, the key of that name; without one, the only key that signs so (OpenID Connect
/// Core 1.0 §10.1).
fn choose<'a>(keys: &'a JwkSet, kid: Option<&str>, algorithm: Algorithm) -> Option<&'a Jwk> {
    let mut fitting = keys.keys.iter().filter(|jwk| {
        kid.is_none_or(|kid| jwk.kid.as_deref() == Some(kid)) && permitted(jwk).contains(&algorithm)
    });
    match (fitting.next(), fitting.next()) {
        (Some(key), None) => Some(key),
        _ => None,
    }
}

/// By which algorithms a key of a provider signs: by the one that it names, else by those of its
/// type.
pub(crate) fn permitted(jwk: &Jwk) -> &[Algorithm] {
    match &jwk.algorithm {
        Some(algorithm) => std::slice::from_ref(algorithm),
        None => jwk.key.algorithms(),
    }
}

fn unknown_key() -> IdpRefusal {
    IdpRefusal::Provider("it signed by a key that it does not publish".to_owned())
}

/// The body of an answer that can be nothing but a JSON document.
pub(crate) fn document<'a>(answer: &'a Answer, what: &str) -> Result<&'a [u8], IdpRefusal> {
    let status = answer.status;
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Err(IdpRefusal::Unavailable(format!("{what}: status {status}")));
    }
    if status.is_redirection() {
        return Err(IdpRefusal::Provider(format!("{what}: it redirects")));
    }
    if status != StatusCode::OK {
        return Err(IdpRefusal::Provider(format!("{what}: status {status}")));
    }
    if !answer.is_json() {
        return Err(IdpRefusal::Provider(format!("{what}: it is not JSON")));
    }
    Ok(&answer.body)
}

#[cfg(test)]
mod tests;
