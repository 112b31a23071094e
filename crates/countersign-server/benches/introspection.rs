//! How many granted tokens are introspected in a second, and does it matter how many there are?
//!
//! The platform answers on a socket, from a SQLite store, beside a bare axum route that reads as many
//! bytes and answers as many; both get the same load in turn, from the same processors. The tokens
//! asked about are drawn evenly: from some that are in use, as in the field, and from all of them with
//! nothing remembered, for what the number of them costs.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

#[path = "parts/load.rs"]
mod load;

#[path = "parts/rate.rs"]
mod rate;

#[path = "parts/bare.rs"]
mod bare;

#[path = "parts/platform.rs"]
mod platform;

#[path = "parts/tokens.rs"]
mod tokens;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use bare::bare;
use countersign_bench::{Bench, Figure, Goal, median};
use countersign_server::{
    Rules,
    secrets::Secrets,
    store::{SqliteStore, Store},
};
use load::Caller;
use platform::{Guard, Node, on, register_owners};
use rate::rate;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};
use tokio::runtime::Runtime;

const RATE: &str = "introspection.rate";
const GROWTH: &str = "introspection.growth";
const BYTES: &str = "introspection.bytes-a-token";
const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
/// Tokens in use at a time.
const IN_USE: u32 = 10_000;
const REQUESTS: usize = 20_000;
const ROUNDS: usize = 11;

fn main() {
    let bench = Bench::from_args();
    if ![RATE, GROWTH, BYTES].iter().any(|name| bench.wants(name)) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let folder = tempfile::tempdir().expect("a folder");
    let (few, many) = (folder.path().join("few"), folder.path().join("many"));
    let (few, _) = runtime.block_on(fill(&few, FEW));
    let (many, bytes) = runtime.block_on(fill(&many, MANY));
    bench.tell(&Figure {
        name: BYTES,
        value: bytes,
        unit: "bytes",
        peer: "with its indexes and the audit row of its grant, in SQLite",
        goal: Goal::None,
    });
    if bench.wants(RATE) {
        of_known(&bench, &runtime, &many);
    }
    if bench.wants(GROWTH) {
        of_unknown(&bench, &runtime, [&few, &many]);
    }
}

/// Tokens in use among a million, beside the bare route.
fn of_known(bench: &Bench, runtime: &Runtime, many: &Filled) {
    let (ours, requests, bare) = runtime.block_on(async {
        let ours = many.serve(100_000).await;
        let requests = many.guard.questions(ours.address, IN_USE, REQUESTS).await;
        let mut caller = Caller::of(ours.address).await;
        let bare = bare(caller.ask(&requests[0]).await.to_vec()).await;
        (ours, requests, bare)
    });
    let (mut ratios, mut last) = (Vec::new(), (0.0, 0.0));
    for round in 0..=ROUNDS {
        let a = rate(runtime, ours.address, &requests);
        let b = rate(runtime, bare, &requests);
        if round > 0 {
            ratios.push(a / b); // the first round warms up
            last = (a, b);
        }
    }
    let range = range(&ratios);
    bench.tell(&Figure {
        name: RATE,
        value: median(&mut ratios),
        unit: "ratio",
        peer: &format!(
            "bare axum route: {:.0}/s, ours {:.0}/s (last round); {range}",
            last.1, last.0
        ),
        goal: Goal::AtLeast(0.4),
    });
    runtime.block_on(ours.stop());
}

/// What a question costs when each one reads the store.
fn of_unknown(bench: &Bench, runtime: &Runtime, stores: [&Filled; 2]) {
    let [(few, of_few), (many, of_many)] =
        [(stores[0], FEW), (stores[1], MANY)].map(|(store, of)| {
            runtime.block_on(async {
                let node = store.serve(0).await;
                let requests = store.guard.questions(node.address, of, REQUESTS).await;
                (node, requests)
            })
        });
    let (mut ratios, mut last) = (Vec::new(), (0.0, 0.0));
    for round in 0..=ROUNDS {
        let a = rate(runtime, few.address, &of_few);
        let b = rate(runtime, many.address, &of_many);
        if round > 0 {
            ratios.push(a / b);
            last = (a, b);
        }
    }
    let range = range(&ratios);
    bench.tell(&Figure {
        name: GROWTH,
        value: median(&mut ratios),
        unit: "ratio",
        peer: &format!(
            "of 1,000 tokens {:.0}/s, of 1,000,000 {:.0}/s, nothing remembered (last round); {range}",
            last.0, last.1
        ),
        goal: Goal::AtMost(1.2),
    });
    runtime.block_on(few.stop());
    runtime.block_on(many.stop());
}

fn range(ratios: &[f64]) -> String {
    let least = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = ratios.iter().copied().fold(0.0, f64::max);
    format!("{least:.2} to {most:.2}")
}

/// A store with tokens, and whoever asks about them.
struct Filled {
    folder: PathBuf,
    guard: Guard,
}

impl Filled {
    /// A platform on it.
    async fn serve(&self, cache_max: u32) -> Node {
        let store = open(&self.folder).await;
        let platform = on(store, &self.folder.join("secrets"), cache_max).await;
        Node::serve(platform).await
    }
}

/// A store with so many tokens, in its folder, and bytes a token.
async fn fill(folder: &Path, count: u32) -> (Filled, f64) {
    std::fs::create_dir_all(folder).expect("a folder");
    let secrets = Secrets::read_or_create(&folder.join("secrets")).expect("secrets");
    let store = open(folder).await;
    register_owners(&store).await;
    let guard = Guard::register(&store).await;
    store.close().await.expect("it closes");
    let before = size(folder);
    let file = SqliteConnectOptions::new().filename(folder.join("store.db"));
    let mut connection = file.connect().await.expect("a connection");
    let hex: fn(&str) -> String = |digits| format!("X'{digits}'");
    let begin = [
        "PRAGMA synchronous = OFF",
        "PRAGMA cache_size = -500000",
        "BEGIN",
    ];
    let statements = begin.into_iter().map(str::to_owned);
    let statements = statements.chain(tokens::live(0..count, &secrets, hex));
    for sql in statements.chain(["COMMIT".to_owned()]) {
        let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection);
        done.await.expect("it is done");
    }
    connection.close().await.expect("it closes");
    let bytes = (size(folder) - before) / f64::from(count);
    let folder = folder.to_owned();
    (Filled { folder, guard }, bytes)
}

/// Bytes of the file, when everything is in it.
fn size(folder: &Path) -> f64 {
    let file = std::fs::metadata(folder.join("store.db")).expect("a file");
    file.len() as f64
}

async fn open(folder: &Path) -> Arc<dyn Store> {
    let opened = SqliteStore::open(&folder.join("store.db"), Rules::default()).await;
    Arc::new(opened.expect("a store"))
}
