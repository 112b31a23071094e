//! How does a credential become a token?

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use countersign_proto::{
    assertion::{Assertion, ClientAssertion, KidForm, ThumbprintForm, TypForm},
    exchange::{
        ExchangeError, RequestForm, TokenRequest, TokenResponse, read_response, retry_after,
    },
    key::Algorithm,
    metadata::Metadata,
    oauth_error::{ErrorCode, OAuthError, Reason},
    scope::Scope,
    thumbprint::Thumbprint,
    time::UnixTime,
    token::TokenKind,
};

use crate::{
    Clock, Credential, CredentialSource, Error, ErrorKind, Provider, Reload, Token, Transport,
    clock::Deadline,
    credential::Current,
    discovery::Discovery,
    dpop::{Dpop, PROOF, Prover},
    error::printable,
    flight::Effort,
    platform_token, random, retry,
    token::TokenObject,
};

mod ending;
pub(crate) use ending::Ending;

mod put_right;
use put_right::{CERTIFICATES_MAX, PutRight, is_about_the_certificate};

mod skew;
pub(crate) use skew::Skew;

mod succession;
pub(crate) use succession::Succession;
use succession::{Moment, Next};

/// What an application asks for, and how it says so.
pub(crate) struct Settings {
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    pub(crate) scope: Option<Scope>,
    pub(crate) principal: Option<String>,
    pub(crate) audience: Audience,
    pub(crate) kid: KidForm,
    pub(crate) typ: TypForm,
    pub(crate) thumbprints: ThumbprintForm,
    pub(crate) algorithm: Option<Algorithm>,
    pub(crate) assertion_lifetime: Duration,
    pub(crate) x5c: bool,
    pub(crate) request_form: RequestForm,
    pub(crate) dpop: Dpop,
    /// Whose the server is, where it is not a platform of ours.
    pub(crate) provider: Option<Provider>,
}

/// The `aud` of the assertion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Audience {
    /// The configured issuer, byte for byte.
    #[default]
    Issuer,
    /// The token endpoint's address, for servers older than RFC 10070.
    TokenEndpoint,
    /// This text.
    Uri(String),
}

/// Which kind of token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// Kind 1: the client authenticates, and the platform maps its certificate to a principal.
    Client,
    /// Kind 2: the platform asks for itself.
    Platform,
}

/// One application at one issuer: everything that an exchange needs, and what was learnt from earlier
/// ones.
pub(crate) struct Exchange {
    pub(crate) settings: Settings,
    pub(crate) source: CredentialSource,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) discovery: Discovery,
    pub(crate) prover: Prover,
    pub(crate) skew: Skew,
    pub(crate) successions: Successions,
    pub(crate) ending: Ending,
}

/// One for each grant: the server may believe a certificate for one kind of token only.
#[derive(Default)]
pub(crate) struct Successions {
    client: Succession,
    platform: Succession,
}

impl Successions {
    pub(crate) fn of(&self, grant: Grant) -> &Succession {
        match grant {
            Grant::Client => &self.client,
            Grant::Platform => &self.platform,
        }
    }
}

impl Exchange {
    /// A token by a fresh assertion.
    pub(crate) async fn token(
        &self,
        grant: Grant,
        effort: Effort,
        deadline: Deadline,
    ) -> Result<Token, Error> {
        let clock = self.clock.as_ref();
        retry::persist(clock, deadline, effort.attempts(), || self.attempt(grant)).await
    }

    /// The server's metadata: what is known, or fetched by one attempt.
    pub(crate) async fn metadata(&self) -> Result<Arc<Metadata>, Error> {
        let (transport, clock) = (self.transport.as_ref(), self.clock.as_ref());
        let fetched = self.discovery.metadata(transport, clock).await;
        fetched.map_err(|error| match &self.settings.provider {
            Some(provider) if error.kind() == ErrorKind::Server && !error.is_transient() => {
                error.with_hint(&*provider.issuer_hint)
            }
            _ => error,
        })
    }

    /// The credential to sign with now.
    pub(crate) async fn credential(&self, grant: Grant) -> Result<Credential, Error> {
        let succession = self.successions.of(grant);
        match self.newest(Reload::IfDue).await {
            Ok(current) => Ok(succession.choose(&current, self.moment())),
            // What worked may be older, and valid still.
            Err(error) => succession.last_good(self.server_time()).ok_or(error),
        }
    }

    /// A credential for what is asked besides tokens: the one that the last token was had with, so that
    /// no question is a trial of a new one.
    pub(crate) async fn believed(&self, grant: Grant) -> Result<Credential, Error> {
        match self.successions.of(grant).last_good(self.server_time()) {
            Some(last_good) => Ok(last_good),
            None => self.credential(grant).await,
        }
    }

    /// What the source has, whether or not the server believes it.
    pub(crate) async fn newest(&self, reload: Reload) -> Result<Current, Error> {
        let now = self.server_time();
        if reload == Reload::IfDue && !self.source.is_due(now) {
            return Ok(self.source.current(now, reload)?);
        }
        let source = self.source.clone();
        let looked = tokio::task::spawn_blocking(move || source.current(now, reload));
        Ok(looked
            .await
            .map_err(|_| stopped("the certificate could not be looked for"))??)
    }

    /// A new assertion by `credential`.
    pub(crate) async fn sign(
        &self,
        grant: Grant,
        metadata: &Metadata,
        credential: &Credential,
    ) -> Result<ClientAssertion, Error> {
        let now = self.server_time();
        let algorithm = self.algorithm(metadata, credential)?;
        let assertion = self.assertion(grant, metadata);
        let jti = random::jti()?;
        let key = Arc::clone(credential.key());
        if !key.may_block() {
            return Ok(assertion.mint(credential.chain(), key.as_ref(), algorithm, now, &jti)?);
        }
        let input = assertion.signing_input(credential.chain(), algorithm, now, &jti);
        let signed = tokio::task::spawn_blocking(move || {
            let signature = key.sign(algorithm, input.as_bytes())?;
            Ok::<_, Error>(ClientAssertion::from_signature(input, &signature))
        });
        signed
            .await
            .map_err(|_| stopped("the key could not sign"))?
    }

    /// What time it is on the server's clock, as far as that is known.
    pub(crate) fn server_time(&self) -> UnixTime {
        self.skew.correct(self.clock.now())
    }

    /// One attempt: as many requests as there is something to put right, each thing once.
    async fn attempt(&self, grant: Grant) -> Result<Token, Error> {
        let metadata = self.metadata().await?;
        let mut credential = self.credential(grant).await?;
        let mut put_right = PutRight::default();
        loop {
            let asked_at = self.clock.now();
            let asked = self.ask(grant, &metadata, &credential).await;
            let response = match asked {
                Err(error) if error.kind() == ErrorKind::Signing => {
                    self.put_right_key(&mut put_right, error, &mut credential)
                        .await?;
                    continue;
                }
                asked => asked?,
            };
            let new_nonce = self
                .prover
                .remember(&metadata.token_endpoint, response.headers());
            let expect_dpop = self.settings.dpop == Dpop::Required;
            let error = match read_response(&response, expect_dpop) {
                Ok(granted) => {
                    self.successions.of(grant).believe(&credential);
                    self.ending
                        .watch(credential.chain().leaf(), self.server_time());
                    let token = self.token_from(grant, granted, &credential, asked_at);
                    tracing::debug!(
                        issuer = self.settings.issuer,
                        kind = token.kind.number(),
                        expires_at = %token.expires_at,
                        "token issued"
                    );
                    return Ok(token);
                }
                Err(error) => error,
            };
            let again = match &error {
                ExchangeError::Refused { error: refusal, .. } => {
                    self.put_right(
                        grant,
                        &mut put_right,
                        refusal,
                        new_nonce,
                        &response,
                        &mut credential,
                    )
                    .await
                }
                _ => false,
            };
            if !again {
                let wait = retry_after(response.headers(), self.server_time());
                return Err(self.refused(&error).with_retry_after(wait));
            }
            tracing::debug!(
                issuer = self.settings.issuer,
                "asking again, with what was learnt"
            );
        }
    }

    async fn ask(
        &self,
        grant: Grant,
        metadata: &Metadata,
        credential: &Credential,
    ) -> Result<http::Response<Bytes>, Error> {
        let assertion = self.sign(grant, metadata, credential).await?;
        let scope = self.settings.scope.as_ref();
        let request = match grant {
            Grant::Client => TokenRequest::ClientCredentials {
                client_id: &self.settings.client_id,
                assertion: &assertion,
                scope,
                principal: self.settings.principal.as_deref(),
            },
            Grant::Platform => platform_token::request(&assertion, scope),
        };
        let request_form = &self.settings.request_form;
        let mut request = request.to_http_in(&metadata.token_endpoint, request_form);
        if self.settings.dpop == Dpop::Required {
            let proof = self
                .prover
                .prove(
                    &http::Method::POST,
                    &metadata.token_endpoint,
                    None,
                    self.server_time(),
                )
                .await?;
            request.headers_mut().insert(PROOF, proof);
        }
        Ok(self.transport.send(request).await?)
    }

    /// Whether a refusal taught something that makes it worth asking once more.
    async fn put_right(
        &self,
        grant: Grant,
        done: &mut PutRight,
        refusal: &OAuthError,
        new_nonce: bool,
        response: &http::Response<Bytes>,
        credential: &mut Credential,
    ) -> bool {
        if refusal.code == ErrorCode::UseDpopNonce {
            return new_nonce && !std::mem::replace(&mut done.nonce, true);
        }
        let may_be_the_clock = matches!(
            refusal.code,
            ErrorCode::InvalidClient | ErrorCode::InvalidGrant | ErrorCode::InvalidDpopProof
        ) && matches!(refusal.reason, None | Some(Reason::ClockSkew));
        if may_be_the_clock && !done.clock {
            done.clock = self
                .skew
                .learn(self.clock.now(), refusal, response.headers());
            // A machine that slept sends what it signed before: by the same clock it is old.
            done.clock |= refusal.reason.is_some();
            if done.clock {
                return true;
            }
        }
        if !is_about_the_certificate(refusal) || done.certificates.len() >= CERTIFICATES_MAX {
            return false;
        }
        done.certificates.push(thumbprint(credential));
        // What is on disk now may be newer than what was refused.
        let current = match self.newest(Reload::Now).await {
            Ok(current) => current,
            Err(_) => Current::only(credential.clone()),
        };
        match self.successions.of(grant).refuse(
            &done.certificates,
            credential,
            &current,
            self.moment(),
            random::fraction(),
        ) {
            Next::Try(other) => {
                *credential = other;
                true
            }
            Next::Nothing => false,
        }
    }

    /// A key that does not sign may have been replaced, with its certificate.
    async fn put_right_key(
        &self,
        done: &mut PutRight,
        error: Error,
        credential: &mut Credential,
    ) -> Result<(), Error> {
        if done.certificates.len() >= CERTIFICATES_MAX {
            return Err(error);
        }
        done.certificates.push(thumbprint(credential));
        match self.newest(Reload::Now).await {
            Ok(current) if !done.certificates.contains(&thumbprint(&current.credential)) => {
                tracing::info!("the key does not sign; a newer certificate is there");
                *credential = current.credential;
                Ok(())
            }
            _ => Err(error),
        }
    }

    pub(crate) fn moment(&self) -> Moment {
        Moment {
            now: self.server_time(),
            elapsed: self.clock.elapsed(),
        }
    }

    fn assertion(&self, grant: Grant, metadata: &Metadata) -> Assertion {
        let settings = &self.settings;
        let audience = match &settings.audience {
            Audience::Issuer => settings.issuer.as_str(),
            Audience::TokenEndpoint => metadata.token_endpoint.as_str(),
            Audience::Uri(uri) => uri,
        };
        let mut assertion = match grant {
            Grant::Client => Assertion::client(&settings.client_id, audience),
            Grant::Platform => platform_token::assertion(audience),
        };
        assertion.lifetime = settings.assertion_lifetime;
        assertion.kid = settings.kid.clone();
        assertion.typ = settings.typ;
        assertion.thumbprints = settings.thumbprints;
        assertion.x5c = settings.x5c;
        assertion
    }

    fn algorithm(&self, metadata: &Metadata, credential: &Credential) -> Result<Algorithm, Error> {
        if let Some(told) = self.settings.algorithm {
            return Ok(told);
        }
        let signs_by = credential.key().algorithms();
        let listed = &metadata.token_endpoint_auth_signing_alg_values_supported;
        let Some(provider) = &self.settings.provider else {
            return Ok(choose_algorithm(signs_by, listed));
        };
        let mut fitting = provider
            .fits_key(credential.key().public_key())
            .map_err(|misfit| {
                Error::new(ErrorKind::Credential, printable(&misfit.text)).with_hint(misfit.hint)
            })?;
        fitting.retain(|algorithm| signs_by.contains(algorithm));
        // Where the server lists none of these, the first is still what its documents ask for.
        let first = fitting.first().copied().unwrap_or(Algorithm::RS256);
        let is_listed = |algorithm: &Algorithm| listed.iter().any(|name| name == algorithm.name());
        Ok(fitting.into_iter().find(is_listed).unwrap_or(first))
    }

    /// A refusal, with what helps at a server of this make.
    fn refused(&self, error: &ExchangeError) -> Error {
        let refused = Error::exchange(&self.settings.issuer, error);
        let (Some(provider), ExchangeError::Refused { error, .. }) =
            (&self.settings.provider, error)
        else {
            return refused;
        };
        match provider.hint_for(error.code.as_str(), error.description.as_deref()) {
            Some(hint) => refused.with_hint(hint),
            None => refused,
        }
    }

    fn token_from(
        &self,
        grant: Grant,
        granted: TokenResponse,
        credential: &Credential,
        asked_at: UnixTime,
    ) -> Token {
        let leaf = credential.chain().leaf();
        let settings = &self.settings;
        let (kind, app_id) = match grant {
            Grant::Client => (TokenKind::NonInteractive, settings.client_id.as_str()),
            Grant::Platform => (TokenKind::Platform, platform_token::CLIENT_ID),
        };
        Token::from(TokenObject {
            access_token: granted.access_token,
            token_type: granted.token_type,
            kind: granted.kind.unwrap_or(kind),
            principal: granted.principal,
            scope: granted.scope,
            issued_at: asked_at,
            expires_at: asked_at.plus(granted.expires_in),
            issue_app_id: app_id.to_owned(),
            issue_principal: settings.principal.clone().unwrap_or_default(),
            issue_cert_subject: leaf.subject().to_string(),
            issue_cert_thumbprint: Some(leaf.sha256()),
        })
    }
}

/// The algorithm for a key that has several: PS256 where it is listed, else RS256. A key that has one
/// signs by that one.
fn choose_algorithm(of_key: &[Algorithm], listed: &[String]) -> Algorithm {
    let is_listed = |algorithm: &&Algorithm| listed.iter().any(|name| name == algorithm.name());
    of_key
        .iter()
        .find(is_listed)
        .or(of_key.last())
        .copied()
        .unwrap_or(Algorithm::RS256)
}

/// The SHA-256 by which a certificate is told from another.
pub(crate) fn thumbprint(credential: &Credential) -> Thumbprint {
    credential.chain().leaf().sha256()
}

fn stopped(what: &str) -> Error {
    Error::new(
        ErrorKind::Signing,
        format!("{what}: its thread was stopped"),
    )
}

#[cfg(test)]
mod tests;
