//! Do the clients that are shown get a token, in Python and in node, by their standard libraries alone?

use std::{path::Path, process::Command};

use super::Agent;
use crate::world::{Home, Platform};

fn example(name: &str) -> String {
    format!("{}/../../examples/agent/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn run(program: &str, name: &str, home: &Home, socket: Option<&Path>) -> (i32, String, String) {
    let mut command = Command::new(program);
    command
        .arg(example(name))
        .env("HOME", home.path())
        .env_remove("XDG_RUNTIME_DIR");
    if let Some(socket) = socket {
        command.env("COUNTERSIGN_AGENT", socket);
    }
    let output = command
        .output()
        .expect("python3 and node are there: scripts/test installs them");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[test]
fn the_clients_in_python_and_node_are_short_and_get_the_token_of_the_agent() {
    let platform = Platform::start();
    let agent = Agent::start(&platform.home, "");
    let token = agent.get("/token").token();
    for (program, name) in [("python3", "client.py"), ("node", "client.mjs")] {
        let source = std::fs::read_to_string(example(name)).unwrap();
        assert!(source.lines().count() < 50, "{name} is long");
        let (code, stdout, stderr) = run(program, name, &platform.home, Some(&agent.socket));
        assert_eq!(code, 0, "{name}: {stderr}");
        // What it shows of a token is no token.
        assert!(
            stdout.starts_with("a token of dev, good for "),
            "{name}: {stdout}"
        );
        assert!(!stdout.contains(&token), "{name}");
    }
    let socket = agent.socket.clone();
    drop(agent);
    for (program, name) in [("python3", "client.py"), ("node", "client.mjs")] {
        let (code, _, stderr) = run(program, name, &platform.home, Some(&socket));
        assert_eq!(code, 1, "{name}");
        assert!(stderr.contains("no agent"), "{name}: {stderr}");
    }
}
