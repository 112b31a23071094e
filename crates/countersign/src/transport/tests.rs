//! Does the HTTP client keep its laws against a server that does not?

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::*;

mod upgrade;

/// Answers every connection on loopback with these bytes, and counts the connections.
struct Wicked {
    address: SocketAddr,
    connections: Arc<std::sync::atomic::AtomicUsize>,
}

impl Wicked {
    async fn saying(bytes: impl Into<Vec<u8>>, then: Then) -> Wicked {
        let bytes: Arc<[u8]> = bytes.into().into();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let counter = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                counter.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                let bytes = Arc::clone(&bytes);
                tokio::spawn(async move {
                    let mut heard = [0; 4096];
                    let _ = socket.read(&mut heard).await;
                    let _ = socket.write_all(&bytes).await;
                    match then {
                        Then::Close => {}
                        Then::Stay => {
                            let _ = socket.read(&mut heard).await;
                        }
                        Then::GoOn => while socket.write_all(&bytes).await.is_ok() {},
                    }
                });
            }
        });
        Wicked {
            address,
            connections,
        }
    }

    fn get(&self, scheme: &str) -> http::Request<Vec<u8>> {
        get(&format!("{scheme}://{}/", self.address))
    }

    fn connections(&self) -> usize {
        self.connections.load(std::sync::atomic::Ordering::SeqCst)
    }
}

#[derive(Clone, Copy)]
enum Then {
    Close,
    Stay,
    GoOn,
}

fn get(url: &str) -> http::Request<Vec<u8>> {
    http::Request::get(url).body(Vec::new()).unwrap()
}

fn transport() -> HttpTransport {
    HttpTransport::builder()
        .timeout(Duration::from_secs(2))
        .build()
        .unwrap()
}

#[tokio::test]
async fn an_answer_comes_back_whole() {
    let server = Wicked::saying(
        "HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\ndpop-nonce: n\r\n\r\n{}",
        Then::Close,
    )
    .await;
    let answer = transport().send(server.get("http")).await.unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["dpop-nonce"], "n");
    assert_eq!(answer.body().as_ref(), b"{}");
}

#[tokio::test]
async fn a_redirect_is_given_back_and_not_followed() {
    let target = Wicked::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    let server = Wicked::saying(
        format!(
            "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
            target.address
        ),
        Then::Close,
    )
    .await;
    let answer = transport().send(server.get("http")).await.unwrap();
    assert_eq!(answer.status(), 307);
    assert_eq!(target.connections(), 0);
}

// security.md B26
#[tokio::test]
async fn a_body_over_one_mebibyte_is_refused_whether_or_not_it_is_announced() {
    let announced = Wicked::saying(
        "HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n",
        Then::Stay,
    )
    .await;
    let mut endless = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
    endless.resize(64 * 1024, b'x');
    let endless = Wicked::saying(endless, Then::GoOn).await;
    for server in [announced, endless] {
        let error = transport().send(server.get("http")).await.unwrap_err();
        assert_eq!(error, TransportError::TooLarge);
    }
    let mut fits = b"HTTP/1.1 200 OK\r\ncontent-length: 1048576\r\n\r\n".to_vec();
    let head = fits.len();
    fits.resize(head + 1024 * 1024, b'x');
    let fits = Wicked::saying(fits, Then::Close).await;
    let answer = transport().send(fits.get("http")).await.unwrap();
    assert_eq!(answer.body().len(), 1024 * 1024);
}

// security.md B26
#[tokio::test]
async fn a_slow_body_and_silence_end_at_the_time_limit() {
    let transport = HttpTransport::builder()
        .timeout(Duration::from_secs(1))
        .build()
        .unwrap();
    for said in ["HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx", ""] {
        let server = Wicked::saying(said, Then::Stay).await;
        let error = transport.send(server.get("http")).await.unwrap_err();
        assert_eq!(error, TransportError::Timeout);
        assert!(error.is_transient());
    }
}

// security.md B26
#[tokio::test]
async fn a_flood_of_headers_and_a_torn_answer_are_errors() {
    let mut flood = b"HTTP/1.1 200 OK\r\n".to_vec();
    for number in 0..50_000 {
        flood.extend_from_slice(format!("set-cookie: a{number}=b\r\n").as_bytes());
    }
    flood.extend_from_slice(b"\r\n");
    let torn = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx".to_vec();
    for said in [flood, torn] {
        let server = Wicked::saying(said, Then::Close).await;
        let error = transport().send(server.get("http")).await.unwrap_err();
        assert!(matches!(error, TransportError::Interrupted(_)), "{error}");
        assert_eq!(server.connections(), 1);
    }
}

#[tokio::test]
async fn nobody_there_is_said_with_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let error = transport()
        .send(get(&format!("http://{address}/oauth2/token")))
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::Connect(_)), "{error}");
    assert!(error.to_string().contains(&address.to_string()), "{error}");
    assert!(!error.to_string().contains("oauth2"), "{error}");
}

// security.md 85
#[tokio::test]
async fn plain_http_goes_to_loopback_only() {
    for url in [
        "http://platform.example/",
        "http://10.0.0.1/",
        "http://127.0.0.1.evil.example/",
        "http://localhost.evil.example/",
        "http://[::2]/",
        "http://0.0.0.0/",
        "ftp://127.0.0.1/",
    ] {
        let error = transport().send(get(url)).await.unwrap_err();
        assert!(
            matches!(error, TransportError::Settings(_)),
            "{url}: {error}"
        );
    }
    assert!(is_secure(&Url::parse("https://platform.example").unwrap()));
    assert!(is_secure(&Url::parse("http://127.8.7.6:80/").unwrap()));
    assert!(is_secure(&Url::parse("http://[::1]/").unwrap()));
    assert!(is_secure(&Url::parse("http://localhost:8085").unwrap()));
}

/// A TLS server on loopback with a certificate for that name.
async fn tls_server(
    name: &str,
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> (SocketAddr, String) {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let pem = made.cert.pem();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                if let Ok(mut socket) = acceptor.accept(socket).await {
                    let mut heard = [0; 4096];
                    let _ = socket.read(&mut heard).await;
                    let _ = socket
                        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
                        .await;
                    let _ = socket.shutdown().await;
                }
            });
        }
    });
    (address, pem)
}

// security.md 108
#[tokio::test]
async fn a_server_is_believed_by_its_chain_and_its_name_only() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("ca.pem");
    let (address, pem) = tls_server("localhost", rustls::ALL_VERSIONS).await;
    std::fs::write(&bundle, pem).unwrap();
    let trusting = HttpTransport::builder().ca_bundle(&bundle).build().unwrap();

    let right = get(&format!("https://localhost:{}/", address.port()));
    assert_eq!(trusting.send(right).await.unwrap().body().as_ref(), b"{}");

    let wrong_name = get(&format!("https://127.0.0.1:{}/", address.port()));
    let error = trusting.send(wrong_name).await.unwrap_err();
    assert!(matches!(error, TransportError::Tls(_)), "{error}");

    let unknown = get(&format!("https://localhost:{}/", address.port()));
    let error = transport().send(unknown).await.unwrap_err();
    assert!(matches!(error, TransportError::Tls(_)), "{error}");
    assert!(!error.is_transient());
    let told = crate::Error::from(error);
    assert!(told.hint().unwrap().contains("CA bundle"));
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_said_to_be_that() {
    let server = Wicked::saying("HTTP/1.1 400 Bad Request\r\n\r\n", Then::Close).await;
    let error = transport().send(server.get("https")).await.unwrap_err();
    assert!(matches!(error, TransportError::Tls(_)), "{error}");
}

// security.md C7
#[tokio::test]
async fn a_proxy_is_asked_to_connect_and_never_sees_a_request() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", proxy.local_addr().unwrap())).unwrap();
    let transport = HttpTransport::builder().proxy(url).build().unwrap();
    let request = http::Request::get("https://platform.example/api")
        .header("authorization", "Bearer canary")
        .body(Vec::new())
        .unwrap();
    let heard = async {
        let (mut socket, _) = proxy.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let length = socket.read(&mut heard).await.unwrap();
        String::from_utf8_lossy(&heard[..length]).into_owned()
    };
    let (answer, heard) = tokio::join!(transport.send(request), heard);
    answer.unwrap_err();
    assert!(
        heard.starts_with("CONNECT platform.example:443 "),
        "{heard}"
    );
    assert!(!heard.contains("canary"), "{heard}");
}

// security.md C7
#[tokio::test]
async fn requests_to_loopback_go_through_no_proxy() {
    let server = Wicked::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    let proxy = Wicked::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    let url = Url::parse(&format!("http://{}", proxy.address)).unwrap();
    let transport = HttpTransport::builder().proxy(url).build().unwrap();
    transport.send(server.get("http")).await.unwrap();
    transport.send(server.get("https")).await.unwrap_err();
    assert_eq!((server.connections(), proxy.connections()), (2, 0));
}

#[test]
fn settings_that_cannot_be_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "").unwrap();
    let absent = folder.path().join("absent.pem");
    let refused = |builder: HttpTransportBuilder| builder.build().unwrap_err().to_string();
    let start = HttpTransport::builder;
    assert!(refused(start().ca_bundle(&empty)).contains("empty.pem"));
    assert!(refused(start().ca_bundle(&absent)).contains("absent.pem"));
    assert!(refused(start().timeout(Duration::ZERO)).contains("1 s to 120 s"));
    let ftp = Url::parse("ftp://user:canary@proxy.example").unwrap();
    let said = refused(start().proxy(ftp));
    assert!(said.contains("proxy.example") && !said.contains("canary"));
}

// security.md C4
#[test]
fn the_password_of_a_proxy_is_not_printed() {
    let url = Url::parse("http://user:canary@proxy.example:3128").unwrap();
    let builder = HttpTransport::builder().proxy(url);
    let printed = format!("{builder:?}");
    let transport = builder.build().unwrap();
    transport
        .inner
        .wire(Destination::Outside, Purpose::Request)
        .unwrap();
    let printed = format!("{printed} {transport:?}");
    assert!(printed.contains("proxy.example:3128"), "{printed}");
    assert!(!printed.contains("canary"), "{printed}");
}

/// Set in the process that a test starts to look at the world through other variables.
const STRANGE: &str = "COUNTERSIGN_TEST_ENVIRONMENT_IS_STRANGE";

/// Runs a test of this file in a process with these variables.
fn in_a_process_with(test: &str, variables: &[(&str, &str)]) {
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([&format!("transport::tests::{test}"), "--exact"])
        .envs(variables.iter().copied())
        .env(STRANGE, "yes")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "{said}");
}

#[tokio::test]
async fn a_machine_without_authorities_says_so_and_trusts_what_it_is_given() {
    if std::env::var_os(STRANGE).is_none() {
        let folder = tempfile::tempdir().unwrap();
        let nowhere = folder.path().join("nowhere").display().to_string();
        return in_a_process_with(
            "a_machine_without_authorities_says_so_and_trusts_what_it_is_given",
            &[("SSL_CERT_FILE", &nowhere), ("SSL_CERT_DIR", &nowhere)],
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("ca.pem");
    let (address, pem) = tls_server("localhost", rustls::ALL_VERSIONS).await;
    std::fs::write(&bundle, pem).unwrap();
    let url = format!("https://localhost:{}/", address.port());

    let error = transport().send(get(&url)).await.unwrap_err();
    assert!(error.to_string().contains("SSL_CERT_FILE"), "{error}");
    let told = crate::Error::from(error);
    assert!(told.hint().unwrap().contains("CA bundle"));

    let plain = Wicked::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    transport().send(plain.get("http")).await.unwrap();

    let trusting = HttpTransport::builder().ca_bundle(&bundle).build().unwrap();
    trusting.send(get(&url)).await.unwrap();
}

// security.md C7
#[tokio::test]
async fn a_proxy_of_the_environment_sees_nothing_for_loopback() {
    if std::env::var_os(STRANGE).is_none() {
        // Nobody listens there: a request that goes through it fails.
        let proxy = "http://127.0.0.1:9";
        return in_a_process_with(
            "a_proxy_of_the_environment_sees_nothing_for_loopback",
            &[
                ("HTTP_PROXY", proxy),
                ("http_proxy", proxy),
                ("ALL_PROXY", proxy),
                ("NO_PROXY", ""),
                ("no_proxy", ""),
            ],
        );
    }
    let server = Wicked::saying("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", Then::Close).await;
    transport().send(server.get("http")).await.unwrap();
}
