//! Is a program of another user served, which is a real one?
//!
//! A user namespace does not help here: the system compares the users of the machine. So whoever runs
//! this must be root, who can start a program as somebody else.

use std::{
    fs::Permissions,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output},
};

use super::Agent;
use crate::{secrets::holds_a_token, world::Platform};

/// Nobody, and another nobody.
const NOBODY: u32 = 65534;
const SOMEBODY: u32 = 65533;

/// curl at a socket, as another user.
fn asks(user: u32, socket: &Path, path: &str) -> Output {
    assert!(
        rustix::process::geteuid().is_root(),
        "this test starts a program of another user, which only root can: run it as root, as CI does"
    );
    let id = user.to_string();
    let asked = Command::new("setpriv")
        .args(["--reuid", &id, "--regid", &id, "--clear-groups"])
        .args([
            "curl",
            "-sS",
            "--max-time",
            "20",
            "--write-out",
            " [%{http_code}]",
        ])
        .arg("--unix-socket")
        .arg(socket)
        .arg(format!("http://agent{path}"))
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .current_dir("/")
        .output();
    asked.expect("setpriv of util-linux, and curl")
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

// security.md 131
#[test]
fn as_root_another_user_does_not_even_reach_the_socket_with_setpriv() {
    let platform = Platform::start();
    let agent = Agent::start(&platform.home, "");
    let asked = asks(NOBODY, &agent.socket, "/token");
    assert_eq!(
        asked.status.code(),
        Some(7),
        "curl could not connect: {asked:?}"
    );
    assert_eq!(text(&asked), " [000]");
    assert_eq!(agent.get("/token").status, 200);
}

// security.md 132
#[test]
fn as_root_another_user_who_reaches_the_socket_is_refused_and_said_with_setpriv() {
    let platform = Platform::start();
    let open = tempfile::tempdir().unwrap();
    std::fs::set_permissions(open.path(), Permissions::from_mode(0o755)).unwrap();
    let socket = open.path().join("agent.sock");
    let words = format!(
        "agent --serve dev --allow-uid {SOMEBODY} --socket {}",
        socket.display()
    );
    let agent = Agent::from(platform.home.command(&words), socket.clone());

    let refused = asks(NOBODY, &socket, "/token");
    assert!(text(&refused).ends_with(" [403]"), "{refused:?}");
    assert!(!holds_a_token(&text(&refused)), "{refused:?}");
    let served = asks(SOMEBODY, &socket, "/token");
    assert!(
        text(&served).ends_with(" [200]") && holds_a_token(&text(&served)),
        "{served:?}"
    );
    let other = asks(SOMEBODY, &socket, "/token?profile=dev-admin");
    assert!(
        text(&other).ends_with(" [404]"),
        "a profile that was not named: {other:?}"
    );
    let status = agent.get("/status").json();
    assert_eq!(
        (&status["refused"], &status["answered"]),
        (&1.into(), &1.into()),
        "{status}"
    );
    let said = agent.stop();
    assert!(
        said.contains("of user 65534, who is not served here (1 so far)"),
        "{said}"
    );
}
