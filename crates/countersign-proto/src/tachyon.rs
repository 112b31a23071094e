//! What do a client and a server of the 1E/Tachyon dialect say to each other?
//!
//! An existing platform speaks it: <https://help.1e.com/SDK/en/authenticate-against-the-platform-and-obtain-a-token.html>.
//! Here it is spoken as a client, and by the test server; the platform of this project does not speak
//! it. **Nothing in it ties the browser to the terminal**: whoever starts a sign-in gets the token of
//! whoever opens its address. [`crate::login`] is the protocol that does.
//!
//! Two generations are told apart by where their API stands ([`Generation`]). Signing in goes over a
//! WebSocket ([`SocketConversation`]), by polling ([`PollNonce`], [`Begun`], [`Checked`]), or with a
//! certificate ([`certificate`], [`TachyonAssertion`]). Requests carry the token in headers of the
//! dialect ([`present`]), never in `Authorization`.
//!
//! What is not public is not spoken: the refresh of an interactive token, the assertion for a platform
//! token, the way to ask for a principal.

mod address;
pub use address::{AddressError, MAX_ADDRESS_BYTES};

mod error;
pub use error::TachyonError;

mod root;
pub use root::{Generation, Root, ServerError, is_answered, server};

mod reply;
pub use reply::{MAX_MESSAGE_BYTES, Shape};

mod socket;
pub use socket::{COMMAND, Heard, SocketConversation, requested, successful};

mod poll;
pub use poll::{
    Begun, CheckRequest, Checked, PollNonce, begin, check, read_check, read_poll_token,
};

pub mod certificate;

mod assertion;
pub use assertion::{AssertionRefusal, TachyonAssertion, verify};

mod inside;
pub use inside::{Inside, look_into};

mod presented;
pub use presented::{
    AUTHENTICATE, CONSUMER, Consumer, ConsumerError, PresentedError, logout, present, presented,
};

#[cfg(test)]
mod tests;
