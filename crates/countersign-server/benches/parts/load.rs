//! How many answers come back in a second?

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use countersign_bench::time;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    runtime::Runtime,
};

const CONNECTIONS: usize = 64;

/// Whole HTTP/1.1 requests, and whom they are for.
#[derive(Clone, Copy)]
pub(crate) struct Load<'a> {
    pub(crate) to: SocketAddr,
    pub(crate) requests: &'a Arc<Vec<Vec<u8>>>,
}

/// Sends every request once: answers a second.
pub(crate) fn load(runtime: &Runtime, load: Load<'_>) -> f64 {
    let next = Arc::new(AtomicUsize::new(0));
    let ((), elapsed) = time(|| {
        runtime.block_on(async {
            let callers: Vec<_> = (0..CONNECTIONS)
                .map(|_| {
                    let (requests, next) = (Arc::clone(load.requests), Arc::clone(&next));
                    tokio::spawn(caller(load.to, requests, next))
                })
                .collect();
            for caller in callers {
                caller.await.expect("a caller ends well");
            }
        });
    });
    load.requests.len() as f64 / elapsed.as_secs_f64()
}

async fn caller(to: SocketAddr, requests: Arc<Vec<Vec<u8>>>, next: Arc<AtomicUsize>) {
    let mut socket = TcpStream::connect(to).await.expect("a connection");
    socket.set_nodelay(true).expect("no delay");
    let mut answer = Vec::with_capacity(8 * 1024);
    while let Some(request) = requests.get(next.fetch_add(1, Ordering::Relaxed)) {
        exchange(&mut socket, request, &mut answer).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(
            text.starts_with("HTTP/1.1 200") && text.contains("\"active\":true"),
            "not believed: {text}"
        );
    }
}

/// One request and the whole of its answer.
pub(crate) async fn exchange(socket: &mut TcpStream, request: &[u8], answer: &mut Vec<u8>) {
    socket.write_all(request).await.expect("it is sent");
    answer.clear();
    while !is_complete(answer) {
        let read = socket.read_buf(answer).await.expect("an answer");
        assert!(read > 0, "the connection was closed");
    }
}

/// Whether an answer with a `Content-Length` is there as a whole.
fn is_complete(answer: &[u8]) -> bool {
    body_of(answer).is_some()
}

/// The body of an answer that is there as a whole.
pub(crate) fn body_of(answer: &[u8]) -> Option<&[u8]> {
    let mut headers = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut headers);
    let Ok(httparse::Status::Complete(head)) = response.parse(answer) else {
        return None;
    };
    let length = response
        .headers
        .iter()
        .find(|header| header.name.eq_ignore_ascii_case("content-length"))?;
    let length: usize = std::str::from_utf8(length.value).ok()?.parse().ok()?;
    answer.get(head..head + length)
}
