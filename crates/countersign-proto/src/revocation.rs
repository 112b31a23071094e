//! How is a token given back (RFC 7009)?

use crate::{
    exchange::{Form, JWT_BEARER_ASSERTION_TYPE, Presented, post, take_client_assertion},
    oauth_error::OAuthError,
};

/// A request, both ways.
#[derive(Debug)]
pub struct RevocationRequest {
    /// The token to be revoked.
    pub token: Presented,
    /// A hint; a wrong one still finds the token.
    pub token_type_hint: Option<String>,
    /// The caller's client assertion.
    pub client_assertion: Option<Presented>,
    /// `client_id`; when it is there it must be the assertion's `iss`.
    pub client_id: Option<String>,
}

impl RevocationRequest {
    /// Decodes a form.
    ///
    /// # Errors
    ///
    /// `invalid_request` when `token` is missing or the client's authentication is malformed;
    /// `invalid_client` for a `client_secret`.
    pub fn from_form(mut form: Form) -> Result<RevocationRequest, OAuthError> {
        Ok(RevocationRequest {
            client_assertion: take_client_assertion(&mut form)?,
            token: Presented::new(form.require("token")?),
            token_type_hint: form.take("token_type_hint"),
            client_id: form.take("client_id"),
        })
    }

    /// A POST request with a form body.
    pub fn to_http(&self, endpoint: &url::Url) -> http::Request<Vec<u8>> {
        let mut parameters = vec![("token", self.token.expose())];
        if let Some(hint) = &self.token_type_hint {
            parameters.push(("token_type_hint", hint));
        }
        if let Some(client_id) = &self.client_id {
            parameters.push(("client_id", client_id));
        }
        if let Some(assertion) = &self.client_assertion {
            parameters.push(("client_assertion_type", JWT_BEARER_ASSERTION_TYPE));
            parameters.push(("client_assertion", assertion.expose()));
        }
        post(endpoint, &parameters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oauth_error::ErrorCode;

    // security.md 77
    #[test]
    fn a_request_is_written_and_read_back() {
        let request = RevocationRequest {
            token: Presented::new("45ghiukldjahdnhzdauz".to_owned()),
            token_type_hint: None,
            client_assertion: Some(Presented::new("a.b.c".to_owned())),
            client_id: None,
        };
        let http = request.to_http(&url::Url::parse("https://id.example/oauth2/revoke").unwrap());
        let read = RevocationRequest::from_form(Form::parse(http.body()).unwrap()).unwrap();
        assert_eq!(read.token.expose(), "45ghiukldjahdnhzdauz");
        assert_eq!(read.token_type_hint, None);
        assert_eq!(read.client_assertion.unwrap().expose(), "a.b.c");
        assert_eq!(read.client_id, None);
    }

    #[test]
    fn a_request_without_token_is_refused() {
        let error = RevocationRequest::from_form(Form::parse(b"token_type_hint=x").unwrap());
        assert_eq!(error.unwrap_err().code, ErrorCode::InvalidRequest);
    }
}
