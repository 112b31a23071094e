//! Is a socket of a sign-in held, limited and let go as connections are?

use std::{sync::Arc, time::Duration};

use countersign_proto::login::SUBPROTOCOL;
use futures_util::{SinkExt as _, StreamExt as _};
use http::{Request, StatusCode, Version};
use tokio::{
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use crate::{
    Platform, Server, ServerHandle, StartError, SystemClock, config::Settings, tests::world::World,
};

/// Longer than anything here takes, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(20);

type Socket = WebSocketStream<TcpStream>;

struct Listening {
    address: std::net::SocketAddr,
    handle: ServerHandle,
    running: JoinHandle<Result<(), StartError>>,
}

impl Listening {
    async fn new(change: impl FnOnce(&mut Settings)) -> Listening {
        let mut settings = Settings::in_memory("http://127.0.0.1:0".parse().unwrap());
        settings.listen = "127.0.0.1:0".parse().unwrap();
        change(&mut settings);
        let platform = Platform::open(settings, Arc::new(SystemClock))
            .await
            .unwrap();
        let server = Server::bind(platform).await.unwrap();
        Listening {
            address: server.local_addr(),
            handle: server.handle(),
            running: tokio::spawn(server.run()),
        }
    }

    /// A socket that was welcomed; `None` when it is not let in.
    async fn socket(&self, from: &str) -> Option<Socket> {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(format!("{from}:0").parse().unwrap()).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let mut request = format!("ws://{}/login/socket", self.address)
            .into_client_request()
            .unwrap();
        let protocol = SUBPROTOCOL.parse().unwrap();
        request
            .headers_mut()
            .insert("sec-websocket-protocol", protocol);
        let (mut socket, _) = client_async(request, stream).await.ok()?;
        let welcome = heard(&mut socket).await;
        assert!(matches!(welcome, Message::Text(_)), "{welcome:?}");
        Some(socket)
    }

    async fn stopped(self) {
        self.handle.stop();
        timeout(PATIENCE, self.running)
            .await
            .unwrap()
            .unwrap()
            .unwrap();
    }
}

async fn heard(socket: &mut Socket) -> Message {
    let message = timeout(PATIENCE, socket.next()).await;
    message.unwrap().unwrap().unwrap()
}

#[tokio::test]
async fn a_socket_is_counted_as_a_connection_for_as_long_as_it_is_one() {
    let server = Listening::new(|settings| settings.limits.connections_per_source = 2).await;
    let mut first = server.socket("127.0.0.1").await.unwrap();
    let second = server.socket("127.0.0.1").await.unwrap();
    assert!(server.socket("127.0.0.1").await.is_none());
    assert!(server.socket("127.0.0.2").await.is_some());
    first.close(None).await.unwrap();
    while let Some(Ok(_)) = first.next().await {}
    drop(first);
    // Its place is given back when the platform has let go of it too.
    let again = timeout(PATIENCE, async {
        loop {
            if let Some(socket) = server.socket("127.0.0.1").await {
                return socket;
            }
        }
    });
    again.await.unwrap();
    drop(second);
    server.stopped().await;
}

// security.md 110
#[tokio::test]
async fn the_limits_of_requests_are_none_of_a_socket() {
    let server = Listening::new(|settings| {
        settings.limits.header = Duration::from_millis(100);
        settings.limits.idle = Duration::from_millis(100);
    })
    .await;
    let mut socket = server.socket("127.0.0.1").await.unwrap();
    let quiet = timeout(Duration::from_millis(400), socket.next()).await;
    assert!(
        quiet.is_err(),
        "it was closed as an idle connection: {quiet:?}"
    );
    // A frame that comes in pieces is no head of a request either.
    socket.send(Message::Ping(vec![1].into())).await.unwrap();
    assert_eq!(heard(&mut socket).await, Message::Pong(vec![1].into()));
    let quiet = timeout(Duration::from_millis(400), socket.next()).await;
    assert!(quiet.is_err(), "{quiet:?}");
    drop(socket);
    server.stopped().await;
}

#[tokio::test]
async fn a_server_that_stops_sends_its_terminals_elsewhere() {
    let server = Listening::new(|_| {}).await;
    let mut sockets = Vec::new();
    for _ in 0..3 {
        sockets.push(server.socket("127.0.0.1").await.unwrap());
    }
    server.handle.stop();
    for socket in &mut sockets {
        let Message::Close(Some(frame)) = heard(socket).await else {
            panic!("no goodbye");
        };
        // RFC 6455 §7.4.1: the endpoint is going away.
        assert_eq!(u16::from(frame.code), 1001);
        socket.flush().await.ok();
    }
    server.stopped().await;
}

#[tokio::test]
async fn over_http2_there_is_no_socket() {
    let world = World::new().await;
    let mut request = Request::get("/login/socket")
        .header("connection", "upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", SUBPROTOCOL)
        .body(axum::body::Body::empty())
        .unwrap();
    *request.version_mut() = Version::HTTP_2;
    let answer = world.send(request).await;
    assert_eq!(answer.status, StatusCode::UPGRADE_REQUIRED);
}
