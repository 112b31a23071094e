//! How does a request carry a token of the dialect?
//!
//! In headers of the dialect's own. `Authorization` is left to whatever else the API asks for.

use std::fmt;

use http::{HeaderMap, HeaderName, HeaderValue, Request};

use super::{Root, root::get};
use crate::token::AccessToken;

/// The token.
pub const AUTHENTICATE: HeaderName = HeaderName::from_static("x-tachyon-authenticate");
/// Which program asks: a consumer that is registered with the server.
pub const CONSUMER: HeaderName = HeaderName::from_static("x-tachyon-consumer");

/// The name of a program that is registered with the server as a consumer of its API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    name: HeaderValue,
}

/// The name is not 1 to 128 characters of visible ASCII with single spaces between them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConsumerError;

impl Consumer {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// It cannot stand in a header as it is.
    pub fn new(name: &str) -> Result<Consumer, ConsumerError> {
        let words = name.split(' ');
        let mut words =
            words.map(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic()));
        if name.len() > 128 || !words.all(|fits| fits) {
            return Err(ConsumerError);
        }
        let name = HeaderValue::from_str(name).map_err(|_| ConsumerError)?;
        Ok(Consumer { name })
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.name.to_str().unwrap_or_default()
    }
}

impl fmt::Display for ConsumerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a consumer has 1 to 128 visible ASCII characters")
    }
}

impl std::error::Error for ConsumerError {}

/// Sets both headers; what stood there before is replaced.
pub fn present(headers: &mut HeaderMap, token: &AccessToken, consumer: &Consumer) {
    // Cannot fail: a token holds only characters that a header may hold.
    if let Ok(mut value) = HeaderValue::from_str(token.expose()) {
        value.set_sensitive(true);
        headers.insert(AUTHENTICATE, value);
    }
    headers.insert(CONSUMER, consumer.name.clone());
}

/// Why a request presents nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresentedError {
    /// No token, or two.
    Token,
    /// No consumer, or two.
    Consumer,
}

/// What a server reads of [`present`].
///
/// # Errors
///
/// [`PresentedError`].
pub fn presented(headers: &HeaderMap) -> Result<(AccessToken, Consumer), PresentedError> {
    let one = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        let first = values.next()?.to_str().ok()?;
        values.next().is_none().then_some(first)
    };
    let token = one(&AUTHENTICATE).and_then(|text| AccessToken::visible(text).ok());
    let consumer = one(&CONSUMER).and_then(|text| Consumer::new(text).ok());
    Ok((
        token.ok_or(PresentedError::Token)?,
        consumer.ok_or(PresentedError::Consumer)?,
    ))
}

/// Gives a token back.
pub fn logout(root: &Root, token: &AccessToken, consumer: &Consumer) -> Request<Vec<u8>> {
    let mut request = get(&root.authentication("Logout"));
    present(request.headers_mut(), token, consumer);
    request
}

/// Says which program asks, before there is a token.
pub(super) fn name_consumer(
    mut request: Request<Vec<u8>>,
    consumer: &Consumer,
) -> Request<Vec<u8>> {
    request
        .headers_mut()
        .insert(CONSUMER, consumer.name.clone());
    request
}
