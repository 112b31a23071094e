//! Do the programs that tokens are for take them: kubectl, git and the SDK of AWS, all real?

mod aws;
mod git;
mod kubectl;

use std::{
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
};

use serde_json::Value;

/// What to say when a part is not there.
const HINT: &str = "run scripts/test: it installs what the tests need";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

/// The Python that scripts/test made, with its packages.
fn python(script: &str) -> Command {
    let python = root().join("target/parts/python/bin/python");
    assert!(
        python.exists(),
        "the Python parts are not installed; {HINT}"
    );
    let mut command = Command::new(python);
    command
        .arg(root().join("tests/parts").join(script))
        .env_clear()
        .env("PATH", "/usr/bin:/bin");
    command
}

/// A server on loopback that says what it was asked; killed when dropped.
struct Service {
    process: Child,
    said: BufReader<ChildStdout>,
    address: String,
}

impl Service {
    fn start(script: &str, arguments: &[&Path]) -> Service {
        let mut command = python(script);
        command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap());
        let mut address = String::new();
        said.read_line(&mut address).unwrap();
        assert!(
            address.starts_with("http"),
            "{script} did not start; {HINT}"
        );
        let address = address.trim().to_owned();
        Service {
            process,
            said,
            address,
        }
    }

    /// The next request.
    #[track_caller]
    fn asked(&mut self) -> Value {
        let mut line = String::new();
        assert_ne!(self.said.read_line(&mut line).unwrap(), 0, "it ended");
        serde_json::from_str(&line).unwrap()
    }

    /// All requests that are left.
    fn ends(mut self) -> Vec<Value> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        let lines = (&mut self.said).lines().map_while(Result::ok);
        lines
            .map(|line| serde_json::from_str(&line).unwrap())
            .collect()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
