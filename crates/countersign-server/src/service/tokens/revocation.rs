//! Who ends granted tokens, one or many?
//!
//! Whoever ends a token ends what was granted with it too, so all of that is judged and not only what
//! is named. One's own are ended in any case: what was given with them came from oneself.

use std::collections::BTreeSet;

use countersign_proto::management::{GrantedToken, Revocation, Revoked, TokensRevocation};

use super::{
    Caller, ChangeRefusal, attempt, fault,
    granting::written_down,
    invalid, must_cover, permissions_of, present,
    standing::{NAME, WRITE, found_to_change, is_own, must_cover_token, shown},
};
use crate::{
    Platform, audit, registry,
    store::{NewAuditEntry, TokenSelector},
};

/// How often it is judged anew what would end, when it has become more meanwhile.
const TRIES: u32 = 5;

/// Ends a token, at once and for good, with what was granted through it. One that has ended stays
/// as it is.
pub(crate) async fn revoke(
    platform: &Platform,
    caller: &Caller,
    id: &str,
    revocation: &Revocation,
) -> Result<GrantedToken, ChangeRefusal> {
    attempt(platform, caller, WRITE.own, async {
        let row = found_to_change(platform, caller, id).await?;
        let which = TokenSelector::Id(row.id.clone());
        let entry = because(
            &revocation.reason,
            written_down(platform, caller, &row, REVOKE),
        )?;
        if is_own(caller, &row) {
            end(platform, which, entry).await?;
        } else {
            end_what_is_covered(platform, caller, which, entry).await?;
        }
        let ended = platform.store().token(id).await.map_err(fault)?;
        Ok(shown(platform, present(ended, NAME, id)?))
    })
    .await
}

/// Ends all tokens of an owner, or all that came from one application, certificate, token, session or
/// principal.
pub(crate) async fn revoke_many(
    platform: &Platform,
    caller: &Caller,
    asked: &TokensRevocation,
) -> Result<Revoked, ChangeRefusal> {
    // Only of tokens of others there may be too much.
    attempt(platform, caller, WRITE.all, async {
        let (which, subject) = selected(asked)?;
        let entry = audit::changed(caller, REVOKE, subject, platform.now());
        let entry = because(&asked.reason, entry)?;
        if let TokenSelector::Owner(owner) = &which {
            if *owner == caller.claims.principal && caller.permissions.include(WRITE.own) {
                return end(platform, which, entry).await;
            }
            caller.must_have(WRITE.all)?;
            let held = permissions_of(&platform.registry(), owner);
            must_cover(caller, &held, "this principal")?;
        }
        caller.must_have(WRITE.all)?;
        if let TokenSelector::CreatedThrough(id) = &which
            && let Some(row) = platform.store().token(id).await.map_err(fault)?
        {
            must_cover_token(caller, &row, &platform.registry())?;
        }
        end_what_is_covered(platform, caller, which, entry).await
    })
    .await
}

/// Ends all that somebody has, and all that he granted, for a reason of the platform.
pub(crate) async fn revoke_all_of(
    platform: &Platform,
    caller: &Caller,
    principal: &str,
    reason: &'static str,
) -> Result<(), ChangeRefusal> {
    for which in of_person(principal) {
        let entry = audit::changed(caller, REVOKE, principal, platform.now());
        end_what_is_covered(platform, caller, which, because(reason, entry)?).await?;
    }
    Ok(())
}

/// Ends all that was granted in a session, for a reason of the platform.
pub(crate) async fn revoke_all_through(
    platform: &Platform,
    caller: &Caller,
    session: &str,
    reason: &'static str,
) -> Result<(), ChangeRefusal> {
    let entry = audit::changed(caller, REVOKE, session, platform.now());
    let which = TokenSelector::CreatedThrough(session.to_owned());
    end_what_is_covered(platform, caller, which, because(reason, entry)?)
        .await
        .map(drop)
}

/// Refuses whoever may not end all that somebody has and granted.
pub(crate) async fn may_revoke_all_of(
    platform: &Platform,
    caller: &Caller,
    principal: &str,
) -> Result<(), ChangeRefusal> {
    caller.must_have(WRITE.all)?;
    for which in of_person(principal) {
        judged(platform, caller, &which).await?;
    }
    Ok(())
}

/// Refuses whoever may not end all that was granted in a session.
pub(crate) async fn may_revoke_all_through(
    platform: &Platform,
    caller: &Caller,
    session: &str,
) -> Result<(), ChangeRefusal> {
    caller.must_have(WRITE.all)?;
    let which = TokenSelector::CreatedThrough(session.to_owned());
    judged(platform, caller, &which).await.map(drop)
}

const REVOKE: &str = "granted_token.revoke";

fn of_person(principal: &str) -> [TokenSelector; 2] {
    let name = principal.to_owned();
    [
        TokenSelector::Owner(name.clone()),
        TokenSelector::CreatedBy(name),
    ]
}

/// The row of the audit, with the reason in it.
fn because(reason: &str, entry: NewAuditEntry) -> Result<NewAuditEntry, ChangeRefusal> {
    registry::check_display_name("reason", reason)?;
    Ok(NewAuditEntry {
        reason: Some(reason.to_owned()),
        ..entry
    })
}

async fn end(
    platform: &Platform,
    which: TokenSelector,
    entry: NewAuditEntry,
) -> Result<Revoked, ChangeRefusal> {
    let reason = entry.reason.clone().unwrap_or_default();
    let ended = platform
        .store()
        .revoke_tokens(which, &reason, entry.at, entry);
    let ended = ended.await;
    platform.tokens().cache.forget();
    Ok(counted(platform, &ended.map_err(fault)?))
}

/// Ends these if the caller covers each that ends.
async fn end_what_is_covered(
    platform: &Platform,
    caller: &Caller,
    which: TokenSelector,
    entry: NewAuditEntry,
) -> Result<Revoked, ChangeRefusal> {
    if caller.permissions.are_all() {
        return end(platform, which, entry).await;
    }
    let reason = entry.reason.clone().unwrap_or_default();
    for _ in 0..TRIES {
        let judged = judged(platform, caller, &which).await?;
        let (which, entry) = (which.clone(), entry.clone());
        let ended = platform
            .store()
            .revoke_judged_tokens(which, judged, &reason, entry.at, entry);
        let ended = ended.await;
        platform.tokens().cache.forget();
        if let Some(ids) = ended.map_err(fault)? {
            return Ok(counted(platform, &ids));
        }
    }
    let why = "others grant such tokens at this moment; try again";
    Err(ChangeRefusal::Conflict(why.to_owned()))
}

/// The ids of all that would end, if the caller covers each of them.
async fn judged(
    platform: &Platform,
    caller: &Caller,
    which: &TokenSelector,
) -> Result<BTreeSet<String>, ChangeRefusal> {
    let reached = platform
        .store()
        .tokens_reached(which.clone(), platform.now());
    let reached = reached.await.map_err(fault)?;
    let registry = platform.registry();
    reached
        .into_iter()
        .map(|row| must_cover_token(caller, &row, &registry).map(|()| row.id))
        .collect()
}

fn counted(platform: &Platform, ids: &[String]) -> Revoked {
    for _ in ids {
        platform.metrics().revoked();
    }
    Revoked {
        revoked: u64::try_from(ids.len()).unwrap_or(u64::MAX),
    }
}

fn selected(asked: &TokensRevocation) -> Result<(TokenSelector, &str), ChangeRefusal> {
    use TokenSelector as S;
    type Selected<'a> = (fn(String) -> S, &'a Option<String>);
    let five: [Selected<'_>; 5] = [
        (S::Owner, &asked.owner),
        (S::Application, &asked.application),
        (S::Certificate, &asked.certificate),
        (S::CreatedThrough, &asked.created_through),
        (S::CreatedBy, &asked.created_by),
    ];
    let mut given = five
        .into_iter()
        .filter_map(|(which, name)| Some((which, name.as_deref()?)));
    match (given.next(), given.next()) {
        (Some((which, name)), None) => Ok((which(name.to_owned()), name)),
        _ => Err(invalid(
            "which",
            "give exactly one of owner, application, certificate, created_through and created_by"
                .to_owned(),
        )),
    }
}
