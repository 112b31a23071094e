//! How does a server of Node.js start, which says in one line of JSON that it is ready?

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, ChildStdin, Command, Stdio},
};

use serde_json::Value;

use super::{HINT, command, node_program, parts};

/// One of the scripts of `tests/parts`. Stops when dropped.
pub(crate) struct NodeServer {
    child: Child,
    /// It ends when this does, whatever becomes of the test.
    _stdin: ChildStdin,
    ready: Value,
}

impl NodeServer {
    /// Starts a script with what `arguments` adds, and waits until it is ready.
    pub(crate) fn start(script: &str, arguments: impl FnOnce(&mut Command)) -> NodeServer {
        let mut command = command(node_program());
        command.arg(parts().join(script));
        arguments(&mut command);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("node: {error}; {HINT}"));
        let said = BufReader::new(child.stderr.take().expect("stderr is piped"));
        std::thread::spawn(move || {
            // Its refusals, with their true reasons, are worth seeing; its advice on deployment is not.
            for line in said.lines().map_while(Result::ok) {
                if !line.starts_with("oidc-provider ") {
                    eprintln!("{line}");
                }
            }
        });
        let stdin = child.stdin.take().expect("stdin is piped");
        let mut said = BufReader::new(child.stdout.take().expect("stdout is piped"));
        let mut ready = String::new();
        said.read_line(&mut ready).expect("it prints");
        // It goes on talking, and would end when nobody listened.
        std::thread::spawn(move || said.lines().for_each(drop));
        NodeServer {
            ready: serde_json::from_str(&ready)
                .unwrap_or_else(|_| panic!("{script} did not start; {HINT}")),
            child,
            _stdin: stdin,
        }
    }

    /// What it said of itself.
    pub(crate) fn member(&self, name: &str) -> String {
        self.ready[name].as_str().expect("a string").to_owned()
    }
}

impl Drop for NodeServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
