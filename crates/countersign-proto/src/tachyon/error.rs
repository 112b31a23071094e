//! What was wrong with something that a server of the dialect said?

use std::fmt;

use super::AddressError;
use crate::json::JsonError;

/// Why a message is not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TachyonError {
    /// More than so many bytes.
    TooLarge(usize),
    /// It is no acceptable JSON.
    Json(JsonError),
    /// An array of so many, where an object or an array of one belongs.
    NotOne(usize),
    /// This member is absent or no text.
    Member(&'static str),
    /// A status that does not belong here, as far as it can be shown.
    Status(String),
    /// A good message at the wrong time.
    OutOfOrder(&'static str),
    /// What stands where this address belongs is none that is opened or asked.
    Address {
        /// Of what.
        of: &'static str,
        /// What is wrong with it.
        why: AddressError,
    },
    /// What [`AccessToken::visible`](crate::token::AccessToken::visible) refuses.
    Token,
    /// No `State`: empty, longer than 4 KiB, or with a control character.
    State,
    /// The server ended the sign-in, in these words.
    Ended(String),
}

impl fmt::Display for TachyonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TachyonError::TooLarge(most) => write!(f, "it is longer than {most} bytes"),
            TachyonError::Json(why) => why.fmt(f),
            TachyonError::NotOne(count) => {
                write!(f, "it is an array of {count} where one message belongs")
            }
            TachyonError::Member(name) => write!(f, "{name} is missing or no text"),
            TachyonError::Status(status) => write!(f, "the status is {status:?}"),
            TachyonError::OutOfOrder(what) => f.write_str(what),
            TachyonError::Address { of, why } => write!(f, "{of} {why}"),
            TachyonError::Token => f.write_str("what stands where the token belongs is no token"),
            TachyonError::State => f.write_str("what stands where the state belongs is no state"),
            TachyonError::Ended(status) => write!(f, "the server ended it: {status:?}"),
        }
    }
}

impl std::error::Error for TachyonError {}

impl From<JsonError> for TachyonError {
    fn from(error: JsonError) -> TachyonError {
        TachyonError::Json(error)
    }
}
