//! Which tokens does an agent serve, in which forms, and how often does it ask its platform?

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::net::UnixStream,
    process::Command,
};

use rustix::process::Signal;

use super::Agent;
use crate::{
    secrets::holds_a_token,
    world::{Home, Platform},
};

#[test]
fn the_token_of_the_agent_is_that_of_the_command_line_in_every_form() {
    let platform = Platform::start();
    let token = platform.run("token").ok().trim().to_owned();
    let expires = platform.run("token --decode --output json").json()["expires"].clone();
    let agent = Agent::start(&platform.home, "");

    let answer = agent.get("/token");
    assert!(
        answer
            .head
            .to_ascii_lowercase()
            .contains("cache-control: no-store"),
        "{answer:?}"
    );
    let object = answer.json();
    assert_eq!(object["token"], token.as_str());
    assert_eq!(object["token_type"], "Bearer");
    assert_eq!(object["authorization"], format!("Bearer {token}"));
    assert_eq!(object["profile"], "dev");
    assert_eq!(object["expires_at"], expires);
    let left = object["expires_in"].as_u64().unwrap();
    assert!((1..=900).contains(&left), "{left}");

    let header = agent.get("/header");
    assert_eq!(header.body, format!("Authorization: Bearer {token}\n"));

    let admins = platform.run("token --profile dev-admin").ok();
    let admin = agent.get("/token?profile=dev-admin").json();
    assert_eq!(admin["token"], admins.trim());
    assert_ne!(admin["token"], object["token"]);

    let profiles = agent.get("/profiles").json();
    let names: Vec<_> = profiles["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| {
            (
                item["profile"].as_str().unwrap(),
                item["default"].as_bool().unwrap(),
            )
        })
        .collect();
    assert_eq!(names, [("dev", true), ("dev-admin", false)]);
    let status = agent.get("/status").json();
    assert_eq!(status["process"], agent.id());
    // Two tokens and a header; and what was asked besides.
    assert_eq!(
        (&status["answered"], &status["asked"]),
        (&3.into(), &5.into())
    );
    assert_eq!(
        status["fetched"], 0,
        "all of them were in the cache: {status}"
    );

    for (path, status) in [
        ("/", 404),
        ("/tokens", 404),
        ("/token/", 404),
        ("/token?profile=nobody", 404),
        ("/token?profile=dev&profile=dev-admin", 404),
        ("/token?x=y", 404),
    ] {
        let answer = agent.get(path);
        assert_eq!(answer.status, status, "{path}: {answer:?}");
        assert!(!holds_a_token(&answer.body));
        let error: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert!(
            error["error"].is_string() && error["hint"].is_string(),
            "{answer:?}"
        );
    }
}

#[test]
fn real_curl_asks_the_agent_by_its_socket_and_takes_a_header_for_its_next_request() {
    let platform = Platform::start();
    let agent = Agent::start(&platform.home, "");
    let script = format!(
        "curl -sS --fail --unix-socket '{}' http://agent/header | \
         curl -sS --noproxy '*' --fail -H @- '{}/api/v1/whoami'",
        agent.socket.display(),
        platform.issuer
    );
    let answered = Command::new("bash")
        .args(["-o", "pipefail", "-c", &script])
        .output();
    let answered = answered.expect("bash and curl are there: scripts/test installs curl");
    let text = String::from_utf8_lossy(&answered.stdout);
    assert!(answered.status.success(), "{answered:?}");
    assert!(text.contains("\"principal\""), "{text}");
}

#[test]
fn of_many_programs_that_ask_at_once_one_request_is_made() {
    let platform = Platform::start();
    std::fs::remove_file(platform.cache_file()).unwrap();
    let before = platform.issued();
    let agent = Agent::start(&platform.home, "");
    let ask = || agent.get("/token").token();
    let mut tokens: Vec<_> = std::thread::scope(|scope| {
        let asking: Vec<_> = (0..32).map(|_| scope.spawn(ask)).collect();
        asking
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    });
    tokens.dedup();
    assert_eq!(tokens.len(), 1);
    assert_eq!(platform.issued(), before + 1);
    assert_eq!(agent.get("/status").json()["fetched"], 1);
}

#[test]
fn a_token_that_is_about_to_end_is_replaced_before_it_is_served_and_kept_for_the_command_line() {
    let platform = Platform::start();
    let old = platform.run("token").ok();
    let file = platform.cache_file();
    let text = std::fs::read_to_string(&file).unwrap();
    let mut cached: serde_json::Value = serde_json::from_str(&text).unwrap();
    // As old as a token that is due for renewal and still lives.
    let ends = cached["expires"].as_u64().unwrap();
    cached["issued_at"] = (ends - 1_000_000).into();
    std::fs::write(&file, cached.to_string()).unwrap();
    let agent = Agent::start(&platform.home, "");
    let new = agent.get("/token").token();
    assert_ne!(new, old.trim());
    assert_eq!(platform.run("token").ok().trim(), new);
}

#[test]
fn many_requests_go_over_one_connection() {
    let platform = Platform::start();
    let agent = Agent::start(&platform.home, "");
    let mut connection = UnixStream::connect(&agent.socket).unwrap();
    let mut answers = BufReader::new(connection.try_clone().unwrap());
    for _ in 0..50 {
        connection
            .write_all(b"GET /token HTTP/1.1\r\nhost: agent\r\n\r\n")
            .unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert_ne!(
                answers.read_line(&mut head).unwrap(),
                0,
                "it closed: {head}"
            );
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let length = head.to_ascii_lowercase();
        let length = length.split("content-length: ").nth(1).unwrap();
        let length: usize = length.split('\r').next().unwrap().parse().unwrap();
        let mut body = vec![0; length];
        std::io::Read::read_exact(&mut answers, &mut body).unwrap();
    }
    assert_eq!(agent.get("/status").json()["answered"], 50);
}

#[test]
fn who_signs_out_is_not_served_any_more_and_who_signs_in_is() {
    let platform = Platform::start();
    let agent = Agent::start(&platform.home, "");
    let first = agent.get("/token").token();
    let certificate = platform.home.certificates().join("inventory-service.pem");
    let login = format!(
        "login {} --app-id {} --cert {} --profile dev",
        platform.issuer,
        crate::world::APP_ID,
        certificate.display()
    );
    platform.run("logout --profile dev").ok();
    assert_eq!(agent.get("/token?profile=dev").status, 404);
    platform.run(&login).ok();
    assert_ne!(agent.get("/token?profile=dev").token(), first);
}

#[test]
fn a_platform_that_is_gone_or_says_no_is_told_from_a_profile_that_is_wrong() {
    let mut platform = Platform::start();
    let wrong = format!(
        "[profile.wrong]\nserver = {:?}\napp_id = \"wrong\"\ncert = {:?}\n",
        platform.issuer,
        platform.home.certificates().join("inventory-service.pem")
    );
    let settings = platform.home.path().join(".config/countersign/config.toml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let bound = wrong.replace("profile.wrong", "profile.bound") + "dpop = true\n";
    let bound = bound.replace("\"wrong\"", &format!("{:?}", crate::world::APP_ID));
    let asks = wrong.replace("wrong", "asks") + "ask_password = true\n";
    std::fs::write(&settings, format!("{text}{wrong}{bound}{asks}")).unwrap();
    let agent = Agent::start(&platform.home, "");
    let code = |path: &str| {
        let answer = agent.get(path);
        let error: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        (answer.status, error["code"].as_u64().unwrap())
    };
    assert_eq!(code("/token?profile=wrong"), (502, 14));
    let asks = agent.get("/token?profile=asks");
    assert!(asks.body.contains("nobody can be asked"), "{asks:?}");
    let bound = agent.get("/token?profile=bound");
    assert!(
        bound.status == 404 && bound.body.contains("bound to a key"),
        "{bound:?}"
    );
    platform.stop();
    std::fs::remove_file(platform.cache_file()).unwrap();
    assert_eq!(code("/token?profile=dev"), (503, 13));
}

// security.md 131
#[test]
fn an_agent_ends_well_when_it_is_told_to_and_leaves_nothing_that_lets_in() {
    let platform = Platform::start();
    for signal in [Signal::TERM, Signal::INT] {
        let agent = Agent::start(&platform.home, "--serve dev --http 127.0.0.1:0");
        let (socket, secret) = (
            agent.socket.clone(),
            agent.socket.with_file_name("agent.secret"),
        );
        assert!(socket.exists() && secret.exists());
        // A program that says nothing does not hold it.
        let idle = UnixStream::connect(&socket).unwrap();
        agent.tell(signal);
        let (code, rest) = agent.end();
        assert_eq!((code, rest.as_str()), (Some(0), "stopped\n"));
        assert!(!socket.exists() && !secret.exists());
        drop(idle);
    }
}

// security.md 131
#[test]
fn a_second_agent_says_that_there_is_one_and_one_that_was_killed_is_succeeded() {
    let platform = Platform::start();
    let agent = Agent::start(&platform.home, "");
    let again = |home: &Home| {
        let mut command = home.command("agent");
        crate::world::ran(command.env("XDG_RUNTIME_DIR", home.path().join("run")))
    };
    let second = again(&platform.home);
    assert_eq!(second.code, 1, "{second:?}");
    assert!(
        second
            .stderr
            .starts_with("error: an agent is running there already\n"),
        "{second:?}"
    );
    agent.get("/token").json();
    agent.tell(Signal::KILL);
    let socket = agent.socket.clone();
    let _ = agent.end();
    assert!(socket.exists(), "it had no time to clean up");
    let agent = Agent::start(&platform.home, "");
    agent.get("/token").json();
}

// security.md 136
#[test]
fn too_many_connections_and_heads_that_are_too_long_are_closed_and_the_others_go_on() {
    let platform = Platform::start();
    let agent = Agent::start(&platform.home, "");
    let long = "x".repeat(16 * 1024);
    let answer = agent.sends(&format!(
        "GET /token HTTP/1.1\r\nhost: agent\r\nx: {long}\r\n\r\n"
    ));
    assert!(answer.status == 431 || answer.status == 0, "{answer:?}");
    let many = "x: y\r\n".repeat(40);
    let answer = agent.sends(&format!("GET /token HTTP/1.1\r\nhost: agent\r\n{many}\r\n"));
    assert_eq!(answer.status, 431, "{answer:?}");
    for no_request in [
        "hello\r\n\r\n",
        "GET /token HTTP/0.9\r\n\r\n",
        "GET  /token HTTP/1.1\r\n\r\n",
    ] {
        assert_eq!(agent.sends(no_request).status, 400, "{no_request}");
    }

    // A connection that was served is one that has its place.
    let hold = || {
        let mut connection = UnixStream::connect(&agent.socket).unwrap();
        connection
            .write_all(b"GET /status HTTP/1.1\r\nhost: agent\r\n\r\n")
            .unwrap();
        let mut line = String::new();
        let read = BufReader::new(&connection).read_line(&mut line);
        (read.is_ok_and(|read| read > 0) && line.contains("200")).then_some(connection)
    };
    let mut idle = Vec::new();
    while idle.len() < 128 {
        idle.extend(hold()); // until those from before have left
    }
    assert!(hold().is_none(), "one too many");
    drop(idle);
    while agent.get("/token").status != 200 {
        std::thread::yield_now(); // until it has seen that they left
    }
}

// security.md 112, 137
#[test]
fn no_token_is_in_what_an_agent_says_or_was_started_with() {
    let platform = Platform::start();
    let agent = Agent::start(&platform.home, "--verbose --serve dev --http 127.0.0.1:0");
    let token = agent.get("/token").token();
    agent.get("/header");
    agent.get(&format!("/{token}"));
    agent.get(&format!("/token?profile={token}"));
    let secret = std::fs::read_to_string(agent.socket.with_file_name("agent.secret")).unwrap();
    let process = format!("/proc/{}", agent.id());
    for file in ["cmdline", "environ"] {
        let text = std::fs::read(format!("{process}/{file}")).unwrap();
        let text = String::from_utf8_lossy(&text);
        assert!(!text.contains(&token) && !text.contains(&secret), "{file}");
    }
    let said = agent.stop();
    assert!(said.contains("/token 200"), "{said}");
    assert!(!holds_a_token(&said) && !said.contains(&secret), "{said}");
}
