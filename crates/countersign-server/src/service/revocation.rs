//! Who may give a token back, and what happens then (RFC 7009)?
//!
//! The application that got it, authenticated by an assertion; or whoever holds it, by presenting
//! the same token in the `Authorization` header. The second needs no proof for a bound token:
//! giving a token back only takes rights away. A refresh token is presented by naming it: its client
//! is public and has no other credential. With it, and with a token of kind 0, ends the session, and
//! so do all of its tokens. A token that somebody granted belongs to no application: only its holder
//! gives it back, and with it go those that were granted through it.

use countersign_proto::{
    assertion::Purpose,
    bearer::{self, BearerError},
    time::UnixTime,
    token::{self, INTERACTIVE_CLIENT_ID, TokenClaims},
    token_form::TokenForm,
};

use super::{
    AccessRefusal, Authenticated, PresentedRequest,
    exchange::{Signed, authenticate, refuse},
    liveness::{self, granted_token},
    own_token::verified,
    refresh,
};
use crate::{
    Platform, audit,
    refresh::Presented,
    refusal::{Failure, Refusal},
    store::{StoreError, TokenRow, TokenSelector},
};

/// Why a session, or a granted token, ended that was given back.
const GIVEN_BACK: &str = "given_back";

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
    let refresh_token = refresh::read(platform, token).ok();
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
        None if refresh_token.is_some() => None,
        None => {
            must_hold(token, request).map_err(RevocationRefusal::Access)?;
            None
        }
    };
    if let Some(refresh_token) = refresh_token {
        let found = refresh::find(platform, &refresh_token)
            .await
            .map_err(RevocationRefusal::Failure)?
            .filter(|found| found.presented != Presented::Unknown);
        let Some(found) = found else {
            return Ok(());
        };
        let is_another = asked
            .client_id
            .as_ref()
            .is_some_and(|client_id| client_id != INTERACTIVE_CLIENT_ID);
        if by_client.is_some() || is_another {
            return Err(not_owner(platform, by_client, request, now).await);
        }
        return end_session(platform, &found.session.id, request, now).await;
    }
    let asked_about = liveness::Presented {
        token,
        audiences: &[],
        peer: request.peer,
        used_from: request.peer,
        now,
    };
    let granted = granted_token(platform, &asked_about)
        .await
        .map_err(RevocationRefusal::Failure)?;
    if let Some(row) = granted {
        if by_client.is_some() {
            return Err(not_owner(platform, by_client, request, now).await);
        }
        return revoke_granted(platform, &row, request, now).await;
    }
    let own = own_token(platform, token).await;
    let Some(claims) = own.map_err(|error| RevocationRefusal::Failure(error.into()))? else {
        return Ok(());
    };
    let actor = match &by_client {
        Some(client) if client.client_id() != claims.client_id => {
            return Err(not_owner(platform, by_client, request, now).await);
        }
        Some(client) => client.client_id(),
        None => &claims.principal,
    };
    if let Some(session) = &claims.session {
        return end_session(platform, session, request, now).await;
    }
    let entry = audit::token_revoked(actor, &claims.principal, &claims.jti, request.peer, now);
    // A JWT that was believed has an end.
    let until = claims.expires_at.unwrap_or(now);
    let denied = platform
        .store()
        .deny_token(claims.jti.clone(), until, entry)
        .await;
    platform.tokens().cache.forget();
    denied.map_err(|error| RevocationRefusal::Failure(error.into()))?;
    platform.metrics().revoked();
    Ok(())
}

/// Ends a session, and with it every token of it.
async fn end_session(
    platform: &Platform,
    id: &str,
    request: &PresentedRequest<'_>,
    now: UnixTime,
) -> Result<(), RevocationRefusal> {
    let failed = |error: StoreError| RevocationRefusal::Failure(error.into());
    let store = platform.store();
    let Some(session) = store.session(id).await.map_err(failed)? else {
        return Ok(());
    };
    let entry = audit::session_ended(&session, GIVEN_BACK, request.peer, now);
    let ended = store.end_session(id, GIVEN_BACK, now, entry);
    if ended.await.map_err(failed)? {
        platform.metrics().revoked();
    }
    Ok(())
}

/// Ends a granted token for whoever holds it. One that is over stays as it is.
async fn revoke_granted(
    platform: &Platform,
    row: &TokenRow,
    request: &PresentedRequest<'_>,
    now: UnixTime,
) -> Result<(), RevocationRefusal> {
    let entry = audit::granted_given_back(row, request.peer, now);
    let which = TokenSelector::Id(row.id.clone());
    let revoked = platform
        .store()
        .revoke_tokens(which, GIVEN_BACK, now, entry)
        .await;
    platform.tokens().cache.forget();
    let revoked = revoked.map_err(|error| RevocationRefusal::Failure(error.into()))?;
    if !revoked.is_empty() {
        platform.metrics().revoked();
    }
    Ok(())
}

async fn not_owner(
    platform: &Platform,
    client: Option<Authenticated>,
    request: &PresentedRequest<'_>,
    now: UnixTime,
) -> RevocationRefusal {
    let who = client.map(|client| client.identified());
    RevocationRefusal::Failure(refuse(platform, Refusal::NotOwner, who, request.peer, now).await)
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
pub(super) async fn own_token(
    platform: &Platform,
    text: &str,
) -> Result<Option<TokenClaims>, StoreError> {
    let parts = token::inspect(text);
    let claimed = parts.and_then(|parts| Some(parts.claims.get("aud")?.as_str()?.to_owned()));
    match claimed {
        Some(audience) => verified(platform, text, &[&audience], platform.now()).await,
        None => Ok(None),
    }
}
