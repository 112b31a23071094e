//! How does a person sign out?

use countersign_proto::{
    bearer, exchange::Presented, token::INTERACTIVE_CLIENT_ID, token_form::TokenForm,
};
use http::header::AUTHORIZATION;

use super::InteractiveSession;
use crate::{
    Error, ErrorKind, InteractiveToken, retry,
    token_status::{offered, refused},
};

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
        let endpoint = offered(metadata.revocation_endpoint.as_ref(), "revocation")?;
        let (token, hint) = match &current.refresh_token {
            Some(token) => (token.expose(), "refresh_token"),
            None => (current.token.access_token.expose(), "access_token"),
        };
        let form = TokenForm {
            token: Presented::new(token.to_owned()),
            token_type_hint: Some(hint.to_owned()),
            client_assertion: None,
            client_id: Some(INTERACTIVE_CLIENT_ID.to_owned()),
            client_address: None,
        };
        let mut request = form.to_http(endpoint);
        if current.refresh_token.is_none() {
            let token = &current.token;
            let presented = bearer::authorization(&token.access_token, token.token_type);
            request.headers_mut().insert(AUTHORIZATION, presented);
        }
        let response = self.inner.transport.send(request).await?;
        match response.status().is_success() {
            true => Ok(()),
            false => Err(refused(&self.inner.issuer, &response)),
        }
    }
}
