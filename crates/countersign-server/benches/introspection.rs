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

mod platform;

mod load;

use countersign_bench::{Bench, Figure, Goal, median};
use load::{Load, load};
use platform::{Bare, Platform};

const RATE: &str = "introspection.rate";
const GROWTH: &str = "introspection.growth";
const BYTES: &str = "introspection.bytes-a-token";
const FEW: u32 = 1_000;
const MANY: u32 = 1_000_000;
/// Tokens in use at a time.
const IN_USE: u32 = 10_000;
const REQUESTS: usize = 20_000;
const ROUNDS: usize = 5;

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
    runtime.block_on(platform::fill(&few, FEW));
    let bytes = runtime.block_on(platform::fill(&many, MANY));
    bench.tell(&Figure {
        name: BYTES,
        value: bytes,
        unit: "bytes",
        peer: "with its indexes and the audit row of its grant, in SQLite",
        goal: Goal::None,
    });
    rate(&bench, &runtime, &many);
    growth(&bench, &runtime, [&few, &many]);
}

/// Tokens in use among a million, beside the bare route.
fn rate(bench: &Bench, runtime: &tokio::runtime::Runtime, many: &std::path::Path) {
    let ours = runtime.block_on(Platform::serve(many, 100_000));
    let requests = ours.questions(IN_USE, REQUESTS);
    let bare = runtime.block_on(Bare::serve(ours.answer_of(runtime, &requests[0])));
    let (mut ratios, mut last) = (Vec::new(), (0.0, 0.0));
    for round in 0..=ROUNDS {
        let a = load(
            runtime,
            Load {
                to: ours.address,
                requests: &requests,
            },
        );
        let b = load(
            runtime,
            Load {
                to: bare.address,
                requests: &requests,
            },
        );
        if round > 0 {
            ratios.push(a / b); // the first round warms up
            last = (a, b);
        }
    }
    bench.tell(&Figure {
        name: RATE,
        value: median(&mut ratios),
        unit: "ratio",
        peer: &format!(
            "bare axum route: {:.0}/s, ours {:.0}/s (last round)",
            last.1, last.0
        ),
        goal: Goal::AtLeast(0.4),
    });
    runtime.block_on(ours.stop());
}

/// What a question costs when each one reads the store.
fn growth(bench: &Bench, runtime: &tokio::runtime::Runtime, stores: [&std::path::Path; 2]) {
    let [few, many] = stores.map(|store| runtime.block_on(Platform::serve(store, 0)));
    let (of_few, of_many) = (few.questions(FEW, REQUESTS), many.questions(MANY, REQUESTS));
    let (mut ratios, mut last) = (Vec::new(), (0.0, 0.0));
    for round in 0..=ROUNDS {
        let a = load(
            runtime,
            Load {
                to: few.address,
                requests: &of_few,
            },
        );
        let b = load(
            runtime,
            Load {
                to: many.address,
                requests: &of_many,
            },
        );
        if round > 0 {
            ratios.push(a / b);
            last = (a, b);
        }
    }
    bench.tell(&Figure {
        name: GROWTH,
        value: median(&mut ratios),
        unit: "ratio",
        peer: &format!(
            "of 1,000 tokens {:.0}/s, of 1,000,000 {:.0}/s, nothing remembered (last round)",
            last.0, last.1
        ),
        goal: Goal::AtMost(1.2),
    });
    runtime.block_on(few.stop());
    runtime.block_on(many.stop());
}
