//! What does a guard cost before a service, above the bare verification, and beside others?

#![allow(
    clippy::expect_used,
    clippy::panic,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

mod scene;

use std::hint::black_box;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey, VerificationAlgorithm,
};
use countersign_bench::{Bench, Figure, Goal, Shape, median, time};
use countersign_proto::key::{Algorithm, KeyType, SigningKey as _};
use scene::{Signed, call, request, service};
use tower::Layer as _;

/// A second has at least 85 % as many verifications when they go through the layer.
const OF_BARE: f64 = 1.176;

fn main() {
    let bench = Bench::from_args();
    verified(
        &bench,
        &Kind {
            key: KeyType::P256,
            algorithm: Algorithm::ES256,
            bare: &ECDSA_P256_SHA256_FIXED,
            peer: jsonwebtoken::Algorithm::ES256,
            goal: Goal::AtMost(OF_BARE),
        },
    );
    verified(
        &bench,
        &Kind {
            key: KeyType::Rsa { bits: 2048 },
            algorithm: Algorithm::RS256,
            bare: &RSA_PKCS1_2048_8192_SHA256,
            peer: jsonwebtoken::Algorithm::RS256,
            goal: Goal::None,
        },
    );
    remembered(&bench);
}

struct Kind {
    key: KeyType,
    algorithm: Algorithm,
    bare: &'static dyn VerificationAlgorithm,
    peer: jsonwebtoken::Algorithm,
    goal: Goal,
}

/// A JWT through the layer: against the bare verification, `jsonwebtoken` alone, and another layer.
fn verified(bench: &Bench, kind: &Kind) {
    let name = kind.algorithm.name();
    let names = [
        format!("guard.layer.{name}"),
        format!("guard.layer.{name}.vs-jsonwebtoken"),
        format!("guard.layer.{name}.vs-other-layer"),
    ];
    if !names.iter().any(|name| bench.wants(name)) {
        return;
    }
    let signed = Signed::new(kind.key, kind.algorithm);
    // Rounds so short that most of them pass without an interruption.
    let shape = Shape {
        rounds: 400,
        calls: 40,
    };
    let mut guarded = signed.guard().layer().layer(service());
    let mut ours = || assert!(call(&mut guarded, request(&signed.token)));

    let (message, signature) = signed.halves();
    let spki = signed.key.public_key().spki();
    let bare = UnparsedPublicKey::new(kind.bare, spki).parse();
    let bare = bare.expect("a public key");
    bench.ratio(
        &names[0],
        "bare verification",
        kind.goal,
        shape,
        &mut ours,
        || bare.verify_sig(message, &signature).expect("it verifies"),
    );

    let (key, demands) = signed.decoder(kind.peer);
    bench.ratio(
        &names[1],
        "jsonwebtoken decode, no layer",
        Goal::None,
        shape,
        &mut ours,
        || {
            let token = black_box(&signed.token);
            jsonwebtoken::decode::<serde_json::Value>(token, &key, &demands).expect("it verifies")
        },
    );

    let mut other = signed.other_layer();
    bench.ratio(
        &names[2],
        "tower-oauth2-resource-server",
        Goal::None,
        shape,
        &mut ours,
        || assert!(call(&mut other, request(&signed.token))),
    );
}

/// An opaque token that the guard was told about: what it adds to the service alone.
fn remembered(bench: &Bench) {
    let name = "guard.layer.cached-opaque";
    if !bench.wants(name) {
        return;
    }
    const CALLS: usize = 500;
    const ROUNDS: usize = 800;
    let (guard, token) = scene::opaque();
    let (mut alone, mut guarded) = (service(), guard.layer().layer(service()));
    let nanoseconds = |work: &mut dyn FnMut()| {
        let ((), elapsed) = time(|| (0..CALLS).for_each(|_| work()));
        elapsed.as_secs_f64() * 1e9 / CALLS as f64
    };
    let (mut added, mut without) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let guarded = nanoseconds(&mut || assert!(call(&mut guarded, request(&token))));
        let alone = nanoseconds(&mut || assert!(!call(&mut alone, request(&token))));
        if round > 0 {
            added.push(guarded - alone); // the first round warms up
            without.push(alone);
        }
    }
    bench.tell(&Figure {
        name,
        value: median(&mut added),
        unit: "ns",
        peer: &format!("the service alone: {:.0} ns", median(&mut without)),
        goal: Goal::AtMost(1000.0),
    });
}
