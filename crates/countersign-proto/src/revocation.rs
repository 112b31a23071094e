//! How is a token given back (RFC 7009)?

use crate::{
    exchange::{Form, Presented},
    oauth_error::OAuthError,
};

/// A request, both ways.
#[derive(Debug)]
pub struct RevocationRequest {
    pub token: Presented,
    pub token_type_hint: Option<String>,
    pub client_assertion: Option<Presented>,
    pub client_id: Option<String>,
}
impl RevocationRequest {
    pub fn from_form(_form: Form) -> Result<RevocationRequest, OAuthError> {
        todo!()
    }
    pub fn to_http(&self, _endpoint: &url::Url) -> http::Request<Vec<u8>> {
        todo!()
    }
}
