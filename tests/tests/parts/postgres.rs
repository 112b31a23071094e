//! How does a test have a PostgreSQL of its own?
//!
//! One cluster for a test binary, in a folder of its own on a free port, with a database for each
//! test. It ends with the process of the test, however that ends: a shell beside it waits for the
//! end of a pipe that the process holds. The unit tests of the server include this file too.

// A test ends by a panic, and says why.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Not every crate that includes this needs all of it.
#![allow(dead_code)]

use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Output, Stdio},
    sync::{
        LazyLock,
        atomic::{AtomicU32, Ordering},
    },
};

const HINT: &str = "run scripts/test: it installs what the tests need";

/// The user that owns everything in it.
pub(crate) const USER: &str = "countersign";
/// Has characters that a URL must escape.
pub(crate) const PASSWORD: &str = "pass:word/with@%20 signs";
/// The same in a URL.
pub(crate) const PASSWORD_IN_URL: &str = "pass%3Aword%2Fwith%40%2520%20signs";

/// Makes a cluster, starts it, says where, and ends it when its input ends.
const SCRIPT: &str = r#"
set -eu
trap '' INT TERM HUP
umask 077
folder=$(mktemp -d /tmp/countersign-postgres.XXXXXX)
trap '"$BIN/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null 2>&1 || true; rm -rf "$folder"' EXIT
printf '%s' "$NEW_PASSWORD" >"$folder/password"
"$BIN/initdb" -D "$folder/data" -U "$NEW_USER" --auth=scram-sha-256 --pwfile="$folder/password" \
    --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$folder/log" 2>&1 || { cat "$folder/log" >&2; exit 1; }
printf '%s' "$TLS_CERTIFICATE" >"$folder/data/server.crt"
printf '%s' "$TLS_KEY" >"$folder/data/server.key"
cat >>"$folder/data/postgresql.conf" <<END
listen_addresses = '127.0.0.1, 127.0.0.2'
port = $PORT
unix_socket_directories = '$folder'
ssl = on
END
"$BIN/pg_ctl" -D "$folder/data" -l "$folder/log" -w start >"$folder/start" 2>&1 </dev/null \
    || { cat "$folder/start" "$folder/log" >&2; exit 1; }
echo "$folder"
cat >/dev/null
"#;

/// A running cluster.
pub(crate) struct Cluster {
    bin: PathBuf,
    folder: PathBuf,
    port: u16,
    databases: AtomicU32,
    _shell: Child,
    _end: ChildStdin,
}

impl Cluster {
    /// The one that every test of this binary shares: each has a database in it.
    pub(crate) fn shared() -> &'static Cluster {
        static SHARED: LazyLock<Cluster> = LazyLock::new(Cluster::start);
        &SHARED
    }

    /// One of its own, for a test that stops or configures it.
    pub(crate) fn start() -> Cluster {
        // Somebody may take the port between the look and the start.
        (0..5)
            .find_map(|_| Cluster::try_start())
            .unwrap_or_else(|| panic!("PostgreSQL does not start; {HINT}"))
    }

    fn try_start() -> Option<Cluster> {
        let bin = binaries();
        let port = free_port();
        let tls = root().join("testdata/tls/localhost");
        let read = |extension| std::fs::read_to_string(tls.with_extension(extension)).unwrap();
        let mut shell = as_postgres("sh")
            .args(["-c", SCRIPT])
            .env("BIN", &bin)
            .env("PORT", port.to_string())
            .env("NEW_USER", USER)
            .env("NEW_PASSWORD", PASSWORD)
            .env("TLS_CERTIFICATE", read("pem"))
            .env("TLS_KEY", read("key"))
            .current_dir("/")
            // A signal to the group of the test is none of its business.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("sh: {error}; {HINT}"));
        let end = shell.stdin.take().expect("stdin is piped");
        let mut ready = String::new();
        BufReader::new(shell.stdout.take().expect("stdout is piped"))
            .read_line(&mut ready)
            .expect("the script prints");
        let folder = PathBuf::from(ready.trim_end());
        folder.is_absolute().then_some(Cluster {
            bin,
            folder,
            port,
            databases: AtomicU32::new(0),
            _shell: shell,
            _end: end,
        })
    }

    /// A new, empty database: its name.
    pub(crate) fn database(&self) -> String {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("database_{number}");
        self.sql("postgres", &format!("CREATE DATABASE {name}"));
        name
    }

    /// Runs SQL in a database and answers what it prints, without frills.
    pub(crate) fn sql(&self, database: &str, sql: &str) -> String {
        let output = self.try_sql(database, sql);
        assert!(
            output.status.success(),
            "{sql}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout)
            .expect("text")
            .trim_end()
            .to_owned()
    }

    /// The same, and it may fail.
    pub(crate) fn try_sql(&self, database: &str, sql: &str) -> Output {
        Command::new(self.bin.join("psql"))
            .args(["-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"])
            .args(["-h", "127.0.0.1", "-U", USER, "-d", database, "-c", sql])
            .args(["-p", &self.port.to_string()])
            .env("PGPASSWORD", PASSWORD)
            .stdin(Stdio::null())
            .output()
            .unwrap_or_else(|error| panic!("psql: {error}; {HINT}"))
    }

    /// Ends the server as a crash does and starts it again, or another verb of `pg_ctl`.
    pub(crate) fn control(&self, arguments: &[&str]) {
        let output = as_postgres(self.bin.join("pg_ctl"))
            .args(["-w", "-l"])
            .arg(self.folder.join("log"))
            .arg("-D")
            .arg(self.folder.join("data"))
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::null())
            // What it starts lives on, and would hold a pipe open.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .unwrap_or_else(|error| panic!("pg_ctl: {error}; {HINT}"));
        assert!(output.success(), "pg_ctl {arguments:?}");
    }

    /// Starts it again as a standby that follows nobody.
    pub(crate) fn become_standby(&self) {
        let signal = self.folder.join("data/standby.signal");
        std::fs::write(signal, "").expect("a file");
        self.control(&["-m", "fast", "restart"]);
    }

    /// Its port on 127.0.0.1, for which it has a certificate, and on 127.0.0.2, for which it has none.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The folder of its socket.
    pub(crate) fn socket(&self) -> &Path {
        &self.folder
    }

    /// The URL of a database, with the password.
    pub(crate) fn url(&self, database: &str) -> String {
        let port = self.port;
        format!("postgres://{USER}:{PASSWORD_IN_URL}@127.0.0.1:{port}/{database}")
    }

    /// The URL of a database, without the password.
    pub(crate) fn url_without_password(&self, database: &str) -> String {
        format!("postgres://{USER}@127.0.0.1:{}/{database}", self.port)
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("an address").port()
}

/// A command as the user that may run PostgreSQL: root may not.
fn as_postgres(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let root = std::fs::metadata("/proc/self").map(|it| std::os::unix::fs::MetadataExt::uid(&it));
    if !root.is_ok_and(|user| user == 0) {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", "postgres", "--"]).arg(program);
    command
}

/// Where Debian keeps the newest version, or the path.
fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let newest = versions
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version: u32 = entry.file_name().to_str()?.parse().ok()?;
            let bin = entry.path().join("bin");
            bin.join("initdb").exists().then_some((version, bin))
        })
        .max();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut on_path = std::env::split_paths(&path).filter(|bin| bin.join("initdb").exists());
    newest
        .map(|(_, bin)| bin)
        .or_else(|| on_path.next())
        .unwrap_or_else(|| panic!("PostgreSQL is not installed; {HINT}"))
}

/// The root of the repository.
pub(crate) fn root() -> PathBuf {
    let mut root = Path::new(env!("CARGO_MANIFEST_DIR"));
    while !root.join("Cargo.lock").exists() {
        root = root.parent().expect("the workspace has a lock file");
    }
    root.to_owned()
}
