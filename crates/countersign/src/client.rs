//! How does an application hold a token that is always fresh?

use std::{sync::Arc, time::Duration};

use countersign_proto::{
    assertion::KidForm,
    key::Algorithm,
    metadata::Metadata,
    scope::Scope,
    thumbprint::Thumbprint,
    time::UnixTime,
    token::{AccessToken, TokenKind, TokenType},
};

use crate::{Clock, CredentialSource, Error, Transport};

/// Gets, caches and renews tokens for one application at one issuer. Cheap to clone; clones share the cache.
#[derive(Clone, Debug)]
pub struct Client {}

/// Settings of a [`Client`].
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {}

/// The `aud` of the assertion.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Audience {
    /** the configured issuer, byte for byte */
    #[default]
    Issuer,
    /** the token endpoint, for old servers */
    TokenEndpoint,
    /** this text */
    Uri(String),
}

/// Proof of possession (RFC 9449).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dpop {
    /** bearer tokens */
    #[default]
    Off,
    /** bound tokens; a `Bearer` answer is refused */
    Required,
}

/// A token and how it was got (the seed's token object).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Token {
    pub access_token: AccessToken,
    pub token_type: TokenType,
    pub kind: TokenKind,
    pub principal: Option<String>,
    pub scope: Option<Scope>,
    pub issued_at: UnixTime,
    pub expires_at: UnixTime,
    /** empty for kind 0 */
    pub issue_app_id: String,
    /** the principal asked for */
    pub issue_principal: String,
    /** RFC 4514 */
    pub issue_cert_subject: String,
    pub issue_cert_thumbprint: Option<Thumbprint>,
}

impl Client {
    /// `issuer`: the server's issuer identifier, also the audience. `client_id`: the application's id.
    pub fn builder(
        _issuer: &str,
        _client_id: &str,
        _credential: impl Into<CredentialSource>,
    ) -> ClientBuilder {
        todo!()
    }
    /// A token that lives: from the cache, renewed ahead of its end, or fetched. One request however many ask.
    pub async fn token(&self) -> Result<Token, Error> {
        todo!()
    }
    /// A new token by a fresh assertion, whatever the cache holds; it replaces the cached one.
    pub async fn renew(&self) -> Result<Token, Error> {
        todo!()
    }
    /// A platform token (kind 2) by a platform certificate; nothing is stored.
    pub async fn platform_token(&self) -> Result<Token, Error> {
        todo!()
    }
    /// Forgets `token` if it is the cached one, for instance after an API answered 401.
    pub fn forget(&self, _token: &Token) {
        todo!()
    }
    /// Gives a token back (RFC 7009).
    pub async fn revoke(&self, _token: &Token) -> Result<(), Error> {
        todo!()
    }
    /// Keeps the token fresh ahead of time until dropped; the application spawns it and owns it.
    pub async fn keep_fresh(&self) {
        todo!()
    }
    /// The server's metadata, fetched once and kept for a time.
    pub async fn metadata(&self) -> Result<Arc<Metadata>, Error> {
        todo!()
    }
    /// The transport, for requests to the same platform.
    pub fn transport(&self) -> &Arc<dyn Transport> {
        todo!()
    }
    /// The clock.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        todo!()
    }
}

impl ClientBuilder {
    /// Scopes to ask for. Default: none named.
    pub fn scope(self, _scope: Scope) -> Self {
        todo!()
    }
    /// Which of several mapped principals. Default: the server decides.
    pub fn principal(self, _name: &str) -> Self {
        todo!()
    }
    /// Default: the issuer.
    pub fn audience(self, _audience: Audience) -> Self {
        todo!()
    }
    /// Default: SHA-1 thumbprint, upper-case hex.
    pub fn kid(self, _form: KidForm) -> Self {
        todo!()
    }
    /// Default: chosen from the key and the metadata (PS256 before RS256 where listed).
    pub fn algorithm(self, _algorithm: Algorithm) -> Self {
        todo!()
    }
    /// Life of an assertion. 10 s to 300 s, default 60 s.
    pub fn assertion_lifetime(self, _lifetime: Duration) -> Self {
        todo!()
    }
    /// Sends the chain as `x5c`.
    pub fn send_x5c(self) -> Self {
        todo!()
    }
    /// `client.token()` asks for platform tokens (kind 2).
    pub fn as_platform(self) -> Self {
        todo!()
    }
    /// Default: off.
    pub fn dpop(self, _dpop: Dpop) -> Self {
        todo!()
    }
    /// The longest that one call may take. 1 s to 600 s, default 30 s.
    pub fn deadline(self, _deadline: Duration) -> Self {
        todo!()
    }
    /// Default: [`crate::HttpTransport`] with its defaults.
    pub fn transport(self, _transport: Arc<dyn Transport>) -> Self {
        todo!()
    }
    /// Default: the operating system's.
    pub fn clock(self, _clock: Arc<dyn Clock>) -> Self {
        todo!()
    }
    /// Checks everything once. No request is made.
    pub fn build(self) -> Result<Client, Error> {
        todo!()
    }
}
