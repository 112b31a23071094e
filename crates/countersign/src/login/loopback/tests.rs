//! Who reaches the listener, and who is turned away?

use super::*;
use crate::SystemClock;

/// What a browser gets that opens an address.
pub(in crate::login) async fn browse(address: &Url) -> String {
    let host = format!("127.0.0.1:{}", address.port().unwrap());
    let request = format!(
        "GET {}?{} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: Mozilla/5.0\r\n\r\n",
        address.path(),
        address.query().unwrap()
    );
    send(address.port().unwrap(), &request).await
}

async fn send(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn listening() -> (Option<Loopback>, Url, ConfirmValue) {
    let mut loopback = Loopback::bind(None).await.unwrap();
    loopback.send_on_to(&Url::parse("https://id.example/sso/login/H").unwrap());
    let value = ConfirmValue::loopback(&[5; 32]);
    let address = loopback.target().url(&value);
    (Some(loopback), address, value)
}

// security.md 89
#[tokio::test]
async fn the_one_request_brings_the_value_and_is_sent_on_without_it() {
    let (mut loopback, address, value) = listening().await;
    let (found, answer) = tokio::join!(
        Loopback::value(&mut loopback, &SystemClock),
        browse(&address)
    );
    assert_eq!(found.expose(), value.expose());
    assert_eq!(
        answer,
        "HTTP/1.1 303 See Other\r\nLocation: https://id.example/sso/login/H/done\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nContent-Length: 0\r\n\
         Connection: close\r\n\r\n"
    );
}

// security.md 89: wrong ones are refused, and it goes on listening
#[tokio::test]
async fn whoever_else_comes_is_turned_away_and_learns_nothing() {
    let (mut loopback, address, value) = listening().await;
    let port = address.port().unwrap();
    let host = format!("127.0.0.1:{port}");
    let (path, text) = (address.path(), value.expose());
    let other_path = format!("/{}", URL_SAFE_NO_PAD.encode([1; 16]));
    let get = |target: &str, host: &str| format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let good = format!("{path}?value={text}");
    let wrong = [
        // DNS rebinding and its like
        get(&good, "evil.example"),
        get(&good, &format!("localhost:{port}")),
        get(&good, "127.0.0.1"),
        get(&good, &format!("{host}.evil.example")),
        get(&good, &format!("127.0.0.1:{port}0")),
        get(&good, ""),
        format!("GET {good} HTTP/1.1\r\n\r\n"),
        format!("GET {good} HTTP/1.1\r\nHost: {host}\r\nHost: {host}\r\n\r\n"),
        format!("GET {good} HTTP/1.1\r\nHost: {host}\r\nHost: evil.example\r\n\r\n"),
        // another path
        get("/", &host),
        get(path, &host),
        get(&format!("{other_path}?value={text}"), &host),
        get(&format!("{path}/?value={text}"), &host),
        get(&format!("/x/..{path}?value={text}"), &host),
        get(&format!("http://{host}{good}"), &host),
        // no value, or none that is one
        get(&format!("{path}?value="), &host),
        get(&format!("{path}?value=BCDFGHJK"), &host),
        get(&format!("{path}?value={text}&x=1"), &host),
        get(&format!("{path}?x=1&value={text}"), &host),
        get(&format!("{path}?value={text}="), &host),
        // another method, or no HTTP at all
        format!("POST {good} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\n\r\n"),
        format!("HEAD {good} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("OPTIONS {good} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        "\x16\x03\x01\x02\0\r\n\r\n".to_owned(),
        "PING\r\n\r\n".to_owned(),
        format!(
            "GET {good} HTTP/1.1\r\nHost: {host}\r\n{}\r\n",
            "X: y\r\n".repeat(65)
        ),
        format!(
            "GET {good}{} HTTP/1.1\r\nHost: {host}\r\n\r\n",
            "&".repeat(9000)
        ),
    ];
    let visitors = async {
        for request in &wrong {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            // One that is turned away early may break the connection while it is still talking.
            let _ = stream.write_all(request.as_bytes()).await;
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer).await;
            let answer = String::from_utf8(answer).unwrap();
            let is_refusal = answer.is_empty() || answer.starts_with("HTTP/1.1 404 ");
            assert!(is_refusal, "{request}: {answer}");
            assert!(!answer.contains("id.example"), "{request}: {answer}");
        }
        browse(&address).await
    };
    let (found, answer) = tokio::join!(Loopback::value(&mut loopback, &SystemClock), visitors);
    assert_eq!(found.expose(), value.expose());
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
}

#[tokio::test]
async fn a_visitor_who_says_nothing_keeps_nobody_waiting() {
    let (mut loopback, address, value) = listening().await;
    let port = address.port().unwrap();
    let mut silent = Vec::new();
    for _ in 0..MAX_VISITORS - 1 {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.write_all(b"GET /").await.unwrap();
        silent.push(stream);
    }
    let (found, _) = tokio::join!(
        Loopback::value(&mut loopback, &SystemClock),
        browse(&address)
    );
    assert_eq!(found.expose(), value.expose());
}

#[tokio::test]
async fn a_wait_that_is_dropped_loses_no_visitor() {
    let (mut loopback, address, value) = listening().await;
    let (host, target) = (
        format!("127.0.0.1:{}", address.port().unwrap()),
        format!("{}?value={}", address.path(), value.expose()),
    );
    let mut stream = TcpStream::connect(&host).await.unwrap();
    stream
        .write_all(format!("GET {target} HTTP/1.1\r\n").as_bytes())
        .await
        .unwrap();
    while loopback.as_ref().unwrap().visits.is_empty() {
        let waiting = Loopback::value(&mut loopback, &SystemClock);
        assert!(futures_util::FutureExt::now_or_never(waiting).is_none());
        tokio::task::yield_now().await;
    }
    stream
        .write_all(format!("Host: {host}\r\n\r\n").as_bytes())
        .await
        .unwrap();
    assert_eq!(
        Loopback::value(&mut loopback, &SystemClock).await.expose(),
        value.expose()
    );
}

// security.md 89
#[tokio::test]
async fn only_this_machine_reaches_the_listener() {
    let loopback = Loopback::bind(None).await.unwrap();
    let address = loopback.listener.local_addr().unwrap();
    assert_eq!(address.ip(), Ipv4Addr::LOCALHOST);
    assert!(LoopbackTarget::check_port(address.port()).is_ok());
    let another = Loopback::bind(None).await.unwrap();
    assert_ne!(another.target().path(), loopback.target().path());
    let taken = Loopback::bind(Some(address.port())).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Settings);
}

/// A listening socket can be shut so only there.
#[cfg(unix)]
mod shut {
    use std::os::fd::{AsFd as _, OwnedFd};

    use futures_util::FutureExt as _;

    use super::{super::super::tests::HandClock, *};

    /// Nobody can be let in any more.
    fn shut(loopback: &Option<Loopback>) {
        let listener = loopback.as_ref().unwrap().listener.as_fd();
        let socket: OwnedFd = listener.try_clone_to_owned().unwrap();
        let socket = std::net::TcpStream::from(socket);
        socket.shutdown(std::net::Shutdown::Both).unwrap();
    }

    #[tokio::test]
    async fn a_listener_that_lets_nobody_in_waits_and_does_not_give_up() {
        let (mut loopback, _, _) = listening().await;
        shut(&loopback);
        let clock = HandClock::default();
        tokio::select! {
            _ = Loopback::value(&mut loopback, &clock) => panic!("nobody brought it"),
            () = async {
                while clock.elapsed() < Duration::from_secs(1) {
                    tokio::task::yield_now().await;
                }
            } => {}
        }
    }

    #[tokio::test]
    async fn a_visitor_who_was_let_in_is_heard_although_nobody_else_can_be() {
        let (mut loopback, address, value) = listening().await;
        let clock = HandClock::default();
        let port = address.port().unwrap();
        let mut visitor = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        while loopback.as_ref().unwrap().visits.is_empty() {
            let found = Loopback::value(&mut loopback, &clock).now_or_never();
            assert!(found.is_none());
            tokio::task::yield_now().await;
        }
        shut(&loopback);
        let query = address.query().unwrap();
        let request = format!(
            "GET {}?{query} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n",
            address.path()
        );
        visitor.write_all(request.as_bytes()).await.unwrap();
        let found = Loopback::value(&mut loopback, &clock).await;
        assert_eq!(found.expose(), value.expose());
    }
}
