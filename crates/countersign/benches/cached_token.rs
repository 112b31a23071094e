//! What does a cached token cost, from one thread and from sixteen?

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

use std::{hint::black_box, path::Path, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use countersign::{Client, Credential, Transport, TransportError};
use countersign_bench::{Bench, Figure, Goal, median, time};
use tokio::runtime::Handle;

const CALLS: usize = 400_000;

fn main() {
    let bench = Bench::from_args();
    if !bench.wants("token.cached") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let client = runtime.block_on(signed_in());
    let runtime = runtime.handle();
    // Sixteen threads share the processors there are, so a call's cost is processor time: elapsed
    // time by processors by calls.
    let processors = std::thread::available_parallelism()
        .map_or(1, usize::from)
        .min(16);
    let (mut costs_alone, mut costs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..21 {
        let (_, alone) = time(|| calls(runtime, &client, CALLS));
        let (_, together) = time(|| {
            std::thread::scope(|scope| {
                for _ in 0..16 {
                    scope.spawn(|| calls(runtime, &client, CALLS / 4));
                }
            });
        });
        let alone = nanoseconds(alone, CALLS);
        let together = nanoseconds(together, 16 * CALLS / 4) * processors as f64;
        costs_alone.push(alone);
        costs.push(together);
        ratios.push(together / alone);
    }
    let told = |name, value, unit, goal| {
        bench.tell(&Figure {
            name,
            value,
            unit,
            peer: "",
            goal,
        });
    };
    told(
        "token.cached.1-thread",
        median(&mut costs_alone),
        "ns",
        Goal::AtMost(100.0),
    );
    told(
        "token.cached.16-threads",
        median(&mut costs),
        "ns",
        Goal::AtMost(100.0),
    );
    told(
        "token.cached.16-threads.growth",
        median(&mut ratios),
        "ratio",
        Goal::AtMost(1.5),
    );
}

/// As an application calls: on a runtime. (Once a second a call looks for another certificate.)
fn calls(runtime: &Handle, client: &Client, count: usize) {
    runtime.block_on(async {
        for _ in 0..count {
            black_box(client.token().await.expect("a token"));
        }
    });
}

fn nanoseconds(elapsed: Duration, calls: usize) -> f64 {
    elapsed.as_secs_f64() * 1e9 / calls as f64
}

/// A client that holds a token.
async fn signed_in() -> Client {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/clients/p256");
    let credential = Credential::from_files(
        &folder.join("p256.pem"),
        Some(&folder.join("p256.key")),
        None,
    )
    .expect("a credential");
    let client = Client::builder("https://platform.example", "bench", credential)
        .transport(Arc::new(Wire))
        .build()
        .expect("a client");
    client.token().await.expect("a token");
    client
}

/// Answers what a platform would.
struct Wire;

impl Transport for Wire {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + '_>>
    {
        let body = if request.method() == http::Method::POST {
            r#"{"access_token":"abc","token_type":"Bearer","expires_in":86400}"#
        } else {
            r#"{"issuer":"https://platform.example","token_endpoint":"https://platform.example/oauth2/token"}"#
        };
        let response = http::Response::builder()
            .header(http::header::CONTENT_TYPE, "application/json")
            .body(Bytes::from(body));
        Box::pin(
            async move { response.map_err(|error| TransportError::Interrupted(error.to_string())) },
        )
    }
}
