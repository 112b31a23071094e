//! What does the platform say in these tests, over a real socket, and what time is it there?

use std::{pin::Pin, sync::Mutex};

use countersign_proto::{
    login::{Hello, Resume, SUBPROTOCOL, label},
    time::UnixTime,
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::{mpsc, watch},
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Message,
        handshake::server::{Request, Response},
        protocol::CloseFrame,
    },
};

use super::*;

/// 2027-01-15T08:00:00Z.
pub(super) const START: u64 = 1_800_000_000;
pub(super) const SID: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// A clock that is turned by hand. The waits between two tries pass at once; longer ones pass when
/// it is turned.
pub(in crate::login) struct HandClock(watch::Sender<Duration>);

impl Default for HandClock {
    fn default() -> Self {
        HandClock(watch::Sender::new(Duration::ZERO))
    }
}

impl HandClock {
    pub(super) fn turn(&self, by: Duration) {
        self.0.send_modify(|elapsed| *elapsed += by);
    }
}

impl Clock for HandClock {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(START).plus(*self.0.borrow())
    }

    fn elapsed(&self) -> Duration {
        *self.0.borrow()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let until = self.elapsed() + duration;
        Box::pin(async move {
            if duration <= Duration::from_secs(8) && duration != CANCEL_LIMIT {
                self.turn(duration);
                return;
            }
            let mut seen = self.0.subscribe();
            let _ = seen.wait_for(|elapsed| *elapsed >= until).await;
        })
    }
}

/// A platform that says what the test says.
pub(super) struct Platform {
    issuer: String,
    sockets: mpsc::UnboundedReceiver<TcpStream>,
    /// How the next upgrades are answered instead, one each.
    pub(super) refusals: Arc<Mutex<Vec<String>>>,
    pub(super) fallback: Option<Binding>,
    connections: u32,
}

/// The platform's end of one connection.
pub(super) struct Peer {
    socket: WebSocketStream<TcpStream>,
    nonce: String,
    endpoint: Url,
    hello: Option<Hello>,
    seq: u64,
}

impl Platform {
    pub(super) async fn start() -> Platform {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let (sender, sockets) = mpsc::unbounded_channel();
        let refusals: Arc<Mutex<Vec<String>>> = Arc::default();
        tokio::spawn(serve(
            listener,
            issuer.clone(),
            sender,
            Arc::clone(&refusals),
        ));
        Platform {
            issuer,
            sockets,
            refusals,
            fallback: Some(Binding::Code),
            connections: 0,
        }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The next connection, welcomed.
    pub(super) async fn welcome(&mut self) -> Peer {
        let stream = self.sockets.recv().await.unwrap();
        let check = |request: &Request, mut response: Response| {
            let headers = request.headers();
            // login.md: an Origin is refused; a terminal sends none.
            assert!(!headers.contains_key("origin"));
            assert!(!headers.contains_key("sec-websocket-extensions"));
            assert_eq!(headers["sec-websocket-protocol"], SUBPROTOCOL);
            let protocol = http::HeaderValue::from_static(SUBPROTOCOL);
            response
                .headers_mut()
                .insert("sec-websocket-protocol", protocol);
            Ok(response)
        };
        let socket = tokio_tungstenite::accept_hdr_async(stream, check)
            .await
            .unwrap();
        self.connections += 1;
        let endpoint = format!("{}/login/socket", self.issuer.replacen("http", "ws", 1));
        let mut peer = Peer {
            socket,
            nonce: format!("n-{}", self.connections),
            endpoint: Url::parse(&endpoint).unwrap(),
            hello: None,
            seq: 0,
        };
        let welcome = ServerBody::Welcome {
            nonce: peer.nonce.clone(),
            keepalive_s: 25,
            time: UnixTime::from_secs(START),
        };
        peer.send(&ServerMessage::plain(welcome)).await;
        peer
    }

    /// A login that has begun.
    pub(super) async fn greet(&mut self) -> Peer {
        let mut peer = self.welcome().await;
        peer.hear_hello().await;
        let session = self.session(&peer);
        peer.tell(session).await;
        peer
    }

    pub(super) fn session(&self, peer: &Peer) -> ServerBody {
        ServerBody::Session {
            sid: SID.to_owned(),
            url: Url::parse(&format!("{}/login/H", self.issuer)).unwrap(),
            label: label(SID),
            bind: peer.hello().bind[0],
            fallback: self.fallback.filter(|bind| *bind != peer.hello().bind[0]),
            expires_in_s: 600,
        }
    }

    /// A login that goes on; what the terminal had heard.
    pub(super) async fn resume(&mut self, up_to: u64) -> (Peer, u64) {
        let mut peer = self.welcome().await;
        let ClientMessage::Resume { jws } = peer.hear().await else {
            panic!("no resume");
        };
        let now = UnixTime::from_secs(START);
        let resume = Resume::verify(&jws, &peer.nonce, &peer.endpoint, now).unwrap();
        assert_eq!(resume.resume().sid, SID);
        let resumed = ServerBody::Resumed { last_seq: up_to };
        peer.send(&ServerMessage::plain(resumed)).await;
        peer.seq = resume.resume().last_seq;
        (peer, resume.resume().last_seq)
    }
}

impl Peer {
    pub(super) fn hello(&self) -> &Hello {
        self.hello.as_ref().unwrap()
    }

    pub(super) async fn hear_hello(&mut self) {
        let ClientMessage::Hello { jws } = self.hear().await else {
            panic!("no hello");
        };
        let now = UnixTime::from_secs(START);
        let hello = Hello::verify(&jws, &self.nonce, &self.endpoint, now).unwrap();
        self.hello = Some(hello.hello().clone());
    }

    /// The next message of the terminal.
    pub(super) async fn hear(&mut self) -> ClientMessage {
        self.hear_or_end().await.expect("the terminal is gone")
    }

    pub(super) async fn hear_or_end(&mut self) -> Option<ClientMessage> {
        loop {
            match self.socket.next().await?.ok()? {
                Message::Text(text) => return Some(ClientMessage::decode(&text).unwrap()),
                Message::Ping(_) | Message::Pong(_) => {}
                _ => return None,
            }
        }
    }

    /// Tells the next event.
    pub(super) async fn tell(&mut self, body: ServerBody) {
        self.seq += 1;
        self.send(&ServerMessage::numbered(self.seq, body)).await;
    }

    pub(super) async fn send(&mut self, message: &ServerMessage) {
        self.say(Message::text(message.encode().as_str())).await;
    }

    pub(super) async fn say(&mut self, frame: Message) {
        // A terminal that is gone does not hear it.
        let _ = self.socket.send(frame).await;
    }

    pub(super) async fn ping(&mut self) {
        self.say(Message::Ping(vec![1].into())).await;
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Pong(_))) => return,
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    pub(super) async fn close(&mut self, code: u16) {
        let frame = CloseFrame {
            code: code.into(),
            reason: "".into(),
        };
        self.say(Message::Close(Some(frame))).await;
    }
}

/// Metadata for whoever asks for it, and a socket for the test.
async fn serve(
    listener: TcpListener,
    issuer: String,
    sockets: mpsc::UnboundedSender<TcpStream>,
    refusals: Arc<Mutex<Vec<String>>>,
) {
    while let Ok((mut stream, _)) = listener.accept().await {
        stream.set_nodelay(true).unwrap();
        let mut start = [0; 24];
        let mut length = 0;
        while length < start.len() {
            length = stream.peek(&mut start).await.unwrap_or(start.len());
        }
        let answer = if start.starts_with(b"GET /.well-known/") {
            let body = json!({"issuer": issuer, "token_endpoint": format!("{issuer}/oauth2/token"),
                "countersign_login_endpoint":
                    format!("{}/login/socket", issuer.replacen("http", "ws", 1))})
            .to_string();
            format!(
                "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
                 Connection: close\r\n\r\n{body}",
                body.len()
            )
        } else {
            assert!(start.starts_with(b"GET /login/socket HTTP/"), "{start:?}");
            let refusal = refusals.lock().unwrap().pop();
            match refusal {
                Some(refusal) => refusal,
                None => {
                    if sockets.send(stream).is_err() {
                        return;
                    }
                    continue;
                }
            }
        };
        let mut request = vec![0; 8192];
        let _ = stream.read(&mut request).await;
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
    }
}
