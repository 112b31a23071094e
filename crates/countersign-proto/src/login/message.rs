//! How is any message of the socket written, and how is one read without being fooled?

use std::fmt;

use serde::Serialize;
use zeroize::Zeroizing;

use super::{MAX_MESSAGE_BYTES, SUBPROTOCOL};
use crate::json::{self, JsonError, Limits, Map, Value, Wiped};

/// Why a message is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LoginMessageError {
    /// More than [`MAX_MESSAGE_BYTES`].
    TooLarge,
    /// Not one acceptable JSON object.
    Json(JsonError),
    /// `type` is missing, or none that is sent in this direction.
    Type,
    /// This member is missing, of the wrong type, or out of range.
    Member(&'static str),
    /// A client sent a member that this version does not have.
    UnknownMember,
}

impl fmt::Display for LoginMessageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoginMessageError::TooLarge => {
                write!(f, "the message is larger than {MAX_MESSAGE_BYTES} bytes")
            }
            LoginMessageError::Json(why) => write!(f, "the message: {why}"),
            LoginMessageError::Type => {
                write!(f, "the message is of no type of {SUBPROTOCOL}")
            }
            LoginMessageError::Member(name) => write!(
                f,
                "the message: the member \"{name}\" is missing or malformed"
            ),
            LoginMessageError::UnknownMember => {
                write!(
                    f,
                    "the message has a member that {SUBPROTOCOL} does not know"
                )
            }
        }
    }
}

impl std::error::Error for LoginMessageError {}

/// One JSON object: `type`, `seq` where there is one, and the body's members.
pub(super) fn encode(name: &str, seq: Option<u64>, body: &impl Serialize) -> Zeroizing<String> {
    // Room for the largest message: growing would leave a copy of the token or value behind.
    let mut json = Vec::with_capacity(MAX_MESSAGE_BYTES);
    // Cannot fail: names are strings and a `Vec` takes every byte. Were it to fail, the message
    // would be one that nobody accepts.
    if serde_json::to_writer(&mut json, &Envelope { name, seq, body }).is_err() {
        json.clear();
    }
    Zeroizing::new(String::from_utf8(json).unwrap_or_default())
}

#[derive(Serialize)]
struct Envelope<'a, B> {
    #[serde(rename = "type")]
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(flatten)]
    body: &'a B,
}

/// The members of a message that was received.
pub(super) struct Members(Wiped);

impl Members {
    pub(super) fn read(text: &str) -> Result<Members, LoginMessageError> {
        const LIMITS: Limits = Limits {
            bytes: MAX_MESSAGE_BYTES,
            depth: 4,
            members: 64,
            string: MAX_MESSAGE_BYTES,
        };
        if text.len() > MAX_MESSAGE_BYTES {
            return Err(LoginMessageError::TooLarge);
        }
        json::object(text.as_bytes(), &LIMITS)
            .map(|members| Members(Wiped::new(members)))
            .map_err(LoginMessageError::Json)
    }

    /// `type`
    pub(super) fn name(&self) -> Result<&str, LoginMessageError> {
        self.0
            .get("type")
            .and_then(Value::as_str)
            .ok_or(LoginMessageError::Type)
    }

    /// Refuses every member but `type` and these.
    pub(super) fn only(&self, names: &[&str]) -> Result<(), LoginMessageError> {
        let known = |name: &String| name == "type" || names.contains(&name.as_str());
        if self.0.keys().all(known) {
            Ok(())
        } else {
            Err(LoginMessageError::UnknownMember)
        }
    }

    pub(super) fn all(&self) -> &Map<String, Value> {
        &self.0
    }

    pub(super) fn string(&self, name: &'static str) -> Result<&str, LoginMessageError> {
        self.optional_string(name)?
            .ok_or(LoginMessageError::Member(name))
    }

    pub(super) fn optional_string(
        &self,
        name: &'static str,
    ) -> Result<Option<&str>, LoginMessageError> {
        string_of(&self.0, name)
    }

    pub(super) fn number(&self, name: &'static str) -> Result<u64, LoginMessageError> {
        self.optional_number(name)?
            .ok_or(LoginMessageError::Member(name))
    }

    pub(super) fn optional_number(
        &self,
        name: &'static str,
    ) -> Result<Option<u64>, LoginMessageError> {
        const MAX: u64 = 1 << 53;
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => value
                .as_u64()
                .filter(|number| *number <= MAX)
                .map(Some)
                .ok_or(LoginMessageError::Member(name)),
        }
    }

    pub(super) fn flag(&self, name: &'static str) -> Result<bool, LoginMessageError> {
        flag_of(&self.0, name)
    }

    pub(super) fn optional_object(
        &self,
        name: &'static str,
    ) -> Result<Option<&Map<String, Value>>, LoginMessageError> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Object(members)) => Ok(Some(members)),
            Some(_) => Err(LoginMessageError::Member(name)),
        }
    }
}

pub(super) fn string_of<'a>(
    members: &'a Map<String, Value>,
    name: &'static str,
) -> Result<Option<&'a str>, LoginMessageError> {
    match members.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(LoginMessageError::Member(name)),
    }
}

pub(super) fn flag_of(
    members: &Map<String, Value>,
    name: &'static str,
) -> Result<bool, LoginMessageError> {
    members
        .get(name)
        .and_then(Value::as_bool)
        .ok_or(LoginMessageError::Member(name))
}
