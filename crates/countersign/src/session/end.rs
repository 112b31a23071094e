//! How does a person sign out?

use countersign_proto::{
    bearer, exchange::Presented, oauth_error::OAuthError, token::INTERACTIVE_CLIENT_ID,
    token_form::TokenForm,
};
use http::header::AUTHORIZATION;

use super::InteractiveSession;
use crate::{Error, ErrorKind, InteractiveToken, retry};

impl InteractiveSession {
    /// Ends the session: the platform takes all of its tokens back (RFC 7009).
    ///
    /// # Errors
    /// When the server offers no revocation, did not answer, or refused.
    pub async fn end(&self) -> Result<(), Error> {
        let inner = &self.inner;
        let current = self.snapshot();
        let ended = Error::new(ErrorKind::RefreshLimit, "the session was ended here")
            .with_hint("sign in again");
        self.held().over = Some(ended);
        inner.cache.forget(&current.token);
        retry::persist(self.clock(), self.deadline(), 3, || {
            self.give_back(&current)
        })
        .await
    }

    async fn give_back(&self, current: &InteractiveToken) -> Result<(), Error> {
        let metadata = self.metadata().await?;
        let Some(endpoint) = &metadata.revocation_endpoint else {
            return Err(Error::new(
                ErrorKind::Server,
                "the server's metadata names no revocation endpoint",
            ));
        };
        let (token, hint) = match &current.refresh_token {
            Some(token) => (token.expose(), "refresh_token"),
            None => (current.token.access_token.expose(), "access_token"),
        };
        let form = TokenForm {
            token: Presented::new(token.to_owned()),
            token_type_hint: Some(hint.to_owned()),
            client_assertion: None,
            client_id: Some(INTERACTIVE_CLIENT_ID.to_owned()),
        };
        let mut request = form.to_http(endpoint);
        if current.refresh_token.is_none() {
            let token = &current.token;
            let presented = bearer::authorization(&token.access_token, token.token_type);
            request.headers_mut().insert(AUTHORIZATION, presented);
        }
        let response = self.inner.transport.send(request).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let issuer = &self.inner.issuer;
        Err(match OAuthError::parse(response.body()) {
            Some(refusal) => Error::refused(issuer, status.as_u16(), &refusal),
            None => Error::status(issuer, status.as_u16()),
        })
    }
}
