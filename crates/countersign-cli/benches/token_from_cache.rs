//! What does `countersign token` cost as a whole process when the token is in the cache?

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

use std::{
    path::Path,
    process::{Command, Stdio},
};

use countersign_bench::{Bench, Figure, Goal, median, time};

fn main() {
    let bench = Bench::from_args();
    if !bench.wants("process.token-from-cache") {
        return;
    }
    let home = tempfile::tempdir().expect("a folder");
    run(countersign(home.path()).args(["dev", "--once", "--listen", "127.0.0.1:0"]));
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        ours.push(milliseconds(countersign(home.path()).arg("token")));
        peer.push(milliseconds(&mut Command::new("true")));
    }
    let (ours, peer) = (median(&mut ours), median(&mut peer));
    let told = format!("true: {peer:.2} ms, ours {ours:.2} ms");
    bench.tell(&Figure {
        name: "process.token-from-cache",
        value: ours - peer,
        unit: "ms more",
        peer: &told,
        goal: Goal::AtMost(5.0),
    });
}

/// The binary with a home of its own and nothing else from outside.
fn countersign(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin");
    command
}

fn milliseconds(command: &mut Command) -> f64 {
    time(|| run(command)).1.as_secs_f64() * 1e3
}

fn run(command: &mut Command) {
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
