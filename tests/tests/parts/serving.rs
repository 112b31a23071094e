//! How does the real binary serve for a test: started, killed, and started again where it stopped?

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::Arc,
    time::Duration,
};

use countersign::{Client, HttpTransport, Transport, admin::Admin};
use countersign_testkit::fixtures;
use http::Request;
use tempfile::TempDir;

use super::{command, countersign};

/// A folder with settings for `countersign serve`, and what it keeps there.
pub(crate) struct Site {
    folder: TempDir,
    address: SocketAddr,
    issuer: String,
    transport: HttpTransport,
}

/// The process, killed when dropped.
pub(crate) struct Running(Child);

impl Site {
    /// A platform on a free port of 127.0.0.1 with this store, which limits nobody.
    pub(crate) fn new(store: &str) -> Site {
        Site::with(store, "")
    }

    /// The same with `more` settings, which win over the others.
    pub(crate) fn with(store: &str, more: &str) -> Site {
        let address = free_address();
        Site::at(address, &format!("http://{address}"), store, more)
    }

    /// The same at this address under this name for it.
    pub(crate) fn at(address: SocketAddr, issuer: &str, store: &str, more: &str) -> Site {
        let folder = tempfile::tempdir().expect("a folder");
        let administrator = folder.path().join("administrator.pem");
        std::fs::write(administrator, fixtures::ADMINISTRATOR_CERTIFICATE).expect("a certificate");
        let settings = format!(
            "issuer = \"{issuer}\"\n\
             [listen]\naddress = \"{address}\"\n\
             [store]\nurl = \"{store}\"\n\
             [bootstrap]\ncertificate = \"administrator.pem\"\n\
             [limits]\nper_source_per_minute = 1000000000\nfailures_per_source_per_minute = 1000000000\n\
             api_per_source_per_minute = 1000000000\nper_client_per_minute = 1000000000\n\
             logins_per_source = 1000000\nlogins_per_source_per_minute = 1000000000\n"
        );
        let mut settings: toml::Table = settings.parse().expect("settings");
        overlay(&mut settings, more.parse().expect("more settings"));
        std::fs::write(folder.path().join("countersign.toml"), settings.to_string())
            .expect("settings");
        let authority = super::root().join("testdata/authority/authority.pem");
        let transport = HttpTransport::builder()
            .no_proxy()
            .ca_bundle(&authority)
            .build();
        Site {
            folder,
            address,
            issuer: issuer.to_owned(),
            transport: transport.expect("a transport"),
        }
    }

    /// Starts it and waits until it serves.
    pub(crate) async fn start(&self) -> Running {
        let log = std::fs::File::create(self.folder.path().join("log")).expect("a log");
        let child = command(countersign())
            .arg("serve")
            .arg("--config")
            .arg(self.folder.path().join("countersign.toml"))
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("countersign serve");
        let mut running = Running(child);
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        loop {
            tick.tick().await;
            if let Some(status) = running.0.try_wait().expect("our own process") {
                panic!("countersign serve ended with {status}: {}", self.log());
            }
            let scheme = self.issuer.split(':').next().unwrap_or_default();
            let ready = format!("{scheme}://{}/readyz", self.address);
            let ready = Request::get(ready).body(Vec::new());
            let answer = self.transport.send(ready.expect("a request")).await;
            if answer.is_ok_and(|answer| answer.status() == 200) {
                return running;
            }
        }
    }

    /// Its issuer identifier, where it is reached.
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its folder.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it logged since it was started last.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).expect("a log")
    }

    /// A way to it that knows its authority.
    pub(crate) fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(self.transport.clone())
    }

    /// The same, for whoever needs HTTP itself.
    pub(crate) fn http_transport(&self) -> HttpTransport {
        self.transport.clone()
    }

    /// Its management interface, as the bootstrap administrator.
    pub(crate) fn admin(&self) -> Admin {
        let client = Client::builder(&self.issuer, "countersign-admin", fixtures::administrator())
            .transport(self.transport())
            .build()
            .expect("a client");
        Admin::new(client)
    }

    /// The database with what belongs to it.
    pub(crate) fn store_files(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.folder.path()).expect("a folder");
        entries
            .map(|entry| entry.expect("an entry").path())
            .filter(|file| {
                let name = file.file_name().unwrap_or_default().to_string_lossy();
                name.starts_with("platform.db")
            })
            .collect()
    }
}

impl Running {
    /// Tells it to stop, as a service manager does, and waits for its end: how it ended.
    pub(crate) async fn terminate(mut self) -> ExitStatus {
        let told = Command::new("kill")
            .args(["-TERM", &self.0.id().to_string()])
            .status();
        assert!(told.expect("kill of procps").success());
        let mut tick = tokio::time::interval(Duration::from_millis(5));
        loop {
            tick.tick().await;
            if let Some(status) = self.0.try_wait().expect("our own process") {
                return status;
            }
        }
    }

    /// Ends it at once: on Unix nothing in the process gets to run any more.
    pub(crate) fn kill(&mut self) {
        self.0.kill().expect("our own process");
        self.0.wait().expect("our own process");
    }
}

impl Running {
    /// How much memory it has now, in units of 1024 bytes, as Linux counts.
    pub(crate) fn resident_kilobytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.0.id()));
        let status = status.expect("it runs");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        number.and_then(|text| text.parse().ok()).expect("a number")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address of 127.0.0.1 that nobody listens at.
pub(crate) fn free_address() -> SocketAddr {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("an address")
}

/// Puts `over` on `under`, table by table.
fn overlay(under: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (under.get_mut(&key), value) {
            (Some(toml::Value::Table(under)), toml::Value::Table(over)) => overlay(under, over),
            (_, value) => {
                under.insert(key, value);
            }
        }
    }
}
