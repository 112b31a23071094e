//! What does the server say about itself, and is it the server that was meant (RFC 8414)?

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use countersign_proto::{
    metadata::{Metadata, check_issuer, well_known},
    time::UnixTime,
};
use tokio::sync::Mutex;
use url::Url;

use crate::{
    Clock, Error, ErrorKind, Transport,
    clock::within,
    error::{printable, status_is_transient},
    retry,
    transport::MAX_BODY_BYTES,
};

/// How long a document is used before it is fetched again.
const KEPT: Duration = Duration::from_secs(3600);
/// How long a document that could not be fetched again is used before the next try.
const HOLD_OFF: Duration = Duration::from_secs(60);
/// The longest that one document may take.
const LIMIT: Duration = Duration::from_secs(10);

/// The metadata of one issuer, fetched when first asked for.
pub(crate) struct Discovery {
    /// As configured, byte for byte.
    issuer: String,
    url: Url,
    known: ArcSwapOption<Metadata>,
    /// When to fetch again, in seconds since 1970.
    due: AtomicU64,
    flight: Mutex<()>,
}

impl Discovery {
    /// That of the platform with this issuer identifier, which may come from a person.
    pub(crate) fn at(issuer: &str) -> Result<Discovery, Error> {
        let url = check_issuer(issuer).map_err(|error| {
            let text = format!("{issuer} is no issuer identifier: {error}");
            Error::new(ErrorKind::Settings, printable(&text))
        })?;
        Ok(Discovery::new(issuer, url))
    }

    pub(crate) fn new(issuer: &str, url: Url) -> Discovery {
        Discovery {
            issuer: issuer.to_owned(),
            url,
            known: ArcSwapOption::empty(),
            due: AtomicU64::new(0),
            flight: Mutex::new(()),
        }
    }

    /// The metadata: what is known, or fetched. One attempt; the last good document stays in use when
    /// it cannot be fetched again.
    pub(crate) async fn metadata(
        &self,
        transport: &dyn Transport,
        clock: &dyn Clock,
    ) -> Result<Arc<Metadata>, Error> {
        if let Some(known) = self.fresh(clock.now()) {
            return Ok(known);
        }
        let _flight = self.flight.lock().await;
        if let Some(known) = self.fresh(clock.now()) {
            return Ok(known);
        }
        match (self.fetch(transport, clock).await, self.known.load_full()) {
            (Ok(metadata), _) => {
                let metadata = Arc::new(metadata);
                self.known.store(Some(Arc::clone(&metadata)));
                self.keep_until(clock.now().plus(KEPT));
                tracing::debug!(issuer = self.issuer, "metadata fetched");
                Ok(metadata)
            }
            (Err(error), Some(last_good)) => {
                tracing::warn!(issuer = self.issuer, %error, "metadata could not be fetched again; the last good one stays in use");
                self.keep_until(clock.now().plus(HOLD_OFF));
                Ok(last_good)
            }
            (Err(error), None) => Err(error),
        }
    }

    fn fresh(&self, now: UnixTime) -> Option<Arc<Metadata>> {
        let due = UnixTime::from_secs(self.due.load(Ordering::Acquire));
        // A clock that was set back must not keep a document for longer than it is good for.
        (now < due && due.since(now) <= KEPT)
            .then(|| self.known.load_full())
            .flatten()
    }

    fn keep_until(&self, due: UnixTime) {
        self.due.store(due.as_secs(), Ordering::Release);
    }

    /// The document of RFC 8414, else that of OpenID Connect Discovery.
    async fn fetch(&self, transport: &dyn Transport, clock: &dyn Clock) -> Result<Metadata, Error> {
        let [oauth, openid] = well_known(&self.url);
        let first = match self.fetch_one(transport, clock, &oauth).await {
            Ok(metadata) => return Ok(metadata),
            Err(refused) if refused.error.is_transient() => return Err(refused.error),
            Err(refused) => refused,
        };
        match self.fetch_one(transport, clock, &openid).await {
            Ok(metadata) => Ok(metadata),
            Err(second) if second.error.is_transient() || first.absent => Err(second.error),
            Err(_) => Err(first.error),
        }
    }

    async fn fetch_one(
        &self,
        transport: &dyn Transport,
        clock: &dyn Clock,
        url: &Url,
    ) -> Result<Metadata, Unusable> {
        let request = http::Request::get(url.as_str())
            .header(http::header::ACCEPT, "application/json")
            .body(Vec::new())
            .map_err(|_| self.unusable(url, "the address is not usable"))?;
        let response = within(clock, LIMIT, transport.send(request))
            .await
            .ok_or_else(|| retry::passed(None))?
            .map_err(Error::from)?;
        let status = response.status();
        if status != http::StatusCode::OK {
            let absent = status.is_client_error() && !status_is_transient(status.as_u16());
            let retry_after =
                countersign_proto::exchange::retry_after(response.headers(), clock.now());
            let error = if absent {
                self.unusable(url, &format!("status {status}")).error
            } else {
                Error::status(url.as_str(), status.as_u16()).with_retry_after(retry_after)
            };
            return Err(Unusable { error, absent });
        }
        if !is_json(response.headers()) {
            return Err(self.unusable(url, "it is not JSON"));
        }
        if response.body().len() > MAX_BODY_BYTES {
            return Err(self.unusable(url, "it is longer than 1 MiB"));
        }
        Metadata::parse(response.body(), &self.issuer)
            .map_err(|error| self.unusable(url, &error.to_string()))
    }

    fn unusable(&self, url: &Url, why: &str) -> Unusable {
        let text = format!("no usable metadata of {} at {url}: {why}", self.issuer);
        Unusable {
            error: Error::new(ErrorKind::Server, printable(&text)).with_hint(
                "give the issuer exactly as the server writes it in its metadata; a slash at the end counts",
            ),
            absent: false,
        }
    }
}

/// Why a document was not taken.
struct Unusable {
    error: Error,
    /// There is none at that address.
    absent: bool,
}

impl From<Error> for Unusable {
    fn from(error: Error) -> Self {
        Unusable {
            error,
            absent: false,
        }
    }
}

fn is_json(headers: &http::HeaderMap) -> bool {
    let media_type = headers
        .get(http::header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    media_type.is_some_and(|found| found == "application/json" || found.ends_with("+json"))
}

#[cfg(test)]
mod tests;
