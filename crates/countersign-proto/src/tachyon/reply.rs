//! How is a message of the dialect read: one object, or an array of one?

use zeroize::Zeroizing;

use super::TachyonError;
use crate::{
    json::{self, JsonError, Limits, Value, Wiped},
    showable::showable,
};

/// A message may have at most so many bytes: a token of 64 KiB, each character of which may be
/// written as an escape of six.
pub const MAX_MESSAGE_BYTES: usize = 512 * 1024;

const LIMITS: Limits = Limits {
    bytes: MAX_MESSAGE_BYTES,
    depth: 8,
    members: 64,
    string: 64 * 1024,
};

/// How a server writes a message. Clients take both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shape {
    /// `{…}`
    #[default]
    Object,
    /// `[{…}]`
    ArrayOfOne,
}

/// The members of one message. Its texts are wiped.
pub(super) struct Reply(Wiped);

impl Reply {
    pub(super) fn read(bytes: &[u8]) -> Result<Reply, TachyonError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(TachyonError::TooLarge(MAX_MESSAGE_BYTES));
        }
        match json::value(bytes, &LIMITS)? {
            Value::Object(members) => Ok(Reply(Wiped::new(members))),
            Value::Array(mut items) => match (items.pop(), items.len()) {
                (Some(Value::Object(members)), 0) => Ok(Reply(Wiped::new(members))),
                (None, _) => Err(TachyonError::NotOne(0)),
                (Some(_), 0) => Err(JsonError::NotAnObject.into()),
                (Some(_), others) => Err(TachyonError::NotOne(others + 1)),
            },
            _ => Err(JsonError::NotAnObject.into()),
        }
    }

    /// A text of the message. Servers write names as `Data` or as `data`; both at once are one too
    /// many.
    pub(super) fn text(&mut self, name: &'static str) -> Result<Zeroizing<String>, TachyonError> {
        match self.member(name)? {
            Some(Value::String(text)) => Ok(Zeroizing::new(text)),
            _ => Err(TachyonError::Member(name)),
        }
    }

    fn member(&mut self, name: &'static str) -> Result<Option<Value>, TachyonError> {
        let mut camel = name.to_owned();
        camel[..1].make_ascii_lowercase();
        match (self.0.take(name), self.0.take(&camel)) {
            (Some(Value::String(text)), Some(_)) => {
                drop(Zeroizing::new(text));
                Err(JsonError::DuplicateMember(camel).into())
            }
            (Some(_), Some(_)) => Err(JsonError::DuplicateMember(camel).into()),
            (one, other) => Ok(one.or(other)),
        }
    }

    pub(super) fn status(&mut self) -> Result<Status, TachyonError> {
        Ok(Status::of(&self.text("Status")?))
    }

    /// As [`Reply::status`], `None` where the message has none.
    pub(super) fn optional_status(&mut self) -> Result<Option<Status>, TachyonError> {
        match self.member("Status")? {
            Some(Value::String(text)) => Ok(Some(Status::of(&text))),
            Some(Value::Null) | None => Ok(None),
            Some(_) => Err(TachyonError::Member("Status")),
        }
    }
}

/// What a message says has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Requested,
    Successful,
    /// As far as it can be shown.
    Other(String),
}

pub(super) const REQUESTED: &str = "AuthenticationRequested";
pub(super) const SUCCESSFUL: &str = "AuthenticationSuccessful";

impl Status {
    pub(super) fn of(text: &str) -> Status {
        if text.eq_ignore_ascii_case(REQUESTED) {
            Status::Requested
        } else if text.eq_ignore_ascii_case(SUCCESSFUL) {
            Status::Successful
        } else {
            Status::Other(showable(text, 64))
        }
    }
}

/// Writes a message of texts.
pub(super) fn write(members: &[(&str, &str)], shape: Shape) -> Zeroizing<Vec<u8>> {
    let object = Members(members);
    match shape {
        Shape::Object => json::written_once(&object),
        Shape::ArrayOfOne => json::written_once(&[object]),
    }
}

struct Members<'a>(&'a [(&'a str, &'a str)]);

impl serde::Serialize for Members<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().copied())
    }
}

/// The text of a body that is plain: without the spaces around it, and without the quotes of a server
/// that writes it as JSON.
pub(super) fn plain(body: &[u8], most: usize) -> Result<Zeroizing<String>, TachyonError> {
    if body.len() > MAX_MESSAGE_BYTES {
        return Err(TachyonError::TooLarge(MAX_MESSAGE_BYTES));
    }
    let text = std::str::from_utf8(body).map_err(|_| JsonError::NotUtf8)?;
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let text = match text.starts_with('"') {
        false => Zeroizing::new(text.to_owned()),
        true => match json::value(text.as_bytes(), &LIMITS)? {
            Value::String(text) => Zeroizing::new(text),
            _ => return Err(JsonError::Syntax.into()),
        },
    };
    match text.len() > most {
        true => Err(TachyonError::TooLarge(most)),
        false => Ok(text),
    }
}
