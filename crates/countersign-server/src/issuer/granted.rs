//! What does a granted token say, by its row and by what its owner has?

use countersign_proto::{
    jwt::LocalSigningKeys,
    management::GrantedKind,
    scope::Scope,
    token::{AccessToken, GRANTED_CLIENT_ID, TokenClaims, TokenKind},
};

use crate::{keys::IssuerKeys, refusal::Fault, store::TokenRow};

/// Signs an app token that says itself what it is. It is believed here while its row lives; where
/// only signatures are checked, until its end, so it must have one. A secret signs it if there is
/// one.
pub(crate) fn mint_granted(
    row: &TokenRow,
    roles: &[String],
    scope: &Scope,
    keys: &IssuerKeys,
    local: Option<&LocalSigningKeys>,
    issuer: &str,
) -> Result<AccessToken, Fault> {
    if row.expires_at.is_none() {
        return Err(Fault::new("a jwt without an end is not minted"));
    }
    let claims = granted_claims(row, roles, scope, issuer);
    match local {
        Some(local) => local
            .sign(&claims)
            .map_err(|error| Fault::new(format!("app token is not signed: {error}"))),
        None => super::signed(&claims, keys),
    }
}

/// What a granted token says, or what is told of it if it is opaque: with these roles and scopes.
pub(crate) fn granted_claims(
    row: &TokenRow,
    roles: &[String],
    scope: &Scope,
    issuer: &str,
) -> TokenClaims {
    let end = row.ends_at();
    let mut claims = TokenClaims::new(
        issuer.to_owned(),
        granted_subject(row),
        row.audience.as_deref().unwrap_or(issuer).to_owned(),
        GRANTED_CLIENT_ID.to_owned(),
        kind(row.kind),
        row.created_at,
        end.unwrap_or(row.created_at),
        row.id.clone(),
    );
    claims.expires_at = end;
    claims.roles = roles.to_vec();
    claims.scope = scope.clone();
    claims
}

/// Whom a granted token stands for. No principal is called as a system token is.
pub(crate) fn granted_subject(row: &TokenRow) -> String {
    let of_nobody = || format!("countersign:system:{}", row.name);
    row.owner.clone().unwrap_or_else(of_nobody)
}

fn kind(kind: GrantedKind) -> TokenKind {
    match kind {
        GrantedKind::Personal => TokenKind::PersonalAccess,
        GrantedKind::App => TokenKind::App,
        GrantedKind::System => TokenKind::System,
    }
}
