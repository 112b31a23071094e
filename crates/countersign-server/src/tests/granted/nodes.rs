//! Is what one node revokes refused by the others within a second?

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::scene::{give_back, granted, revoke, rotate, works};
use crate::{
    Server,
    config::Settings,
    store::{self, MemoryStore, Store},
    tests::world::{ISSUER, World},
};

const APP: fn() -> Value = || json!({"kind": "app", "name": "x"});

/// Two nodes that share secrets, each with its own door to one store.
struct Nodes {
    here: World,
    there: World,
    admin: String,
    _folder: tempfile::TempDir,
}

impl Nodes {
    /// With what a running server does while nobody asks.
    async fn running(stores: [Arc<dyn Store>; 2]) -> Nodes {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = Settings::in_memory(ISSUER.parse().unwrap());
        settings.secrets_file = Some(folder.path().join("secrets"));
        let [first, second] = stores;
        let here = World::on(settings.clone(), first).await;
        let admin = here.bearer("admin", &["Administrator"]).await;
        let there = World::on(settings, second).await;
        for node in [&here, &there] {
            let server = Server::bind(node.platform.clone()).await.unwrap();
            tokio::spawn(server.run());
        }
        Nodes {
            here,
            there,
            admin,
            _folder: folder,
        }
    }

    /// A token that the other node knows, and goes by what it knows.
    async fn known_there(&self) -> (String, String) {
        let (id, token) = granted(&self.here, &self.admin, APP()).await;
        for _ in 0..3 {
            self.there.platform.refresh_tokens().await.unwrap();
            assert!(works(&self.there, &token).await);
        }
        (id, token)
    }

    /// How long it takes until the other node refuses.
    async fn refused_there(&self, token: &str) -> Duration {
        let since = tokio::time::Instant::now();
        while works(&self.there, token).await {
            assert!(since.elapsed() < Duration::from_secs(1), "a second is over");
            tokio::task::yield_now().await;
        }
        since.elapsed()
    }
}

// security.md 79
#[tokio::test(start_paused = true)]
async fn what_one_node_revokes_is_refused_by_another_before_any_time_has_passed() {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(crate::Rules::default()));
    let nodes = Nodes::running([Arc::clone(&store), store]).await;
    let (id, token) = nodes.known_there().await;
    revoke(&nodes.here, &nodes.admin, &id).await;
    assert!(!works(&nodes.here, &token).await);
    assert_eq!(nodes.refused_there(&token).await, Duration::ZERO);
}

// security.md 79
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_revokes_is_refused_by_another_within_a_second_on_postgresql() {
    let nodes = Nodes::running(store::two_on_postgresql().await).await;
    let mut longest = Duration::ZERO;
    for _ in 0..20 {
        let (id, token) = nodes.known_there().await;
        revoke(&nodes.here, &nodes.admin, &id).await;
        assert!(!works(&nodes.here, &token).await);
        longest = longest.max(nodes.refused_there(&token).await);
    }
    println!("refused by the other node after {longest:?} at most");
}

// security.md 79
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_token_given_back_to_one_node_is_refused_by_another_within_a_second_on_postgresql()
{
    let nodes = Nodes::running(store::two_on_postgresql().await).await;
    for number in 0..5 {
        let token = nodes
            .here
            .bearer(&format!("ben{number}"), &["Reader"])
            .await;
        nodes.there.platform.refresh_registry().await.unwrap();
        for _ in 0..3 {
            nodes.there.platform.refresh_tokens().await.unwrap();
            assert!(works(&nodes.there, &token).await);
        }
        give_back(&nodes.here, &token, &token).await;
        assert!(!works(&nodes.here, &token).await);
        nodes.refused_there(&token).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_uses_at_two_nodes_settle_a_rotation_once_on_postgresql() {
    let nodes = Nodes::running(store::two_on_postgresql().await).await;
    for _ in 0..5 {
        let (id, before) = nodes.known_there().await;
        let (_, after) = rotate(&nodes.here, &nodes.admin, &id, json!({})).await;
        let (here, there) = tokio::join!(works(&nodes.here, &after), works(&nodes.there, &after));
        assert!(here && there);
        nodes.refused_there(&before).await;
        assert!(!works(&nodes.here, &before).await);
    }
    let written = nodes.here.audited().await;
    let first_uses = written
        .iter()
        .filter(|(action, _)| action == "granted_token.first_use");
    assert_eq!(first_uses.count(), 5);
}
