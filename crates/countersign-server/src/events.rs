//! What does an administrator hear of as it happens?
//!
//! An event goes to the log (target `countersign::event`), into a metric, and to the receiver of
//! `events.webhook`. It is no audit: that is written by whoever raises it, in the transaction of
//! what happened. To raise an event never waits and never fails.

mod event;
pub(crate) use event::{Event, EventName};

mod coalescing;
use coalescing::{Coalescing, Told};

mod notice;
use notice::Notice;

mod queue;
pub(crate) use queue::Counters;
use queue::Queue;

mod delivery;

mod signature;

mod webhook;
use webhook::Webhook;

mod weakness;

mod expiry;

mod successor;

use std::time::Duration;

use countersign_proto::{
    certificate::Certificate,
    management::{GrantedState, TokenFilter},
    time::UnixTime,
};
use metrics::Counter;

use crate::{
    Platform,
    config::Settings,
    metrics::Metrics,
    random,
    store::{StoreError, TokenQuery},
};

/// Time for what still waits when a server stops.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Tells of events.
pub(crate) struct Events {
    coalescing: Coalescing,
    counters: [Counter; EventName::ALL.len()],
    webhook: Option<Webhook>,
    #[cfg(test)]
    told: std::sync::Mutex<Vec<Event>>,
}

impl Events {
    /// Delivers to the receiver of the settings, if there is one.
    ///
    /// # Errors
    /// What is wrong with its settings.
    pub(crate) fn new(settings: &Settings, metrics: &Metrics) -> Result<Events, String> {
        let webhook = settings.webhook.as_ref().map(|webhook| {
            let queue = Queue::new(metrics.deliveries());
            Webhook::new(settings, webhook, queue)
        });
        Ok(Events {
            coalescing: Coalescing::default(),
            counters: metrics.events(),
            webhook: webhook.transpose()?,
            #[cfg(test)]
            told: std::sync::Mutex::default(),
        })
    }

    /// Tells of `event`, unless an equal one was told less than a minute ago: then it is told with
    /// the next, or when the minute is over. Counted it is in any case.
    pub(crate) fn raise(&self, event: Event) {
        self.counters[event.name as usize].increment(1);
        if let Some(told) = self.coalescing.judge(event) {
            self.tell(&told);
        }
    }

    /// Tells of what was held back in a minute that is over.
    pub(crate) fn settle(&self, now: UnixTime) {
        for told in self.coalescing.settle(now) {
            self.tell(&told);
        }
    }

    fn tell(&self, told: &Told) {
        // An event without a name of its own is logged, and not delivered.
        let id = random::opaque_id(told.event.at)
            .ok()
            .map(|id| id.to_string());
        let Told { event, repeats } = told;
        tracing::warn!(
            target: "countersign::event",
            id,
            event = event.name.as_str(),
            at = event.at.as_secs(),
            subject = event.subject,
            token_id = event.token_id,
            certificate = event.certificate,
            address = event.address.map(tracing::field::display),
            detail = event.detail,
            repeats,
            "event"
        );
        if let (Some(webhook), Some(id)) = (&self.webhook, id) {
            webhook.queue.put(Notice::new(id, told));
        }
        #[cfg(test)]
        self.told.lock().unwrap().push(event.clone());
    }

    /// What was told until now, oldest first.
    #[cfg(test)]
    pub(crate) fn told(&self) -> Vec<Event> {
        self.told.lock().unwrap().clone()
    }
}

/// Delivers what is told, for as long as it is asked. Without a receiver there is nothing to do.
pub(crate) async fn deliver(platform: Platform) {
    if let Some(webhook) = &platform.events().webhook {
        let send = |notice| webhook.send(&platform, notice);
        delivery::deliver(&webhook.queue, platform.clock(), send).await;
    }
}

/// Delivers what still waits, for a few seconds at most.
pub(crate) async fn deliver_rest(platform: &Platform) {
    if let Some(webhook) = &platform.events().webhook {
        let send = |notice| webhook.send(platform, notice);
        let rest = delivery::deliver_rest(&webhook.queue, platform.clock(), send);
        if tokio::time::timeout(LAST_WORDS, rest).await.is_err() || webhook.queue.front().is_some()
        {
            tracing::warn!("events were not delivered before the end");
        }
    }
}

/// Tells of the settings that are weak.
pub(crate) fn tell_of_settings(platform: &Platform) {
    let now = platform.now();
    for weakness in weakness::of(platform.settings()) {
        let event = Event::new(EventName::SettingsWeak, weakness.setting, now);
        platform.events().raise(event.detail(weakness.why));
    }
}

/// Tells of granted tokens that have come within the time of warning since `last`, or that are within
/// it when this was not asked before: each once, whichever node looks. Small batches.
///
/// # Errors
/// [`StoreError`] when the store does not answer.
pub(crate) async fn tell_of_tokens(
    platform: &Platform,
    last: Option<UnixTime>,
) -> Result<(), StoreError> {
    const BATCH: u32 = 200;
    let now = platform.now();
    let warned = platform.settings().tokens.expiry_warning;
    // What was told of is not read again: as seen from the end of that time, only what comes next
    // expires soon.
    let from = last.map_or(now, |last| last.plus(warned).max(now));
    let mut query = TokenQuery {
        filter: TokenFilter {
            state: Some(GrantedState::Expiring),
            ..TokenFilter::default()
        },
        after: None,
        limit: BATCH,
        now: from,
        warned: now.plus(warned).since(from),
    };
    loop {
        let page = platform.store().tokens(query.clone()).await?;
        for row in page.items {
            let Some(end) = row.expires_at else { continue };
            let days = warned.as_secs() / 86_400;
            if expiry::is_first(&**platform.store(), &row.id, days, end).await? {
                let subject = row.owner.as_deref().unwrap_or(&row.name);
                let event = Event::new(EventName::TokenExpiresSoon, subject, now).token(&row.id);
                platform
                    .events()
                    .raise(event.detail(&expiry::left(end, now)));
            }
        }
        if page.next.is_none() {
            return Ok(());
        }
        query.after = page.next;
        tokio::task::yield_now().await;
    }
}

/// Tells of certificates that end soon, the registered ones and the listener's own: 30, 14, 7 and 1 days
/// before, and at the end. Each warning once, whichever node looks.
///
/// A certificate that was revoked has ended already, and one that was replaced ends without harm.
///
/// # Errors
/// [`StoreError`] when the store does not answer.
pub(crate) async fn tell_of_certificates(
    platform: &Platform,
    listener: Option<&Certificate>,
) -> Result<(), StoreError> {
    let now = platform.now();
    let registry = platform.registry();
    for entry in registry.certificates() {
        let record = &entry.record;
        let Some(days) = expiry::notice(record.not_after, now) else {
            continue;
        };
        if record.revoked_at.is_some() {
            continue;
        }
        let replaced = successor::is_there(&registry, entry, now);
        if replaced && !successor::is_still_used(&**platform.store(), entry, now).await? {
            continue;
        }
        if expiry::is_first(&**platform.store(), &record.sha256, days, record.not_after).await? {
            let mut detail = expiry::left(record.not_after, now);
            if replaced {
                detail.push_str("; a newer one is there, and this one is still used");
            }
            let event = Event::new(EventName::CertificateExpiresSoon, &record.client_id, now);
            let event = event.certificate(&record.sha256).detail(&detail);
            platform.events().raise(event);
        }
    }
    let Some(listener) = listener else {
        return Ok(());
    };
    let (sha256, end) = (listener.sha256(), listener.not_after());
    let sha256 = sha256.to_hex().to_ascii_lowercase();
    if let Some(days) = expiry::notice(end, now)
        && expiry::is_first(&**platform.store(), &format!("tls {sha256}"), days, end).await?
    {
        let event = Event::new(EventName::CertificateExpiresSoon, "tls.certificate", now);
        let event = event.certificate(&sha256).detail(&expiry::left(end, now));
        platform.events().raise(event);
    }
    Ok(())
}
