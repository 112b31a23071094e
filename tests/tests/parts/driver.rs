//! How do chromedriver and its browser start, and end with the test?
//!
//! They live in one process group with a shell that holds our stdin: when the test ends, however it ends, the shell
//! ends all of them.

use std::{
    io::{BufRead as _, BufReader},
    os::unix::process::CommandExt as _,
    path::PathBuf,
    process::{Child, ChildStdin, Stdio},
};

use tempfile::TempDir;

use super::{HINT, command};

/// Ends the driver, which ends its browser; what does not end by itself within five seconds is killed.
const KEEPER: &str = r#"chromedriver "$@" & driver=$!
cat >/dev/null
kill -TERM $driver
(sleep 5; kill -KILL 0) &
wait $driver
kill -KILL 0"#;

/// chromedriver on a free port of loopback, and what it started. Ends when dropped.
pub(super) struct Driver {
    keeper: Child,
    stdin: Option<ChildStdin>,
    address: String,
    folder: TempDir,
}

impl Driver {
    /// Starts it, and waits until it says where it listens.
    pub(super) fn start() -> Driver {
        let folder = tempfile::tempdir().expect("a folder for the profile");
        let mut keeper = command("sh")
            .args(["-c", KEEPER, "keeper", "--port=0"])
            .env("HOME", folder.path())
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh");
        let stdin = keeper.stdin.take();
        let mut said = BufReader::new(keeper.stdout.take().expect("stdout is piped")).lines();
        let port = said.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("started successfully on port ")?;
            port.trim_end_matches('.').parse::<u16>().ok()
        });
        let port = port.unwrap_or_else(|| panic!("chromedriver does not start; {HINT}"));
        // It goes on talking, and would stop when nobody listened.
        std::thread::spawn(move || said.for_each(drop));
        Driver {
            keeper,
            stdin,
            address: format!("http://127.0.0.1:{port}"),
            folder,
        }
    }

    /// Where it is reached.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// A folder for the profile of its browser.
    pub(super) fn profile(&self) -> PathBuf {
        self.folder.path().join("profile")
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.keeper.wait();
    }
}

/// Where the browser is.
pub(super) fn chromium() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    std::env::split_paths(&path)
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|file| file.exists())
        .unwrap_or_else(|| panic!("chromium is not there; {HINT}"))
}
