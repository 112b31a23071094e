//! What is in an access token, how is one written, and when is one believed?
//!
//! RFC 9068 with the members of protocol.md: `type`, `principal`, `cert`, `cnf`.

use crate::{
    jws::{ClaimError, JwsError, SigningInput},
    key::{Algorithm, PublicKey},
    scope::Scope,
    thumbprint::Thumbprint,
    time::UnixTime,
};

/// How a token was got (seed 003). On the wire 0, 1, 2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    Interactive,
    NonInteractive,
    Platform,
}
impl TokenKind {
    pub const fn number(self) -> u8 {
        match self {
            TokenKind::Interactive => 0,
            TokenKind::NonInteractive => 1,
            TokenKind::Platform => 2,
        }
    }
    pub fn from_number(n: u64) -> Option<TokenKind> {
        match n {
            0 => Some(TokenKind::Interactive),
            1 => Some(TokenKind::NonInteractive),
            2 => Some(TokenKind::Platform),
            _ => None,
        }
    }
}

/// How a token is presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenType {
    Bearer,
    DPoP,
}

/// An access token: opaque to whoever holds it, wiped when dropped, never printed. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken {/* Arc<Zeroizing<String>> */}
/// The text cannot stand in an `Authorization` header (RFC 6750 §2.1 b64token), or is longer than 16 KiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessTokenError;
impl AccessToken {
    pub fn new(_text: &str) -> Result<AccessToken, AccessTokenError> {
        todo!()
    }
    pub fn expose(&self) -> &str {
        todo!()
    }
}
impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessToken(..)")
    }
}

/// The claims of our access tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenClaims {
    pub issuer: String,
    pub subject: String,
    pub audience: String,
    pub client_id: String,
    pub principal: String,
    pub kind: TokenKind,
    pub scope: Scope,
    pub roles: Vec<String>,
    pub issued_at: UnixTime,
    pub not_before: UnixTime,
    pub expires_at: UnixTime,
    pub jti: String,
    /** `cert.x5t#S256` of the certificate that earned it */
    pub certificate: Option<Thumbprint>,
    /** `cnf.jkt` (RFC 9449 §6) */
    pub confirmation: Option<String>,
}

/// Why an access token is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TokenError {
    Jws(JwsError),
    Type,
    Claim(ClaimError),
    Issuer,
    Audience,
    Expired,
    NotYetValid,
}

impl TokenClaims {
    pub fn new(
        _issuer: String,
        _subject: String,
        _audience: String,
        _client_id: String,
        _kind: TokenKind,
        _issued_at: UnixTime,
        _expires_at: UnixTime,
        _jti: String,
    ) -> TokenClaims {
        todo!()
    }
    /// Encodes: `typ: at+jwt`.
    pub fn signing_input(&self, _algorithm: Algorithm, _kid: &str) -> SigningInput {
        todo!()
    }
    /// Verifies a token of `issuer` for `audience` (RFC 9068 §4). `key_of` finds the issuer's key by `kid`.
    pub fn verify(
        _text: &str,
        _key_of: impl FnOnce(&str) -> Option<(PublicKey, Algorithm)>,
        _issuer: &str,
        _audience: &str,
        _now: UnixTime,
    ) -> Result<TokenClaims, TokenError> {
        todo!()
    }
}

/// The decoded parts of any JWT, for showing. Nothing here was verified; the type says so.
#[derive(Clone, Debug)]
pub struct UnverifiedToken {
    pub header: crate::json::Map<String, crate::json::Value>,
    pub claims: crate::json::Map<String, crate::json::Value>,
}
/// Decodes a JWT without believing it. `None` for an opaque token.
pub fn inspect(_token: &str) -> Option<UnverifiedToken> {
    todo!()
}
