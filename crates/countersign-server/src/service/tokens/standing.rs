//! Whose is a granted token, and who may see and touch it?

use countersign_proto::{
    management::{GrantedToken, NewToken},
    opaque::TokenId,
    scope::Scope,
    time::UnixTime,
    token::TokenKind,
};

use super::{AccessRefusal, Caller, ChangeRefusal, Permissions, fault, must_cover, present};
use crate::{
    Platform,
    policy::granted::{Api, Carried, Facts, Grantor, Rights, rights},
    registry::Registry,
    service::liveness::TRUSTED_CLIENT_ID,
    store::TokenRow,
};

/// As messages name it.
pub(super) const NAME: &str = "token";

/// What is needed to do something with tokens: with one's own, and with everybody's.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needed {
    pub(super) own: &'static str,
    pub(super) all: &'static str,
}

pub(super) const READ: Needed = Needed {
    own: "own-tokens:read",
    all: "tokens:read",
};
pub(super) const WRITE: Needed = Needed {
    own: "own-tokens:write",
    all: "tokens:write",
};

impl Needed {
    /// Whether the caller may do it with everybody's; refused when he may not with his own either.
    pub(super) fn reach(self, caller: &Caller) -> Result<Reach, AccessRefusal> {
        if caller.permissions.include(self.all) {
            Ok(Reach::All)
        } else {
            caller.must_have(self.own).map(|()| Reach::Own)
        }
    }
}

/// Whose tokens somebody may do something with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Own,
    All,
}

/// A token that the caller may do this with. What is not his, and none of his business, is not
/// there for him.
pub(super) async fn found(
    platform: &Platform,
    caller: &Caller,
    needed: Needed,
    id: &str,
) -> Result<TokenRow, ChangeRefusal> {
    let reach = needed.reach(caller)?;
    // What is no id may be a token, and is not repeated.
    let shown = TokenId::parse(id).map_or("…", |_| id);
    let row = platform.store().token(id).await.map_err(fault)?;
    let row = present(row, NAME, shown)?;
    if reach == Reach::All || is_own(caller, &row) {
        return Ok(row);
    }
    if caller.permissions.include(READ.all) {
        let permission = needed.all;
        return Err(AccessRefusal::Forbidden { permission }.into());
    }
    present(None, NAME, id)
}

/// The same of a token that the caller changes: one of somebody else needs as much as it carries.
pub(super) async fn found_to_change(
    platform: &Platform,
    caller: &Caller,
    id: &str,
) -> Result<TokenRow, ChangeRefusal> {
    let row = found(platform, caller, WRITE, id).await?;
    must_cover_token(caller, &row, &platform.registry())?;
    Ok(row)
}

/// Nobody takes away from somebody who may do more.
pub(super) fn must_cover_token(
    caller: &Caller,
    row: &TokenRow,
    registry: &Registry,
) -> Result<(), ChangeRefusal> {
    if is_own(caller, row) {
        return Ok(());
    }
    let held = rights_of(row, registry)
        .map(|rights| match row.audience {
            None => rights.permissions,
            Some(_) => Permissions::of(&rights.roles, registry),
        })
        .unwrap_or_default();
    must_cover(caller, &held, "this token")
}

pub(super) fn is_own(caller: &Caller, row: &TokenRow) -> bool {
    row.owner.as_deref() == Some(caller.claims.principal.as_str())
}

/// What a token carries now; nothing when its owner is gone or disabled.
pub(crate) fn rights_of(row: &TokenRow, registry: &Registry) -> Option<Rights> {
    carried(row, |carried| rights(carried, registry)).flatten()
}

/// What policy sees of a row; nothing of one whose scope does not read.
pub(super) fn carried<T>(row: &TokenRow, judge: impl FnOnce(&Carried<'_>) -> T) -> Option<T> {
    let scope = Scope::parse(&row.scope).ok()?;
    Some(judge(&Carried {
        kind: row.kind,
        owner: row.owner.as_deref(),
        roles: &row.roles,
        scope: &scope,
        api: row.audience.as_ref().map_or(Api::Platform, |_| Api::Other),
    }))
}

/// What policy decides by, of this caller at this moment.
pub(super) fn with_facts<T>(
    platform: &Platform,
    caller: &Caller,
    decide: impl FnOnce(&Facts<'_>) -> T,
) -> T {
    let granted = caller.granted.as_deref();
    // Scopes of an application narrow nothing at the platform; those of a person, or of a token
    // that was granted, do.
    let is_scoped = match caller.claims.kind {
        TokenKind::NonInteractive | TokenKind::Platform => false,
        _ => granted.map_or(!caller.claims.scope.is_empty(), |row| !row.scope.is_empty()),
    };
    decide(&Facts {
        registry: &platform.registry(),
        rules: &platform.settings().tokens,
        issuer: platform.issuer(),
        grantor: Grantor {
            principal: &caller.claims.principal,
            roles: &caller.roles,
            permissions: &caller.permissions,
            is_scoped,
            // What a trusted issuer named is pinned: here nobody asks it again.
            names_roles: is_vouched_for(caller) || granted.is_some_and(|row| !row.roles.is_empty()),
            ends_at: ends_at(caller),
        },
        now: platform.now(),
    })
}

/// The end of a token that was granted, or that a trusted issuer issued: what it grants ends with it.
fn ends_at(caller: &Caller) -> Option<UnixTime> {
    match &caller.granted {
        Some(row) => row.ends_at(),
        None if is_vouched_for(caller) => caller.claims.expires_at,
        None => None,
    }
}

fn is_vouched_for(caller: &Caller) -> bool {
    caller.claims.client_id == TRUSTED_CLIENT_ID
}

/// A row as the terms that it was granted by, without an end.
pub(super) fn terms_of(row: &TokenRow) -> NewToken {
    NewToken {
        kind: row.kind,
        form: row.form,
        name: row.name.clone(),
        description: row.description.clone(),
        owner: row.owner.clone(),
        roles: row.roles.clone(),
        scopes: words(&row.scope),
        audience: row.audience.clone(),
        expires_at: None,
        lifetime_s: None,
        never_expires: false,
    }
}

/// As the management API shows it.
pub(super) fn shown(platform: &Platform, row: TokenRow) -> GrantedToken {
    let warned = platform.settings().tokens.expiry_warning;
    GrantedToken {
        state: row.state(platform.now(), warned),
        scopes: words(&row.scope),
        audience: row.audience.unwrap_or_else(|| platform.issuer().to_owned()),
        id: row.id,
        kind: row.kind,
        form: row.form,
        name: row.name,
        description: row.description,
        owner: row.owner,
        roles: row.roles,
        created_at: row.created_at,
        created_by: row.created_by,
        created_through: row.created_through,
        application: row.application,
        certificate: row.certificate,
        expires_at: row.expires_at,
        last_used_at: row.last_used_at,
        last_used_from: row.last_used_from,
        revoked_at: row.revoked_at,
        revocation_reason: row.revocation_reason,
        predecessor: row.predecessor,
        successor: row.successor,
        grace_ends_at: row.grace_ends_at,
    }
}

fn words(scope: &str) -> Vec<String> {
    scope.split_whitespace().map(str::to_owned).collect()
}
