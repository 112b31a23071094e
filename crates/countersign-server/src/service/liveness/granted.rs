//! Is a granted token still good, and what may its holder now?
//!
//! A string is known again by its digest, a JWT by its signature and its name. Everything else is in
//! the row, and what the owner has is asked at each use. Whether a string was never given, has
//! expired or was revoked, and whether it is for another audience: the answer is the same, and a
//! string of an unknown id costs the same digest and comparison as one of a known id.

use std::sync::Arc;

use aws_lc_rs::constant_time;
use countersign_proto::{
    management::{GrantedForm, GrantedState},
    opaque::{OpaqueError, OpaqueKind, OpaqueToken, TokenId},
    token::{SignedClaims, TokenError, TokenKind},
};

use super::{LiveToken, Presented};
use crate::{
    Platform, audit,
    clock::Moment,
    events::{Event, EventName},
    issuer,
    metrics::GrantedUse,
    refusal::{Failure, Fault},
    registry::Registry,
    service::tokens::rights_of,
    store::{Settlement, StoreError, TokenRow},
    tokens::{KnownToken, TokenKey, digest},
};

/// The token that this string is, in whatever state; `None` when it is none.
pub(super) async fn by_string(
    platform: &Platform,
    text: &str,
) -> Result<Option<Arc<KnownToken>>, Failure> {
    match OpaqueToken::parse(text, &platform.settings().tokens.prefix) {
        Ok(token) if token.kind() == OpaqueKind::Refresh => Ok(None),
        Ok(token) => {
            let text = token.expose();
            let known = find(platform, TokenKey::Id(*token.id()), text).await?;
            if is_string_of(platform, known.as_deref(), text)? {
                return Ok(known);
            }
            // It may have come from another platform, where another token has its id.
            by_digest(platform, text).await
        }
        // Of another platform, or of a time when the prefix was another, if of any.
        Err(OpaqueError::Prefix | OpaqueError::Kind) => {
            let known = by_digest(platform, text).await?;
            match text.rsplit_once("--") {
                Some((_label, text)) if known.is_none() => by_digest(platform, text).await,
                _ => Ok(known),
            }
        }
        // One of ours that was not copied whole: nobody need be asked.
        Err(_) => Ok(None),
    }
}

/// The token that these claims name, in whatever state; `None` when there is none.
pub(super) async fn by_claims(
    platform: &Platform,
    signed: &SignedClaims,
    presented: &Presented<'_>,
) -> Result<Option<Arc<KnownToken>>, Failure> {
    let Ok(id) = TokenId::parse(signed.jti()) else {
        return Ok(None);
    };
    let known = find(platform, TokenKey::Id(id), "").await?;
    Ok(known.filter(|known| {
        let row = &known.row;
        let issuer = platform.issuer();
        let audience = row.audience.as_deref().unwrap_or(issuer);
        // Its end is in the row as well, and is judged there: then its use is noticed.
        let holds = matches!(
            signed.held(issuer, audience, presented.now),
            Ok(_) | Err(TokenError::Expired)
        );
        holds && row.form == GrantedForm::Jwt && signed.kind() == TokenKind::App
    }))
}

/// What a token is good for now; `None` when it is not, whatever the reason.
pub(super) async fn judge(
    platform: &Platform,
    registry: &Registry,
    known: Option<Arc<KnownToken>>,
    presented: &Presented<'_>,
) -> Result<Option<LiveToken>, Failure> {
    let (live, outcome) = match known {
        None => (None, GrantedUse::Unknown),
        Some(known) => judge_known(platform, registry, &known, presented).await?,
    };
    platform.metrics().granted_used(outcome);
    Ok(live)
}

async fn judge_known(
    platform: &Platform,
    registry: &Registry,
    known: &KnownToken,
    presented: &Presented<'_>,
) -> Result<(Option<LiveToken>, GrantedUse), Failure> {
    let (row, issuer) = (&known.row, platform.issuer());
    let now = presented.now;
    if !row.is_live(now) {
        let outcome = refuse(platform, row, presented).await?;
        return Ok((None, outcome));
    }
    let audience = row.audience.as_deref().unwrap_or(issuer);
    if !presented.audiences.contains(&audience) {
        return Ok((None, GrantedUse::OtherAudience));
    }
    // An empty scope of a token that was narrowed would read as everything.
    let rights =
        rights_of(row, registry).filter(|rights| row.scope.is_empty() || !rights.scope.is_empty());
    let Some(rights) = rights else {
        return Ok((None, GrantedUse::NoRights));
    };
    if !known.is_settled() {
        settle(platform, row, presented).await?;
        known.settled();
    }
    platform
        .tokens()
        .uses
        .note(&row.id, now, presented.used_from);
    let live = LiveToken {
        claims: issuer::granted_claims(row, &rights.roles, &rights.scope, issuer),
        roles: rights.roles,
        granted: Some((Arc::clone(row), rights.permissions)),
    };
    Ok((Some(live), GrantedUse::Believed))
}

/// The first use of a token ends the one whose place it takes, before anything is answered.
async fn settle(
    platform: &Platform,
    row: &TokenRow,
    presented: &Presented<'_>,
) -> Result<(), StoreError> {
    let Some(predecessor) = &row.predecessor else {
        return Ok(());
    };
    let (store, now) = (platform.store(), presented.now);
    let waits = store.token(predecessor).await?.is_some_and(|before| {
        before.is_live(now)
            && before.ends_at_first_use
            && before.successor.as_ref() == Some(&row.id)
    });
    if !waits {
        return Ok(());
    }
    let entry = audit::granted_first_used(row, predecessor, presented.peer, now);
    // Of several first uses at once one writes; the others find it done.
    let done = store
        .settle_rotation(&row.id, Settlement::FirstUse, now, entry)
        .await;
    platform.tokens().cache.forget();
    done.map(drop)
}

/// Somebody holds a token that is over: that is told, by its id.
async fn refuse(
    platform: &Platform,
    row: &TokenRow,
    presented: &Presented<'_>,
) -> Result<GrantedUse, StoreError> {
    let now = presented.now;
    let (outcome, name, reason) = match row.state(now, std::time::Duration::ZERO) {
        GrantedState::Expired => (GrantedUse::Expired, EventName::TokenExpiredUsed, "expired"),
        _ => (GrantedUse::Revoked, EventName::TokenRevokedUsed, "revoked"),
    };
    let subject = issuer::granted_subject(row);
    let event = Event::new(name, &subject, now)
        .token(&row.id)
        .address(presented.peer);
    platform.events().raise(event);
    if platform.tokens().refused.is_news(&row.id, now) {
        let entry = audit::granted_refused(row, reason, presented.peer, now);
        platform.store().append_audit(entry).await?;
    }
    Ok(outcome)
}

/// A string of another platform, which was imported.
async fn by_digest(platform: &Platform, text: &str) -> Result<Option<Arc<KnownToken>>, Failure> {
    let newest = digest::of(platform.secrets(), text)?;
    let known = find(platform, TokenKey::Digest(newest.digest), text).await?;
    let is_it = is_string_of(platform, known.as_deref(), text)?;
    // A JWT of ours is believed by its signature alone.
    Ok(known.filter(|known| is_it && known.row.form != GrantedForm::Jwt))
}

/// A token by what is known here, or else by the store.
async fn find(
    platform: &Platform,
    key: TokenKey,
    text: &str,
) -> Result<Option<Arc<KnownToken>>, StoreError> {
    let cache = &platform.tokens().cache;
    if let Some(known) = cache.find(&key, Moment::now()) {
        return Ok(Some(known));
    }
    let turn = cache.turn();
    let row = match &key {
        TokenKey::Id(id) => platform.store().token(&id.to_string()).await?,
        TokenKey::Digest(_) => read_by_digest(platform, text).await?,
    };
    Ok(row.map(|row| {
        let known = KnownToken::of(row);
        cache.fill(turn, key, &known);
        known
    }))
}

async fn read_by_digest(platform: &Platform, text: &str) -> Result<Option<TokenRow>, StoreError> {
    for digest in digest::under_every_pepper(platform.secrets(), text) {
        let row = platform.store().token_by_digest(&digest).await?;
        if row.is_some() {
            return Ok(row);
        }
    }
    Ok(None)
}

fn is_string_of(
    platform: &Platform,
    known: Option<&KnownToken>,
    text: &str,
) -> Result<bool, Fault> {
    let Some(known) = known else {
        // The same work for an id that nobody has.
        let kept = digest::of(platform.secrets(), text)?;
        let _ = constant_time::verify_slices_are_equal(&kept.digest, &[0; 32]);
        return Ok(false);
    };
    digest::matches(platform.secrets(), &known.row, text)
}
