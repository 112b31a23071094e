//! How does a certified server that nobody here wrote stand in for Entra ID, Okta, Keycloak or Hydra?

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, ChildStdin, Stdio},
};

use serde_json::Value;

use super::{HINT, command, node_program, parts};

/// node oidc-provider, as strict as the documents of one make say it is. Stops when dropped.
pub(crate) struct StandIn {
    child: Child,
    /// It ends when this does, whatever becomes of the test.
    _stdin: ChildStdin,
    /// Where it listens, without a path.
    pub(crate) origin: String,
    /// Its issuer identifier.
    pub(crate) issuer: String,
}

impl StandIn {
    /// `make`: one of provider-stand-in.mjs. `registered`: what was uploaded for the application `app_id`, read when
    /// somebody asks.
    pub(crate) fn start(make: &str, app_id: &str, registered: &Path) -> StandIn {
        let mut child = command(node_program())
            .arg(parts().join("provider-stand-in.mjs"))
            .args([make, "--app-id", app_id, "--registered"])
            .arg(registered)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("node: {error}; {HINT}"));
        let said = BufReader::new(child.stderr.take().expect("stderr is piped"));
        std::thread::spawn(move || {
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
        let ready: Value = serde_json::from_str(&ready)
            .unwrap_or_else(|_| panic!("the stand-in for {make} did not start; {HINT}"));
        let member = |name: &str| ready[name].as_str().expect("a string").to_owned();
        StandIn {
            origin: member("origin"),
            issuer: member("issuer"),
            child,
            _stdin: stdin,
        }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
