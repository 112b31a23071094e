//! How does the browser of this machine bring the value to the terminal?
//!
//! A listener on a port of 127.0.0.1 that answers one GET: the one with the exact `Host` and the
//! path of 128 random bits. Everybody else is turned away and learns nothing.

use std::{fmt, io, net::Ipv4Addr, time::Duration};

use aws_lc_rs::constant_time::verify_slices_are_equal;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::{
    login::{ConfirmValue, LoopbackTarget},
    token::Binding,
};
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpSocket, TcpStream},
};
use url::Url;
use zeroize::Zeroizing;

use crate::{Clock, Error, ErrorKind, random};

/// A request may have at most so many bytes of line and headers.
const MAX_HEAD: usize = 8 * 1024;
const MAX_HEADERS: usize = 64;
/// So many connections are read at once; another waits.
const MAX_VISITORS: usize = 16;
/// A visitor who says nothing is turned away.
const VISIT_LIMIT: Duration = Duration::from_secs(5);
/// How long nobody is let in after somebody could not be.
const REST: Duration = Duration::from_millis(100);
/// A port that the system chooses may be one that no browser goes to; then another is asked for.
const PORT_TRIES: usize = 16;

type Visit = std::pin::Pin<Box<dyn Future<Output = Option<ConfirmValue>> + Send>>;

/// The listener of one login. It is closed when dropped.
pub(super) struct Loopback {
    listener: TcpListener,
    visitor: Visitor,
    visits: FuturesUnordered<Visit>,
}

/// Whom the listener waits for, and where to send them on.
#[derive(Clone)]
struct Visitor {
    target: LoopbackTarget,
    next: Option<Url>,
}

impl Loopback {
    /// Listens on this port, or on one that the system chooses.
    pub(super) async fn bind(port: Option<u16>) -> Result<Loopback, Error> {
        let path = URL_SAFE_NO_PAD.encode(random::bytes::<16>()?);
        let mut refused = None;
        for _ in 0..PORT_TRIES {
            let listener = listen(port.unwrap_or(0)).map_err(|error| unable(port, &error))?;
            let found = listener
                .local_addr()
                .map_err(|error| unable(port, &error))?;
            match LoopbackTarget::new(found.port(), &path) {
                Ok(target) => {
                    return Ok(Loopback {
                        listener,
                        visitor: Visitor { target, next: None },
                        visits: FuturesUnordered::new(),
                    });
                }
                Err(error) if port.is_some() => {
                    return Err(Error::new(ErrorKind::Settings, error.to_string()));
                }
                // Kept open meanwhile, so that the system does not choose it again.
                Err(error) => refused = Some((listener, error)),
            }
        }
        let why = refused.map_or(String::new(), |(_, error)| error.to_string());
        Err(Error::new(ErrorKind::Settings, why))
    }

    /// Where the browser is to go.
    pub(super) fn target(&self) -> LoopbackTarget {
        self.visitor.target.clone()
    }

    /// The browser is sent on to the page of the login that says what to do next, which has no
    /// value in its address.
    pub(super) fn send_on_to(&mut self, login: &Url) {
        let mut next = login.clone();
        if let Ok(mut segments) = next.path_segments_mut() {
            segments.push("done");
        }
        self.visitor.next = Some(next);
    }

    /// The value, when the browser brings it. Waits for ever where nobody listens. May be dropped
    /// at any moment: whoever is being read stays.
    pub(super) async fn value(loopback: &mut Option<Loopback>, clock: &dyn Clock) -> ConfirmValue {
        let Some(loopback) = loopback else {
            return std::future::pending().await;
        };
        let mut is_resting = false;
        loop {
            let is_full = loopback.visits.len() >= MAX_VISITORS;
            tokio::select! {
                visited = loopback.visits.next(), if !loopback.visits.is_empty() => {
                    if let Some(Some(value)) = visited {
                        return value;
                    }
                }
                arrived = loopback.listener.accept(), if !is_full && !is_resting => match arrived {
                    Ok((stream, _)) => {
                        let visitor = loopback.visitor.clone();
                        loopback.visits.push(Box::pin(async move {
                            let visit = visitor.receive(stream);
                            tokio::time::timeout(VISIT_LIMIT, visit).await.ok()?.ok()?
                        }));
                    }
                    // The visitor left again, or this process has too many files open.
                    Err(error) => {
                        tracing::debug!(%error, "a browser could not be let in");
                        is_resting = true;
                    }
                },
                () = clock.sleep(REST), if is_resting => is_resting = false,
            }
        }
    }
}

impl Visitor {
    /// One request, one answer.
    async fn receive(&self, mut stream: TcpStream) -> io::Result<Option<ConfirmValue>> {
        let value = read_head(&mut stream)
            .await?
            .and_then(|head| self.value_in(&head));
        let answer = match (&value, &self.next) {
            (Some(_), Some(next)) => format!(
                "HTTP/1.1 303 See Other\r\nLocation: {next}\r\nCache-Control: no-store\r\n\
                 Referrer-Policy: no-referrer\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            ),
            _ => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                .to_owned(),
        };
        // A browser that went away has brought the value all the same.
        let _ = stream.write_all(answer.as_bytes()).await;
        let _ = stream.shutdown().await;
        Ok(value)
    }

    /// The value, if this is the one request that is waited for.
    fn value_in(&self, head: &[u8]) -> Option<ConfirmValue> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut request = httparse::Request::new(&mut headers);
        if !request.parse(head).ok()?.is_complete() || request.method != Some("GET") {
            return None;
        }
        let (path, query) = request.path?.split_once('?')?;
        let expected = format!("/{}", self.target.path());
        let mut hosts = request
            .headers
            .iter()
            .filter(|header| header.name.eq_ignore_ascii_case("host"));
        let (host, None) = (hosts.next()?, hosts.next()) else {
            return None;
        };
        let authority = format!("127.0.0.1:{}", self.target.port());
        let is_meant = is_equal(path.as_bytes(), expected.as_bytes())
            & is_equal(host.value, authority.as_bytes());
        if !is_meant {
            return None;
        }
        ConfirmValue::parse(Binding::Loopback, query.strip_prefix("value=")?).ok()
    }
}

impl fmt::Debug for Loopback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loopback")
            .field("target", &self.visitor.target)
            .finish_non_exhaustive()
    }
}

/// Without `SO_REUSEADDR`, which would let another process listen on the same port.
fn listen(port: u16) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.bind((Ipv4Addr::LOCALHOST, port).into())?;
    socket.listen(MAX_VISITORS as u32)
}

/// Up to the empty line; `None` when there is none within [`MAX_HEAD`].
async fn read_head(stream: &mut TcpStream) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut head = Zeroizing::new(vec![0; MAX_HEAD]);
    let mut length = 0;
    while length < MAX_HEAD {
        let count = stream.read(&mut head[length..]).await?;
        if count == 0 {
            return Ok(None);
        }
        length += count;
        if head[..length].windows(4).any(|end| end == b"\r\n\r\n") {
            head.truncate(length);
            return Ok(Some(head));
        }
    }
    Ok(None)
}

fn is_equal(found: &[u8], expected: &[u8]) -> bool {
    verify_slices_are_equal(found, expected).is_ok()
}

fn unable(port: Option<u16>, error: &io::Error) -> Error {
    let place = port.map_or("127.0.0.1".to_owned(), |port| format!("127.0.0.1:{port}"));
    Error::new(
        ErrorKind::Settings,
        format!("nobody can listen on {place} for the browser: {error}"),
    )
    .with_hint("choose another port, or leave it out")
}

#[cfg(test)]
pub(super) mod tests;
