//! Which parts that nobody here wrote do the tests run against, and how does each start?

// A test ends by a panic, and says why.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

pub(crate) mod axe;

pub(crate) mod balancer;

pub(crate) mod browser;

mod driver;

pub(crate) mod line;

pub(crate) mod listener;

mod node_server;
use node_server::NodeServer;

pub(crate) mod person;

pub(crate) mod recorder;

pub(crate) mod serving;

pub(crate) mod shell;

pub(crate) mod sign_in;

pub(crate) mod softhsm;

pub(crate) mod stand_in;

pub(crate) mod terminal;

pub(crate) mod website;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

// Named by its path, because this file is included from elsewhere too.
#[path = "parts/postgres.rs"]
pub(crate) mod postgres;

/// What to say when a part is not there. Tests fail then; they are never skipped.
const HINT: &str = "run scripts/test: it installs what the tests need";

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let mut root = Path::new(env!("CARGO_MANIFEST_DIR"));
    while !root.join("Cargo.lock").exists() {
        root = root.parent().expect("the workspace has a lock file");
    }
    root.to_owned()
}

/// A command without what the machine's owner set for other purposes: authorities, proxies.
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    for name in [
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
        "CURL_CA_BUNDLE",
        "NODE_EXTRA_CA_CERTS",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ] {
        command.env_remove(name);
    }
    command
}

/// The binary `countersign` as the test command built it.
pub(crate) fn countersign() -> PathBuf {
    let test = std::env::current_exe().expect("a test has a file");
    let profile = test
        .ancestors()
        .nth(2)
        .expect("a test lives in target/PROFILE/deps");
    let binary = profile.join("countersign");
    assert!(
        binary.exists(),
        "the binary countersign is not built; {HINT}"
    );
    binary
}

/// `openssl`.
pub(crate) fn openssl(arguments: &[&str]) -> Vec<u8> {
    let output = command("openssl")
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("openssl: {error}; {HINT}"));
    assert!(
        output.status.success(),
        "openssl {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// A script of `tests/parts` in node; `input` is its stdin. Answers its stdout.
pub(crate) fn node(script: &str, arguments: &[&str], input: &str) -> String {
    let parts = parts();
    assert!(
        parts.join("node_modules/oidc-provider").exists(),
        "the node parts are not installed; {HINT}"
    );
    run(
        command(node_program())
            .arg(parts.join(script))
            .args(arguments),
        input,
    )
}

/// A script of `tests/parts` in Python.
pub(crate) fn python(script: &str, arguments: &[&str]) -> String {
    python_reading(script, arguments, "")
}

/// The same; `input` is its stdin.
pub(crate) fn python_reading(script: &str, arguments: &[&str], input: &str) -> String {
    let python = root().join("target/parts/python/bin/python");
    assert!(
        python.exists(),
        "the Python parts are not installed; {HINT}"
    );
    run(
        command(python).arg(parts().join(script)).args(arguments),
        input,
    )
}

fn run(command: &mut Command, input: &str) -> String {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; {HINT}"));
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let output = std::thread::scope(|scope| {
        // Beside the reading: a part that answers line by line waits for its answers to be read.
        scope.spawn(move || stdin.write_all(input.as_bytes()).expect("the part reads"));
        child.wait_with_output().expect("the part ends")
    });
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("the part prints text")
}

/// The profile that the OpenID provider keeps to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Profile {
    /// OAuth 2.0 as most deployments have it.
    Default,
    /// FAPI 2.0: strict audiences, PS256 and ES256, DPoP with nonces.
    Fapi2,
}

/// A certified OpenID provider that nobody here wrote: node oidc-provider, on a free port. Stops when dropped.
pub(crate) struct OpenidProvider {
    _server: NodeServer,
    /// Its issuer identifier.
    pub(crate) issuer: String,
    /// Its introspection endpoint; `resource` with the secret `resource-secret` may ask.
    pub(crate) introspection: String,
}

impl OpenidProvider {
    /// Starts it. Its clients (`service`, `service-rs256`, `service-ps256`, `service-es256`, `service-dpop`) have the keys
    /// of these certificates. With `tls` it speaks https by the fixture `tls/localhost`.
    pub(crate) fn start(profile: Profile, certificates: &[PathBuf], tls: Tls) -> OpenidProvider {
        OpenidProvider::start_with(profile, certificates, tls, &[])
    }

    /// Starts it with people who come from `redirect_uri`, by the clients `platform`, `platform-jwt` and
    /// `platform-secret`, and sign in on one page with any name and any password; `more` are arguments of idp.mjs.
    pub(crate) fn with_people(
        redirect_uri: &str,
        certificates: &[PathBuf],
        more: &[&str],
    ) -> OpenidProvider {
        let more: Vec<&str> = ["--redirect-uri", redirect_uri]
            .into_iter()
            .chain(more.iter().copied())
            .collect();
        OpenidProvider::start_with(Profile::Default, certificates, Tls::Off, &more)
    }

    /// Starts it with more arguments of idp.mjs, which says what they are.
    pub(crate) fn start_with(
        profile: Profile,
        certificates: &[PathBuf],
        tls: Tls,
        more: &[&str],
    ) -> OpenidProvider {
        assert!(
            parts().join("node_modules/oidc-provider").exists(),
            "oidc-provider is not installed; {HINT}"
        );
        let server = NodeServer::start("idp.mjs", |command| {
            command.args(more);
            if profile == Profile::Fapi2 {
                command.args(["--profile", "fapi2"]);
            }
            if tls == Tls::On {
                let localhost = root().join("testdata/tls/localhost");
                command
                    .arg("--tls")
                    .arg(localhost.with_extension("pem"))
                    .arg(localhost.with_extension("key"));
            }
            for certificate in certificates {
                command.arg("--certificate").arg(certificate);
            }
        });
        OpenidProvider {
            issuer: server.member("issuer"),
            introspection: server.member("introspection"),
            _server: server,
        }
    }
}

/// Whether the provider speaks https.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tls {
    /// http on loopback.
    Off,
    /// https with the fixture certificate of localhost; its authority is `testdata/authority/authority.pem`.
    On,
}

fn parts() -> PathBuf {
    root().join("tests/parts")
}

/// The node that scripts/test installed for want of a new one, or the machine's.
fn node_program() -> PathBuf {
    let own = root().join("target/parts/node/bin/node");
    if own.exists() {
        own
    } else {
        PathBuf::from("node")
    }
}
