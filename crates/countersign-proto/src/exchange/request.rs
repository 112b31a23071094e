//! What does a client ask of the token endpoint (RFC 6749 §4.4, RFC 7523 §2)?

use super::form::{Form, Presented, invalid_request, post, several_methods, take_client_assertion};
use crate::{
    assertion::ClientAssertion,
    oauth_error::{ErrorCode, OAuthError, Reason},
    scope::Scope,
};

/// `client_assertion_type` (RFC 7523 §2.2).
pub const JWT_BEARER_ASSERTION_TYPE: &str =
    "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// `grant_type` for platform tokens (RFC 7523 §2.1).
pub const JWT_BEARER_GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What the client asks (encode side).
#[derive(Debug)]
#[non_exhaustive]
pub enum TokenRequest<'a> {
    /// A token of kind 1, for an application.
    ClientCredentials {
        /// `client_id`, the same as the assertion's `iss`.
        client_id: &'a str,
        /// `client_assertion`
        assertion: &'a ClientAssertion,
        /// `scope`; left out when absent or empty.
        scope: Option<&'a Scope>,
        /// `principal`; left out when absent.
        principal: Option<&'a str>,
    },
    /// A token of kind 2, for a component of the platform.
    Platform {
        /// `assertion`
        assertion: &'a ClientAssertion,
        /// `scope`; left out when absent or empty.
        scope: Option<&'a Scope>,
    },
}

impl TokenRequest<'_> {
    /// A POST request with `Content-Type: application/x-www-form-urlencoded` and
    /// `Accept: application/json`.
    pub fn to_http(&self, token_endpoint: &url::Url) -> http::Request<Vec<u8>> {
        let scope = match self {
            TokenRequest::ClientCredentials { scope, .. }
            | TokenRequest::Platform { scope, .. } => {
                scope.map(Scope::to_string).unwrap_or_default()
            }
        };
        let mut parameters = match self {
            TokenRequest::ClientCredentials {
                client_id,
                assertion,
                principal,
                ..
            } => vec![
                ("grant_type", "client_credentials"),
                ("client_id", *client_id),
                ("client_assertion_type", JWT_BEARER_ASSERTION_TYPE),
                ("client_assertion", assertion.expose()),
                ("principal", principal.unwrap_or_default()),
            ],
            TokenRequest::Platform { assertion, .. } => vec![
                ("grant_type", JWT_BEARER_GRANT),
                ("assertion", assertion.expose()),
            ],
        };
        parameters.push(("scope", &scope));
        parameters.retain(|(_, value)| !value.is_empty());
        post(token_endpoint, &parameters)
    }
}

/// What the platform read (decode side). Strings are as sent; nothing is verified.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReceivedTokenRequest {
    /// `grant_type=client_credentials`
    ClientCredentials {
        /// `client_id`; when it is there it must be the assertion's `iss`.
        client_id: Option<String>,
        /// `client_assertion`
        assertion: Presented,
        /// `scope`, empty when it was not sent.
        scope: Scope,
        /// `principal`
        principal: Option<String>,
    },
    /// `grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer`
    Platform {
        /// `assertion`
        assertion: Presented,
        /// `scope`, empty when it was not sent.
        scope: Scope,
        /// Client authentication sent beside the grant, which must be checked (RFC 7523 §3.1).
        client_assertion: Option<Presented>,
    },
}

impl ReceivedTokenRequest {
    /// Decodes a form.
    ///
    /// # Errors
    ///
    /// `unsupported_grant_type`; `invalid_request` (two methods of client authentication, a
    /// missing parameter, an unknown assertion type); `invalid_client` (no assertion at all, or a
    /// method that is not offered); `invalid_scope`; and `invalid_grant` with reason
    /// `not_refreshable` for `refresh_token`, since nothing that is issued here can be refreshed.
    pub fn from_form(
        mut form: Form,
        authorization_header_present: bool,
    ) -> Result<ReceivedTokenRequest, OAuthError> {
        let grant_type = form.require("grant_type")?;
        match grant_type.as_str() {
            "client_credentials" | JWT_BEARER_GRANT => {}
            "refresh_token" => {
                return Err(OAuthError::new(ErrorCode::InvalidGrant)
                    .describe("this token cannot be refreshed: sign in again with the certificate")
                    .because(Reason::NotRefreshable));
            }
            _ => return Err(OAuthError::new(ErrorCode::UnsupportedGrantType)),
        }

        let client_assertion = take_client_assertion(&mut form)?;
        if authorization_header_present {
            return Err(if client_assertion.is_some() {
                several_methods()
            } else {
                OAuthError::new(ErrorCode::InvalidClient)
                    .describe("clients authenticate with client_assertion")
            });
        }
        let scope = Scope::parse(&form.take("scope").unwrap_or_default()).map_err(|error| {
            OAuthError::new(ErrorCode::InvalidScope).describe(error.to_string())
        })?;

        if grant_type == JWT_BEARER_GRANT {
            return Ok(ReceivedTokenRequest::Platform {
                assertion: Presented::new(form.require("assertion")?),
                scope,
                client_assertion,
            });
        }
        Ok(ReceivedTokenRequest::ClientCredentials {
            client_id: identifier(&mut form, "client_id")?,
            assertion: client_assertion.ok_or_else(|| {
                OAuthError::new(ErrorCode::InvalidClient)
                    .describe("the parameter client_assertion is missing")
            })?,
            scope,
            principal: identifier(&mut form, "principal")?,
        })
    }
}

/// Identifiers are shown and logged: they hold no controls (attack A23).
fn identifier(form: &mut Form, name: &str) -> Result<Option<String>, OAuthError> {
    let value = form.take(name);
    if value
        .as_ref()
        .is_some_and(|value| value.len() > 256 || value.chars().any(char::is_control))
    {
        return Err(invalid_request(&format!(
            "the parameter {name} is too long or holds control characters"
        )));
    }
    Ok(value)
}
