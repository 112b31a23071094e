//! Does a web page in a real Chromium get a token from an agent that listens on loopback?

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Stdio},
};

use http::{StatusCode, header};
use serde_json::{Value, json};

use crate::parts::{
    browser::Browser,
    countersign,
    serving::free_address,
    shell::Home,
    website::{Website, answer},
};

/// An agent that serves the token of a profile over loopback; killed when dropped.
struct Agent {
    process: Child,
    socket: PathBuf,
    address: String,
}

impl Agent {
    /// At this port, with all that it says heard.
    async fn start(home: &Home, port: u16) -> Agent {
        let folder = home.path().join("run/countersign");
        let mut command = home.command(&countersign());
        command
            .args(["agent", "--serve", "dev", "--http"])
            .arg(format!("127.0.0.1:{port}"))
            .env("XDG_RUNTIME_DIR", home.path().join("run"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let started = tokio::task::spawn_blocking(move || {
            let mut process = command.spawn().unwrap();
            let said = BufReader::new(process.stderr.take().unwrap());
            let mut lines = said.lines().map_while(Result::ok);
            let ready = lines.any(|line| line.starts_with("tokens are served at /"));
            assert!(ready, "the agent did not start");
            std::thread::spawn(move || lines.for_each(drop));
            process
        });
        Agent {
            process: started.await.unwrap(),
            socket: folder.join("agent.sock"),
            address: format!("http://127.0.0.1:{port}"),
        }
    }

    /// What it answers at its socket, where the tests may ask.
    fn get(&self, path: &str) -> Value {
        let mut connection = UnixStream::connect(&self.socket).unwrap();
        let head = format!("GET {path} HTTP/1.1\r\nhost: agent\r\nconnection: close\r\n\r\n");
        connection.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        connection.read_to_string(&mut answer).unwrap();
        serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap()
    }

    fn secret(&self) -> String {
        std::fs::read_to_string(self.socket.with_file_name("agent.secret")).unwrap()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A home with the profile `dev` and its token.
async fn home() -> Home {
    let home = Home::new();
    let made = home
        .run(&["dev", "--once", "--listen", "127.0.0.1:0"])
        .await;
    assert!(made.status.success(), "{made:?}");
    home
}

/// Everything a page can try at the address in `arguments[0]`, with a secret that it would have to
/// know; what it gets to read of each.
const ATTACK: &str = r#"
const [address, secret, done] = arguments;
const read = async (options) => {
  try {
    const answer = await fetch(address + '/token', options);
    return answer.type + ' ' + answer.status + ' ' + await answer.text();
  } catch (error) { return 'error: ' + error.message; }
};
const element = (name, attributes) => new Promise((resolve) => {
  const it = Object.assign(document.createElement(name), attributes);
  it.onload = () => { try { resolve('loaded ' + (it.contentDocument?.body?.textContent ?? '')); } catch (error) { resolve('error: ' + error.message); } };
  it.onerror = () => resolve('error');
  document.body.append(it);
});
const form = () => new Promise((resolve) => {
  const frame = Object.assign(document.createElement('iframe'), { name: 'target' });
  document.body.append(frame);
  const form = Object.assign(document.createElement('form'), { method: 'post', action: address + '/token', target: 'target' });
  document.body.append(form);
  frame.onload = () => { if (frame.contentDocument === null) resolve('loaded, and closed to us'); };
  form.submit();
});
const socket = () => new Promise((resolve) => {
  const it = new WebSocket(address.replace('http', 'ws') + '/token');
  it.onopen = () => resolve('open');
  it.onmessage = (event) => resolve('message ' + event.data);
  it.onerror = () => resolve('error');
});
const events = () => new Promise((resolve) => {
  const it = new EventSource(address + '/token');
  it.onmessage = (event) => resolve('message ' + event.data);
  it.onerror = () => { it.close(); resolve('error'); };
});
(async () => {
  const header = { 'countersign-agent-secret': secret };
  done({
    plain: await read({}),
    opaque: await read({ mode: 'no-cors' }),
    header: await read({ headers: header }),
    opaque_header: await read({ mode: 'no-cors', headers: header }),
    cookies: await read({ credentials: 'include' }),
    post: await read({ method: 'POST', body: 'x' }),
    script: await element('script', { src: address + '/token' }),
    image: await element('img', { src: address + '/token' }),
    frame: await element('iframe', { src: address + '/token' }),
    form: await form(),
    socket: await socket(),
    events: await events(),
    beacon: 'sent ' + navigator.sendBeacon(address + '/token', 'x'),
  });
})();
"#;

// security.md 134
#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_site_in_chromium_reads_no_token_even_if_it_knows_the_secret() {
    let home = home().await;
    let agent = Agent::start(&home, free_address().port()).await;
    let token = agent.get("/token")["token"].as_str().unwrap().to_owned();
    let answered = agent.get("/status")["answered"].clone();
    let evil = Website::showing("<p>look at this</p>").await;
    let browser = Browser::start().await;
    browser.open(evil.url("localhost", "/")).await;
    let address = agent.address.clone();
    let got = browser
        .run_and_wait_with(ATTACK, vec![json!(address), json!(agent.secret())])
        .await;
    let got = got.as_object().unwrap();
    assert_eq!(got.len(), 13, "{got:?}");
    for (how, read) in got {
        let read = read.as_str().unwrap();
        assert!(!read.contains(&token), "{how}: {read}");
        let is_nothing = ["error", "loaded", "opaque 0 ", "sent "];
        assert!(
            is_nothing.iter().any(|nothing| read.starts_with(nothing)),
            "{how}: {read}"
        );
        assert_ne!(read, "open", "{how}");
    }
    let status = agent.get("/status");
    assert_eq!(status["answered"], answered, "a token left: {status}");
    assert!(
        status["refused"].as_u64().unwrap() >= 10,
        "they did arrive: {status}"
    );

    // A person who follows a link, or types the address, sees none either.
    browser.open(format!("{address}/token")).await;
    assert!(browser.text().await.contains("browsers are not served"));
    assert_eq!(agent.get("/status")["answered"], answered);
}

// security.md 134
#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_name_comes_to_lead_to_the_agent_reads_no_token_in_chromium() {
    let home = home().await;
    let evil = Website::answering(|_visit| {
        let headers = [
            (header::CONTENT_TYPE, "text/html"),
            (header::CONNECTION, "close"),
        ];
        answer(StatusCode::OK, &headers, "<p>look at this</p>")
    })
    .await;
    let browser = Browser::misled("evil.example").await;
    let port = evil.port();
    browser.open(evil.url("evil.example", "/")).await;
    // To the browser the name now leads elsewhere: the same site, and the port of the agent.
    drop(evil);
    let agent = Agent::start(&home, port).await;
    let token = agent.get("/token")["token"].as_str().unwrap().to_owned();
    let ask = "const [secret, referrerPolicy, done] = arguments; \
               fetch('/token', { referrerPolicy, headers: { 'countersign-agent-secret': secret } }) \
                 .then(async (answer) => done(answer.status + ' ' + await answer.text())) \
                 .catch((error) => done('error: ' + error.message));";
    // The page reaches it, and may read why not: a browser sends, and when it hides that, under which name.
    for (policy, refused) in [("unsafe-url", "403 "), ("no-referrer", "421 ")] {
        let arguments = vec![json!(agent.secret()), json!(policy)];
        let got = browser.run_and_wait_with(ask, arguments).await;
        let got = got.as_str().unwrap();
        assert!(got.starts_with(refused), "{policy}: {got}");
        assert!(!got.contains(&token), "{policy}: {got}");
    }
    assert_eq!(agent.get("/status")["answered"], 1, "ours");
}
