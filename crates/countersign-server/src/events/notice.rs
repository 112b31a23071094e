//! How is an event written for a receiver that is not this platform?

use countersign_proto::time::UnixTime;
use serde::Serialize;

use super::{EventName, Told};

/// An event on its way to a receiver. It is the same, byte by byte, however often it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    /// Unique, and greater than those of earlier events.
    pub(super) id: String,
    pub(super) name: EventName,
    pub(super) at: UnixTime,
    /// JSON.
    pub(super) body: Vec<u8>,
}

/// The members of the body, in their order. docs/events.md says what each means.
#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    name: &'a str,
    at: u64,
    subject: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    repeats: u64,
}

impl Notice {
    /// Of what is told, under this id.
    pub(super) fn new(id: String, told: &Told) -> Notice {
        let event = &told.event;
        let body = Body {
            id: &id,
            name: event.name.as_str(),
            at: event.at.as_secs(),
            subject: &event.subject,
            token_id: event.token_id.as_deref(),
            certificate: event.certificate.as_deref(),
            address: event.address.map(|address| address.to_string()),
            detail: event.detail.as_deref(),
            repeats: told.repeats,
        };
        // Strings and numbers always become JSON.
        let body = serde_json::to_vec(&body).unwrap_or_default();
        Notice {
            name: event.name,
            at: event.at,
            body,
            id,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Event;

    #[test]
    fn a_body_has_what_is_known_and_nothing_else() {
        let event = Event::new(
            EventName::TokenRevokedUsed,
            "anders",
            UnixTime::from_secs(1_800_000_000),
        )
        .token("0ABC")
        .address(Some("192.0.2.7".parse().unwrap()));
        let notice = Notice::new("1XYZ".to_owned(), &Told { event, repeats: 3 });
        assert_eq!(
            String::from_utf8(notice.body).unwrap(),
            "{\"id\":\"1XYZ\",\"name\":\"token.revoked_used\",\"at\":1800000000,\
             \"subject\":\"anders\",\"token_id\":\"0ABC\",\"address\":\"192.0.2.7\",\"repeats\":3}"
        );
    }
}
