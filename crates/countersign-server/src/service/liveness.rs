//! Is what earned this token still good?
//!
//! Tokens are not stored. What is behind one is looked up each time: the application, the
//! certificate, the mapping, the principal, and whether the token itself was given back; behind a
//! token of kind 0 its session, and what policy says to it now.

use countersign_proto::{
    certificate::Validity,
    management::CertificateUsage,
    scope::Scope,
    time::UnixTime,
    token::{INTERACTIVE_CLIENT_ID, TokenClaims, TokenKind},
};

use super::refresh::{self, Terms};
use crate::{
    Platform,
    refresh::{LiveSession, Verdict, judge},
    refusal::Failure,
    registry::{PLATFORM_PRINCIPAL, Registry},
};

/// A token of ours that is still good, and what its holder may be called now.
#[derive(Debug)]
pub(crate) struct LiveToken {
    /// As they were signed, but without the scopes that its application has no more.
    pub(crate) claims: TokenClaims,
    /// The principal's roles as they are now, not as they were when it was issued.
    pub(crate) roles: Vec<String>,
}

/// Reads a token of this issuer for one of `audiences`; `None` when it is not good, whatever the reason.
pub(crate) async fn live_token(
    platform: &Platform,
    registry: &Registry,
    token: &str,
    audiences: &[&str],
    now: UnixTime,
) -> Result<Option<LiveToken>, Failure> {
    let Some(mut claims) = believed(platform, token, audiences, now) else {
        return Ok(None);
    };
    if claims.kind == TokenKind::Interactive {
        return of_session(platform, registry, claims, now).await;
    }
    let Some(roles) = standing(registry, &claims, now) else {
        return Ok(None);
    };
    if platform.store().is_token_denied(&claims.jti).await? {
        return Ok(None);
    }
    claims.scope = scope_now(registry, &claims);
    Ok(Some(LiveToken { claims, roles }))
}

/// A refresh token that could be used now, as what its session says; `None` when it could not.
pub(crate) async fn live_refresh_token(
    platform: &Platform,
    registry: &Registry,
    text: &str,
    now: UnixTime,
) -> Result<Option<TokenClaims>, Failure> {
    let Ok(token) = refresh::read(platform, text) else {
        return Ok(None);
    };
    let Some(found) = refresh::find(platform, &token).await? else {
        return Ok(None);
    };
    let (session, idle) = (found.session, platform.settings().session.idle);
    let verdict = judge(&session, found.presented, &session.proof, idle, now);
    if verdict != Verdict::Advance {
        return Ok(None);
    }
    let permit = match refresh::permit(registry, &session, &Scope::default()) {
        Ok(permit) => permit,
        Err(Failure::Refused(_)) => return Ok(None),
        Err(fault) => return Err(fault),
    };
    let issuer = platform.issuer().to_owned();
    let mut claims = TokenClaims::new(
        issuer.clone(),
        permit.principal,
        issuer,
        INTERACTIVE_CLIENT_ID.to_owned(),
        TokenKind::Interactive,
        session.created_at,
        session.ends_at.min(session.refreshed_at.plus(idle)),
        session.id.clone(),
    );
    claims.scope = permit.scope;
    claims.roles = permit.roles;
    claims.session = Some(session.id);
    claims.binding = Some(permit.binding);
    claims.confirmation = Some(session.proof);
    Ok(Some(claims))
}

/// A token of kind 0: its session must be acknowledged and alive, and policy must still say yes.
async fn of_session(
    platform: &Platform,
    registry: &Registry,
    mut claims: TokenClaims,
    now: UnixTime,
) -> Result<Option<LiveToken>, Failure> {
    let (Some(id), Some(binding)) = (&claims.session, claims.binding) else {
        return Ok(None);
    };
    let session = platform.store().session(id).await?;
    let Some(live) = session.and_then(|session| LiveSession::standing(session, now)) else {
        return Ok(None);
    };
    let same = live.row().principal == claims.principal
        && live.row().binding == binding.name()
        && claims.client_id == INTERACTIVE_CLIENT_ID;
    if !same {
        return Ok(None);
    }
    let terms = Terms {
        principal: &claims.principal,
        binding,
        scope: &claims.scope,
        requested_scope: &Scope::default(),
    };
    let Ok(permit) = refresh::permit_terms(registry, &terms) else {
        return Ok(None);
    };
    claims.scope = permit.scope;
    Ok(Some(LiveToken {
        claims,
        roles: permit.roles,
    }))
}

/// Signature and claims, for the first of `audiences` that it is for.
fn believed(
    platform: &Platform,
    token: &str,
    audiences: &[&str],
    now: UnixTime,
) -> Option<TokenClaims> {
    audiences.iter().find_map(|audience| {
        let key_of = |kid: &str| platform.keys().verifying(kid);
        TokenClaims::verify(token, key_of, platform.issuer(), audience, now).ok()
    })
}

/// The roles of whoever the token stands for, if everything behind the token is still there.
fn standing(registry: &Registry, claims: &TokenClaims, now: UnixTime) -> Option<Vec<String>> {
    let certificate_id = claims.certificate?.to_hex().to_ascii_lowercase();
    let usage = match claims.kind {
        TokenKind::NonInteractive => CertificateUsage::Client,
        TokenKind::Platform => CertificateUsage::Platform,
        // No certificate stands behind the others.
        _ => return None,
    };
    let certificate = registry
        .certificate_rows(&certificate_id)
        .iter()
        .find(|entry| entry.record.usage == usage && entry.record.client_id == claims.client_id)?;
    let valid = certificate.record.revoked_at.is_none()
        && matches!(certificate.certificate.validity(now), Validity::Valid);
    if !valid {
        return None;
    }
    if claims.kind == TokenKind::Platform {
        // Kind 2 never maps: its principal is fixed.
        if claims.principal != PLATFORM_PRINCIPAL {
            return None;
        }
    } else {
        registry
            .application(&claims.client_id)
            .filter(|application| application.enabled)?;
        registry
            .mappings_of(&claims.client_id, &certificate_id)
            .iter()
            .find(|row| row.principal == claims.principal)?;
    }
    let principal = registry
        .principal(&claims.principal)
        .filter(|principal| principal.enabled)?;
    Some(principal.roles.clone())
}

/// What is left of the scope that was granted. Platform tokens have none.
fn scope_now(registry: &Registry, claims: &TokenClaims) -> Scope {
    registry
        .application(&claims.client_id)
        .and_then(|application| Scope::parse(&application.scopes.join(" ")).ok())
        .map(|scopes| claims.scope.intersection(&scopes))
        .unwrap_or_default()
}
