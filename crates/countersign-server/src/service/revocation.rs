//! Who may give a token back, and what happens then (RFC 7009)?
//!
//! The application that got it, authenticated by an assertion; or whoever holds it, by presenting
//! the same token in the `Authorization` header. The second needs no proof for a bound token:
//! giving a token back only takes rights away.

use countersign_proto::{
    assertion::Purpose,
    bearer::{self, BearerError},
    token::{self, TokenClaims},
    token_form::TokenForm,
};

use super::{
    AccessRefusal, PresentedRequest,
    exchange::{Signed, authenticate, refuse},
};
use crate::{
    Platform, audit,
    refusal::{Failure, Refusal},
};

/// Why a token is not taken back.
pub(crate) enum RevocationRefusal {
    Access(AccessRefusal),
    Failure(Failure),
}

/// Takes a token back. An unknown, foreign or ended token needs nothing more: that is no error.
pub(crate) async fn revoke(
    platform: &Platform,
    asked: TokenForm,
    request: &PresentedRequest<'_>,
) -> Result<(), RevocationRefusal> {
    let now = platform.now();
    let token = asked.token.expose();
    let by_client = match &asked.client_assertion {
        Some(assertion) => {
            let registry = platform.registry();
            let signed = Signed {
                presented: assertion,
                purpose: Purpose::Client,
                client_id: asked.client_id.as_deref(),
            };
            let (client, _) = authenticate(platform, &registry, &signed, None, request.peer, now)
                .await
                .map_err(RevocationRefusal::Failure)?;
            Some(client)
        }
        None => {
            must_hold(token, request).map_err(RevocationRefusal::Access)?;
            None
        }
    };
    let Some(claims) = own_token(platform, token) else {
        return Ok(());
    };
    let actor = match &by_client {
        Some(client) if client.client_id() != claims.client_id => {
            let who = Some(client.identified());
            let failure = refuse(platform, Refusal::NotOwner, who, request.peer, now).await;
            return Err(RevocationRefusal::Failure(failure));
        }
        Some(client) => client.client_id(),
        None => &claims.principal,
    };
    let entry = audit::token_revoked(actor, &claims.principal, &claims.jti, request.peer, now);
    platform
        .store()
        .deny_token(claims.jti.clone(), claims.expires_at, entry)
        .await
        .map_err(|error| RevocationRefusal::Failure(error.into()))?;
    platform.metrics().revoked();
    Ok(())
}

/// The bearer must present the token that is to be given back.
fn must_hold(token: &str, request: &PresentedRequest<'_>) -> Result<(), AccessRefusal> {
    let presented = bearer::read(request.headers).map_err(|error| match error {
        BearerError::Missing | BearerError::Scheme => AccessRefusal::Missing,
        _ => AccessRefusal::Malformed,
    })?;
    let same = aws_lc_rs::constant_time::verify_slices_are_equal(
        presented.token.expose().as_bytes(),
        token.as_bytes(),
    );
    same.map_err(|_| AccessRefusal::InvalidToken)
}

/// A token that we signed and that has not ended, for whatever audience.
fn own_token(platform: &Platform, text: &str) -> Option<TokenClaims> {
    let audience = token::inspect(text)?
        .claims
        .get("aud")?
        .as_str()?
        .to_owned();
    let key_of = |kid: &str| platform.keys().verifying(kid);
    TokenClaims::verify(text, key_of, platform.issuer(), &audience, platform.now()).ok()
}
