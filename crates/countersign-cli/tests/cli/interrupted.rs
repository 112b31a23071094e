//! How does a command end when it is told to?

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    process::{Child, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::Home;

fn tell(process: &Child, signal: Signal) {
    kill_process(Pid::from_child(process), signal).unwrap();
}

#[test]
fn ctrl_c_ends_a_command_that_waits_for_a_server_with_130() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::new();
    home.run("cert new CN=a --out a.pem").ok();
    let address = listener.local_addr().unwrap();
    let mut command = home.command(&format!("login http://{address} --app-id a --cert a.pem"));
    let process = command
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let connection = listener.accept().unwrap();
    tell(&process, Signal::INT);
    let output = process.wait_with_output().unwrap();
    drop(connection);
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "error: interrupted\n"
    );
}

#[test]
fn a_platform_ends_well_when_it_is_told_to() {
    let home = Home::new();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let settings = format!(
        "issuer = \"http://127.0.0.1:{port}\"\n[listen]\naddress = \"127.0.0.1:{port}\"\n\
         [store]\nurl = \"sqlite:platform.sqlite\"\n[secrets]\nfile = \"secrets.toml\"\n"
    );
    std::fs::write(home.path().join("countersign.toml"), settings).unwrap();
    for signal in [Signal::TERM, Signal::INT] {
        let mut command = home.command("serve --config countersign.toml");
        let mut process = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("is served at") {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0, "it did not start");
        }
        tell(&process, Signal::HUP); // without TLS there is nothing to reload, and nothing stops
        tell(&process, signal);
        let rest: Vec<_> = said.lines().map_while(Result::ok).collect();
        assert_eq!(process.wait().unwrap().code(), Some(0), "{rest:?}");
    }
}
