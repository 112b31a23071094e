//! What does an issuer say about itself, and is it the issuer that was meant (RFC 8414)?

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use arc_swap::ArcSwapOption;
use countersign_proto::metadata::{Metadata, well_known};
use tokio::sync::Mutex;
use url::Url;

use crate::fetch::{Away, Wire};

/// How long a document is used before it is fetched again.
const KEPT: Duration = Duration::from_secs(3600);
/// How long a document that could not be fetched again is used before the next try.
const HOLD_OFF: Duration = Duration::from_secs(60);

/// The metadata of one issuer, fetched when first asked for.
pub(crate) struct Discovery {
    /// As configured, byte for byte.
    issuer: Arc<str>,
    url: Url,
    known: ArcSwapOption<Known>,
    /// How many fetches have ended.
    landed: AtomicU64,
    /// How the last one ended, if it failed.
    flight: Mutex<Option<Away>>,
}

struct Known {
    metadata: Arc<Metadata>,
    /// On [`crate::Clock::elapsed`].
    good_until: Duration,
}

impl Discovery {
    pub(crate) fn new(issuer: Arc<str>, url: Url) -> Discovery {
        Discovery {
            issuer,
            url,
            known: ArcSwapOption::empty(),
            landed: AtomicU64::new(0),
            flight: Mutex::new(None),
        }
    }

    /// The metadata: what is known, or fetched, once for all who ask. The last good document stays in
    /// use when it cannot be fetched again. Whoever has waited until `deadline` begins nothing any more.
    pub(crate) async fn metadata(
        &self,
        wire: &Wire,
        deadline: Duration,
    ) -> Result<Arc<Metadata>, Away> {
        if let Some(known) = self.fresh(wire) {
            return Ok(known);
        }
        let landed = self.landed.load(Ordering::Acquire);
        let mut flight = self.flight.lock().await;
        if let Some(known) = self.fresh(wire) {
            return Ok(known);
        }
        // What the one who asked met is told to all who waited: nobody waits twice.
        if let Some(away) = &*flight
            && self.landed.load(Ordering::Acquire) > landed
        {
            return Err(away.clone());
        }
        if wire.clock.elapsed() >= deadline {
            return Err(Away::late());
        }
        let fetched = self.fetch(wire).await;
        self.landed.fetch_add(1, Ordering::AcqRel);
        *flight = fetched.as_ref().err().cloned();
        match (fetched, self.known.load_full()) {
            (Ok(metadata), _) => {
                tracing::debug!(issuer = &*self.issuer, "metadata fetched");
                Ok(self.keep(Arc::new(metadata), wire.clock.elapsed() + KEPT))
            }
            (Err(away), Some(last_good)) => {
                tracing::warn!(
                    issuer = &*self.issuer,
                    error = away.why,
                    "metadata could not be fetched again; the last good one stays in use"
                );
                let metadata = Arc::clone(&last_good.metadata);
                Ok(self.keep(metadata, wire.clock.elapsed() + HOLD_OFF))
            }
            (Err(away), None) => Err(away),
        }
    }

    fn fresh(&self, wire: &Wire) -> Option<Arc<Metadata>> {
        let known = self.known.load();
        let known = known.as_ref()?;
        (wire.clock.elapsed() < known.good_until).then(|| Arc::clone(&known.metadata))
    }

    fn keep(&self, metadata: Arc<Metadata>, good_until: Duration) -> Arc<Metadata> {
        self.known.store(Some(Arc::new(Known {
            metadata: Arc::clone(&metadata),
            good_until,
        })));
        metadata
    }

    /// The document of RFC 8414, else that of OpenID Connect Discovery.
    async fn fetch(&self, wire: &Wire) -> Result<Metadata, Away> {
        let [oauth, openid] = well_known(&self.url);
        match self.fetch_one(wire, &oauth).await {
            Err(away) if away.absent => self.fetch_one(wire, &openid).await,
            found => found,
        }
    }

    async fn fetch_one(&self, wire: &Wire, url: &Url) -> Result<Metadata, Away> {
        let body = wire.get(url).await?;
        Metadata::parse(&body, &self.issuer).map_err(|error| Away::because(url, error))
    }
}
