//! How does an assertion become a token? One round trip (not RFC 8693 token exchange).
//!
//! `POST /oauth2/token`, form encoded in, JSON out (RFC 6749 §4.4, §5; RFC 7523 §2.1, §2.2).

use std::time::Duration;

use crate::{
    assertion::ClientAssertion,
    oauth_error::OAuthError,
    scope::Scope,
    time::UnixTime,
    token::{AccessToken, TokenKind, TokenType},
};

/// `client_assertion_type` (RFC 7523 §2.2).
pub const JWT_BEARER_ASSERTION_TYPE: &str =
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// `grant_type` for platform tokens (RFC 7523 §2.1).
pub const JWT_BEARER_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Forms may have at most so many bytes.
pub const MAX_FORM_BYTES: usize = 64 * 1024;

/// What the client asks (encode side).
#[derive(Debug)]
#[non_exhaustive]
pub enum TokenRequest<'a> {
    /// kind 1
    ClientCredentials {
        client_id: &'a str,
        assertion: &'a ClientAssertion,
        scope: Option<&'a Scope>,
        principal: Option<&'a str>,
    },
    /// kind 2
    Platform {
        assertion: &'a ClientAssertion,
        scope: Option<&'a Scope>,
    },
}
impl TokenRequest<'_> {
    /// A POST request with `Content-Type: application/x-www-form-urlencoded` and `Accept: application/json`.
    pub fn to_http(&self, _token_endpoint: &url::Url) -> http::Request<Vec<u8>> {
        todo!()
    }
}

/// What the platform read (decode side). Strings are as sent; nothing is verified.
#[derive(Debug)] // Debug must not print assertions
#[non_exhaustive]
pub enum ReceivedTokenRequest {
    ClientCredentials {
        client_id: Option<String>,
        assertion: Presented,
        scope: Scope,
        principal: Option<String>,
    },
    Platform {
        assertion: Presented,
        scope: Scope,
        /** client authentication sent beside the grant (security.md 40) */
        client_assertion: Option<Presented>,
    },
}
/// A secret as it was presented; Debug prints nothing of it; wiped when dropped.
pub struct Presented {
    _secret: zeroize::Zeroizing<String>,
}
impl Presented {
    pub fn new(_text: String) -> Presented {
        todo!()
    }
    pub fn expose(&self) -> &str {
        todo!()
    }
}
impl std::fmt::Debug for Presented {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Presented(..)")
    }
}

/// Form parameters: each at most once, empty is absent, unknown ones ignored (RFC 6749 §3.2).
#[derive(Debug, Default)]
pub struct Form {/* private map */}
impl Form {
    /// Parses a form body. A repeated parameter is `invalid_request`.
    pub fn parse(_body: &[u8]) -> Result<Form, OAuthError> {
        todo!()
    }
    /// Takes a parameter out; empty is absent.
    pub fn take(&mut self, _name: &str) -> Option<String> {
        todo!()
    }
}

impl ReceivedTokenRequest {
    /// Decodes a form: `unsupported_grant_type`, `invalid_request` (two methods of client authentication, a missing
    /// or repeated parameter, a wrong assertion type, a `client_secret`), `invalid_scope`.
    pub fn from_form(
        _form: Form,
        _authorization_header_present: bool,
    ) -> Result<ReceivedTokenRequest, OAuthError> {
        todo!()
    }
}

/// The platform's yes (RFC 6749 §5.1 and our members).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct TokenResponse {
    pub access_token: AccessToken,
    pub token_type: TokenType,
    pub expires_in: Duration,
    pub scope: Option<Scope>,
    pub kind: Option<TokenKind>,
    pub principal: Option<String>,
}
impl TokenResponse {
    pub fn new(
        _access_token: AccessToken,
        _token_type: TokenType,
        _expires_in: Duration,
    ) -> TokenResponse {
        todo!()
    }
    /// The JSON body (wiped when dropped).
    pub fn to_json(&self) -> zeroize::Zeroizing<Vec<u8>> {
        todo!()
    }
}

/// Why an answer of the token endpoint is no token.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExchangeError {
    /** an RFC 6749 §5.2 answer */
    Refused {
        status: u16,
        error: OAuthError,
    },
    /** another status */
    Status(u16),
    ContentType,
    Body(crate::json::JsonError),
    Member(&'static str),
    /** asked for DPoP, got Bearer (security.md 107) */
    NotBound,
}

/// Reads the answer. `expect_dpop`: refuse a `Bearer` token.
pub fn read_response(
    _response: &http::Response<impl AsRef<[u8]>>,
    _expect_dpop: bool,
) -> Result<TokenResponse, ExchangeError> {
    todo!()
}

/// `Retry-After` in seconds or as an HTTP date (RFC 9110 §10.2.3).
pub fn retry_after(_headers: &http::HeaderMap, _now: UnixTime) -> Option<Duration> {
    todo!()
}
