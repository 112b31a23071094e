//! What does a terminal say to the platform?

use std::fmt;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{
    ConfirmValue, LoginMessageError,
    message::{self, Members},
};
use crate::token::Binding;

/// A message of the terminal.
#[derive(Clone)]
#[non_exhaustive]
pub enum ClientMessage {
    /// `hello`: begins a login. The JWS is a [`Hello`](super::Hello).
    Hello {
        /// `jws`
        jws: String,
    },
    /// `resume`: goes on with a login. The JWS is a [`Resume`](super::Resume).
    Resume {
        /// `jws`
        jws: String,
    },
    /// `confirm`: the value came from the browser.
    Confirm {
        /// `bind`: the way that it came.
        bind: Binding,
        /// `value`
        value: ConfirmValue,
    },
    /// `accept`: the identity is the one that is wanted.
    Accept,
    /// `reject`: it is not.
    Reject,
    /// `received`: the token is here; it may be used from now on.
    Received,
    /// `cancel`: the person at the terminal gives up.
    Cancel,
}

impl ClientMessage {
    /// The value of `type`.
    pub fn name(&self) -> &'static str {
        match self {
            ClientMessage::Hello { .. } => "hello",
            ClientMessage::Resume { .. } => "resume",
            ClientMessage::Confirm { .. } => "confirm",
            ClientMessage::Accept => "accept",
            ClientMessage::Reject => "reject",
            ClientMessage::Received => "received",
            ClientMessage::Cancel => "cancel",
        }
    }

    /// The text of the frame.
    pub fn encode(&self) -> Zeroizing<String> {
        let body = match self {
            ClientMessage::Hello { jws } | ClientMessage::Resume { jws } => Body::Signed { jws },
            ClientMessage::Confirm { bind, value } => Body::Confirm {
                bind: bind.name(),
                value: value.expose(),
            },
            ClientMessage::Accept
            | ClientMessage::Reject
            | ClientMessage::Received
            | ClientMessage::Cancel => Body::Nothing {},
        };
        message::encode(self.name(), None, &body)
    }

    /// Reads the text of a frame. A member that this version does not have is refused.
    ///
    /// # Errors
    ///
    /// [`LoginMessageError`] names the first thing that is wrong.
    pub fn decode(text: &str) -> Result<ClientMessage, LoginMessageError> {
        let members = Members::read(text)?;
        let signed = || {
            members.only(&["jws"])?;
            members.string("jws").map(str::to_owned)
        };
        let bare = |message| members.only(&[]).map(|()| message);
        match members.name()? {
            "hello" => signed().map(|jws| ClientMessage::Hello { jws }),
            "resume" => signed().map(|jws| ClientMessage::Resume { jws }),
            "confirm" => {
                members.only(&["bind", "value"])?;
                let bind = Binding::from_name(members.string("bind")?)
                    .ok_or(LoginMessageError::Member("bind"))?;
                let value = ConfirmValue::parse(bind, members.string("value")?)
                    .map_err(|_| LoginMessageError::Member("value"))?;
                Ok(ClientMessage::Confirm { bind, value })
            }
            "accept" => bare(ClientMessage::Accept),
            "reject" => bare(ClientMessage::Reject),
            "received" => bare(ClientMessage::Received),
            "cancel" => bare(ClientMessage::Cancel),
            _ => Err(LoginMessageError::Type),
        }
    }
}

/// Shows what kind of message it is.
impl fmt::Debug for ClientMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientMessage({})", self.name())
    }
}

#[derive(Serialize)]
#[serde(untagged)]
enum Body<'a> {
    Signed { jws: &'a str },
    Confirm { bind: &'static str, value: &'a str },
    Nothing {},
}
