//! Do two platforms on one PostgreSQL make one key?

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use countersign_proto::{management::SigningKeyState, time::UnixTime};

use super::cluster::Cluster;
use crate::{Clock, Platform, config::Settings, secrets::Secrets, store::Store};

const DAY: u64 = 86_400;

struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::SeqCst))
    }
}

// security.md 63
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_make_one_key_at_each_turn_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets");
    Secrets::read_or_create(&file).unwrap();
    let mut settings = Settings::in_memory("http://127.0.0.1:8085".parse().unwrap());
    settings.secrets_file = Some(file);
    let database = Cluster::shared().database();
    let clock = Arc::new(Hand(AtomicU64::new(1_795_336_200)));
    let node = async || {
        let store: Arc<dyn Store> = Arc::new(super::open(&database).await);
        Platform::with_store(settings.clone(), store, clock.clone())
            .await
            .unwrap()
    };
    // Both make the first key at once.
    let (here, there) = tokio::join!(node(), node());
    let keys = || async { here.store().issuer_keys().await.unwrap().keys };
    assert_eq!(keys().await.len(), 1);
    for round in 0..4 {
        clock.0.fetch_add(89 * DAY, Ordering::SeqCst);
        let turns: Vec<_> = (0..16)
            .map(|number| {
                let node = [&here, &there][number % 2].clone();
                tokio::spawn(async move { node.turn_keys().await })
            })
            .collect();
        for turn in turns {
            turn.await.unwrap().unwrap();
        }
        assert_eq!(keys().await.len(), 2 + round, "one is announced");
        clock.0.fetch_add(DAY, Ordering::SeqCst);
        let (one, other) = tokio::join!(here.turn_keys(), there.turn_keys());
        one.and(other).unwrap();
        assert_eq!(here.keys().active().kid, there.keys().active().kid);
        let now = clock.now();
        assert_eq!(here.keys().jwks(now), there.keys().jwks(now));
        let active = keys().await.into_iter();
        let active = active.filter(|key| key.state == SigningKeyState::Active);
        assert_eq!(active.count(), 1);
    }
    let audit = here.store().audit(None, 500).await.unwrap().items;
    let announced = audit.iter().filter(|entry| entry.action == "key.announce");
    assert_eq!(announced.count(), 4);
    // A node that was away for a while finds the keys as they are.
    clock
        .0
        .fetch_add(Duration::from_secs(400 * DAY).as_secs(), Ordering::SeqCst);
    there.turn_keys().await.unwrap();
    here.refresh_registry().await.unwrap();
    assert_eq!(here.keys().active().kid, there.keys().active().kid);
}
