//! Does one guard stand alike before axum, plain hyper, tonic and a thread?

use std::{
    convert::Infallible,
    io::{BufRead as _, BufReader, Write as _},
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf as _, BufMut as _, Bytes};
use countersign::{HttpTransport, Transport};
use countersign_guard::{Caller, Guard, Require, blocking};
use http::{Request, Response, StatusCode, Uri, uri::PathAndQuery};
use http_body_util::Full;
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    service::TowerToHyperService,
};
use tokio::net::TcpListener;
use tonic::{
    Code, Status,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    server::NamedService,
    transport::server::TcpIncoming,
};
use tower::{Layer as _, Service, service_fn};

use crate::{
    guard_scene::{self, API, Answer, Named},
    guard_site::Site,
};

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    (listener, origin)
}

fn whose(caller: &Caller) -> String {
    format!("{} by {:?}", caller.principal(), caller.how())
}

/// Asks over a socket.
async fn ask(origin: &str, token: Option<&str>) -> Answer {
    let mut request = Request::get(format!("{origin}/orders")).header("connection", "close");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let transport = HttpTransport::builder().no_proxy().build().unwrap();
    let answer = transport.send(request.body(Vec::new()).unwrap()).await;
    let (parts, body) = answer.unwrap().into_parts();
    Answer {
        status: parts.status,
        headers: parts.headers,
        body: String::from_utf8(body.to_vec()).unwrap(),
    }
}

/// What comes of each kind of token, whatever stands between the socket and the guard.
async fn is_guarded(site: &Site, origin: &str) {
    let signed = site.signed().await.token;
    let granted = site.granted(API).await;
    let answer = ask(origin, None).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    assert!(answer.challenge().starts_with("Bearer "), "{answer:?}");
    assert!(
        !answer.challenge().contains("error"),
        "nothing is wrong with nothing"
    );
    assert_eq!(answer.body, "");
    for (token, whose) in [
        (signed.as_str(), "anna by Signature"),
        (granted.expose(), "anna by Introspection"),
    ] {
        let answer = ask(origin, Some(token)).await;
        assert_eq!(
            (answer.status, answer.body.as_str()),
            (StatusCode::OK, whose)
        );
    }
    for token in [
        guard_scene::forged(&signed, Named::AsTheIssuers, site.clock().now()),
        site.elsewhere().await.token,
    ] {
        let answer = ask(origin, Some(&token)).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
        assert!(
            answer.challenge().contains("error=\"invalid_token\""),
            "{answer:?}"
        );
        assert_eq!(answer.body, "");
    }
    site.cut();
    site.clock().advance(Duration::from_secs(5));
    let answer = ask(origin, Some(granted.expose())).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{answer:?}");
    assert_eq!(answer.headers["retry-after"], "2");
    let answer = ask(origin, Some(&signed)).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

// security.md 83
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn axum_is_guarded_over_a_socket() {
    let site = Site::start().await;
    let guard = site.guard().0.build().unwrap();
    let api = axum::Router::new()
        .route(
            "/orders",
            axum::routing::get(
                |axum::Extension(caller): axum::Extension<Caller>| async move { whose(&caller) },
            ),
        )
        .layer(guard.layer());
    let (listener, origin) = listener().await;
    tokio::spawn(async move { axum::serve(listener, api).await });
    is_guarded(&site, &origin).await;
}

// security.md 83
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_hyper_is_guarded_over_a_socket() {
    let site = Site::start().await;
    let guard = site.guard().0.build().unwrap();
    let orders = service_fn(|request: Request<hyper::body::Incoming>| async move {
        let caller = request
            .extensions()
            .get::<Caller>()
            .expect("a guard stands before it");
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(whose(caller)))))
    });
    let service = TowerToHyperService::new(guard.layer().layer(orders));
    let (listener, origin) = listener().await;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service.clone());
            tokio::spawn(connection);
        }
    });
    is_guarded(&site, &origin).await;
}

// security.md 83
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_without_async_is_guarded_over_a_socket() {
    let site = Site::start().await;
    let guard = site.guard().0.build().unwrap();
    let server = ThreadServer::start(blocking::Guard::new(guard).unwrap());
    is_guarded(&site, &server.origin).await;
}

/// A server of one thread, for one request a connection; it ends when dropped.
struct ThreadServer {
    origin: String,
    address: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl ThreadServer {
    fn start(guard: blocking::Guard) -> ThreadServer {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                serve(&stream.unwrap(), &guard);
            }
        });
        ThreadServer {
            origin: format!("http://{address}"),
            address,
            stop,
        }
    }
}

impl Drop for ThreadServer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = std::net::TcpStream::connect(self.address);
    }
}

fn serve(mut stream: &std::net::TcpStream, guard: &blocking::Guard) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let first = lines.next().unwrap_or_default();
    let mut request = Request::get(first.split(' ').nth(1).unwrap());
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").unwrap();
        request = request.header(name, value);
    }
    let (parts, ()) = request.body(()).unwrap().into_parts();
    let response = match guard.check(&parts) {
        Ok(caller) => Response::new(whose(&caller)),
        Err(refusal) => refusal.response(),
    };
    let mut head = format!("HTTP/1.1 {}\r\nconnection: close\r\n", response.status());
    for (name, value) in response.headers() {
        head += &format!("{name}: {}\r\n", value.to_str().unwrap());
    }
    let body = response.body();
    write!(stream, "{head}content-length: {}\r\n\r\n{body}", body.len()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tonic_is_guarded_and_its_clients_learn_why_by_the_codes_of_grpc() {
    let site = Site::start().await;
    let guard = site.guard().0.build().unwrap();
    let open = grpc(&guard, "orders.read").await;
    let closed = grpc(&guard, "orders.write").await;
    let signed = site.signed().await.token;
    let granted = site.granted(API).await;

    let said = call(&open, Some(&signed)).await;
    assert_eq!(said.unwrap(), "anna by Signature");
    let said = call(&open, Some(granted.expose())).await;
    assert_eq!(said.unwrap(), "anna by Introspection");
    let forged = guard_scene::forged(&signed, Named::AsTheIssuers, site.clock().now());
    for token in [None, Some(forged.as_str())] {
        let refused = call(&open, token).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated, "{refused:?}");
    }
    let refused = call(&closed, Some(&signed)).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied, "{refused:?}");
    site.cut();
    site.clock().advance(Duration::from_secs(5));
    let refused = call(&open, Some(granted.expose())).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert_eq!(
        call(&open, Some(&signed)).await.unwrap(),
        "anna by Signature"
    );
}

/// A server of tonic with one service that demands this scope.
async fn grpc(guard: &Guard, scope: &str) -> Uri {
    let (listener, origin) = listener().await;
    let require = guard.require(Require::caller().scope(scope));
    let server = tonic::transport::Server::builder()
        .layer(tower::layer::util::Stack::new(require, guard.layer()))
        .add_service(Orders)
        .serve_with_incoming(TcpIncoming::from(listener));
    tokio::spawn(server);
    origin.parse().unwrap()
}

async fn call(server: &Uri, token: Option<&str>) -> Result<String, Status> {
    let client = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http::<tonic::body::Body>();
    let mut client = tonic::client::Grpc::with_origin(client, server.clone());
    client.ready().await.unwrap();
    let mut request = tonic::Request::new(String::new());
    if let Some(token) = token {
        let value = format!("Bearer {token}").parse().unwrap();
        request.metadata_mut().insert("authorization", value);
    }
    let path = PathAndQuery::from_static("/shop.Orders/Whose");
    let answer = client.unary(request, path, Text).await?;
    Ok(answer.into_inner())
}

/// The service `shop.Orders`, which says who calls.
#[derive(Clone)]
struct Orders;

impl NamedService for Orders {
    const NAME: &'static str = "shop.Orders";
}

impl Service<Request<tonic::body::Body>> for Orders {
    type Response = Response<tonic::body::Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<tonic::body::Body>) -> Self::Future {
        let said = service_fn(|request: tonic::Request<String>| async move {
            let caller = request
                .extensions()
                .get::<Caller>()
                .expect("a guard stands before it");
            Ok(tonic::Response::new(whose(caller)))
        });
        Box::pin(async move { Ok(tonic::server::Grpc::new(Text).unary(said, request).await) })
    }
}

/// Messages that are text.
#[derive(Clone, Copy)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Text;
    type Decoder = Text;

    fn encoder(&mut self) -> Text {
        Text
    }

    fn decoder(&mut self) -> Text {
        Text
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let bytes = buffer.copy_to_bytes(buffer.remaining());
        Ok(String::from_utf8(bytes.to_vec()).ok())
    }
}
