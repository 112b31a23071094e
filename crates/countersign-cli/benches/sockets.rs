//! What do ten thousand idle terminals cost the platform, and how long does an honest sign-in take beside them?
//!
//! The real binary on SQLite. The terminals come from 500 addresses of loopback, 20 each, as the limits permit, and
//! each has begun a sign-in that nobody finishes. Then a thousand more connect and never say who they are. A person
//! signs in before, meanwhile and after: everything but the browser's engine.

#![allow(
    clippy::expect_used,
    reason = "a benchmark that cannot be set up has nothing to say"
)]

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use countersign::{
    HttpTransport,
    proto::{
        login::{ConfirmValue, LoopbackTarget},
        token::Binding,
    },
};
use countersign_bench::{Bench, Figure, Goal, median};
use tokio::{task::JoinSet, time::Instant};

// The same terminal and the same person as in the tests.
#[allow(dead_code)]
#[path = "../../../tests/tests/parts/person.rs"]
mod person;

#[allow(dead_code)]
#[path = "../../../tests/tests/parts/terminal.rs"]
mod terminal;

use person::Person;
use terminal::Terminal;

const TERMINALS: usize = 10_000;
const PER_SOURCE: usize = 20;
/// Connections that are made at the same time.
const AT_ONCE: usize = 50;
const SILENT: usize = 1_000;
const SIGN_INS: usize = 20;
const PASSWORD: &str = "violet kettle harbour 42";

fn main() {
    let bench = Bench::from_args();
    let names = [
        "sockets.memory",
        "sockets.each",
        "sockets.sign-in",
        "sockets.silent",
    ];
    if !names.iter().any(|name| bench.wants(name)) {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(measure(&bench));
}

async fn measure(bench: &Bench) {
    let folder = tempfile::tempdir().expect("a folder");
    let platform = Platform::start(folder.path());
    let issuer = &platform.issuer;
    sign_in(issuer).await; // whatever is made once
    let alone = typical_sign_in(issuer).await;
    let before = platform.memory();

    let idle = open(issuer, 0, TERMINALS, Step::Hello).await;
    let with_idle = platform.memory();
    let beside = typical_sign_in(issuer).await;

    let silent = open(issuer, TERMINALS, SILENT, Step::Connected).await;
    let since = Instant::now();
    let with_silent = platform.memory();
    let mut cut = JoinSet::new();
    for mut terminal in silent {
        cut.spawn(async move { terminal.hear_all().await.1 });
    }
    let ended = cut.join_all().await;
    let seconds = since.elapsed().as_secs_f64();
    assert!(
        ended.iter().all(|ended| ended.code == 4008),
        "they are cut for silence"
    );
    drop(idle);

    let tell = |name: &str, value: f64, unit: &str, goal: Goal, told: String| {
        if bench.wants(name) {
            bench.tell(&Figure {
                name,
                value,
                unit,
                peer: &told,
                goal,
            });
        }
    };
    tell(
        "sockets.memory",
        with_idle / 1024.0,
        "MB",
        Goal::AtMost(400.0),
        format!(
            "in all, with {TERMINALS} idle sign-ins; {:.0} MB before",
            before / 1024.0
        ),
    );
    tell(
        "sockets.each",
        (with_idle - before) / TERMINALS as f64,
        "kB",
        Goal::AtMost(32.0),
        "for each idle terminal".to_owned(),
    );
    tell(
        "sockets.sign-in",
        beside / alone,
        "ratio",
        Goal::AtMost(3.0),
        format!(
            "alone: {:.0} ms a sign-in, beside them {:.0} ms",
            alone * 1e3,
            beside * 1e3
        ),
    );
    tell(
        "sockets.silent",
        seconds,
        "s",
        Goal::AtMost(12.0),
        format!(
            "until the last of {SILENT} without a hello was cut (10 s are given); {:.1} kB each",
            (with_silent - with_idle) / SILENT as f64
        ),
    );
}

/// How far a terminal goes before it idles.
#[derive(Clone, Copy)]
enum Step {
    Connected,
    Hello,
}

/// Opens so many, each source its share, and keeps them alive: they answer pings.
async fn open(issuer: &str, first: usize, count: usize, step: Step) -> Vec<Terminal> {
    let mut opening = JoinSet::new();
    let mut opened = Vec::with_capacity(count);
    for number in first..first + count {
        if opening.len() == AT_ONCE {
            opened.push(opening.join_next().await.expect("one").expect("no panic"));
        }
        let issuer = issuer.to_owned();
        opening.spawn(async move {
            let mut terminal = Terminal::connect_from(&issuer, source(number))
                .await
                .expect("a socket");
            if let Step::Hello = step {
                terminal.begin(&[Binding::Loopback], Some(target())).await;
            }
            terminal
        });
    }
    opened.extend(opening.join_all().await);
    opened
}

/// The median of some sign-ins, in seconds.
async fn typical_sign_in(issuer: &str) -> f64 {
    let mut times = Vec::new();
    for _ in 0..SIGN_INS {
        let since = Instant::now();
        sign_in(issuer).await;
        times.push(since.elapsed().as_secs_f64());
    }
    median(&mut times)
}

/// One whole sign-in, from the first byte of the terminal to its token.
async fn sign_in(issuer: &str) {
    let transport = HttpTransport::builder()
        .no_proxy()
        .build()
        .expect("a transport");
    let mut terminal = Terminal::connect(issuer).await;
    let session = terminal.begin(&[Binding::Loopback], Some(target())).await;
    let mut person = Person::new(Arc::new(transport));
    person
        .sign_in(&session.url, "admin", PASSWORD)
        .await
        .expect("a page");
    let sent = person.allow(&session.url).await.expect("a page");
    let to = sent.redirect().expect("to the terminal");
    let (_, value) = to.query_pairs().next().expect("a value");
    let value = ConfirmValue::parse(Binding::Loopback, &value).expect("a value");
    terminal.confirm(value).await;
    terminal.finish().await;
}

/// Where a terminal would listen: nobody comes.
fn target() -> LoopbackTarget {
    LoopbackTarget::new(50_000, "AAAAAAAAAAAAAAAAAAAAAA").expect("a port that browsers go to")
}

/// Twenty for each address from 127.1.0.1 on.
fn source(number: usize) -> IpAddr {
    let source = u32::try_from(number / PER_SOURCE).expect("a small number");
    IpAddr::V4(Ipv4Addr::from_bits(
        Ipv4Addr::new(127, 1, 0, 1).to_bits() + source,
    ))
}

/// `countersign serve`. Ends when dropped.
struct Platform {
    child: Child,
    issuer: String,
}

impl Platform {
    fn start(folder: &Path) -> Platform {
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = free.local_addr().expect("an address");
        drop(free);
        let issuer = format!("http://{address}");
        let certificate = workspace().join("testdata/clients/rsa2048/rsa2048.pem");
        let settings = folder.join("countersign.toml");
        let text = format!(
            "issuer = \"{issuer}\"\n[listen]\naddress = \"{address}\"\n[store]\nurl = \"sqlite:platform.db\"\n\
             [secrets]\nfile = \"secrets\"\n[bootstrap]\ncertificate = \"{}\"\n\
             [limits]\nper_source_per_minute = 100000000\nper_client_per_minute = 100000000\nlogins_per_source_per_minute = 100000000\nconnections = 15000\n\
             [log]\nfilter = \"warn\"\n",
            certificate.display()
        );
        std::fs::write(&settings, text).expect("a settings file");
        let child = countersign(folder)
            .arg("serve")
            .arg("--config")
            .arg(&settings)
            .spawn()
            .expect("the platform starts");
        let platform = Platform { child, issuer };
        platform.wait(address);
        platform.give_admin_a_password(folder);
        platform
    }

    #[allow(clippy::disallowed_methods)] // there is no signal to wait for but the open port
    fn wait(&self, address: SocketAddr) {
        for _ in 0..500 {
            if std::net::TcpStream::connect(address).is_ok() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(20));
        }
        panic!("nothing listens at {address}");
    }

    fn give_admin_a_password(&self, folder: &Path) {
        let password = folder.join("password");
        std::fs::write(&password, PASSWORD).expect("a file");
        let credential = workspace().join("testdata/clients/rsa2048/rsa2048");
        let done = countersign(folder)
            .args([
                "login",
                &self.issuer,
                "--app-id",
                "countersign-admin",
                "--cert",
            ])
            .arg(credential.with_extension("pem"))
            .arg("--key")
            .arg(credential.with_extension("key"))
            .status();
        assert!(
            done.is_ok_and(|status| status.success()),
            "the administrator signs in"
        );
        let done = countersign(folder)
            .args([
                "admin",
                "principal",
                "set-password",
                "admin",
                "--password-file",
            ])
            .arg(&password)
            .status();
        assert!(
            done.is_ok_and(|status| status.success()),
            "the administrator gets a password"
        );
    }

    /// Resident memory in kB.
    fn memory(&self) -> f64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number.and_then(|text| text.parse().ok()).expect("a number")
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn countersign(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
    command
        .current_dir(home)
        .env("HOME", home)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_STATE_HOME")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::inherit());
    command
}

fn workspace() -> std::path::PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest
        .ancestors()
        .nth(2)
        .expect("the workspace")
        .to_path_buf()
}
