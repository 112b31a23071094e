//! Does a listening platform keep its deadlines, and does it let everybody finish?

use std::{sync::Arc, time::Duration};

use rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::{
    Platform, Server, ServerHandle, StartError, SystemClock,
    config::{Settings, Tls},
};

/// Longer than anything here takes, so that a failure ends.
const PATIENCE: Duration = Duration::from_secs(20);

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

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
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

const REQUEST: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, request: &[u8]) -> String {
    stream.write_all(request).await.unwrap();
    read_answer(stream).await
}

/// Reads one answer with a `content-length`, or what came until the end.
async fn read_answer<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let count = timeout(PATIENCE, stream.read(&mut buffer))
            .await
            .unwrap()
            .unwrap_or(0);
        text.extend_from_slice(&buffer[..count]);
        let read = String::from_utf8_lossy(&text).into_owned();
        let whole = read.split_once("\r\n\r\n").is_some_and(|(head, body)| {
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length: "))
                .and_then(|length| length.parse::<usize>().ok());
            length.is_some_and(|length| body.len() >= length)
        });
        if count == 0 || whole {
            return read;
        }
    }
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    matches!(
        timeout(PATIENCE, stream.read(&mut [0; 64])).await,
        Ok(Ok(0) | Err(_))
    )
}

#[tokio::test]
async fn it_serves_until_it_is_told_to_stop() {
    let server = Listening::new(|_| {}).await;
    let mut stream = server.connect().await;
    for _ in 0..2 {
        assert!(
            answer(&mut stream, REQUEST)
                .await
                .starts_with("HTTP/1.1 200")
        );
    }
    let address = server.address;
    server.stopped().await;
    assert!(is_closed(&mut stream).await);
    assert!(TcpStream::connect(address).await.is_err());
}

// security.md 110
#[tokio::test]
async fn a_head_that_does_not_end_is_cut() {
    let server =
        Listening::new(|settings| settings.limits.header = Duration::from_millis(50)).await;
    let mut silent = server.connect().await;
    assert!(is_closed(&mut silent).await);
    let mut half = server.connect().await;
    half.write_all(b"GET /healthz HTTP/1.1\r\nx-slow: ")
        .await
        .unwrap();
    assert!(is_closed(&mut half).await);
    server.stopped().await;
}

// security.md 110
#[tokio::test]
async fn a_head_that_comes_byte_by_byte_is_cut_all_the_same() {
    let server =
        Listening::new(|settings| settings.limits.header = Duration::from_millis(50)).await;
    let (mut read, mut write) = server.connect().await.into_split();
    let dripping = tokio::spawn(async move {
        let mut drops = tokio::time::interval(Duration::from_millis(5));
        while write.write_all(b"a").await.is_ok() {
            drops.tick().await;
        }
    });
    let mut rest = Vec::new();
    let ended = timeout(PATIENCE, read.read_to_end(&mut rest)).await;
    assert!(ended.is_ok(), "the connection is still open");
    timeout(PATIENCE, dripping).await.unwrap().unwrap();
    server.stopped().await;
}

// security.md 110
#[tokio::test]
async fn between_requests_the_idle_limit_holds_and_not_the_one_for_heads() {
    let server = Listening::new(|settings| {
        settings.limits.header = Duration::from_millis(100);
        settings.limits.idle = PATIENCE;
    })
    .await;
    let mut stream = server.connect().await;
    assert!(
        answer(&mut stream, REQUEST)
            .await
            .starts_with("HTTP/1.1 200")
    );
    let quiet = timeout(Duration::from_millis(300), stream.read(&mut [0; 64])).await;
    assert!(
        quiet.is_err(),
        "the connection was closed though it was only idle"
    );
    assert!(
        answer(&mut stream, REQUEST)
            .await
            .starts_with("HTTP/1.1 200")
    );
    server.stopped().await;
}

// security.md 110
#[tokio::test]
async fn an_idle_connection_is_closed() {
    let server = Listening::new(|settings| settings.limits.idle = Duration::from_millis(50)).await;
    let mut stream = server.connect().await;
    assert!(
        answer(&mut stream, REQUEST)
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert!(is_closed(&mut stream).await);
    server.stopped().await;
}

// security.md 110
#[tokio::test]
async fn no_source_holds_all_connections() {
    let server = Listening::new(|settings| settings.limits.connections_per_source = 2).await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        assert!(
            answer(&mut stream, REQUEST)
                .await
                .starts_with("HTTP/1.1 200")
        );
        held.push(stream);
    }
    let mut one_too_many = server.connect().await;
    // It may be closed before or after this is sent; answered it is not.
    let _ = one_too_many.write_all(REQUEST).await;
    assert_eq!(read_answer(&mut one_too_many).await, "");
    // Somebody else is served meanwhile.
    let elsewhere = tokio::net::TcpSocket::new_v4().unwrap();
    elsewhere.bind("127.0.0.2:0".parse().unwrap()).unwrap();
    let mut stream = elsewhere.connect(server.address).await.unwrap();
    assert!(
        answer(&mut stream, REQUEST)
            .await
            .starts_with("HTTP/1.1 200")
    );
    drop((held, stream));
    server.stopped().await;
}

#[tokio::test]
async fn a_request_under_way_is_answered_while_draining() {
    let server = Listening::new(|_| {}).await;
    let mut stream = server.connect().await;
    let body = "grant_type=password";
    let head = format!(
        "POST /oauth2/token HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // The platform asks for the body: so the request is under way.
    let mut interim = [0; 25];
    timeout(PATIENCE, stream.read_exact(&mut interim))
        .await
        .unwrap()
        .unwrap();
    assert!(interim.starts_with(b"HTTP/1.1 100"));
    server.handle.stop();
    let answer = answer(&mut stream, body.as_bytes()).await;
    assert!(answer.contains("unsupported_grant_type"), "{answer}");
    server.stopped().await;
}

#[tokio::test]
async fn a_drain_has_an_end() {
    let server = Listening::new(|settings| settings.limits.drain = Duration::from_millis(50)).await;
    let mut stream = server.connect().await;
    let head = "POST /oauth2/token HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\n\
                content-type: application/x-www-form-urlencoded\r\ncontent-length: 5\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    timeout(PATIENCE, stream.read_exact(&mut interim))
        .await
        .unwrap()
        .unwrap();
    server.stopped().await;
    assert!(is_closed(&mut stream).await);
}

// security.md 109
#[tokio::test]
async fn of_a_request_with_two_lengths_nothing_is_left_to_be_taken_for_another() {
    let server = Listening::new(|_| {}).await;
    for head in [
        "content-length: 4\r\ntransfer-encoding: chunked",
        "transfer-encoding: chunked\r\ncontent-length: 4",
        "content-length: 4\r\ncontent-length: 5",
        "transfer-encoding: gzip",
    ] {
        let mut stream = server.connect().await;
        let request = format!(
            "POST /oauth2/token HTTP/1.1\r\nhost: x\r\n\
             content-type: application/x-www-form-urlencoded\r\n{head}\r\n\r\n\
             0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: x\r\n\r\n"
        );
        let first = answer(&mut stream, request.as_bytes()).await;
        assert!(first.starts_with("HTTP/1.1 400"), "{head}: {first}");
        let rest = read_answer(&mut stream).await;
        assert!(
            !rest.contains("200 OK") && !first.contains("200 OK"),
            "{head}: {rest}"
        );
    }
    server.stopped().await;
}

// security.md 108
#[tokio::test]
async fn tls_is_spoken_and_its_certificate_is_replaced_without_a_stop() {
    let folder = tempfile::tempdir().unwrap();
    let files = Tls {
        certificate: folder.path().join("crt"),
        key: folder.path().join("key"),
    };
    let write = || {
        let pair = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&files.certificate, pair.cert.pem()).unwrap();
        std::fs::write(&files.key, pair.signing_key.serialize_pem()).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(pair.cert.der().clone()).unwrap();
        roots
    };
    let first = write();
    let server = Listening::new(|settings| settings.tls = Some(files.clone())).await;
    assert!(speaks(&server, first.clone()).await);
    let second = write();
    assert!(!speaks(&server, second.clone()).await);
    server.handle.reload_tls().unwrap();
    assert!(speaks(&server, second).await);
    assert!(!speaks(&server, first).await);
    let mut plain = server.connect().await;
    assert!(!answer(&mut plain, REQUEST).await.contains("200 OK"));
    server.stopped().await;
}

async fn speaks(server: &Listening, roots: RootCertStore) -> bool {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("localhost").unwrap();
    let connected = TlsConnector::from(Arc::new(config))
        .connect(name, server.connect().await)
        .await;
    match connected {
        Ok(mut stream) => answer(&mut stream, REQUEST)
            .await
            .starts_with("HTTP/1.1 200"),
        Err(_) => false,
    }
}
