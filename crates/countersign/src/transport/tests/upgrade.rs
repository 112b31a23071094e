//! Does a connection become something else under the same laws as a request?

use super::*;

/// Turns every connection into an echo, and says by which protocol of ALPN it came.
async fn echo_server() -> (
    SocketAddr,
    String,
    tokio::sync::mpsc::Receiver<Option<Vec<u8>>>,
) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(rustls::ALL_VERSIONS)
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, protocols) = tokio::sync::mpsc::channel(8);
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            let Ok(mut socket) = acceptor.accept(socket).await else {
                continue;
            };
            let protocol = socket.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            let _ = sender.send(protocol).await;
            let mut heard = [0; 4096];
            let _ = socket.read(&mut heard).await;
            let said = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\n\
                Connection: Upgrade\r\n\r\n";
            let _ = socket.write_all(said).await;
            while let Ok(length @ 1..) = socket.read(&mut heard).await {
                let _ = socket.write_all(&heard[..length]).await;
            }
        }
    });
    (address, pem, protocols)
}

fn upgrade(url: &str) -> http::Request<Vec<u8>> {
    http::Request::get(url)
        .header("Connection", "Upgrade")
        .header("Upgrade", "echo")
        .body(Vec::new())
        .unwrap()
}

// RFC 9110 §7.8: by HTTP/1.1 only, although the server would rather speak HTTP/2
#[tokio::test]
async fn a_connection_becomes_something_else_by_http_1_and_outlives_the_time_limit() {
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("ca.pem");
    let (address, pem, mut protocols) = echo_server().await;
    std::fs::write(&bundle, pem).unwrap();
    let trusting = HttpTransport::builder().ca_bundle(&bundle).build().unwrap();
    let url = format!("https://localhost:{}/", address.port());
    let mut answer = trusting.upgrade(upgrade(&url)).await.unwrap();
    assert_eq!(answer.status(), 101);
    assert_eq!(protocols.recv().await, Some(Some(b"http/1.1".to_vec())));
    let mut connection = answer.body_mut().take().unwrap();
    // The limit of 10 s is for the request, which is over.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3600)).await;
    tokio::time::resume();
    connection.write_all(b"still here").await.unwrap();
    let mut heard = [0; 10];
    connection.read_exact(&mut heard).await.unwrap();
    assert_eq!(&heard, b"still here");
    drop(connection);

    // The chain and the name count as for every request.
    let error = transport().upgrade(upgrade(&url)).await.unwrap_err();
    assert!(matches!(error, TransportError::Tls(_)), "{error}");
}

#[tokio::test]
async fn an_upgrade_that_is_refused_is_an_answer_without_a_connection() {
    let server = Wicked::saying(
        "HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
        Then::Close,
    )
    .await;
    let url = format!("http://{}/", server.address);
    let answer = transport().upgrade(upgrade(&url)).await.unwrap();
    assert_eq!(answer.status(), 403);
    assert!(answer.body().is_none());
    let error = transport()
        .upgrade(upgrade("http://platform.example/"))
        .await
        .unwrap_err();
    assert!(matches!(error, TransportError::Settings(_)), "{error}");
}

// security.md C7
#[tokio::test]
async fn a_proxy_is_asked_to_connect_for_an_upgrade_too() {
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", proxy.local_addr().unwrap())).unwrap();
    let transport = HttpTransport::builder().proxy(url).build().unwrap();
    let heard = async {
        let (mut socket, _) = proxy.accept().await.unwrap();
        let mut heard = vec![0; 4096];
        let length = socket.read(&mut heard).await.unwrap();
        String::from_utf8_lossy(&heard[..length]).into_owned()
    };
    let upgrade = transport.upgrade(upgrade("https://platform.example/login/socket"));
    let (answer, heard) = tokio::join!(upgrade, heard);
    answer.unwrap_err();
    assert!(
        heard.starts_with("CONNECT platform.example:443 "),
        "{heard}"
    );
    assert!(!heard.contains("/login/socket"), "{heard}");
}
