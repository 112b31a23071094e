//! Who is served over loopback, where every user and every web page of the machine can knock?

use std::{
    io::{BufReader, Read as _, Write as _},
    net::TcpStream,
    os::unix::fs::MetadataExt as _,
    process::Stdio,
    time::Duration,
};

use super::{Agent, Answer};
use crate::{secrets::holds_a_token, world::Platform};

/// An agent that serves `dev` over loopback too.
pub(crate) struct Open {
    pub(crate) agent: Agent,
    pub(crate) port: String,
    secret: String,
}

fn open(platform: &Platform) -> Open {
    Open::start(platform, "")
}

impl Open {
    /// With these words more.
    pub(crate) fn start(platform: &Platform, words: &str) -> Open {
        let line = format!("agent --serve dev --http 127.0.0.1:0 {words}");
        let mut process = platform
            .home
            .command(&line)
            .env("XDG_RUNTIME_DIR", platform.home.path().join("run"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let socket = platform.home.path().join("run/countersign/agent.sock");
        let said = BufReader::new(process.stderr.take().unwrap());
        let mut agent = Agent {
            process,
            said,
            socket,
        };
        let line = agent.hears("tokens are served at http://");
        let address = line.split("http://").nth(1).unwrap();
        let address = address.split(' ').next().unwrap();
        agent.hears("tokens are served at /");
        let file = agent.socket.with_file_name("agent.secret");
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o600);
        Open {
            port: address.rsplit(':').next().unwrap().to_owned(),
            secret: std::fs::read_to_string(file).unwrap(),
            agent,
        }
    }

    fn sends(&self, request: &str) -> Answer {
        let mut connection = TcpStream::connect(format!("127.0.0.1:{}", self.port)).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        Answer::read(connection)
    }

    /// A good request but for what is said.
    fn asks(&self, first: &str, host: &str, more: &str) -> Answer {
        let secret = &self.secret;
        self.sends(&format!(
            "{first} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\
             countersign-agent-secret: {secret}\r\n{more}\r\n"
        ))
    }
}

// security.md 134, 135
#[test]
fn whoever_knows_the_secret_is_served_under_the_names_of_this_machine() {
    let platform = Platform::start();
    let open = open(&platform);
    let token = open.agent.get("/token").token();
    for host in ["127.0.0.1", "localhost", "[::1]"] {
        let answer = open.asks("GET /token", &format!("{host}:{}", open.port), "");
        assert_eq!(answer.token(), token, "{host}");
    }
    // What is not served at one door is not served at the other.
    let host = format!("127.0.0.1:{}", open.port);
    assert_eq!(
        open.asks("GET /token?profile=dev-admin", &host, "").status,
        404
    );
    assert_eq!(open.agent.get("/token?profile=dev-admin").status, 404);
}

// security.md 134, 135
#[test]
fn everybody_else_is_refused_with_no_token_and_with_nothing_for_a_web_page() {
    let platform = Platform::start();
    let open = open(&platform);
    let host = format!("127.0.0.1:{}", open.port);
    let port = &open.port;
    let secret = &open.secret;
    let good = format!("countersign-agent-secret: {secret}\r\n");
    let close = "connection: close\r\n";
    let tries = [
        (
            401,
            format!("GET /token HTTP/1.1\r\nhost: {host}\r\n{close}\r\n"),
        ),
        (
            401,
            format!(
                "GET /token HTTP/1.1\r\nhost: {host}\r\n{close}countersign-agent-secret: {}\r\n\r\n",
                "0".repeat(64)
            ),
        ),
        (
            401,
            format!("GET /token HTTP/1.1\r\nhost: {host}\r\n{close}{good}{good}\r\n"),
        ),
        (
            401,
            format!(
                "GET /token?countersign-agent-secret={secret} HTTP/1.1\r\nhost: {host}\r\n{close}\r\n"
            ),
        ),
        (
            401,
            format!("GET /status HTTP/1.1\r\nhost: {host}\r\n{close}\r\n"),
        ),
        (
            401,
            format!("GET /nothing HTTP/1.1\r\nhost: {host}\r\n{close}\r\n"),
        ),
        (
            421,
            format!("GET /token HTTP/1.1\r\nhost: evil.example:{port}\r\n{close}{good}\r\n"),
        ),
        (
            421,
            format!("GET /token HTTP/1.1\r\nhost: evil.example\r\n{close}{good}\r\n"),
        ),
        (
            421,
            format!("GET /token HTTP/1.1\r\nhost: 127.0.0.1\r\n{close}{good}\r\n"),
        ),
        (421, format!("GET /token HTTP/1.1\r\n{close}{good}\r\n")),
        (
            421,
            format!("GET /token HTTP/1.1\r\nhost: {host}\r\nhost: {host}\r\n{close}{good}\r\n"),
        ),
        (
            400,
            format!("GET http://{host}/token HTTP/1.1\r\nhost: {host}\r\n{close}{good}\r\n"),
        ),
        (
            400,
            format!("GET /token HTTP/1.0\r\nhost: {host}\r\n{good}\r\n"),
        ),
        (
            400,
            format!(
                "GET /token HTTP/1.1\r\nhost: {host}\r\n{close}{good}upgrade: websocket\r\n\r\n"
            ),
        ),
        (
            400,
            format!(
                "GET /token HTTP/1.1\r\nhost: {host}\r\n{close}{good}content-length: 1\r\n\r\nx"
            ),
        ),
        (
            405,
            format!(
                "POST /token HTTP/1.1\r\nhost: {host}\r\n{close}{good}content-length: 0\r\n\r\n"
            ),
        ),
        (
            405,
            format!(
                "OPTIONS /token HTTP/1.1\r\nhost: {host}\r\n{close}origin: http://evil.example\r\naccess-control-request-method: GET\r\naccess-control-request-headers: countersign-agent-secret\r\n\r\n"
            ),
        ),
        (
            405,
            format!("HEAD /token HTTP/1.1\r\nhost: {host}\r\n{close}{good}\r\n"),
        ),
        (
            403,
            format!(
                "GET /token HTTP/1.1\r\nhost: {host}\r\n{close}{good}origin: http://evil.example\r\n\r\n"
            ),
        ),
        (
            403,
            format!("GET /token HTTP/1.1\r\nhost: {host}\r\n{close}{good}origin: null\r\n\r\n"),
        ),
        (
            403,
            format!(
                "GET /token HTTP/1.1\r\nhost: {host}\r\n{close}{good}sec-fetch-site: none\r\n\r\n"
            ),
        ),
        (
            403,
            format!(
                "GET /token HTTP/1.1\r\nhost: {host}\r\n{close}{good}referer: http://evil.example/\r\n\r\n"
            ),
        ),
        (
            403,
            format!(
                "GET /token HTTP/1.1\r\nhost: {host}\r\n{close}{good}x-forwarded-for: 10.0.0.1\r\n\r\n"
            ),
        ),
    ];
    for (status, request) in &tries {
        let answer = open.sends(request);
        assert_eq!(answer.status, *status, "{request}\n{answer:?}");
        assert!(!holds_a_token(&answer.body), "{request}");
        assert!(!answer.body.contains(secret.as_str()));
        let head = answer.head.to_ascii_lowercase();
        assert!(!head.contains("access-control-"), "{answer:?}");
        assert!(
            head.contains("cross-origin-resource-policy: same-origin"),
            "{answer:?}"
        );
    }
    let status = open.agent.get("/status").json();
    assert_eq!(status["refused"], tries.len(), "{status}");
    assert_eq!(status["answered"], 0, "{status}");
}

/// Far more than the agent has.
const PATIENCE: Duration = Duration::from_secs(60);

// security.md 136
#[test]
fn a_connection_that_says_nothing_or_not_all_is_closed_and_so_is_one_that_is_idle() {
    let platform = Platform::start();
    let open = open(&platform);
    let host = format!("127.0.0.1:{}", open.port);
    let whole = format!("GET /token HTTP/1.1\r\nhost: {host}\r\n\r\n");
    let waits = |said: &str| {
        let mut connection = TcpStream::connect(&host).unwrap();
        connection.set_read_timeout(Some(PATIENCE)).unwrap();
        connection.write_all(said.as_bytes()).unwrap();
        let mut answer = Vec::new();
        let closed = connection.read_to_end(&mut answer);
        assert!(closed.is_ok(), "{said:?}: {closed:?}");
        Answer::read(answer.as_slice()).status
    };
    std::thread::scope(|scope| {
        let nothing = scope.spawn(|| waits(""));
        let half = scope.spawn(|| waits("GET /token HTTP/1.1\r\nhost: "));
        let idle = scope.spawn(|| waits(&whole));
        assert!([0, 408].contains(&nothing.join().unwrap()));
        assert!([0, 408].contains(&half.join().unwrap()));
        assert_eq!(idle.join().unwrap(), 401);
    });
}

#[test]
fn an_agent_opens_no_address_that_others_reach() {
    let platform = Platform::start();
    for address in ["0.0.0.0:0", "192.0.2.1:9911", "[::]:0"] {
        let ran = platform.run(&format!("agent --serve dev --http {address}"));
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains("is not a loopback address"), "{ran:?}");
    }
}
