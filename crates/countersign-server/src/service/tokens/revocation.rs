//! Who ends granted tokens, one or many?

use countersign_proto::{
    management::{GrantedToken, Revocation, Revoked, TokenFilter, TokensRevocation},
    opaque::TokenId,
};

use super::{
    Caller, ChangeRefusal, attempt, fault,
    granting::written_down,
    invalid, must_cover, permissions_of, present,
    standing::{NAME, WRITE, found_to_change, must_cover_token, shown},
};
use crate::{
    Platform, audit, registry,
    store::{NewAuditEntry, TokenQuery, TokenSelector},
};

/// How many rows are looked at together.
const PAGE: u32 = 500;

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
        let entry = written_down(platform, caller, &row, REVOKE);
        end(platform, which, &revocation.reason, entry).await?;
        let ended = platform.store().token(id).await.map_err(fault)?;
        Ok(shown(platform, present(ended, NAME, id)?))
    })
    .await
}

/// Ends all tokens of an owner, or all that came from one application, certificate or token.
pub(crate) async fn revoke_many(
    platform: &Platform,
    caller: &Caller,
    asked: &TokensRevocation,
) -> Result<Revoked, ChangeRefusal> {
    // Only of tokens of others there may be too much.
    attempt(platform, caller, WRITE.all, async {
        let (which, subject) = selected(asked)?;
        may_end(platform, caller, &which).await?;
        let entry = audit::changed(caller, REVOKE, subject, platform.now());
        end(platform, which, &asked.reason, entry).await
    })
    .await
}

const REVOKE: &str = "granted_token.revoke";

async fn end(
    platform: &Platform,
    which: TokenSelector,
    reason: &str,
    entry: NewAuditEntry,
) -> Result<Revoked, ChangeRefusal> {
    registry::check_display_name("reason", reason)?;
    let now = platform.now();
    let entry = NewAuditEntry {
        reason: Some(reason.to_owned()),
        ..entry
    };
    let ended = platform.store().revoke_tokens(which, reason, now, entry);
    let ended = ended.await;
    platform.tokens().cache.forget();
    let ids = ended.map_err(fault)?;
    let revoked = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    for _ in ids {
        platform.metrics().revoked();
    }
    Ok(Revoked { revoked })
}

fn selected(asked: &TokensRevocation) -> Result<(TokenSelector, &str), ChangeRefusal> {
    use TokenSelector as S;
    type Selected<'a> = (fn(String) -> S, &'a Option<String>);
    let four: [Selected<'_>; 4] = [
        (S::Owner, &asked.owner),
        (S::Application, &asked.application),
        (S::Certificate, &asked.certificate),
        (S::CreatedThrough, &asked.created_through),
    ];
    let mut given = four
        .into_iter()
        .filter_map(|(which, name)| Some((which, name.as_deref()?)));
    match (given.next(), given.next()) {
        (Some((which, name)), None) => Ok((which(name.to_owned()), name)),
        _ => Err(invalid(
            "which",
            "give exactly one of owner, application, certificate and created_through".to_owned(),
        )),
    }
}

/// Whether the caller may end all of these: his own, or of others what he could have given.
async fn may_end(
    platform: &Platform,
    caller: &Caller,
    which: &TokenSelector,
) -> Result<(), ChangeRefusal> {
    if let TokenSelector::Owner(owner) = which
        && *owner == caller.claims.principal
        && caller.permissions.include(WRITE.own)
    {
        return Ok(());
    }
    caller.must_have(WRITE.all)?;
    if caller.permissions.are_all() {
        return Ok(());
    }
    let registry = platform.registry();
    let filter = match which {
        TokenSelector::Owner(owner) => {
            return must_cover(caller, &permissions_of(&registry, owner), "this principal");
        }
        TokenSelector::Application(client_id) => TokenFilter {
            application: Some(client_id.clone()),
            ..TokenFilter::default()
        },
        TokenSelector::Certificate(sha256) => TokenFilter {
            certificate: Some(sha256.clone()),
            ..TokenFilter::default()
        },
        TokenSelector::CreatedThrough(id) | TokenSelector::Id(id) => {
            return must_cover_descent(platform, caller, id).await;
        }
    };
    let mut after = None;
    loop {
        let query = TokenQuery {
            filter: filter.clone(),
            after,
            limit: PAGE,
            now: platform.now(),
            warned: platform.settings().tokens.expiry_warning,
        };
        let page = platform.store().tokens(query).await.map_err(fault)?;
        for row in page.items.iter().filter(|row| row.is_live(platform.now())) {
            must_cover_token(caller, row, &registry)?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

/// A granted token grants nothing wider than itself, so who covers it covers what came from it. Of
/// what came from another kind of token nobody knows that.
async fn must_cover_descent(
    platform: &Platform,
    caller: &Caller,
    id: &str,
) -> Result<(), ChangeRefusal> {
    let row = match TokenId::parse(id) {
        Ok(_) => platform.store().token(id).await.map_err(fault)?,
        Err(_) => None,
    };
    match row {
        Some(row) => must_cover_token(caller, &row, &platform.registry()),
        None => Err(ChangeRefusal::Escalation(
            "only an administrator revokes what a token granted that was not granted itself"
                .to_owned(),
        )),
    }
}
