//! How does whoever holds a granted token give it back?

use std::time::Duration;

use countersign_proto::{exchange::Presented, token_form::TokenForm};

use super::GrantedCredential;
use crate::{
    Error, Transport,
    clock::Deadline,
    discovery::Discovery,
    retry,
    token_status::{offered, refused},
};

impl GrantedCredential {
    /// Gives the token back (RFC 7009) at the platform with this issuer identifier: it ends at once
    /// and for good, with every token that was granted with it. That it has ended already, or that
    /// the platform does not know it, is no error. The file stays as it is.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Settings`] when that is no issuer identifier; those of
    /// [`GrantedCredential::token`]; and when the server offers no revocation, did not answer in 30
    /// seconds, or refused.
    pub async fn give_back(&self, issuer: &str, transport: &dyn Transport) -> Result<(), Error> {
        let discovery = Discovery::at(issuer)?;
        let clock = self.clock().as_ref();
        let deadline = Deadline::after(clock, Duration::from_secs(30));
        retry::persist(clock, deadline, 3, || async {
            let metadata = discovery.metadata(transport, clock).await?;
            let endpoint = offered(metadata.revocation_endpoint.as_ref(), "revocation")?;
            let form = TokenForm {
                token: Presented::new(self.token().await?.expose().to_owned()),
                token_type_hint: None,
                client_assertion: None,
                client_id: None,
                client_address: None,
            };
            let mut request = form.to_http(endpoint);
            self.authorize(&mut request).await?;
            let response = transport.send(request).await?;
            match response.status().is_success() {
                true => Ok(()),
                false => Err(refused(issuer, &response)),
            }
        })
        .await
    }
}
