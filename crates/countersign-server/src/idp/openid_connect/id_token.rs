//! What does an ID token say, and when is it believed (OpenID Connect Core 1.0 §3.1.3.7)?

use std::{fmt, time::Duration};

use aws_lc_rs::{constant_time, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::{
    jwk::Jwk,
    jws::{ClaimError, Claims, JwsError, UnverifiedJws},
    key::Algorithm,
    time::UnixTime,
};
use serde_json::Value;

use crate::{config::PrincipalClaim, idp::provider::permitted, registry::check_principal_name};

/// Leeway at `exp`.
const LEEWAY: Duration = Duration::from_secs(10);
/// How far ahead `iat` and `nbf` may be.
const FUTURE_MAX: Duration = Duration::from_secs(60);
/// How old `iat` may be: the token was made for the request that it answers.
const AGE_MAX: Duration = Duration::from_secs(600);

/// What the platform demands of an ID token.
#[derive(Clone, Copy)]
pub(super) struct Expected<'a> {
    /// The provider.
    pub(super) issuer: &'a str,
    /// What the provider calls the platform.
    pub(super) client_id: &'a str,
    /// Of the transaction.
    pub(super) nonce: &'a str,
    /// That came with it, for `at_hash`.
    pub(super) access_token: Option<&'a str>,
    /// The time of the platform.
    pub(super) now: UnixTime,
}

/// An ID token whose type, signature and claims hold.
pub(super) struct IdToken {
    claims: Claims,
}

/// Without the nonce, which is a browser's, and the access token.
impl fmt::Debug for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Expected")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// Without the claims, which say who a person is.
impl fmt::Debug for IdToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdToken(..)")
    }
}

/// Why an ID token is not believed, or names nobody.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum IdTokenError {
    #[error("{0}")]
    Jws(JwsError),
    #[error("its typ is that of another token")]
    Type,
    #[error("{0}")]
    Claim(ClaimError),
    #[error("its iss is not the provider")]
    Issuer,
    #[error("its aud is not the platform alone")]
    Audience,
    #[error("its azp is not the platform")]
    AuthorizedParty,
    #[error("its sub is not 1 to 255 visible characters")]
    Subject,
    #[error("its nonce is not that of this browser")]
    Nonce,
    #[error("it has expired")]
    Expired,
    #[error("it is dated ahead: compare the clocks")]
    NotYetValid,
    #[error("it was issued too long ago")]
    TooOld,
    #[error("its at_hash is not that of the access token")]
    AccessToken,
    #[error("the claim \"{0}\", which names the principal, is no name that a principal may have")]
    Name(&'static str),
    #[error("its email is not verified")]
    EmailNotVerified,
}

impl IdToken {
    /// Verifies type, signature by the key's own algorithm, then claims.
    pub(super) fn verify(
        token: UnverifiedJws<'_>,
        key: &Jwk,
        expected: &Expected<'_>,
    ) -> Result<IdToken, IdTokenError> {
        if !matches!(token.header().typ.as_deref(), None | Some("jwt")) {
            return Err(IdTokenError::Type);
        }
        let algorithm = token.header().algorithm;
        let claims = token
            .verify(&key.key, permitted(key))
            .map_err(IdTokenError::Jws)?
            .into_claims();
        if claims.string("iss")? != expected.issuer {
            return Err(IdTokenError::Issuer);
        }
        check_audience(&claims, expected.client_id)?;
        check_times(&claims, expected.now)?;
        if !is_name(claims.string("sub")?) {
            return Err(IdTokenError::Subject);
        }
        let nonce = claims.string("nonce")?;
        constant_time::verify_slices_are_equal(nonce.as_bytes(), expected.nonce.as_bytes())
            .map_err(|_| IdTokenError::Nonce)?;
        check_access_token(&claims, algorithm, expected.access_token)?;
        Ok(IdToken { claims })
    }

    /// `sub`
    pub(super) fn subject(&self) -> Result<&str, IdTokenError> {
        Ok(self.claims.string("sub")?)
    }

    /// The principal by the rule that was set. `email` counts only while the provider has verified
    /// it, and only `true` says so.
    pub(super) fn principal(&self, claim: PrincipalClaim) -> Result<&str, IdTokenError> {
        let name = self.claims.string(claim.name())?;
        let verified = self.claims.members().get("email_verified") == Some(&Value::Bool(true));
        if claim == PrincipalClaim::Email && !verified {
            return Err(IdTokenError::EmailNotVerified);
        }
        check_principal_name(name).map_err(|_| IdTokenError::Name(claim.name()))?;
        Ok(name)
    }

    /// `name`, for people to read; one that is no text is none.
    pub(super) fn display_name(&self) -> Option<&str> {
        self.claims.members().get("name")?.as_str()
    }
}

impl From<ClaimError> for IdTokenError {
    fn from(error: ClaimError) -> IdTokenError {
        IdTokenError::Claim(error)
    }
}

/// One string, or an array of it alone. Others who are trusted as much are not: a token for them
/// could be used here.
fn check_audience(claims: &Claims, client_id: &str) -> Result<(), IdTokenError> {
    let only_us = match claims.members().get("aud") {
        Some(Value::String(audience)) => audience == client_id,
        Some(Value::Array(audiences)) => matches!(
            audiences.as_slice(),
            [Value::String(audience)] if audience == client_id
        ),
        _ => false,
    };
    if !only_us {
        return Err(IdTokenError::Audience);
    }
    match claims.optional_string("azp")? {
        Some(party) if party != client_id => Err(IdTokenError::AuthorizedParty),
        _ => Ok(()),
    }
}

fn check_times(claims: &Claims, now: UnixTime) -> Result<(), IdTokenError> {
    let missing = |claim| ClaimError {
        claim,
        missing: true,
    };
    let expires_at = claims.time_floor("exp")?.ok_or(missing("exp"))?;
    let issued_at = claims.time_ceil("iat")?.ok_or(missing("iat"))?;
    let not_before = claims.time_ceil("nbf")?.unwrap_or(issued_at);
    if now >= expires_at.plus(LEEWAY) {
        return Err(IdTokenError::Expired);
    }
    if issued_at.max(not_before) > now.plus(FUTURE_MAX) {
        return Err(IdTokenError::NotYetValid);
    }
    if now.since(issued_at) > AGE_MAX {
        return Err(IdTokenError::TooOld);
    }
    Ok(())
}

/// `at_hash`: the left half of a digest of the access token (§3.1.3.6). Where it stands it must fit.
fn check_access_token(
    claims: &Claims,
    algorithm: Algorithm,
    access_token: Option<&str>,
) -> Result<(), IdTokenError> {
    let Some(stated) = claims.optional_string("at_hash")? else {
        return Ok(());
    };
    let token = access_token.ok_or(IdTokenError::AccessToken)?;
    let digest = digest::digest(hash_of(algorithm), token.as_bytes());
    let half = &digest.as_ref()[..digest.as_ref().len() / 2];
    if stated == URL_SAFE_NO_PAD.encode(half) {
        Ok(())
    } else {
        Err(IdTokenError::AccessToken)
    }
}

/// The digest of an algorithm; EdDSA's is that of Ed25519.
fn hash_of(algorithm: Algorithm) -> &'static digest::Algorithm {
    match algorithm {
        Algorithm::ES384 => &digest::SHA384,
        Algorithm::ES512 | Algorithm::EdDSA => &digest::SHA512,
        _ => &digest::SHA256,
    }
}

fn is_name(subject: &str) -> bool {
    (1..=255).contains(&subject.chars().count()) && !subject.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
