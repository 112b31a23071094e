//! How does an assertion, or a refresh token, become a token? One round trip (not RFC 8693 token
//! exchange).
//!
//! `POST /oauth2/token`, form encoded in, JSON out (RFC 6749 §4.4, §5, §6; RFC 7523 §2.1, §2.2).

mod request_form;
pub use request_form::{ClientIdParameter, ParameterError, RequestForm};

mod form;
pub use form::{Form, JWT_BEARER_ASSERTION_TYPE, MAX_FORM_BYTES, Presented};
pub(crate) use form::{post, take_client_assertion};

mod refresh_token;
pub use refresh_token::{RefreshToken, RefreshTokenError};

mod request;
pub use request::{JWT_BEARER_GRANT, REFRESH_GRANT, ReceivedTokenRequest, TokenRequest};

mod response;
pub(crate) use response::Body;
pub use response::{EXPIRES_IN_UNKNOWN, ExchangeError, TokenResponse, read_response};

mod retry_after;
pub use retry_after::retry_after;
