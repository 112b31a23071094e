//! Is this token still good (RFC 7662)?

use crate::{
    exchange::{Form, Presented},
    oauth_error::OAuthError,
    token::TokenClaims,
};

/// A request, both ways.
#[derive(Debug)]
pub struct IntrospectionRequest {
    pub token: Presented,
    /** a hint; a wrong one still finds the token */
    pub token_type_hint: Option<String>,
    /** the caller's client assertion, when it has no bearer */
    pub client_assertion: Option<Presented>,
    pub client_id: Option<String>,
}
impl IntrospectionRequest {
    pub fn from_form(_form: Form) -> Result<IntrospectionRequest, OAuthError> {
        todo!()
    }
    pub fn to_http(&self, _endpoint: &url::Url) -> http::Request<Vec<u8>> {
        todo!()
    }
}

/// The answer. Inactive says nothing else.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Introspection {
    Inactive,
    Active(Box<TokenClaims>),
}
impl Introspection {
    /** Inactive is byte for byte `{"active":false}` */
    pub fn to_json(&self) -> Vec<u8> {
        todo!()
    }
    /** reads an answer of ours or of another server: only `active` is demanded */
    pub fn active_from_json(_body: &[u8]) -> Result<bool, crate::json::JsonError> {
        todo!()
    }
}
