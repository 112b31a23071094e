//! What does a platform do while nobody asks?
//!
//! These tasks belong to a running server and end with it. A platform without a server has none.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use super::tls::Reloadable;
use crate::{Platform, clock::Stopwatch};

/// Changes by other nodes are seen within this time (security.md 79).
const REGISTRY_EVERY: Duration = Duration::from_millis(500);
const CLEANUP_EVERY: Duration = Duration::from_secs(60);
const TLS_EVERY: Duration = Duration::from_secs(10);
const METRICS_EVERY: Duration = Duration::from_secs(5);
/// A wall clock that moves so much more or less than time does was set (security.md B5).
const CLOCK_STEP: Duration = Duration::from_secs(30);

/// The tasks, to be stopped.
pub(super) struct Background(JoinSet<()>);

/// Starts them.
pub(super) fn spawn(platform: &Platform, tls: Option<Arc<Reloadable>>) -> Background {
    let mut tasks = JoinSet::new();
    tasks.spawn(watch_registry(platform.clone()));
    tasks.spawn(clean_up(platform.clone()));
    tasks.spawn(fold_metrics_and_watch_clock(platform.clone()));
    if let Some(tls) = tls {
        tasks.spawn(watch_tls(tls));
    }
    Background(tasks)
}

impl Background {
    /// Ends them.
    pub(super) async fn stop(mut self) {
        self.0.shutdown().await;
    }
}

async fn watch_registry(platform: Platform) {
    let mut ticks = every(REGISTRY_EVERY);
    loop {
        ticks.tick().await;
        if let Err(error) = platform.refresh_registry().await {
            tracing::warn!(%error, "cannot look for changes by other nodes");
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
