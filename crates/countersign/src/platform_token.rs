//! How does a component of the platform ask for a token of its own (kind 2)?
//!
//! With an assertion that names the platform itself, signed by a platform certificate, as an
//! authorization grant (RFC 7523 §2.1). No identity provider and no mapping has a part in it.

use countersign_proto::{
    assertion::{Assertion, ClientAssertion, PLATFORM_CLIENT_ID},
    exchange::TokenRequest,
    scope::Scope,
};

/// Whom such a token is issued to.
pub(crate) const CLIENT_ID: &str = PLATFORM_CLIENT_ID;

/// What is claimed.
pub(crate) fn assertion(audience: &str) -> Assertion {
    Assertion::platform(audience)
}

/// What is asked. No principal: it is fixed.
pub(crate) fn request<'a>(
    assertion: &'a ClientAssertion,
    scope: Option<&'a Scope>,
) -> TokenRequest<'a> {
    TokenRequest::Platform { assertion, scope }
}
