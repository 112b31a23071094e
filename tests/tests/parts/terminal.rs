//! What does a terminal say to the login socket, when a test decides every word of it?
//!
//! The command line decides its own words. This one can also be dishonest, patient, or many thousands.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use countersign::{
    Clock as _, SystemClock,
    proto::{
        exchange::TokenResponse,
        jwk::required_members,
        jws::SigningInput,
        key::{Algorithm, KeyType, LocalKey, SigningKey as _},
        login::{
            ClientInfo, ClientMessage, ConfirmValue, Hello, LoopbackTarget, MAX_MESSAGE_BYTES,
            Resume, SUBPROTOCOL, ServerBody, ServerMessage,
        },
        scope::Scope,
        token::Binding,
    },
};
use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        self, Message,
        client::IntoClientRequest as _,
        protocol::{CloseFrame, WebSocketConfig},
    },
};
use url::Url;

/// How long a message may be awaited.
const PATIENCE: Duration = Duration::from_secs(20);

/// One connection to the login socket.
pub(crate) struct Terminal {
    socket: WebSocketStream<TcpStream>,
    key: Arc<LocalKey>,
    endpoint: Url,
    nonce: String,
    last_seq: u64,
    session: Option<Session>,
    transcript: String,
}

/// What the platform said about a login that began.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) sid: String,
    pub(crate) url: Url,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// The close code; 1006 without any.
    pub(crate) code: u16,
}

impl Terminal {
    /// Connects to the platform of this issuer on loopback, and hears its welcome.
    pub(crate) async fn connect(issuer: &str) -> Terminal {
        Terminal::connect_from(issuer, IpAddr::V4(Ipv4Addr::LOCALHOST))
            .await
            .expect("a login socket")
    }

    /// The same from this address of loopback, with the reason when it does not come to a welcome.
    pub(crate) async fn connect_from(issuer: &str, from: IpAddr) -> Result<Terminal, String> {
        let (key, _) = LocalKey::generate(KeyType::P256).map_err(|error| error.to_string())?;
        Terminal::connect_with(issuer, from, Arc::new(key)).await
    }

    async fn connect_with(
        issuer: &str,
        from: IpAddr,
        key: Arc<LocalKey>,
    ) -> Result<Terminal, String> {
        let endpoint: Url = format!("{}/login/socket", issuer.replacen("http", "ws", 1))
            .parse()
            .expect("an address");
        let mut terminal = Terminal {
            socket: socket(&endpoint, from, &[])
                .await
                .map_err(|error| error.to_string())?,
            key,
            endpoint,
            nonce: String::new(),
            last_seq: 0,
            session: None,
            transcript: String::new(),
        };
        match terminal.hear().await {
            Ok(ServerBody::Welcome { nonce, .. }) => {
                terminal.nonce = nonce;
                Ok(terminal)
            }
            other => Err(format!("no welcome but {other:?}")),
        }
    }

    /// Says hello as a well-behaved terminal does.
    pub(crate) async fn begin(
        &mut self,
        bind: &[Binding],
        loopback: Option<LoopbackTarget>,
    ) -> Session {
        let hello = self.hello(bind, loopback);
        self.begin_with(&hello).await
    }

    /// A hello for this connection, to be changed.
    pub(crate) fn hello(&self, bind: &[Binding], loopback: Option<LoopbackTarget>) -> Hello {
        Hello {
            nonce: self.nonce.clone(),
            htu: self.endpoint.clone(),
            versions: vec![SUBPROTOCOL.to_owned()],
            bind: bind.to_vec(),
            loopback,
            client: ClientInfo {
                name: "scripted terminal".to_owned(),
                version: "1".to_owned(),
                os: "linux".to_owned(),
                host: "workbench".to_owned(),
                user: "somebody".to_owned(),
            },
            scope: Scope::default(),
            login_hint: None,
        }
    }

    /// Says this hello, and hears that the login has begun.
    pub(crate) async fn begin_with(&mut self, hello: &Hello) -> Session {
        self.say_hello(hello).await;
        self.hear_of_session().await
    }

    /// Says this hello, and hears nothing yet.
    pub(crate) async fn say_hello(&mut self, hello: &Hello) {
        let jws = hello
            .mint(&*self.key, SystemClock.now(), &identifier())
            .expect("a signature");
        self.say(ClientMessage::Hello { jws }).await;
    }

    /// Says hello by a JWS of the test's own making.
    pub(crate) async fn begin_with_jws(&mut self, jws: String) -> Session {
        self.say(ClientMessage::Hello { jws }).await;
        self.hear_of_session().await
    }

    async fn hear_of_session(&mut self) -> Session {
        match self.hear().await {
            Ok(ServerBody::Session { sid, url, .. }) => {
                let session = Session { sid, url };
                self.session = Some(session.clone());
                session
            }
            other => panic!("the login does not begin: {other:?}"),
        }
    }

    /// A hello for this connection with claims of the test's own making, as a dishonest terminal signs it.
    pub(crate) fn raw_hello(&self, claims: &Value) -> String {
        let header = json!({
            "alg": "ES256",
            "typ": "countersign-login+jwt",
            "jwk": required_members(self.key.public_key()),
        });
        let mut all = json!({
            "act": "hello",
            "nonce": self.nonce,
            "htu": self.endpoint,
            "iat": SystemClock.now().as_secs(),
            "jti": identifier(),
        });
        let (Value::Object(header), Value::Object(all), Value::Object(claims)) =
            (&header, &mut all, claims)
        else {
            unreachable!("they are objects")
        };
        all.extend(claims.clone());
        let input = SigningInput::encode(header, all);
        let signature = self
            .key
            .sign(Algorithm::ES256, input.as_bytes())
            .expect("a signature");
        input.finish(&signature)
    }

    /// Comes back to the login on a new connection, by the same key; what was missed is heard next. Otherwise what
    /// the platform says instead.
    pub(crate) async fn resume(self) -> Result<Terminal, Result<ServerBody, Ended>> {
        self.resume_beside().await
    }

    /// The same, while the older connection is still there.
    pub(crate) async fn resume_beside(&self) -> Result<Terminal, Result<ServerBody, Ended>> {
        let session = self.session.clone().expect("a login to come back to");
        let issuer = self.endpoint.as_str().trim_end_matches("/login/socket");
        let issuer = issuer.replacen("ws", "http", 1);
        let from = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let mut terminal = Terminal::connect_with(&issuer, from, self.key.clone())
            .await
            .expect("a login socket");
        let resume = Resume {
            nonce: terminal.nonce.clone(),
            htu: self.endpoint.clone(),
            sid: session.sid.clone(),
            last_seq: self.last_seq,
        };
        let jws = resume
            .mint(&*terminal.key, SystemClock.now(), &identifier())
            .expect("a signature");
        terminal.say(ClientMessage::Resume { jws }).await;
        terminal.session = Some(session);
        terminal.last_seq = self.last_seq;
        match terminal.hear().await {
            Ok(ServerBody::Resumed { .. }) => Ok(terminal),
            other => Err(other),
        }
    }

    /// Sends a message.
    pub(crate) async fn say(&mut self, message: ClientMessage) {
        let text = message.encode();
        self.say_text(&text).await;
    }

    /// Sends any text.
    pub(crate) async fn say_text(&mut self, text: &str) {
        // When the platform has hung up, what it said before tells why.
        let _ = self.socket.send(Message::text(text)).await;
    }

    /// Sends the value that came from the browser.
    pub(crate) async fn confirm(&mut self, value: ConfirmValue) {
        let bind = value.binding();
        self.say(ClientMessage::Confirm { bind, value }).await;
    }

    /// The next message.
    pub(crate) async fn hear(&mut self) -> Result<ServerBody, Ended> {
        let hearing = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => {
                        self.transcript.push_str(&text);
                        let message =
                            ServerMessage::decode(&text).expect("a message of the platform");
                        self.last_seq = message.seq.unwrap_or(self.last_seq);
                        return Ok(message.body);
                    }
                    Some(Ok(Message::Close(frame))) => return Err(Ended::by(frame)),
                    Some(Ok(_)) => {} // pings are answered by the library
                    Some(Err(_)) | None => return Err(Ended::by(None)),
                }
            }
        };
        let heard = tokio::time::timeout(PATIENCE, hearing).await;
        heard.expect("the platform says something")
    }

    /// Hears on until a message of this `type`; nothing may end before.
    pub(crate) async fn hear_of(&mut self, name: &str) -> ServerBody {
        loop {
            match self.hear().await {
                Ok(body) if body.name() == name => return body,
                Ok(ServerBody::Error { code, message, .. }) => {
                    panic!("waited for {name}, heard {code:?}: {message}")
                }
                Ok(_) => {}
                Err(ended) => panic!("waited for {name}, heard the end: {ended:?}"),
            }
        }
    }

    /// Hears on to the end: every message, then how it ended.
    pub(crate) async fn hear_all(&mut self) -> (Vec<ServerBody>, Ended) {
        let mut heard = Vec::new();
        loop {
            match self.hear().await {
                Ok(body) => heard.push(body),
                Err(ended) => return (heard, ended),
            }
        }
    }

    /// Gives up, and hears everything that there was to be heard.
    pub(crate) async fn cancel(&mut self) {
        self.say(ClientMessage::Cancel).await;
        self.hear_all().await;
    }

    /// Everything that was heard so far, as it was on the wire.
    pub(crate) fn transcript(&self) -> &str {
        &self.transcript
    }

    /// From the confirmed value to the token: accepts whoever it is, and says who and the token.
    pub(crate) async fn finish(&mut self) -> (String, Box<TokenResponse>) {
        let ServerBody::Identity { principal, .. } = self.hear_of("identity").await else {
            unreachable!("it was an identity")
        };
        (principal, self.take_token().await)
    }

    /// Accepts the identity that was heard, and acknowledges the token.
    pub(crate) async fn take_token(&mut self) -> Box<TokenResponse> {
        self.say(ClientMessage::Accept).await;
        let ServerBody::Token(token) = self.hear_of("token").await else {
            unreachable!("it was a token")
        };
        self.say(ClientMessage::Received).await;
        self.hear_of("bye").await;
        token
    }
}

impl Ended {
    fn by(frame: Option<CloseFrame>) -> Ended {
        Ended {
            code: frame.map_or(1006, |frame| frame.code.into()),
        }
    }
}

/// Opens the socket itself, with further headers.
pub(crate) async fn socket(
    endpoint: &Url,
    from: IpAddr,
    headers: &[(&'static str, &str)],
) -> Result<WebSocketStream<TcpStream>, tungstenite::Error> {
    let host = endpoint
        .host_str()
        .unwrap_or_default()
        .trim_matches(['[', ']']);
    let to: IpAddr = host.parse().unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
    let to = SocketAddr::new(to, endpoint.port_or_known_default().unwrap_or_default());
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    let stream = socket.connect(to).await?;
    stream.set_nodelay(true)?;
    let mut request = endpoint.as_str().into_client_request()?;
    let subprotocol = [("sec-websocket-protocol", SUBPROTOCOL)];
    for (name, value) in subprotocol.iter().chain(headers) {
        request
            .headers_mut()
            .insert(*name, value.parse().expect("a header"));
    }
    let limits = WebSocketConfig::default()
        .read_buffer_size(MAX_MESSAGE_BYTES)
        .max_message_size(Some(MAX_MESSAGE_BYTES));
    let (socket, _) = client_async_with_config(request, stream, Some(limits)).await?;
    Ok(socket)
}

/// A `jti` that no other hello of this process has.
fn identifier() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    format!(
        "scripted-terminal-{:012}",
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}
