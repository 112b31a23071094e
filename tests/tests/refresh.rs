//! Does each refresh count exactly once, whatever fails, on whatever store, on however many nodes?

pub(crate) mod seed;

pub(crate) mod asking;

mod chain;

mod around;

mod model;

use std::sync::Arc;

use countersign::{Clock as _, SystemClock, proto::management::Principal};
use countersign_server::{
    Rules,
    config::Settings,
    secrets::Secrets,
    store::{self, MemoryStore, Store},
};
use countersign_testkit::{ManualClock, TestPlatform};

use crate::parts::{
    postgres::Cluster,
    serving::{Running, Site, free_address},
};
use around::{Around, Counting};
use asking::{Node, Terminal};
use chain::{Broken, chain, counted};
use seed::{SignedIn, sign_in};

/// How many refreshes the chains have.
const CHAINS: [u32; 5] = [1, 2, 3, 10, 100];

// security.md 65, B15
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn in_memory_a_chain_of_refreshes_counts_each_once() {
    for count in CHAINS {
        in_process(Counting::Conditional, count).await.unwrap();
    }
}

// security.md 65
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_same_chain_catches_a_counter_that_reads_and_then_writes() {
    for count in CHAINS {
        let broken = in_process(Counting::TwoReadThenWrite, count).await;
        assert!(broken.is_err(), "a chain of {count} saw nothing");
    }
}

// security.md 65
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_sqlite_a_chain_of_refreshes_counts_each_once() {
    chains_on(&[Site::new("sqlite:platform.db")]).await;
}

// security.md 65
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_postgresql_a_chain_of_refreshes_counts_each_once() {
    chains_on(&[Site::new(&new_database())]).await;
}

// security.md 65, B15
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn on_two_nodes_and_postgresql_a_chain_of_refreshes_counts_each_once() {
    chains_on(&two_nodes()).await;
}

// security.md 65, 70
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn across_kill_9_a_chain_of_refreshes_counts_each_once() {
    chains_while_killing(&[Site::new("sqlite:platform.db")]).await;
}

// security.md 65, 70
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn across_kill_9_of_two_nodes_a_chain_of_refreshes_counts_each_once() {
    chains_while_killing(&two_nodes()).await;
}

/// Every chain, on these nodes of one platform.
async fn chains_on(nodes: &[Site]) {
    let signed_in = signed_in(&nodes[0]).await;
    let mut running = Vec::new();
    for node in nodes {
        running.push(node.start().await);
    }
    for (count, signed_in) in signed_in {
        let terminal = Arc::new(on(nodes, &signed_in));
        let given = chain(&terminal, &signed_in.refresh_token, count)
            .await
            .unwrap();
        counted(&nodes[0].admin(), &signed_in.session, &given)
            .await
            .unwrap();
    }
}

/// The same while one node after the other is killed and started again.
async fn chains_while_killing(nodes: &[Site]) {
    let mut kills = 0;
    for (count, signed_in) in signed_in(&nodes[0]).await {
        let terminal = Arc::new(on(nodes, &signed_in));
        let (given, killed) = killing(nodes, &terminal, async {
            chain(&terminal, &signed_in.refresh_token, count).await
        })
        .await;
        kills += killed;
        let _running = nodes[0].start().await;
        counted(&nodes[0].admin(), &signed_in.session, &given.unwrap())
            .await
            .unwrap();
    }
    assert!(kills >= 10, "they were killed {kills} times");
}

/// One chain on a platform in this process.
async fn in_process(counting: Counting, count: u32) -> Result<(), Broken> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secrets");
    let mut settings = TestPlatform::settings();
    settings.secrets_file = Some(file.clone());
    let clock = ManualClock::default();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Rules::default()));
    let around = Arc::new(Around::new(store.clone(), counting));
    let platform = TestPlatform::with_store(settings, around, clock.clone())
        .await
        .unwrap();
    let admin = platform.admin().unwrap();
    admin.create_principal(&principal("anna")).await.unwrap();
    let secrets = Secrets::read(&file).unwrap().unwrap();
    let signed_in = sign_in(&*store, &secrets, "anna", count, clock.now()).await;
    let nodes = vec![Node::at(
        platform.issuer(),
        Arc::new(platform.wire().clone()),
    )];
    let terminal = Terminal::new(signed_in.key, platform.issuer(), nodes, move || clock.now());
    let given = chain(&Arc::new(terminal), &signed_in.refresh_token, count).await?;
    counted(&admin, &signed_in.session, &given).await.map(drop)
}

/// A session for each chain. The platform has run once, and does not run now.
async fn signed_in(site: &Site) -> Vec<(u32, SignedIn)> {
    {
        let _running = site.start().await;
        let admin = site.admin();
        for count in CHAINS {
            let name = format!("person-{count}");
            admin.create_principal(&principal(&name)).await.unwrap();
        }
    }
    let settings = Settings::read(&site.folder().join("countersign.toml")).unwrap();
    let secrets = Secrets::read(&settings.secrets_file.unwrap())
        .unwrap()
        .unwrap();
    let store = store::open(&settings.store, Rules::default())
        .await
        .unwrap();
    let mut sessions = Vec::new();
    for count in CHAINS {
        let name = format!("person-{count}");
        let now = SystemClock.now();
        sessions.push((count, sign_in(&*store, &secrets, &name, count, now).await));
    }
    store.close().await.unwrap();
    sessions
}

/// A terminal that asks these nodes in turn.
fn on(nodes: &[Site], signed_in: &SignedIn) -> Terminal {
    let reached = nodes
        .iter()
        .map(|site| Node::at(&format!("http://{}", site.address()), site.transport()));
    let key = signed_in.key.clone();
    Terminal::new(key, nodes[0].issuer(), reached.collect(), || {
        SystemClock.now()
    })
}

/// Does something while nodes run of which one after the other is killed and started again, each
/// time after some more answers: what came of it, and how often one was killed.
async fn killing<T>(
    nodes: &[Site],
    terminal: &Terminal,
    doing: impl Future<Output = T>,
) -> (T, usize) {
    let mut running: Vec<Running> = Vec::new();
    for node in nodes {
        running.push(node.start().await);
    }
    let mut answers = terminal.answers();
    let mut kills = 0;
    let mut doing = std::pin::pin!(doing);
    loop {
        // Sooner and later, so that it happens in another place each time.
        let enough = *answers.borrow_and_update() + 5 + 37 * (kills as u64) % 211;
        tokio::select! {
            done = &mut doing => return (done, kills),
            _ = answers.wait_for(|count| *count >= enough) => {}
        }
        let turn = kills % nodes.len();
        running[turn].kill();
        kills += 1;
        tokio::select! {
            done = &mut doing => return (done, kills),
            again = nodes[turn].start() => running[turn] = again,
        }
    }
}

/// Two nodes of one platform, on one database and with the same secrets.
fn two_nodes() -> [Site; 2] {
    let store = new_database();
    let first = Site::new(&store);
    let secrets = first.folder().join("countersign.secrets");
    let more = format!("[secrets]\nfile = \"{}\"\n", secrets.display());
    let second = Site::at(free_address(), first.issuer(), &store, &more);
    [first, second]
}

/// The URL of a database that nobody has used.
fn new_database() -> String {
    let cluster = Cluster::shared();
    cluster.url(&cluster.database())
}

fn principal(name: &str) -> Principal {
    Principal {
        name: name.to_owned(),
        display_name: String::new(),
        roles: Vec::new(),
        enabled: true,
        password_set_at: None,
    }
}
