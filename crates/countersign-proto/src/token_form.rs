//! How is a request about a token written and read?
//!
//! Introspection (RFC 7662 §2.1) and revocation (RFC 7009 §2.1) send the same form.

use std::net::IpAddr;

use crate::{
    exchange::{Form, JWT_BEARER_ASSERTION_TYPE, Presented, post, take_client_assertion},
    oauth_error::{ErrorCode, OAuthError},
};

/// A request about one token, both ways.
#[derive(Debug)]
pub struct TokenForm {
    /// The token that it is about.
    pub token: Presented,
    /// A hint; a wrong one still finds the token.
    pub token_type_hint: Option<String>,
    /// The caller's client assertion, when it has no bearer.
    pub client_assertion: Option<Presented>,
    /// `client_id`; when it is there it must be the assertion's `iss`.
    pub client_id: Option<String>,
    /// `client_address`: from where the token was presented to whoever asks. An extension of ours, as RFC
    /// 7662 §2.1 permits; it is shown, and nothing is decided by it.
    pub client_address: Option<IpAddr>,
}

impl TokenForm {
    /// Decodes a form.
    ///
    /// # Errors
    ///
    /// `invalid_request` when `token` is missing, or when the client's authentication or
    /// `client_address` is malformed;
    /// `invalid_client` for a `client_secret`.
    pub fn from_form(mut form: Form) -> Result<TokenForm, OAuthError> {
        Ok(TokenForm {
            client_assertion: take_client_assertion(&mut form)?,
            token: Presented::new(form.require("token")?),
            token_type_hint: form.take("token_type_hint"),
            client_id: form.take("client_id"),
            client_address: form
                .take("client_address")
                .map(|text| address(&text))
                .transpose()?,
        })
    }

    /// A POST request with a form body.
    pub fn to_http(&self, endpoint: &url::Url) -> http::Request<Vec<u8>> {
        let address = self.client_address.map(|address| address.to_string());
        let mut parameters = vec![("token", self.token.expose())];
        if let Some(hint) = &self.token_type_hint {
            parameters.push(("token_type_hint", hint));
        }
        if let Some(client_id) = &self.client_id {
            parameters.push(("client_id", client_id));
        }
        if let Some(address) = &address {
            parameters.push(("client_address", address));
        }
        if let Some(assertion) = &self.client_assertion {
            parameters.push(("client_assertion_type", JWT_BEARER_ASSERTION_TYPE));
            parameters.push(("client_assertion", assertion.expose()));
        }
        post(endpoint, &parameters)
    }
}

fn address(text: &str) -> Result<IpAddr, OAuthError> {
    text.parse().map_err(|_| {
        OAuthError::new(ErrorCode::InvalidRequest).describe("client_address is no IP address")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    // security.md 73, 77
    #[test]
    fn a_request_is_written_and_read_back() {
        let request = TokenForm {
            token: Presented::new("2YotnFZFEjr1zCsicMWpAA".to_owned()),
            token_type_hint: Some("refresh_token".to_owned()),
            client_assertion: Some(Presented::new("a.b.c".to_owned())),
            client_id: Some("app-1".to_owned()),
            client_address: Some("2001:db8::1".parse().unwrap()),
        };
        let http =
            request.to_http(&url::Url::parse("https://id.example/oauth2/introspect").unwrap());
        let read = TokenForm::from_form(Form::parse(http.body()).unwrap()).unwrap();
        assert_eq!(read.token.expose(), "2YotnFZFEjr1zCsicMWpAA");
        assert_eq!(read.token_type_hint.as_deref(), Some("refresh_token"));
        assert_eq!(read.client_assertion.unwrap().expose(), "a.b.c");
        assert_eq!(read.client_id.as_deref(), Some("app-1"));
        assert_eq!(read.client_address, request.client_address);
    }

    // security.md 39
    #[test]
    fn a_request_without_token_or_with_a_secret_is_refused() {
        let code = |body: &str| {
            TokenForm::from_form(Form::parse(body.as_bytes()).unwrap())
                .unwrap_err()
                .code
        };
        let typed =
            format!("token=t&client_assertion=a&client_assertion_type={JWT_BEARER_ASSERTION_TYPE}");
        assert_eq!(code("token="), ErrorCode::InvalidRequest);
        assert_eq!(
            code("token=t&client_address=here"),
            ErrorCode::InvalidRequest
        );
        assert_eq!(
            code("token=t&client_assertion=a"),
            ErrorCode::InvalidRequest
        );
        assert_eq!(code("token=t&client_secret=s"), ErrorCode::InvalidClient);
        assert_eq!(
            code(&format!("{typed}&client_secret=s")),
            ErrorCode::InvalidRequest
        );
    }
}
