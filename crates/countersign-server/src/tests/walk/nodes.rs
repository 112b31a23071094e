//! Which two nodes does the walk go over?

use std::sync::Arc;

use crate::{
    config::Settings,
    store,
    tests::{
        clock::HandClock,
        world::{ISSUER, World},
    },
};

/// Two platforms with the same secrets, each with its own connections to one PostgreSQL.
pub(super) struct Nodes {
    pub(super) both: [World; 2],
    _folder: tempfile::TempDir,
}

impl Nodes {
    pub(super) async fn start() -> Nodes {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(HandClock::turned_by_hand());
        let mut settings = Settings::in_memory(ISSUER.parse().unwrap());
        settings.limits.per_source_per_minute = u32::MAX;
        settings.limits.per_client_per_minute = u32::MAX;
        settings.limits.api_per_source_per_minute = u32::MAX;
        settings.limits.failures_per_source_per_minute = u32::MAX;
        settings.secrets_file = Some(folder.path().join("secrets"));
        let [first, second] = store::two_on_postgresql().await;
        let first = World::at(settings.clone(), first, clock.clone()).await;
        let second = World::at(settings, second, clock).await;
        Nodes {
            both: [first, second],
            _folder: folder,
        }
    }

    /// What the nodes do by themselves all the time: each looks at what the other has changed.
    pub(super) async fn come_into_step(&self) {
        for node in &self.both {
            node.platform.refresh_registry().await.unwrap();
            node.platform.refresh_tokens().await.unwrap();
        }
    }
}
