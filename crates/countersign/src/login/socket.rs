//! How do the messages of a login travel?
//!
//! Over a WebSocket, one message a frame.

use std::{fmt, pin::Pin, task::Poll};

use countersign_proto::login::{LoginErrorCode, MAX_MESSAGE_BYTES, SUBPROTOCOL, ServerMessage};
use futures_util::{Sink as _, StreamExt as _};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{self, Message},
};
use url::Url;
use zeroize::Zeroizing;

use crate::{Error, ErrorKind, HttpTransport, websocket::Wanted};

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
        let wanted = Wanted {
            subprotocol: Some(SUBPROTOCOL),
            max_message_bytes: MAX_MESSAGE_BYTES,
            not_usable,
        };
        let stream = wanted.open(transport, endpoint).await?;
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
