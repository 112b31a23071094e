//! Does an agent take the socket of a service manager, and tell it when it is ready?

use std::{
    os::unix::net::UnixDatagram,
    process::{Command, Stdio},
    time::Duration,
};

use super::Agent;
use crate::world::Platform;

/// How long the agent may take to say that it is ready, on a machine that compiles meanwhile.
const PATIENCE: Duration = Duration::from_secs(30);

/// What systemd does to start a service by its socket: the socket is file 3, and the variables say so.
const ACTIVATE: &str = "\
import os, socket, sys
path, program, *words = sys.argv[1:]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()))
os.execv(program, [program, *words])
";

#[test]
fn a_service_manager_opens_the_socket_and_hears_that_the_agent_is_ready_by_python() {
    let platform = Platform::start();
    let socket = platform.home.path().join("activated.sock");
    let notify = platform.home.path().join("notify");
    let heard = UnixDatagram::bind(&notify).unwrap();
    heard.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut process = Command::new("python3")
        .args(["-c", ACTIVATE])
        .arg(&socket)
        .arg(env!("CARGO_BIN_EXE_countersign"))
        .arg("agent")
        .env_clear()
        .env("HOME", platform.home.path())
        .env("PATH", "/usr/bin:/bin")
        .env("NOTIFY_SOCKET", &notify)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("python3 is there: scripts/test installs it");
    let said = std::io::BufReader::new(process.stderr.take().unwrap());
    let mut agent = Agent {
        process,
        said,
        socket,
    };
    let hear = || {
        let mut text = [0; 64];
        let length = heard.recv(&mut text).unwrap();
        String::from_utf8_lossy(&text[..length]).into_owned()
    };
    assert_eq!(hear(), "READY=1");
    agent.hears("tokens are served at the socket of the service manager");
    assert_eq!(agent.get("/token").status, 200);
    let socket = agent.socket.clone();
    agent.stop();
    assert_eq!(hear(), "STOPPING=1");
    assert!(socket.exists(), "it is the service manager's");
}

#[test]
fn a_socket_that_is_meant_for_another_process_is_left_alone() {
    let platform = Platform::start();
    let mut command = platform.home.command("agent");
    command
        .env("XDG_RUNTIME_DIR", platform.home.path().join("run"))
        .env("LISTEN_FDS", "1")
        .env("LISTEN_PID", "1");
    let agent = Agent::from(
        command,
        platform.home.path().join("run/countersign/agent.sock"),
    );
    assert_eq!(agent.get("/token").status, 200);
}
