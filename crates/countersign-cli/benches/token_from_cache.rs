//! What does `countersign token` cost as a whole process when the token is in the cache, in a plain
//! file and in one that a keyring seals?

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

#[allow(
    dead_code,
    unreachable_pub,
    reason = "of the tests, which also lock it and lose its key"
)]
#[path = "../tests/cli/keyring.rs"]
mod keyring;

use std::{
    path::Path,
    process::{Command, Stdio},
};

use countersign_bench::{Bench, Figure, Goal, median, time};

use crate::keyring::Keyring;

const ROUNDS: usize = 60;

fn main() {
    let bench = Bench::from_args();
    if bench.wants("process.token-from-cache") {
        plain(&bench);
    }
    if bench.wants("process.token-from-sealed-cache") {
        sealed(&bench);
    }
}

/// Against a process that does nothing.
fn plain(bench: &Bench) {
    let home = tempfile::tempdir().expect("a folder");
    run(countersign(home.path()).args(["dev", "--once", "--listen", "127.0.0.1:0"]));
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
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

/// Against the program of libsecret, which fetches the same key from the same GNOME Keyring and
/// opens nothing by it.
fn sealed(bench: &Bench) {
    let keyring = Keyring::start();
    let home = tempfile::tempdir().expect("a folder");
    let in_session = |command: &mut Command| {
        command.env("DBUS_SESSION_BUS_ADDRESS", &keyring.address);
    };
    let mut begin = countersign(home.path());
    in_session(begin.args(["dev", "--once", "--listen", "127.0.0.1:0"]));
    run(&mut begin);
    assert_eq!(keyring.keys().len(), 1, "the cache is sealed");
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut token = countersign(home.path());
        in_session(token.arg("token"));
        ours.push(milliseconds(&mut token));
        let mut lookup = Command::new("secret-tool");
        in_session(lookup.args(["lookup", "application", "countersign"]));
        peer.push(milliseconds(&mut lookup));
    }
    let (ours, peer) = (median(&mut ours), median(&mut peer));
    let told = format!("secret-tool lookup: {peer:.2} ms");
    bench.tell(&Figure {
        name: "process.token-from-sealed-cache",
        value: ours,
        unit: "ms",
        peer: &told,
        goal: Goal::AtMost(10.0),
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
