//! What do a terminal and the platform say to each other while a person signs in with a browser?
//!
//! The WebSocket protocol `countersign.login.v1`: text frames, one JSON object each, at most
//! [`MAX_MESSAGE_BYTES`]. The terminal proves its key in `hello`, the person is authenticated in a
//! browser, and the token comes back through the socket, released by a value that travels from the
//! browser to the terminal: knowing the address of the login is not enough.
//!
//! The reader of a message from the platform passes over members that it does not know, because a
//! later platform may have more to tell. So does the reader of a signed [`Hello`], which is where a
//! later client offers more. Everything else that a client sends is read as exactly this version.

mod code;
pub use code::LoginErrorCode;

mod confirm_value;
pub use confirm_value::{ConfirmValue, ConfirmValueError};

mod label;
pub use label::label;

mod loopback;
pub use loopback::{LoopbackError, LoopbackTarget};

mod message;
pub use message::LoginMessageError;

mod client_message;
pub use client_message::ClientMessage;

mod server_message;
pub use server_message::{LoginStatus, SeenBrowser, ServerBody, ServerMessage};

mod proof;
pub use proof::HelloError;

mod hello;
pub use hello::{ClientInfo, Hello, VerifiedHello};

mod resume;
pub use resume::{Resume, VerifiedResume};

/// The subprotocol of the WebSocket (RFC 6455 §1.9), and the version that a hello offers.
pub const SUBPROTOCOL: &str = "countersign.login.v1";

/// A message may have at most so many bytes.
pub const MAX_MESSAGE_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests;
