//! How do the messages of a login travel?
//!
//! A WebSocket (RFC 6455) over the HTTP/1.1 upgrade of the transport, so that proxy, certificate
//! authorities and TLS are those of every other request.

use std::{fmt, pin::Pin, task::Poll};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use countersign_proto::login::{LoginErrorCode, MAX_MESSAGE_BYTES, SUBPROTOCOL, ServerMessage};
use futures_util::{Sink as _, StreamExt as _};
use http::{HeaderMap, StatusCode, header};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        handshake::derive_accept_key,
        protocol::{Role, WebSocketConfig},
    },
};
use url::Url;
use zeroize::Zeroizing;

use crate::{Error, ErrorKind, HttpTransport, random};

/// An open socket.
pub(super) struct Socket {
    stream: WebSocketStream<reqwest::Upgraded>,
}

/// What came through a socket.
pub(super) enum Frame {
    /// A message.
    Message(Box<ServerMessage>),
    /// A sign of life.
    Alive,
    /// The platform closed it, and says why.
    Closed(LoginErrorCode),
    /// It broke; the login may be resumed.
    Broken,
}

impl Socket {
    /// Opens a socket. No `Origin` is sent: a terminal has none.
    pub(super) async fn open(transport: &HttpTransport, endpoint: &Url) -> Result<Socket, Error> {
        let key = STANDARD.encode(random::bytes::<16>()?);
        let request = http::Request::get(http_address(endpoint)?.as_str())
            .header(header::CONNECTION, "Upgrade")
            .header(header::UPGRADE, "websocket")
            .header(header::SEC_WEBSOCKET_VERSION, "13")
            .header(header::SEC_WEBSOCKET_KEY, &key)
            .header(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
            .body(Vec::new())
            .map_err(|_| not_usable("its address is not usable"))?;
        let mut answer = transport.upgrade(request).await?;
        let status = answer.status();
        let Some(connection) = answer.body_mut().take() else {
            return Err(Error::status(endpoint.as_str(), status.as_u16()));
        };
        check_handshake(status, answer.headers(), &key)?;
        let mut config = WebSocketConfig::default();
        config.read_buffer_size = MAX_MESSAGE_BYTES;
        config.write_buffer_size = 0;
        config.max_message_size = Some(MAX_MESSAGE_BYTES);
        config.max_frame_size = Some(MAX_MESSAGE_BYTES);
        let stream = WebSocketStream::from_raw_socket(connection, Role::Client, Some(config)).await;
        Ok(Socket { stream })
    }

    /// The next thing that comes. May be dropped at any moment.
    ///
    /// # Errors
    /// What came is nothing that this protocol knows.
    pub(super) async fn next(&mut self) -> Result<Frame, Error> {
        let frame = match self.stream.next().await {
            None => return Ok(Frame::Broken),
            Some(Ok(frame)) => frame,
            Some(Err(tungstenite::Error::Capacity(_))) => {
                return Err(not_usable("it sent a message of more than 8 KiB"));
            }
            Some(Err(
                tungstenite::Error::Protocol(
                    tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
                )
                | tungstenite::Error::Io(_)
                | tungstenite::Error::ConnectionClosed
                | tungstenite::Error::AlreadyClosed,
            )) => return Ok(Frame::Broken),
            Some(Err(error)) => return Err(not_usable(&error.to_string())),
        };
        match frame {
            Message::Text(text) => ServerMessage::decode(&text)
                .map(|message| Frame::Message(Box::new(message)))
                .map_err(|error| not_usable(&error.to_string())),
            Message::Ping(_) | Message::Pong(_) => Ok(Frame::Alive),
            Message::Close(close) => Ok(close
                .and_then(|close| LoginErrorCode::from_close_code(close.code.into()))
                .map_or(Frame::Broken, Frame::Closed)),
            Message::Binary(_) | Message::Frame(_) => {
                Err(not_usable("it sent something else than text"))
            }
        }
    }

    /// Sends, as soon as there is room, what `next` gives; then sees to it that all has left. May be
    /// dropped at any moment: what was taken from `next` is sent by a later call.
    ///
    /// `false` when the connection is broken.
    pub(super) async fn send(
        &mut self,
        mut next: impl FnMut() -> Option<Zeroizing<String>>,
    ) -> bool {
        std::future::poll_fn(|context| {
            let mut stream = Pin::new(&mut self.stream);
            loop {
                match stream.as_mut().poll_ready(context) {
                    Poll::Ready(Ok(())) => {}
                    Poll::Ready(Err(_)) => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                }
                let Some(text) = next() else { break };
                if stream
                    .as_mut()
                    .start_send(Message::text(text.as_str()))
                    .is_err()
                {
                    return Poll::Ready(false);
                }
            }
            stream
                .poll_flush(context)
                .map(|flushed: Result<(), tungstenite::Error>| flushed.is_ok())
        })
        .await
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Socket")
    }
}

/// A server that cannot be spoken to.
pub(super) fn not_usable(why: &str) -> Error {
    Error::new(
        ErrorKind::Server,
        crate::error::printable(&format!("the platform's login cannot be used: {why}")),
    )
}

/// RFC 6455 §3: `ws` is `http`, `wss` is `https`.
fn http_address(endpoint: &Url) -> Result<Url, Error> {
    let scheme = match endpoint.scheme() {
        "wss" => "https",
        "ws" => "http",
        _ => return Err(not_usable("its address is that of no WebSocket")),
    };
    let mut address = endpoint.clone();
    match address.set_scheme(scheme) {
        Ok(()) => Ok(address),
        Err(()) => Err(not_usable("its address is that of no WebSocket")),
    }
}

/// RFC 6455 §4.1: what the server's answer must have.
fn check_handshake(status: StatusCode, headers: &HeaderMap, key: &str) -> Result<(), Error> {
    let is = |name, value: &str| {
        let mut found = headers.get_all(name).iter();
        let first = found.next().and_then(|found| found.to_str().ok());
        found.next().is_none() && first.is_some_and(|found| found.eq_ignore_ascii_case(value))
    };
    let exact = |name, value: &str| headers.get(name).is_some_and(|found| found == value);
    if status != StatusCode::SWITCHING_PROTOCOLS
        || !is(header::UPGRADE, "websocket")
        || !is(header::CONNECTION, "upgrade")
        || !exact(
            header::SEC_WEBSOCKET_ACCEPT,
            &derive_accept_key(key.as_bytes()),
        )
    {
        return Err(not_usable("it did not open a WebSocket"));
    }
    if !exact(header::SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL) {
        return Err(not_usable(&format!("it does not speak {SUBPROTOCOL}")));
    }
    if headers.contains_key(header::SEC_WEBSOCKET_EXTENSIONS) {
        return Err(not_usable("it wants an extension that nobody asked for"));
    }
    Ok(())
}
