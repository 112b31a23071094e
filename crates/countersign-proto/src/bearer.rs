//! How is a token presented with a request, and how is its absence answered (RFC 6750, RFC 9449 §7)?

use crate::token::{AccessToken, TokenType};

/// The `Authorization` value for a token, marked sensitive.
pub fn authorization(_token: &AccessToken, _token_type: TokenType) -> http::HeaderValue {
    todo!()
}

/// What a request presented.
#[derive(Clone, Debug)]
pub struct PresentedToken {
    pub token: AccessToken,
    pub token_type: TokenType,
}
/// Why nothing usable was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BearerError {
    /** no credentials at all: challenge without an error code */
    Missing,
    /** two headers, or two methods: 400 */
    Several,
    Malformed,
    /** another scheme, such as Basic */
    Scheme,
}
/// Reads the `Authorization` header; one header, one scheme.
pub fn read(_headers: &http::HeaderMap) -> Result<PresentedToken, BearerError> {
    todo!()
}

/// A `WWW-Authenticate` challenge (RFC 6750 §3); characters outside the permitted set are dropped.
pub fn challenge(
    _scheme: TokenType,
    _error: Option<&str>,
    _description: Option<&str>,
    _scope: Option<&str>,
) -> http::HeaderValue {
    todo!()
}
