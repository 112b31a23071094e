//! How many exchanges a second, beside a provider that nobody here wrote, on the same machine?
//!
//! All sides run as processes of their own and get the same load in turn: assertions by the same RSA
//! key, minted beforehand, over the same number of connections. Ours stores every `jti` and every
//! audit row durably before it answers; the peer keeps what it keeps in memory. The peer is measured
//! twice: issuing what ours issues, JWTs signed by ES256, and issuing opaque tokens, which it need
//! not sign.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use countersign::{
    Clock as _, SystemClock,
    proto::{
        assertion::Assertion,
        certificate::{Certificate, CertificateChain},
        exchange::TokenRequest,
        key::{Algorithm, LocalKey},
    },
};
use countersign_bench::{Bench, Figure, Goal, median, time};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

const CONNECTIONS: usize = 256;
const ROUNDS: usize = 5;

fn main() {
    let bench = Bench::from_args();
    if !["exchange.rate", "exchange.p99", "exchange.memory"]
        .iter()
        .any(|name| bench.wants(name))
    {
        return;
    }
    let client = Credential::read();
    let folder = tempfile::tempdir().expect("a folder");
    let ours = Side::platform(folder.path());
    let signing = Side::provider(&["--jwt"]);
    let opaque = Side::provider(&[]);
    let (mut rates, mut opaque_rates, mut tails) = (Vec::new(), Vec::new(), Vec::new());
    let (mut rate, mut tail) = ([0.0; 3], [0.0; 2]);
    for round in 0..=ROUNDS {
        let a = ours.load(&client, 6000);
        let b = signing.load(&client, 2000);
        let c = opaque.load(&client, 2000);
        if round > 0 {
            rates.push(a.rate / b.rate); // the first round warms up
            opaque_rates.push(a.rate / c.rate);
            tails.push(a.p99 / b.p99);
            rate = [a.rate, b.rate, c.rate];
            tail = [a.p99 * 1e3, b.p99 * 1e3];
        }
    }
    let memory = [ours.peak_memory(), signing.peak_memory()];
    let tell = |name: &str, value: f64, goal: Goal, told: String| {
        bench.tell(&Figure {
            name,
            value,
            unit: "ratio",
            peer: &told,
            goal,
        });
    };
    let [ours, signing, opaque] = rate;
    tell(
        "exchange.rate",
        median(&mut rates),
        Goal::AtLeast(6.0),
        format!("oidc-provider, JWTs: {signing:.0}/s, ours {ours:.0}/s (last round)"),
    );
    tell(
        "exchange.rate.vs-opaque",
        median(&mut opaque_rates),
        Goal::None,
        format!("oidc-provider, opaque tokens: {opaque:.0}/s (last round)"),
    );
    tell(
        "exchange.p99",
        median(&mut tails),
        Goal::AtMost(1.0 / 3.0),
        format!(
            "oidc-provider, JWTs: {:.1} ms, ours {:.1} ms (last round)",
            tail[1], tail[0]
        ),
    );
    tell(
        "exchange.memory",
        memory[0] / memory[1],
        Goal::AtMost(0.25),
        format!(
            "oidc-provider, JWTs: {:.0} MB, ours {:.0} MB at the peak",
            memory[1], memory[0]
        ),
    );
}

/// The key and certificate that both sides know.
struct Credential {
    chain: CertificateChain,
    key: LocalKey,
}

impl Credential {
    fn read() -> Credential {
        let text = |name: &str| std::fs::read_to_string(fixture(name)).expect("a fixture");
        let leaf = Certificate::all_from_pem(&text("rsa2048.pem"))
            .expect("a certificate")
            .remove(0);
        let key = LocalKey::from_pem(&text("rsa2048.key")).expect("a key");
        Credential {
            chain: CertificateChain::new(leaf, Vec::new()),
            key,
        }
    }
}

/// One of the two servers.
struct Side {
    process: Process,
    client_id: &'static str,
    audience: String,
    token_endpoint: url::Url,
}

impl Side {
    /// `countersign serve` on a fresh SQLite store; the certificate is the bootstrap's.
    fn platform(folder: &Path) -> Side {
        let port = free_port();
        let issuer = format!("http://127.0.0.1:{port}");
        let settings = folder.join("countersign.toml");
        let text = format!(
            "issuer = \"{issuer}\"\n[listen]\naddress = \"127.0.0.1:{port}\"\n[store]\nurl = \"sqlite:platform.db\"\n\
             [secrets]\nfile = \"secrets\"\n[bootstrap]\ncertificate = \"{}\"\n\
             [limits]\nper_source_per_minute = 100000000\nper_client_per_minute = 100000000\nfailures_per_source_per_minute = 1000000\n[log]\nfilter = \"warn\"\n",
            fixture("rsa2048.pem").display()
        );
        std::fs::write(&settings, text).expect("a settings file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .arg("serve")
            .arg("--config")
            .arg(&settings)
            .stdout(Stdio::null())
            .stderr(Stdio::inherit());
        let process = Process(command.spawn().expect("the platform starts"));
        wait_for(port);
        let token_endpoint = format!("{issuer}/oauth2/token")
            .parse()
            .expect("an address");
        Side {
            process,
            client_id: "countersign-admin",
            audience: issuer,
            token_endpoint,
        }
    }

    /// node `oidc-provider`, with the certificate's key registered.
    fn provider(options: &[&str]) -> Side {
        let parts = workspace().join("tests/parts");
        assert!(
            parts.join("node_modules").exists(),
            "run scripts/test --setup first: it installs the provider"
        );
        let mut command = Command::new("node");
        command
            .current_dir(parts)
            .arg("idp.mjs")
            .args(options)
            .arg("--certificate")
            .arg(fixture("rsa2048.pem"));
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("its output"))
            .read_line(&mut line)
            .expect("a line");
        let ready: serde_json::Value = serde_json::from_str(&line).expect("JSON");
        let audience = ready["issuer"].as_str().expect("an issuer").to_owned();
        let token_endpoint = format!("{audience}/token").parse().expect("an address");
        Side {
            process: Process(child),
            client_id: "service",
            audience,
            token_endpoint,
        }
    }

    fn load(&self, client: &Credential, count: usize) -> Load {
        let requests: Arc<Vec<Vec<u8>>> =
            Arc::new((0..count).map(|n| self.request(client, n)).collect());
        let address = format!("127.0.0.1:{}", self.token_endpoint.port().expect("a port"));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let next = Arc::new(AtomicUsize::new(0));
        let (mut latencies, elapsed) = time(|| {
            runtime.block_on(async {
                let tasks: Vec<_> = (0..CONNECTIONS)
                    .map(|_| {
                        tokio::spawn(caller(
                            address.clone(),
                            Arc::clone(&requests),
                            Arc::clone(&next),
                        ))
                    })
                    .collect();
                let mut latencies = Vec::with_capacity(count);
                for task in tasks {
                    latencies.extend(task.await.expect("a caller ends well"));
                }
                latencies
            })
        });
        latencies.sort_unstable();
        let p99 = latencies[latencies.len() * 99 / 100].as_secs_f64();
        Load {
            rate: count as f64 / elapsed.as_secs_f64(),
            p99,
        }
    }

    /// One whole HTTP/1.1 request with an assertion of its own.
    fn request(&self, client: &Credential, number: usize) -> Vec<u8> {
        let jti = format!("bench-{number}-{}", SystemClock.now().as_secs());
        let mut assertion = Assertion::client(self.client_id, &self.audience);
        assertion.lifetime = Duration::from_secs(300);
        let signed = assertion
            .mint(
                &client.chain,
                &client.key,
                Algorithm::RS256,
                SystemClock.now(),
                &jti,
            )
            .expect("an assertion");
        let request = TokenRequest::ClientCredentials {
            client_id: self.client_id,
            assertion: &signed,
            scope: None,
            principal: None,
        };
        let request = request.to_http(&self.token_endpoint);
        let host = self.token_endpoint.authority();
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\nAccept: application/json\r\nContent-Length: {}\r\n\r\n",
            self.token_endpoint.path(),
            request.body().len()
        );
        [head.into_bytes(), request.into_body()].concat()
    }

    /// Peak resident memory in MB.
    fn peak_memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.0.id()))
            .expect("it runs");
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM:"))
            .expect("a peak");
        let kilobytes: f64 = line
            .split_whitespace()
            .nth(1)
            .and_then(|text| text.parse().ok())
            .expect("a number");
        kilobytes / 1024.0
    }
}

struct Load {
    rate: f64,
    p99: f64,
}

/// Sends requests over one connection until there are none left.
async fn caller(
    address: String,
    requests: Arc<Vec<Vec<u8>>>,
    next: Arc<AtomicUsize>,
) -> Vec<Duration> {
    let mut socket = TcpStream::connect(&address).await.expect("a connection");
    socket.set_nodelay(true).expect("no delay");
    let mut latencies = Vec::new();
    let mut answer = Vec::with_capacity(8 * 1024);
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        let sent = tokio::time::Instant::now();
        socket.write_all(request).await.expect("it is sent");
        answer.clear();
        while !is_complete(&answer) {
            let read = socket.read_buf(&mut answer).await.expect("an answer");
            assert!(
                read > 0,
                "the connection was closed: {}",
                String::from_utf8_lossy(&answer)
            );
        }
        assert!(
            answer.starts_with(b"HTTP/1.1 200"),
            "refused: {}",
            String::from_utf8_lossy(&answer)
        );
        latencies.push(sent.elapsed());
    }
    latencies
}

/// Whether an answer with a `Content-Length` is there as a whole. Cheap: the load shares the processors.
fn is_complete(answer: &[u8]) -> bool {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(head)) = response.parse(answer) else {
        return false;
    };
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|header| {
        std::str::from_utf8(header.value)
            .ok()?
            .parse::<usize>()
            .ok()
    });
    answer.len() >= head + length.expect("a Content-Length")
}

/// A process that ends with its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("an address").port()
}

#[allow(clippy::disallowed_methods)] // there is no signal to wait for but the open port
fn wait_for(port: u16) {
    for _ in 0..500 {
        if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return;
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
    panic!("nothing listens on port {port}");
}

fn fixture(name: &str) -> PathBuf {
    workspace().join("testdata/clients/rsa2048").join(name)
}

fn workspace() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .ancestors()
        .nth(2)
        .expect("the workspace")
        .to_path_buf()
}
