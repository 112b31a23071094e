//! Do requests wait while a platform forgets what is over?
//!
//! Two nodes on one PostgreSQL, and one on SQLite, answer introspections and exchanges. A request
//! comes every few milliseconds, whatever became of the one before, so that whoever is held up shows.
//! Of each pair of rounds nobody cleans up in the first, and in the second every node does, with more
//! to forget than it gets done. What is compared is the time that 99 of 100 requests take at most.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

#[path = "parts/load.rs"]
mod load;

#[path = "parts/latency.rs"]
mod latency;

#[path = "parts/platform.rs"]
mod platform;

#[path = "parts/tokens.rs"]
mod tokens;

#[path = "parts/over.rs"]
mod over;

#[path = "parts/database.rs"]
mod database;

use std::{path::Path, sync::Arc, time::Duration};

use countersign_bench::{Bench, Figure, Goal, median};
use countersign_server::{Platform, secrets::Secrets, store::Store};
use database::Database;
use latency::latencies;
use platform::{Guard, Node, on, register_owners};
use tokio::{task::JoinSet, time::interval};

/// Tokens that live, all of which are asked about. Nothing of them is remembered.
const LIVE: u32 = 10_000;
/// Rows of each kind that are over, for each round.
const OVER: u32 = 50_000;
const REQUESTS: usize = 1_000;
const EVERY: Duration = Duration::from_millis(8);
const PAIRS: usize = 5;
/// A platform cleans up once a minute; here it begins again as soon as it has ended.
const AGAIN: Duration = Duration::from_millis(50);

fn main() {
    let bench = Bench::from_args();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    for (name, nodes) in [("cleanup.p99.sqlite", 1), ("cleanup.p99.postgresql", 2)] {
        if !bench.wants(name) {
            continue;
        }
        let database = match nodes {
            1 => Database::sqlite(folder.path()),
            _ => Database::postgresql(),
        };
        runtime.block_on(beside(&bench, name, &database, folder.path(), nodes));
    }
}

async fn beside(bench: &Bench, name: &str, database: &Database, folder: &Path, nodes: usize) {
    let secrets = folder.join("secrets");
    let guard = fill(database, &secrets).await;
    let mut platforms = Vec::new();
    for _ in 0..nodes {
        platforms.push(on(database.open().await, &secrets, 0).await);
    }
    let mut serving = Vec::new();
    for platform in &platforms {
        serving.push(Node::serve(platform.clone()).await);
    }
    let to: Vec<_> = serving.iter().map(|node| node.address).collect();
    let questions = guard.questions(to[0], LIVE, REQUESTS / 2).await;
    let (mut ratios, mut last, mut forgotten) = (Vec::new(), [0.0; 2], 0);
    for round in 0..=PAIRS {
        let mut p99 = [0.0; 2];
        for (beside, p99) in p99.iter_mut().enumerate() {
            let exchanges = (0..REQUESTS / 2)
                .map(|number| guard.exchange(to[0], &format!("{round}-{beside}-{number:08}")));
            let mixed = questions.iter().cloned().zip(exchanges);
            let mixed = Arc::new(mixed.flat_map(|(a, b)| [a, b]).collect());
            let mut cleaners = JoinSet::new();
            if beside == 1 {
                for sql in over::statements(round, OVER, database.bytes()) {
                    database.run(sql).await;
                }
                for platform in &platforms {
                    cleaners.spawn(clean_up(platform.clone()));
                }
            }
            let (rows, written) = (database.over().await, database.audit().await);
            let mut took = latencies(to.clone(), mixed, EVERY).await;
            cleaners.shutdown().await;
            // One for each exchange, and none is gone.
            assert_eq!(database.audit().await, written + REQUESTS as u64 / 2);
            forgotten += rows - database.over().await;
            took.sort();
            *p99 = took[took.len() * 99 / 100].as_secs_f64();
        }
        if round > 0 {
            ratios.push(p99[1] / p99[0]); // the first pair warms up
            last = p99;
        }
    }
    let (least, most) = (
        ratios.iter().copied().fold(f64::INFINITY, f64::min),
        ratios.iter().copied().fold(0.0, f64::max),
    );
    bench.tell(&Figure {
        name,
        value: median(&mut ratios),
        unit: "ratio",
        peer: &format!(
            "alone {:.1} ms, beside {:.1} ms (last pair); {least:.2} to {most:.2}; {} rows forgotten a second",
            last[0] * 1e3,
            last[1] * 1e3,
            forgotten / (EVERY * (REQUESTS * (PAIRS + 1)) as u32).as_secs(),
        ),
        // What two rounds without any cleanup differ by on a machine that does other things too.
        goal: Goal::AtMost(1.25),
    });
    for node in serving {
        node.stop().await;
    }
}

/// As a running platform does, over and over. A deadlock would be a failure.
async fn clean_up(platform: Platform) {
    let mut ticks = interval(AGAIN);
    loop {
        ticks.tick().await;
        platform.clean_up().await.expect("a cleanup");
    }
}

/// Makes the tables, the tokens, and an application that asks.
async fn fill(database: &Database, secrets: &Path) -> Guard {
    let store: Arc<dyn Store> = database.open().await;
    register_owners(&store).await;
    let guard = Guard::register(&store).await;
    store.close().await.expect("it closes");
    let secrets = Secrets::read_or_create(secrets).expect("secrets");
    for sql in tokens::live(0..LIVE, &secrets, database.hexadecimal()) {
        database.run(sql).await;
    }
    guard
}
