//! How often does a guard ask for memory while it judges a request?
//!
//! Apart from the other figures: whatever counts allocations slows them down.

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

#[allow(dead_code, reason = "the other benchmark looks at more of it")]
#[path = "guard/scene.rs"]
mod scene;

use countersign_bench::{Bench, Figure, Goal};
use countersign_proto::key::{Algorithm, KeyType};
use scene::{Signed, call, request, service};
use tower::Layer as _;

fn main() {
    let bench = Bench::from_args();
    for (key, algorithm, peer) in [
        (
            KeyType::P256,
            Algorithm::ES256,
            jsonwebtoken::Algorithm::ES256,
        ),
        (
            KeyType::Rsa { bits: 2048 },
            Algorithm::RS256,
            jsonwebtoken::Algorithm::RS256,
        ),
    ] {
        let name = format!("guard.allocations.{}", algorithm.name());
        if !bench.wants(&name) {
            continue;
        }
        let signed = Signed::new(key, algorithm);
        let mut guarded = signed.guard().layer().layer(service());
        let ours = counted(&signed.token, |request| call(&mut guarded, request));
        let (key, demands) = signed.decoder(peer);
        let decode = counted(&signed.token, |_| {
            jsonwebtoken::decode::<serde_json::Value>(&signed.token, &key, &demands).is_ok()
        });
        let mut other = signed.other_layer();
        let layer = counted(&signed.token, |request| call(&mut other, request));
        tell(
            &bench,
            &name,
            ours,
            &format!("jsonwebtoken decode: {decode}, tower-oauth2-resource-server: {layer}"),
        );
    }
    let name = "guard.allocations.cached-opaque";
    if bench.wants(name) {
        let (guard, token) = scene::opaque();
        let mut guarded = guard.layer().layer(service());
        let ours = counted(&token, |request| call(&mut guarded, request));
        tell(&bench, name, ours, "");
    }
}

/// How many allocations one call makes when others were there before it.
fn counted(token: &str, mut call: impl FnMut(http::Request<()>) -> bool) -> u64 {
    let mut count = 0;
    for _ in 0..8 {
        let request = request(token);
        let counted = allocation_counter::measure(|| assert!(call(request)));
        count = counted.count_total;
    }
    count
}

fn tell(bench: &Bench, name: &str, count: u64, peer: &str) {
    bench.tell(&Figure {
        name,
        value: count as f64,
        unit: "count",
        peer,
        goal: Goal::None,
    });
}
