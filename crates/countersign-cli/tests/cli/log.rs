//! Can machines read the log of a platform, and is no secret in it?

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    interrupted::Serving,
    secrets::{holds_a_token, key_lines},
    world::Home,
};

/// Sends this, whose answer ends the connection.
fn send(address: &str, request: &str) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream.read_to_end(&mut Vec::new()).unwrap();
}

// security.md C4
#[test]
fn the_log_has_one_json_object_for_each_request_and_no_secret() {
    let home = Home::new();
    home.run("cert new CN=administrator --out administrator.pem")
        .ok();
    let settings = "[bootstrap]\ncertificate = \"administrator.pem\"\n\
                    [log]\nformat = \"json\"\nfilter = \"trace\"\n";
    let (serving, address) = Serving::start(&home, "http", settings);
    let pid = Pid::from_child(&serving.process);
    let ending = std::thread::spawn(move || serving.end()); // a full pipe would stop the platform

    home.run(&format!(
        "login http://{address} --app-id countersign-admin --cert administrator.pem"
    ))
    .ok();
    let token = home.run("token").ok();
    home.run("whoami").ok();
    home.run("admin audit --output json").ok();
    home.run("logout").ok();
    let form = "grant_type=client_credentials&client_secret=canary-secret";
    send(
        &address,
        &format!(
            "POST /oauth2/token?access_token=canary-target HTTP/1.1\r\nhost: {address}\r\n\
             authorization: Basic Y2FuYXJ5\r\nconnection: close\r\ncontent-length: {}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n{form}",
            form.len()
        ),
    );
    kill_process(pid, Signal::TERM).unwrap();
    let (code, lines) = ending.join().unwrap();
    assert_eq!(code, Some(0), "{lines:?}");

    let log: Vec<serde_json::Value> = lines
        .iter()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    assert_eq!(
        lines.len() - log.len(),
        1,
        "only that it stops is said in words: {lines:?}"
    );
    let answered = |route: &str, status: u16| {
        let request = |line: &&serde_json::Value| {
            let fields = &line["fields"];
            fields["message"] == "request" && fields["route"] == route && fields["status"] == status
        };
        log.iter().filter(request).count()
    };
    assert!(answered("/oauth2/token", 200) >= 1, "{lines:?}");
    assert_eq!(answered("/api/v1/whoami", 200), 1, "{lines:?}");
    assert_eq!(answered("/oauth2/token", 400), 1, "{lines:?}");

    let mut canaries =
        key_lines(&std::fs::read_to_string(home.path().join("administrator.pem")).unwrap());
    canaries.extend(["canary", "Y2FuYXJ5"].map(str::to_owned));
    canaries.push(token.trim().rsplit('.').next().unwrap().to_owned());
    for line in &lines {
        assert!(!holds_a_token(line), "{line}");
        for canary in &canaries {
            assert!(!line.contains(canary), "{line}");
        }
    }
}
