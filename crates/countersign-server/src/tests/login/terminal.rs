//! What does a terminal do on the socket?

use std::sync::Arc;

use countersign_proto::{
    json::{Map, Value},
    jws::SigningInput,
    key::{Algorithm, LocalKey, SigningKey as _},
    login::{
        ClientInfo, ClientMessage, ConfirmValue, Hello, LoginErrorCode, LoginStatus,
        LoopbackTarget, Resume, SUBPROTOCOL, ServerBody, ServerMessage,
    },
    scope::Scope,
    token::{Binding, inspect},
};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::DuplexStream;
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Error, Message, client::IntoClientRequest as _},
};
use url::Url;

use super::scene::{Scene, TERMINAL, new_key};

/// A terminal on one connection of its sign-in.
pub(super) struct Terminal {
    pub(super) key: Arc<LocalKey>,
    pub(super) sid: String,
    pub(super) url: Url,
    pub(super) last_seq: u64,
    pub(super) socket: WebSocketStream<DuplexStream>,
    pub(super) address: &'static str,
}

/// What a terminal offers and says, where it is not as usual.
#[derive(Clone)]
pub(super) struct Offer {
    pub(super) bind: Vec<Binding>,
    pub(super) loopback: Option<LoopbackTarget>,
    pub(super) client: ClientInfo,
    pub(super) scope: &'static str,
    pub(super) login_hint: Option<&'static str>,
    pub(super) address: &'static str,
}

impl Default for Offer {
    fn default() -> Offer {
        Offer {
            bind: vec![Binding::Loopback, Binding::Code],
            loopback: Some(LoopbackTarget::new(43_210, &"A".repeat(22)).unwrap()),
            client: ClientInfo {
                name: "countersign".to_owned(),
                version: "1.0".to_owned(),
                os: "linux".to_owned(),
                host: "workstation".to_owned(),
                user: "anna".to_owned(),
            },
            scope: "",
            login_hint: None,
            address: TERMINAL,
        }
    }
}

impl Offer {
    /// A terminal that does not listen.
    pub(super) fn code() -> Offer {
        Offer {
            bind: vec![Binding::Code],
            loopback: None,
            ..Offer::default()
        }
    }
}

impl Terminal {
    pub(super) async fn begin(scene: &Scene, key: Arc<LocalKey>, offer: Offer) -> Terminal {
        let (socket, answer) = begun(scene, &key, &offer).await;
        let ServerBody::Session { sid, url, .. } = answer.body else {
            panic!("{answer:?}");
        };
        Terminal {
            key,
            sid,
            url,
            last_seq: answer.seq.unwrap(),
            socket,
            address: offer.address,
        }
    }

    pub(super) async fn refused(scene: &Scene, key: &LocalKey, offer: Offer) -> LoginErrorCode {
        let (mut socket, answer) = begun(scene, key, &offer).await;
        let ServerBody::Error { code, fatal, .. } = answer.body else {
            panic!("{answer:?}");
        };
        assert!(fatal);
        assert_eq!(closed(&mut socket).await, code.close_code());
        code
    }

    pub(super) fn handle(&self) -> &str {
        self.url.path().rsplit('/').next().unwrap()
    }

    pub(super) async fn send(&mut self, message: ClientMessage) {
        send(&mut self.socket, &message).await;
    }

    pub(super) async fn confirm(&mut self, value: &str) {
        self.send(confirm(value)).await;
    }

    pub(super) async fn confirm_code(&mut self, typed: &str) {
        let value = ConfirmValue::from_typed(typed).unwrap();
        let bind = Binding::Code;
        self.send(ClientMessage::Confirm { bind, value }).await;
    }

    /// The next message. Numbers have no gap.
    pub(super) async fn next(&mut self) -> ServerBody {
        let message = next(&mut self.socket).await;
        if let Some(seq) = message.seq {
            assert_eq!(seq, self.last_seq + 1, "{message:?}");
            self.last_seq = seq;
        }
        message.body
    }

    /// Hears nothing but pings for so long, and answers them.
    pub(super) async fn waits(&mut self, seconds: u64) {
        let time = tokio::time::sleep(std::time::Duration::from_secs(seconds));
        tokio::pin!(time);
        loop {
            tokio::select! {
                () = &mut time => return,
                frame = self.socket.next() => {
                    assert!(matches!(frame, Some(Ok(Message::Ping(_)))), "{frame:?}");
                }
            }
        }
    }

    /// The next message of this name; what comes before it does not matter.
    pub(super) async fn until(&mut self, name: &str) -> ServerBody {
        loop {
            let body = self.next().await;
            if called(&body) == name {
                return body;
            }
            let unexpected = matches!(body, ServerBody::Error { .. });
            assert!(!unexpected, "{body:?} before {name}");
        }
    }

    /// The error that ends it, and that the connection ends with it.
    pub(super) async fn failed(&mut self) -> LoginErrorCode {
        loop {
            if let ServerBody::Error { code, fatal, .. } = self.next().await
                && fatal
            {
                assert_eq!(self.closed().await, code.close_code());
                return code;
            }
        }
    }

    pub(super) async fn closed(&mut self) -> u16 {
        closed(&mut self.socket).await
    }

    /// The connection is cut, without a word.
    pub(super) fn cut(self) -> Lost {
        self.elsewhere()
    }

    /// The same terminal, which knows nothing of this connection.
    pub(super) fn elsewhere(&self) -> Lost {
        Lost {
            key: self.key.clone(),
            sid: self.sid.clone(),
            url: self.url.clone(),
            last_seq: self.last_seq,
            address: self.address,
        }
    }

    /// Accepts, takes the token, says so, and hears goodbye.
    pub(super) async fn finish(&mut self) -> countersign_proto::exchange::TokenResponse {
        self.until("identity").await;
        self.send(ClientMessage::Accept).await;
        let ServerBody::Token(token) = self.until("token").await else {
            unreachable!("it is a token by its name");
        };
        self.send(ClientMessage::Received).await;
        self.until("bye").await;
        assert_eq!(self.closed().await, 1000);
        *token
    }
}

/// A value that came over loopback.
pub(super) fn confirm(value: &str) -> ClientMessage {
    ClientMessage::Confirm {
        bind: Binding::Loopback,
        value: ConfirmValue::parse(Binding::Loopback, value).unwrap(),
    }
}

/// A terminal without a connection.
pub(super) struct Lost {
    pub(super) key: Arc<LocalKey>,
    pub(super) sid: String,
    pub(super) url: Url,
    pub(super) last_seq: u64,
    pub(super) address: &'static str,
}

impl Lost {
    /// On a new connection.
    pub(super) async fn back(self, scene: &Scene) -> Terminal {
        let mut socket = open(scene, self.address).await;
        let nonce = welcomed(&mut socket).await;
        let resume = Resume {
            nonce,
            htu: endpoint(scene),
            sid: self.sid.clone(),
            last_seq: self.last_seq,
        };
        send_resume(scene, &mut socket, &resume, &self.key).await;
        let answer = next(&mut socket).await;
        let ServerBody::Resumed { last_seq } = answer.body else {
            panic!("{answer:?}");
        };
        assert!(last_seq >= self.last_seq, "{last_seq}");
        Terminal {
            key: self.key,
            sid: self.sid,
            url: self.url,
            last_seq: self.last_seq,
            socket,
            address: self.address,
        }
    }
}

async fn begun(
    scene: &Scene,
    key: &LocalKey,
    offer: &Offer,
) -> (WebSocketStream<DuplexStream>, ServerMessage) {
    let mut socket = open(scene, offer.address).await;
    let nonce = welcomed(&mut socket).await;
    let hello = hello(scene, offer, nonce);
    let jws = hello
        .mint(key, scene.world.now(), "a jti of this hello")
        .unwrap();
    send(&mut socket, &ClientMessage::Hello { jws }).await;
    let answer = next(&mut socket).await;
    (socket, answer)
}

pub(super) fn hello(scene: &Scene, offer: &Offer, nonce: String) -> Hello {
    Hello {
        nonce,
        htu: endpoint(scene),
        versions: vec![SUBPROTOCOL.to_owned()],
        bind: offer.bind.clone(),
        loopback: offer.loopback.clone(),
        client: offer.client.clone(),
        scope: Scope::parse(offer.scope).unwrap(),
        login_hint: offer.login_hint.map(str::to_owned),
    }
}

/// A hello that says something else, signed all the same.
pub(super) fn signed(
    scene: &Scene,
    told: &Hello,
    change: impl FnOnce(&mut Map<String, Value>),
) -> String {
    let key = new_key();
    let jws = told
        .mint(&*key, scene.world.now(), "jti of a hello")
        .unwrap();
    let mut parts = inspect(&jws).unwrap();
    change(&mut parts.claims);
    let input = SigningInput::encode(&parts.header, &parts.claims);
    let signature = key.sign(Algorithm::ES256, input.as_bytes()).unwrap();
    input.finish(&signature)
}

pub(super) async fn send_resume(
    scene: &Scene,
    socket: &mut WebSocketStream<DuplexStream>,
    resume: &Resume,
    key: &LocalKey,
) {
    let jws = resume
        .mint(key, scene.world.now(), "a jti of this resume")
        .unwrap();
    send(socket, &ClientMessage::Resume { jws }).await;
}

/// Where the socket stands, as the metadata says.
pub(super) fn endpoint(scene: &Scene) -> Url {
    let metadata = scene.world.platform.metadata();
    metadata.countersign_login_endpoint.clone().unwrap()
}

pub(super) async fn open(scene: &Scene, peer: &str) -> WebSocketStream<DuplexStream> {
    open_with(scene, peer, &[("sec-websocket-protocol", SUBPROTOCOL)])
        .await
        .unwrap()
}

/// Opens with these headers.
pub(super) async fn open_with(
    scene: &Scene,
    peer: &str,
    headers: &[(&'static str, &str)],
) -> Result<WebSocketStream<DuplexStream>, Error> {
    let mut request = "ws://platform.example/login/socket"
        .into_client_request()
        .unwrap();
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    client_async(request, scene.connect(peer))
        .await
        .map(|(socket, _)| socket)
}

pub(super) async fn welcomed(socket: &mut WebSocketStream<DuplexStream>) -> String {
    let message = next(socket).await;
    match message.body {
        ServerBody::Welcome { nonce, .. } => nonce,
        other => panic!("{other:?}"),
    }
}

pub(super) async fn send(socket: &mut WebSocketStream<DuplexStream>, message: &ClientMessage) {
    let text = message.encode();
    socket.send(Message::text(text.as_str())).await.unwrap();
}

pub(super) async fn next(socket: &mut WebSocketStream<DuplexStream>) -> ServerMessage {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return ServerMessage::decode(&text).unwrap(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("no message: {other:?}"),
        }
    }
}

/// The code with which the connection is closed.
pub(super) async fn closed(socket: &mut WebSocketStream<DuplexStream>) -> u16 {
    loop {
        match socket.next().await {
            Some(Ok(Message::Close(Some(frame)))) => return frame.code.into(),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
            other => panic!("not closed: {other:?}"),
        }
    }
}

/// The name of a message; of a status, that of the state.
pub(super) fn called(body: &ServerBody) -> &'static str {
    match body {
        ServerBody::Status {
            state: LoginStatus::Opened,
            ..
        } => "opened",
        ServerBody::Status {
            state: LoginStatus::SignedIn,
            ..
        } => "signed_in",
        ServerBody::Status {
            state: LoginStatus::NeedConfirm,
            ..
        } => "need_confirm",
        other => other.name(),
    }
}
