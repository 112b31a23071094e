//! How does a test use `countersign` in a shell while it does something else?

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    path::Path,
    process::{Child, ChildStdin, Command, ExitStatus, Output, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use url::Url;

use super::{command, countersign};

/// How long something may be waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// Somebody's home.
pub(crate) struct Home(TempDir);

/// A command that runs.
pub(crate) struct Running {
    child: Child,
    stdin: ChildStdin,
    /// What it prints: line by line, or as it comes.
    printed: UnboundedReceiver<String>,
    seen: String,
}

impl Home {
    pub(crate) fn new() -> Home {
        Home(tempfile::tempdir().expect("a home"))
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Runs a command to its end.
    pub(crate) async fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.command(countersign().as_ref());
        command.args(arguments);
        tokio::task::spawn_blocking(move || command.output().expect("it runs"))
            .await
            .expect("it ends")
    }

    /// Starts a command whose stdout is a program's.
    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let mut command = self.command(countersign().as_ref());
        command.args(arguments).stderr(Stdio::inherit());
        Running::from(command, By::Lines)
    }

    /// Starts a command at a terminal, by `script` of util-linux.
    pub(crate) fn start_at_terminal(&self, arguments: &[&str]) -> Running {
        let line = format!("{} {}", countersign().display(), arguments.join(" "));
        let mut command = self.command(Path::new("script"));
        command.args([
            "--quiet",
            "--return",
            "--flush",
            "--command",
            &line,
            "/dev/null",
        ]);
        command.stderr(Stdio::inherit());
        Running::from(command, By::Bytes)
    }

    /// A program as somebody at home runs it.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = command(program);
        command.env("HOME", self.0.path()).env("NO_COLOR", "1");
        for name in [
            "XDG_CONFIG_HOME",
            "XDG_STATE_HOME",
            "XDG_DATA_HOME",
            "XDG_CACHE_HOME",
            "XDG_RUNTIME_DIR",
            "SSH_CONNECTION",
            "DISPLAY",
            "WAYLAND_DISPLAY",
            "COUNTERSIGN_CERT_STORE",
        ] {
            command.env_remove(name);
        }
        command
    }
}

/// How a command is read.
enum By {
    Lines,
    /// A question has no line break at its end.
    Bytes,
}

impl Running {
    fn from(mut command: Command, by: By) -> Running {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("it starts");
        let stdin = child.stdin.take().expect("stdin is piped");
        let mut stdout = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let (sender, printed) = unbounded_channel();
        std::thread::spawn(move || {
            loop {
                let mut text = Vec::new();
                let read = match by {
                    By::Lines => stdout.read_until(b'\n', &mut text),
                    By::Bytes => stdout.by_ref().take(1).read_to_end(&mut text),
                };
                let is_over = !read.is_ok_and(|read| read > 0);
                let text = String::from_utf8_lossy(&text).into_owned();
                if is_over || sender.send(text).is_err() {
                    return;
                }
            }
        });
        Running {
            child,
            stdin,
            printed,
            seen: String::new(),
        }
    }

    /// Waits for it to print this, and answers everything that it printed.
    pub(crate) async fn prints(&mut self, words: &str) -> &str {
        let waiting = async {
            while !self.seen.contains(words) {
                match self.printed.recv().await {
                    Some(text) => self.seen.push_str(&text),
                    None => panic!("it ended before {words:?}:\n{}", self.seen),
                }
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(
            waited.is_ok(),
            "waited in vain for {words:?}:\n{}",
            self.seen
        );
        &self.seen
    }

    /// Waits for the link of a sign-in.
    pub(crate) async fn link(&mut self, issuer: &str) -> Url {
        let beginning = format!("{issuer}/login/");
        self.prints(&beginning).await;
        // A handle has 22 characters.
        loop {
            let (_, rest) = self.seen.split_once(&beginning).expect("it was printed");
            if let Some(handle) = rest.get(..22) {
                return format!("{beginning}{handle}").parse().expect("an address");
            }
            let more = self.printed.recv().await.expect("the rest of the link");
            self.seen.push_str(&more);
        }
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: &str) {
        writeln!(self.stdin, "{line}").expect("it listens");
        self.stdin.flush().expect("it listens");
    }

    /// Waits for its end, and answers how it ended and everything that it printed.
    pub(crate) async fn ends(mut self) -> (Option<i32>, String) {
        let waiting = async {
            while let Some(text) = self.printed.recv().await {
                self.seen.push_str(&text);
            }
        };
        let waited = tokio::time::timeout(PATIENCE, waiting).await;
        assert!(waited.is_ok(), "it does not end:\n{}", self.seen);
        let status: ExitStatus = self.child.wait().expect("our own process");
        (status.code(), std::mem::take(&mut self.seen))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
