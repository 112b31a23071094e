//! How does a certificate become a token of the dialect?

use std::{sync::Arc, time::Duration};

use countersign_proto::{
    assertion::ClientAssertion,
    tachyon::{TachyonAssertion, certificate},
};
use http::StatusCode;

use super::{Site, TachyonToken};
use crate::{Credential, CredentialSource, Error, ErrorKind, Reload, random};

/// Who signs in, and by which provider.
pub(super) struct Signer {
    pub(super) app_id: String,
    pub(super) source: CredentialSource,
    pub(super) lifetime: Duration,
    /// The `token_endpoint` of the one provider that assertions are made for.
    pub(super) pinned: Option<String>,
}

impl Signer {
    /// One attempt, by a new assertion.
    pub(super) async fn sign_in(&self, site: &Site) -> Result<TachyonToken, Error> {
        let audience = self.audience(site).await?;
        let credential = self.credential(site).await?;
        let assertion = self.assertion(site, &audience, &credential).await?;
        let answer = site
            .ask(|root| certificate::exchange(root, &assertion, &site.consumer))
            .await
            .map_err(|error| match error.kind() {
                ErrorKind::IdentityRejected => error.with_hint(
                    "check the AppId, that the identity provider knows this certificate, that it is \
                     mapped to a principal, and the clock of this machine",
                ),
                _ => error,
            })?;
        let token = certificate::read_token(answer.body())
            .map_err(|error| site.not_understood("the token", &error))?;
        TachyonToken::earned(token, &self.app_id, &credential, site.clock.now())
    }

    /// The audience: whose the assertion is to be. The server shows it to the provider; a server that
    /// names the provider of somebody else gets an assertion that is good there, for as long as it
    /// lives. Hence the pin.
    async fn audience(&self, site: &Site) -> Result<String, Error> {
        let answer = site
            .ask(|root| certificate::metadata_endpoint(root, &site.consumer))
            .await?;
        let address = certificate::read_metadata_endpoint(answer.body(), &site.server)
            .map_err(|error| site.not_understood("the metadata endpoint", &error))?;
        let answer = site.send(certificate::configuration(&address)).await?;
        if answer.status() != StatusCode::OK {
            return Err(Error::status(address.as_str(), answer.status().as_u16()));
        }
        let named =
            certificate::read_token_endpoint(answer.body(), &site.server).map_err(|error| {
                site.not_understood("the identity provider's configuration", &error)
            })?;
        match &self.pinned {
            Some(pinned) if *pinned != named => Err(Error::new(
                ErrorKind::Policy,
                format!(
                    "{} names an identity provider with the token endpoint {named}, and assertions are \
                     made for {pinned} only",
                    site.name()
                ),
            )
            .with_hint("nothing was signed; ask the owner of the server which provider it uses")),
            _ => Ok(named),
        }
    }

    async fn credential(&self, site: &Site) -> Result<Credential, Error> {
        let now = site.clock.now();
        let source = self.source.clone();
        let looked = tokio::task::spawn_blocking(move || source.current(now, Reload::IfDue));
        let current = looked
            .await
            .map_err(|_| stopped("the certificate could not be looked for"))??;
        if let Some(problem) = &current.kept_because {
            tracing::warn!(%problem, "the new certificate is not usable; the old one stays in use");
        }
        let key = current.credential.key().public_key();
        if !key.algorithms().contains(&TachyonAssertion::ALGORITHM) {
            return Err(Error::new(
                ErrorKind::Credential,
                format!(
                    "the dialect signs by RS256 only, and the key of {} is {}",
                    current.credential.chain().leaf().subject(),
                    key.key_type()
                ),
            )
            .with_hint("take a certificate with an RSA key"));
        }
        Ok(current.credential)
    }

    async fn assertion(
        &self,
        site: &Site,
        audience: &str,
        credential: &Credential,
    ) -> Result<ClientAssertion, Error> {
        let mut assertion = TachyonAssertion::new(&self.app_id, audience);
        assertion.lifetime = self.lifetime;
        let leaf = credential.chain().leaf();
        let input = assertion.signing_input(leaf, site.clock.now(), &random::jti()?);
        let key = Arc::clone(credential.key());
        let sign = move || {
            let signature = key.sign(TachyonAssertion::ALGORITHM, input.as_bytes())?;
            Ok::<_, Error>(ClientAssertion::from_signature(input, &signature))
        };
        // By RSA even a key in memory takes a millisecond.
        tokio::task::spawn_blocking(sign)
            .await
            .map_err(|_| stopped("the key could not sign"))?
    }
}

fn stopped(what: &str) -> Error {
    Error::new(ErrorKind::Signing, what)
}
