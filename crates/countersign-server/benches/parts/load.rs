//! How is a request sent, and its answer read?

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// Whole HTTP/1.1 requests.
pub(crate) type Requests = Arc<Vec<Vec<u8>>>;

/// A connection, and what came last.
pub(crate) struct Caller {
    socket: TcpStream,
    answer: Vec<u8>,
}

impl Caller {
    pub(crate) async fn of(to: SocketAddr) -> Caller {
        let socket = TcpStream::connect(to).await.expect("a connection");
        socket.set_nodelay(true).expect("no delay");
        Caller {
            socket,
            answer: Vec::with_capacity(8 * 1024),
        }
    }

    /// One request and the body of its answer, which must be a good one.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> &[u8] {
        self.socket.write_all(request).await.expect("it is sent");
        self.answer.clear();
        while body_of(&self.answer).is_none() {
            let read = self.socket.read_buf(&mut self.answer).await;
            assert!(read.expect("an answer") > 0, "the connection was closed");
        }
        let good = self.answer.starts_with(b"HTTP/1.1 200")
            && !self.answer.ends_with(br#"{"active":false}"#);
        assert!(good, "{}", String::from_utf8_lossy(&self.answer));
        body_of(&self.answer).unwrap_or_default()
    }
}

/// The body of an answer with a `Content-Length` that is there as a whole.
fn body_of(answer: &[u8]) -> Option<&[u8]> {
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

/// A POST of a form.
pub(crate) fn post(to: SocketAddr, path: &str, headers: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\nHost: {to}\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    )
    .into_bytes()
}
