//! How is one end of a conversation played by its script?

use std::sync::{Arc, Mutex};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use countersign_proto::{
    assertion::ClientAssertion,
    tachyon::{PollNonce, TachyonAssertion, verify},
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, handshake::derive_accept_key, protocol::Role},
};

use super::{APP, TachyonServer, Told, text};
use crate::fixtures;

/// A server that says what stands in a conversation, and holds the client to the rest.
pub(super) struct Scripted {
    url: String,
    told: Told,
    task: JoinHandle<()>,
    /// Which step comes next.
    at: Arc<Mutex<usize>>,
    steps: usize,
}

impl Scripted {
    pub(super) async fn start(conversation: &Value, told: Told) -> Scripted {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        told.learn("server", &url);
        told.learn("address", &format!("{url}/idp/authorize?client_id=1"));
        told.learn(
            "configuration",
            &format!("{url}/idp/.well-known/openid-configuration"),
        );
        told.learn("token_endpoint", "https://login.example/tenant/token");
        let steps = conversation["steps"].as_array().unwrap().clone();
        let at = Arc::new(Mutex::new(0));
        let play = play_server(listener, steps.clone(), told.clone(), Arc::clone(&at));
        Scripted {
            url,
            told,
            task: tokio::spawn(play),
            at,
            steps: steps.len(),
        }
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn told(&self, name: &str) -> String {
        self.told.known(name).unwrap()
    }

    /// The whole conversation took place, and nothing was wrong with it.
    pub(super) async fn complete(self, name: &str) {
        let done = *self.at.lock().unwrap();
        let ended = self.task.await;
        assert!(
            ended.is_ok(),
            "{name}: it went otherwise after step {done} of {}",
            self.steps
        );
    }
}

async fn play_server(listener: TcpListener, steps: Vec<Value>, told: Told, at: Arc<Mutex<usize>>) {
    let mut asked: Option<TcpStream> = None;
    let mut socket: Option<WebSocketStream<TcpStream>> = None;
    for (number, step) in steps.into_iter().enumerate() {
        *at.lock().unwrap() = number;
        let what = format!("step {number}: {step}");
        match (text(&step, "from"), socket.as_mut()) {
            ("person", _) => {}
            ("client", Some(open)) if step["end"] == true => {
                let last = open.next().await;
                assert!(
                    !matches!(last, Some(Ok(Message::Text(_)))),
                    "{what}: {last:?}"
                );
                socket = None;
            }
            ("client", Some(socket)) => {
                let said = socket.next().await.expect(&what).expect(&what);
                assert_eq!(said.to_text().unwrap(), text(&step, "text"), "{what}");
            }
            ("client", None) => {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (head, body) = read_message(&mut stream).await;
                if step["opens"].is_string() {
                    socket = Some(open(stream, &head, text(&step, "opens")).await);
                    continue;
                }
                hold_to(&step, &head, &body, &told, &what);
                asked = Some(stream);
            }
            (_, Some(open)) if step["frames"].is_array() => {
                for message in step["frames"].as_array().unwrap() {
                    let message = told.filled(message.as_str().unwrap());
                    let _ = open.send(Message::text(message)).await;
                }
            }
            (_, Some(_)) => socket = None,
            (_, None) => {
                let body = told.filled(text(&step, "body"));
                let answer = format!(
                    "HTTP/1.1 {} X\r\nContent-Type: {}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    step["status"],
                    text(&step, "type"),
                    body.len()
                );
                let stream = asked.as_mut().expect(&what);
                stream.write_all(answer.as_bytes()).await.expect(&what);
                asked = None;
            }
        }
    }
}

/// Whether a request is the one that stands there.
fn hold_to(step: &Value, head: &str, body: &str, told: &Told, what: &str) {
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1");
    let url = told.known("server").unwrap();
    let wanted = told.filled(text(step, "request")).replace(&url, "");
    told.text_fits(&wanted, line, what);
    for (name, value) in step["headers"].as_object().into_iter().flatten() {
        told.text_fits(
            value.as_str().unwrap(),
            header(head, name).expect(what),
            what,
        );
    }
    assert!(header(head, "authorization").is_none(), "{what}");
    match step["body"].as_str() {
        Some(template) => told.fits(template, body, what),
        None => assert_eq!(body, "", "{what}"),
    }
    // What the client made up, once it is known.
    if let (Some(ecpn), Some(nonce)) = (told.known("ecpn"), told.known("nonce")) {
        let nonce = STANDARD.decode(nonce).unwrap();
        let nonce = PollNonce::new(nonce.try_into().unwrap());
        assert_eq!(nonce.ecpn(), ecpn, "{what}");
    }
    if let Some(assertion) = told.known("assertion") {
        let credential = fixtures::service_rsa();
        let claimed = TachyonAssertion::new(APP, &told.known("token_endpoint").unwrap());
        let now = countersign::Clock::now(&countersign::SystemClock);
        verify(&assertion, credential.chain().leaf(), &claimed, now).expect(what);
    }
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().skip(1).find_map(|line| {
        let (found, value) = line.split_once(':')?;
        found.eq_ignore_ascii_case(name).then_some(value.trim())
    })
}

/// The head and the body of a request or an answer.
async fn read_message(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        let end = bytes.windows(4).position(|part: &[u8]| part == b"\r\n\r\n");
        if let Some(end) = end {
            let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
            let length = header(&head, "content-length");
            let length = length.map_or(0, |length| length.parse().unwrap());
            if bytes.len() >= end + 4 + length {
                let body = &bytes[end + 4..end + 4 + length];
                return (head, String::from_utf8_lossy(body).into_owned());
            }
        }
        assert_ne!(stream.read_buf(&mut bytes).await.unwrap(), 0, "it hung up");
    }
}

/// The opening handshake, as the server.
async fn open(mut stream: TcpStream, head: &str, path: &str) -> WebSocketStream<TcpStream> {
    assert!(
        head.starts_with(&format!("GET {path} HTTP/1.1\r\n")),
        "{head}"
    );
    assert!(header(head, "origin").is_none(), "{head}");
    let key = header(head, "sec-websocket-key").unwrap();
    let answer = format!(
        "HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        derive_accept_key(key.as_bytes())
    );
    stream.write_all(answer.as_bytes()).await.unwrap();
    WebSocketStream::from_raw_socket(stream, Role::Server, None).await
}

/// Asks the test server what the client asks, and holds it to the rest.
pub(super) async fn play_client(
    name: &str,
    conversation: &Value,
    server: &TachyonServer,
    told: &Told,
) {
    let nonce: [u8; 32] = std::array::from_fn(|at| u8::try_from(at).unwrap());
    told.learn("nonce", &STANDARD.encode(nonce));
    told.learn("ecpn", &PollNonce::new(nonce).ecpn());
    let mut answer: Option<(String, String)> = None;
    let mut socket: Option<WebSocketStream<TcpStream>> = None;
    for (number, step) in conversation["steps"].as_array().unwrap().iter().enumerate() {
        let what = format!("{name}, step {number}: {step}");
        match (text(step, "from"), socket.as_mut()) {
            ("person", _) => {
                // Where the server names no page, there is nothing to open.
                let address = told.filled(text(step, "opens"));
                assert!(address.starts_with(server.url()), "{what}");
                answer_to(
                    server,
                    &format!("GET {}", &address[server.url().len()..]),
                    "",
                    "",
                )
                .await;
            }
            ("client", Some(_)) if step["end"] == true => socket = None,
            ("client", Some(socket)) => {
                let said = text(step, "text").to_owned();
                socket.send(Message::text(said)).await.expect(&what);
            }
            ("client", None) if step["opens"].is_string() => {
                socket = Some(connect(server, text(step, "opens")).await);
            }
            ("client", None) => answer = Some(ask(server, step, told).await),
            (_, Some(open)) if step["frames"].is_array() => {
                for template in step["frames"].as_array().unwrap() {
                    let said = open.next().await.expect(&what).expect(&what);
                    told.fits(
                        template.as_str().unwrap(),
                        said.to_text().expect(&what),
                        &what,
                    );
                }
            }
            (_, Some(open)) => {
                // It ends: by a closing handshake, or without one.
                let last = open.next().await;
                assert!(
                    !matches!(last, Some(Ok(Message::Text(_)))),
                    "{what}: {last:?}"
                );
            }
            (_, None) => {
                let (head, body) = answer.take().expect(&what);
                assert!(
                    head.starts_with(&format!("HTTP/1.1 {} ", step["status"])),
                    "{what}: {head}"
                );
                let kind = header(&head, "content-type").expect(&what);
                assert!(kind.starts_with(text(step, "type")), "{what}: {head}");
                told.fits(text(step, "body"), &body, &what);
            }
        }
    }
}

async fn ask(server: &TachyonServer, step: &Value, told: &Told) -> (String, String) {
    let body = step["body"].as_str().unwrap_or_default();
    if body.contains("{assertion}") {
        told.learn("assertion", &assertion(server));
    }
    let mut headers = String::new();
    for (name, value) in step["headers"].as_object().into_iter().flatten() {
        headers.push_str(&format!(
            "{name}: {}\r\n",
            told.filled(value.as_str().unwrap())
        ));
    }
    if !body.is_empty() && !headers.contains("content-type") {
        headers.push_str("Content-Type: application/json\r\n");
    }
    let line = told.filled(text(step, "request")).replace(server.url(), "");
    answer_to(server, &line, &headers, &told.filled(body)).await
}

async fn answer_to(
    server: &TachyonServer,
    line: &str,
    headers: &str,
    body: &str,
) -> (String, String) {
    let address = server.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "{line} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    read_message(&mut stream).await
}

/// One for this server's provider, made by hand.
fn assertion(server: &TachyonServer) -> String {
    let credential = fixtures::service_rsa();
    let claimed = TachyonAssertion::new(APP, &server.token_endpoint());
    let now = countersign::Clock::now(&countersign::SystemClock);
    let jti = URL_SAFE_NO_PAD.encode(server.url());
    let input = claimed.signing_input(credential.chain().leaf(), now, &jti);
    let signature = credential
        .key()
        .sign(TachyonAssertion::ALGORITHM, input.as_bytes())
        .unwrap();
    ClientAssertion::from_signature(input, &signature)
        .expose()
        .to_owned()
}

async fn connect(server: &TachyonServer, path: &str) -> WebSocketStream<TcpStream> {
    let address = server.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).await.unwrap();
    let key = STANDARD.encode([7_u8; 16]);
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    assert_eq!(
        header(&head, "sec-websocket-accept"),
        Some(derive_accept_key(key.as_bytes()).as_str())
    );
    WebSocketStream::from_raw_socket(stream, Role::Client, None).await
}
