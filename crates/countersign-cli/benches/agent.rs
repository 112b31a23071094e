//! What does a token from the agent cost a program that keeps its connection?

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

use std::{
    convert::Infallible,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    process::{Child, Command, Stdio},
};

use bytes::Bytes;
use countersign_bench::{Bench, Figure, Goal, median, time};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;

const ROUNDS: usize = 30;
const CALLS: usize = 200;

fn main() {
    let bench = Bench::from_args();
    if !bench.wants("agent.round-trip") {
        return;
    }
    let home = tempfile::tempdir().expect("a folder");
    let made = countersign(home.path())
        .args(["dev", "--once", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .output();
    assert!(made.expect("it starts").status.success(), "dev --once");
    let _agent = Agent::start(home.path());
    let mut ours = Connection::to(&home.path().join("run/countersign/agent.sock"));
    let length = ours.ask();

    // The peer answers with as many bytes, which it has ready.
    let socket = home.path().join("peer.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    std::thread::spawn(move || serve(listener, length));
    let mut peer = Connection::to(&socket);

    let (mut ours_us, mut peer_us, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        let (a, b) = (microseconds(&mut ours), microseconds(&mut peer));
        if round > 0 {
            ours_us.push(a); // the first round warms up
            peer_us.push(b);
            ratios.push(a / b);
        }
    }
    let peer_us = median(&mut peer_us);
    let ratio = median(&mut ratios);
    bench.tell(&Figure {
        name: "agent.round-trip",
        value: median(&mut ours_us),
        unit: "µs",
        peer: &format!("bare hyper over a Unix socket: {peer_us:.1} µs, ratio {ratio:.2}"),
        goal: Goal::AtMost(200.0),
    });
}

/// A connection that is kept.
struct Connection {
    socket: UnixStream,
    answers: BufReader<UnixStream>,
    line: String,
    body: Vec<u8>,
}

impl Connection {
    fn to(path: &Path) -> Connection {
        let socket = UnixStream::connect(path).expect("somebody listens");
        let answers = BufReader::new(socket.try_clone().expect("a second handle"));
        Connection {
            socket,
            answers,
            line: String::new(),
            body: Vec::new(),
        }
    }

    /// One request; how long the body of its answer is.
    fn ask(&mut self) -> usize {
        let sent = self
            .socket
            .write_all(b"GET /token HTTP/1.1\r\nhost: agent\r\n\r\n");
        sent.expect("it listens");
        let mut length = 0;
        loop {
            self.line.clear();
            let read = self.answers.read_line(&mut self.line);
            assert!(read.expect("an answer") > 0, "it closed");
            if let Some(value) = self.line.strip_prefix("content-length: ") {
                length = value.trim().parse().expect("a length");
            }
            if self.line == "\r\n" {
                break;
            }
        }
        self.body.resize(length, 0);
        self.answers.read_exact(&mut self.body).expect("a body");
        length
    }
}

fn microseconds(connection: &mut Connection) -> f64 {
    let ((), elapsed) = time(|| {
        for _ in 0..CALLS {
            connection.ask();
        }
    });
    elapsed.as_secs_f64() * 1e6 / CALLS as f64
}

/// What hyper alone does, on one thread as the agent.
fn serve(listener: std::os::unix::net::UnixListener, length: usize) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let body = Bytes::from(vec![b'x'; length]);
    runtime.block_on(async {
        listener.set_nonblocking(true).expect("a socket");
        let listener = tokio::net::UnixListener::from_std(listener).expect("a socket");
        while let Ok((stream, _)) = listener.accept().await {
            let body = body.clone();
            let answer = service_fn(move |_| {
                let answer = http::Response::new(Full::new(body.clone()));
                async move { Ok::<_, Infallible>(answer) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), answer));
        }
    });
}

/// An agent that runs; ended when dropped.
struct Agent(Child);

impl Agent {
    fn start(home: &Path) -> Agent {
        let mut agent = countersign(home)
            .arg("agent")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut said = BufReader::new(agent.stderr.take().expect("stderr is piped"));
        let mut line = String::new();
        said.read_line(&mut line).expect("it says where it listens");
        Agent(agent)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The binary with a home of its own and nothing else from outside.
fn countersign(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .env_clear()
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home.join("run"))
        .env("PATH", "/usr/bin:/bin");
    command
}
