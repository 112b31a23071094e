//! What must hold of whatever a server of the Tachyon dialect says?

use countersign::proto::{
    tachyon::{
        Begun, Heard, MAX_MESSAGE_BYTES, Shape, SocketConversation, TachyonError, certificate,
        look_into, read_check, read_poll_token, requested, server,
    },
    token::AccessToken,
};
use url::Url;

use super::rereading::{has_repeated_members, is_shown_safely};

/// As every message and every body that comes from there.
pub fn hold(input: &[u8]) {
    let at = server("https://tachyon.example").expect("a server");
    let mut first = SocketConversation::new(&at);
    if let Some(Heard::Open(url)) = taken(first.hear(input), input) {
        is_a_page(&url);
    }
    let mut second = SocketConversation::new(&at);
    let opened = second.hear(&requested("https://login.example/", Shape::Object));
    assert!(matches!(opened, Ok(Heard::Open(_))));
    if let Some(Heard::Signed(token)) = taken(second.hear(input), input) {
        is_a_token(&token);
    }
    if let Some(begun) = taken(Begun::read(input, &at), input) {
        is_a_page(&begun.url);
        assert!(!begun.state.chars().any(char::is_control));
    }
    taken(read_check(input), b"");
    if let Some(token) = taken(read_poll_token(input), input) {
        is_a_token(&token);
    }
    if let Some(url) = taken(certificate::read_metadata_endpoint(input, &at), b"") {
        is_a_page(&url);
    }
    if let Some(audience) = taken(certificate::read_token_endpoint(input, &at), input) {
        is_a_page(&audience.parse().expect("a URL"));
    }
    if let Some(token) = taken(certificate::read_token(input), b"") {
        is_a_token(&token);
    }
}

/// What was taken of a message; what was not can be shown.
fn taken<T>(read: Result<T, TachyonError>, message: &[u8]) -> Option<T> {
    match read {
        Ok(read) => {
            assert!(message.len() <= 2 * MAX_MESSAGE_BYTES);
            assert!(message.starts_with(b"[") || !has_repeated_members(message));
            Some(read)
        }
        Err(why) => {
            is_shown_safely(&why);
            None
        }
    }
}

/// Nothing else is opened or asked because of a server elsewhere.
fn is_a_page(url: &Url) {
    assert_eq!(url.scheme(), "https", "{url}");
    assert!(url.username().is_empty() && url.password().is_none());
    let host = url.host_str().expect("a host");
    assert!(host != "localhost" && !host.starts_with("127."), "{url}");
}

/// A header can hold it, and it says nothing that is not in it.
fn is_a_token(token: &AccessToken) {
    let text = token.expose();
    assert!(http::HeaderValue::from_str(text).is_ok());
    assert!((1..=AccessToken::MAX_VISIBLE_BYTES).contains(&text.len()));
    if let Some(inside) = look_into(token) {
        let _ = (inside.expires_at(), inside.principal());
    }
}
