//! Is what earned this token still good?
//!
//! Tokens are not stored. What is behind one is looked up each time: the application, the
//! certificate, the mapping, the principal, and whether the token itself was given back; behind a
//! token of kind 0 its session, and what policy says to it now; behind one that somebody granted its
//! row, and what its owner has now.

mod granted;

mod trusted;
pub(crate) use trusted::CLIENT_ID as TRUSTED_CLIENT_ID;

mod verified;
pub(crate) use verified::VerifiedTokens;

use std::{net::IpAddr, sync::Arc};

use countersign_proto::{
    certificate::Validity,
    management::CertificateUsage,
    scope::Scope,
    time::UnixTime,
    token::{INTERACTIVE_CLIENT_ID, SignedClaims, TokenClaims, TokenKind},
};

use super::{
    Permissions,
    own_token::learn_key,
    refresh::{self, Terms},
};
use crate::{
    Platform,
    clock::Moment,
    refresh::{LiveSession, Verdict, judge},
    refusal::Failure,
    registry::{PLATFORM_PRINCIPAL, Registry},
    store::{StoreError, TokenRow},
    tokens::KnownToken,
    trusted::Vouched,
};

/// A token that somebody presents, or asks about.
pub(crate) struct Presented<'a> {
    pub(crate) token: &'a str,
    /// It must be for one of these.
    pub(crate) audiences: &'a [&'a str],
    /// Who presents it here, or asks about it.
    pub(crate) peer: Option<IpAddr>,
    /// From where it is used, as far as that is known.
    pub(crate) used_from: Option<IpAddr>,
    pub(crate) now: UnixTime,
}

/// A token of ours that is still good, and what its holder may be called now.
#[derive(Debug)]
pub(crate) struct LiveToken {
    /// As they were signed, but without the scopes that its application has no more.
    pub(crate) claims: TokenClaims,
    /// The principal's roles as they are now, not as they were when it was issued.
    pub(crate) roles: Vec<String>,
    /// Of a granted token its row, and what its holder may do here now.
    pub(crate) granted: Option<(Arc<TokenRow>, Permissions)>,
}

/// Reads a token of this platform for one of its audiences; `None` when it is not good, whatever the
/// reason.
pub(crate) async fn live_token(
    platform: &Platform,
    registry: &Registry,
    presented: &Presented<'_>,
) -> Result<Option<LiveToken>, Failure> {
    let now = presented.now;
    let signed = match believed(platform, presented).await? {
        Believed::Granted(known) => {
            return granted::judge(platform, registry, known, presented).await;
        }
        Believed::Vouched(vouched) => {
            let judge = |vouched| trusted::judge(platform, registry, vouched, presented);
            return Ok(vouched.and_then(judge));
        }
        Believed::Signed(signed) => signed,
    };
    let held = |audience| signed.held(platform.issuer(), audience, now).ok();
    let Some(mut claims) = presented.audiences.iter().copied().find_map(held).cloned() else {
        return Ok(None);
    };
    if claims.kind == TokenKind::Interactive {
        return of_session(platform, registry, claims, now).await;
    }
    let Some(roles) = standing(registry, &claims, now) else {
        return Ok(None);
    };
    if is_denied(platform, &claims.jti).await? {
        return Ok(None);
    }
    claims.scope = scope_now(registry, &claims);
    Ok(Some(LiveToken {
        claims,
        roles,
        granted: None,
    }))
}

/// Whether a signed token was given back. That it was not is remembered as granted tokens are.
async fn is_denied(platform: &Platform, jti: &str) -> Result<bool, StoreError> {
    let cache = &platform.tokens().cache;
    if cache.is_not_denied(jti, Moment::now()) {
        return Ok(false);
    }
    let turn = cache.turn();
    let denied = platform.store().is_token_denied(jti).await?;
    if !denied {
        cache.fill_not_denied(turn, jti);
    }
    Ok(denied)
}

/// The granted token that was presented, in whatever state; `None` when it is none.
pub(crate) async fn granted_token(
    platform: &Platform,
    presented: &Presented<'_>,
) -> Result<Option<Arc<TokenRow>>, Failure> {
    Ok(match believed(platform, presented).await? {
        Believed::Granted(known) => known.map(|known| Arc::clone(&known.row)),
        Believed::Signed(_) | Believed::Vouched(_) => None,
    })
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
        granted: None,
    }))
}

/// By what a token is known.
enum Believed {
    /// By a signature of ours, and nobody granted it.
    Signed(Arc<SignedClaims>),
    /// By its row, if there is one.
    Granted(Option<Arc<KnownToken>>),
    /// By the word of a trusted issuer, if that is good.
    Vouched(Option<Vouched>),
}

async fn believed(platform: &Platform, presented: &Presented<'_>) -> Result<Believed, Failure> {
    let (token, now) = (presented.token, presented.now);
    // Every JWT has dots, and no string of ours has one.
    if !token.contains('.') {
        let known = granted::by_string(platform, token).await?;
        return Ok(Believed::Granted(known));
    }
    if let Some(vouched) = platform.trusted_issuers().vouched(token, now).await {
        return Ok(Believed::Vouched(vouched));
    }
    let verify = || {
        platform
            .verified_tokens()
            .verify(token, &platform.keys(), now)
    };
    let signed = match verify() {
        None if learn_key(platform, token, now).await? => verify(),
        known => known,
    };
    let Some(signed) = signed else {
        let known = match signed_by_secret(platform, token) {
            Some(signed) => granted::by_claims(platform, &signed, presented).await?,
            None => None,
        };
        // One that came from another platform with the same secret is known by its value.
        return Ok(Believed::Granted(match known {
            None => granted::by_string(platform, token).await?,
            known => known,
        }));
    };
    match signed.kind() {
        TokenKind::Interactive | TokenKind::NonInteractive | TokenKind::Platform => {
            Ok(Believed::Signed(signed))
        }
        TokenKind::PersonalAccess | TokenKind::App | TokenKind::System => {
            granted::by_claims(platform, &signed, presented)
                .await
                .map(Believed::Granted)
        }
    }
}

/// What an app token says that one of our secrets signed. No other token is ever believed by one,
/// and this one only together with its row.
fn signed_by_secret(platform: &Platform, token: &str) -> Option<SignedClaims> {
    platform.local_signing_keys()?.verify(token).ok()
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
