//! How does an assertion become a token? One round trip (not RFC 8693 token exchange).
//!
//! `POST /oauth2/token`, form encoded in, JSON out (RFC 6749 §4.4, §5; RFC 7523 §2.1, §2.2).

mod form;
pub use form::{Form, JWT_BEARER_ASSERTION_TYPE, MAX_FORM_BYTES, Presented};
pub(crate) use form::{post, take_client_assertion};

mod request;
pub use request::{JWT_BEARER_GRANT, ReceivedTokenRequest, TokenRequest};

mod response;
pub use response::{EXPIRES_IN_UNKNOWN, ExchangeError, TokenResponse, read_response};

mod retry_after;
pub use retry_after::retry_after;
