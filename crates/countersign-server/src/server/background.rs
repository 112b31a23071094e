//! What does a platform do while nobody asks?
//!
//! These tasks belong to a running server and end with it. A platform without a server has none.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::broadcast,
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::tls::Reloadable;
use crate::{Platform, clock::Stopwatch, events, store::Changed};

/// Changes by other nodes are seen within this time (security.md 79).
const REGISTRY_EVERY: Duration = Duration::from_millis(500);
const CLEANUP_EVERY: Duration = Duration::from_secs(60);
const TOKENS_EVERY: Duration = Duration::from_millis(500);
/// Uses are known to others within this time; 60 s are promised.
const USES_EVERY: Duration = Duration::from_secs(15);
const COUNT_EVERY: Duration = Duration::from_secs(60);
const KEYS_EVERY: Duration = Duration::from_secs(5);
const TLS_EVERY: Duration = Duration::from_secs(10);
/// Keys of trusted issuers are looked at so often; each decides whether it is due.
const KEYS_OF_OTHERS_EVERY: Duration = Duration::from_secs(60);
const METRICS_EVERY: Duration = Duration::from_secs(5);
/// A wall clock that moves so much more or less than time does was set (security.md B5).
const CLOCK_STEP: Duration = Duration::from_secs(30);

/// Ends that come near are looked for so often.
const ENDS_EVERY: Duration = Duration::from_secs(3_600);

/// The tasks, to be stopped.
pub(super) struct Background {
    platform: Platform,
    tasks: JoinSet<()>,
}

/// Starts them.
pub(super) fn spawn(platform: &Platform, tls: Option<Arc<Reloadable>>) -> Background {
    let mut tasks = JoinSet::new();
    tasks.spawn(watch_registry(platform.clone()));
    tasks.spawn(watch_tokens(platform.clone()));
    tasks.spawn(write_token_uses(platform.clone()));
    tasks.spawn(count_tokens(platform.clone()));
    tasks.spawn(clean_up(platform.clone()));
    tasks.spawn(turn_keys(platform.clone()));
    tasks.spawn(keep_keys_of_others(platform.clone()));
    tasks.spawn(fold_metrics_and_watch_clock(platform.clone()));
    tasks.spawn(watch_ends(platform.clone(), tls.clone()));
    tasks.spawn(events::deliver(platform.clone()));
    if let Some(tls) = tls {
        tasks.spawn(watch_tls(tls));
    }
    events::tell_of_settings(platform);
    Background {
        platform: platform.clone(),
        tasks,
    }
}

impl Background {
    /// Ends them. What is still to be told is told first.
    pub(super) async fn stop(mut self) {
        self.tasks.shutdown().await;
        events::deliver_rest(&self.platform).await;
    }
}

/// At once when the store tells of a change, and from time to time in case it could not.
async fn watch_registry(platform: Platform) {
    let mut changes = platform.store().watch();
    let mut ticks = every(REGISTRY_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = told(&mut changes) => {}
        }
        if let Err(error) = platform.refresh_registry().await {
            tracing::warn!(%error, "cannot look for changes by other nodes");
        }
    }
}

/// Waits until the registry may be another one.
async fn told(changes: &mut broadcast::Receiver<Changed>) {
    loop {
        match Changed::next(changes).await {
            Some(Changed::Registry | Changed::Anything) => return,
            Some(Changed::Login(_) | Changed::Session(_) | Changed::Token(_) | Changed::Tokens) => {
            }
            None => std::future::pending().await,
        }
    }
}

/// As often as it takes to be in step, and at once when the store tells of a change.
async fn watch_tokens(platform: Platform) {
    let mut changes = platform.store().watch();
    let mut ticks = every(TOKENS_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = told_of_tokens(&mut changes) => {}
        }
        if let Err(error) = platform.refresh_tokens().await {
            tracing::warn!(%error, "cannot look for tokens that other nodes revoked");
        }
    }
}

/// Waits until a token may be good no more.
async fn told_of_tokens(changes: &mut broadcast::Receiver<Changed>) {
    loop {
        match Changed::next(changes).await {
            Some(Changed::Login(_) | Changed::Session(_)) => {}
            Some(_) => return,
            None => std::future::pending().await,
        }
    }
}

async fn write_token_uses(platform: Platform) {
    let mut ticks = every(USES_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = platform.tokens().uses.are_many() => {}
        }
        if let Err(error) = platform.write_token_uses().await {
            tracing::warn!(%error, "cannot write when tokens were last used");
        }
    }
}

async fn count_tokens(platform: Platform) {
    let mut ticks = every(COUNT_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = platform.count_tokens().await {
            tracing::warn!(%error, "cannot count tokens");
        }
    }
}

async fn clean_up(platform: Platform) {
    let mut ticks = every(CLEANUP_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = platform.clean_up().await {
            tracing::warn!(%error, "cannot forget what has ended");
        }
    }
}

/// Every node tries, and the store lets one do it.
async fn turn_keys(platform: Platform) {
    let mut ticks = every(KEYS_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = platform.turn_keys().await {
            tracing::warn!(%error, "cannot do what is due with the signing keys");
        }
    }
}

/// At the start, and when it is due: nobody's first request waits for it.
async fn keep_keys_of_others(platform: Platform) {
    let mut ticks = every(KEYS_OF_OTHERS_EVERY);
    loop {
        ticks.tick().await;
        platform.trusted_issuers().keep_keys(platform.now()).await;
    }
}

async fn watch_tls(tls: Arc<Reloadable>) {
    let mut ticks = every(TLS_EVERY);
    loop {
        ticks.tick().await;
        if !tls.is_stale() {
            continue;
        }
        match tls.reload() {
            Ok(()) => tracing::info!("tls certificate was replaced"),
            Err(error) => tracing::warn!(%error, "tls certificate is not replaced"),
        }
    }
}

async fn watch_ends(platform: Platform, tls: Option<Arc<Reloadable>>) {
    let mut ticks = every(ENDS_EVERY);
    let mut last = None;
    loop {
        ticks.tick().await;
        let now = platform.now();
        let listener = tls.as_ref().and_then(|tls| tls.leaf());
        // What was not told is told at the next look.
        match events::tell_of_tokens(&platform, last).await {
            Ok(()) => last = Some(now),
            Err(error) => tracing::warn!(%error, "cannot look for tokens that end soon"),
        }
        if let Err(error) = events::tell_of_certificates(&platform, listener.as_ref()).await {
            tracing::warn!(%error, "cannot look for certificates that end soon");
        }
    }
}

async fn fold_metrics_and_watch_clock(platform: Platform) {
    let mut ticks = every(METRICS_EVERY);
    let (mut wall, mut watch) = (platform.now(), Stopwatch::start());
    loop {
        ticks.tick().await;
        platform.metrics().fold();
        let now = platform.now();
        let step = now.plus(CLOCK_STEP) < wall.plus(watch.elapsed())
            || now > wall.plus(watch.elapsed()).plus(CLOCK_STEP);
        if step {
            tracing::error!(
                from = wall.as_secs(),
                to = now.as_secs(),
                "the wall clock was set"
            );
        }
        (wall, watch) = (now, Stopwatch::start());
    }
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use countersign_proto::management::Role;
    use url::Url;

    use super::*;
    use crate::{
        Change, Rules, SystemClock, audit,
        config::Settings,
        store::{MemoryStore, Store},
    };

    // security.md 79
    #[tokio::test(start_paused = true)]
    async fn a_change_by_another_node_is_seen_before_any_time_has_passed() {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Rules::default()));
        let settings = Settings::in_memory(Url::parse("http://127.0.0.1:8085").unwrap());
        let platform = Platform::with_store(settings, Arc::clone(&store), Arc::new(SystemClock))
            .await
            .unwrap();
        let background = spawn(&platform, None);
        // Everything that is done at the start is over.
        tokio::time::sleep(REGISTRY_EVERY / 2).await;
        let role = Role {
            name: "auditors".to_owned(),
            description: String::new(),
            permissions: Vec::new(),
            require_loopback: false,
            token_lifetime_max_s: None,
            built_in: false,
        };
        let entry = audit::by_system("role.create", "auditors", platform.now());
        let before = tokio::time::Instant::now();
        store.change(Change::CreateRole(role), entry).await.unwrap();
        let mut looks = 0;
        while platform.registry().role("auditors").is_none() {
            assert!(
                looks < 1_000,
                "it waits for the next look from time to time"
            );
            looks += 1;
            tokio::task::yield_now().await;
        }
        assert_eq!(before.elapsed(), Duration::ZERO);
        background.stop().await;
    }
}
