//! What is said over the WebSocket of the earlier generation?
//!
//! The client says [`COMMAND`], the server names the address to open, and when somebody has signed in
//! there, the token. Both ends close then.

use url::Url;
use zeroize::Zeroizing;

use super::{
    Shape, TachyonError, address,
    reply::{self, REQUESTED, Reply, SUCCESSFUL, Status},
};
use crate::token::AccessToken;

/// The one text that the client sends.
pub const COMMAND: &str = "ACTION=Command";

/// One sign-in over a WebSocket, as the client hears it.
#[derive(Debug)]
pub struct SocketConversation {
    server: Url,
    next: Next,
}

/// What has to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    Address,
    Token,
    Nothing,
}

/// What a message says.
#[derive(Clone, Debug)]
pub enum Heard {
    /// A person is to sign in there.
    Open(Url),
    /// Somebody has.
    Signed(AccessToken),
}

impl SocketConversation {
    /// One with this server, to which [`COMMAND`] is sent.
    pub fn new(server: &Url) -> SocketConversation {
        SocketConversation {
            server: server.clone(),
            next: Next::Address,
        }
    }

    /// Takes in a whole message, however many frames it came in.
    ///
    /// # Errors
    ///
    /// Everything but the address first and the token second is one, and ends the conversation.
    pub fn hear(&mut self, message: &[u8]) -> Result<Heard, TachyonError> {
        let next = std::mem::replace(&mut self.next, Next::Nothing);
        if next == Next::Nothing {
            return Err(TachyonError::OutOfOrder("it speaks after the end"));
        }
        let mut reply = Reply::read(message)?;
        match (reply.status()?, next) {
            (Status::Requested, Next::Address) => {
                let url = address::read(&reply.text("Data")?, &self.server, "the sign-in page")?;
                self.next = Next::Token;
                Ok(Heard::Open(url))
            }
            (Status::Successful, Next::Token) => token(&mut reply).map(Heard::Signed),
            (Status::Requested, _) => Err(TachyonError::OutOfOrder(
                "it names a second address before anybody has signed in",
            )),
            (Status::Successful, _) => Err(TachyonError::OutOfOrder(
                "it says that somebody has signed in before it says where",
            )),
            (Status::Other(status), _) => Err(TachyonError::Status(status)),
        }
    }
}

/// The token of a message.
pub(super) fn token(reply: &mut Reply) -> Result<AccessToken, TachyonError> {
    let text = reply.text("Data").map_err(|error| match error {
        TachyonError::Member(_) => TachyonError::Token,
        other => other,
    })?;
    AccessToken::visible(&text).map_err(|_| TachyonError::Token)
}

/// The server's first message: where to sign in.
pub fn requested(address: &str, shape: Shape) -> Zeroizing<Vec<u8>> {
    reply::write(&[("Status", REQUESTED), ("Data", address)], shape)
}

/// The server's last message, over either way: the token.
pub fn successful(token: &str, shape: Shape) -> Zeroizing<Vec<u8>> {
    reply::write(&[("Status", SUCCESSFUL), ("Data", token)], shape)
}
