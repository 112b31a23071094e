//! What may whoever a trusted issuer vouches for do here now?

use countersign_proto::token::{TokenClaims, TokenKind};

use super::{LiveToken, Presented};
use crate::{Platform, registry::Registry, trusted::Vouched};

/// The `client_id` of what a trusted issuer issued. Reserved: no application may have it.
pub(crate) const CLIENT_ID: &str = "countersign:trusted";

/// A principal of ours, with the roles that he has now; no more of them than the token names. It is
/// for the platform itself and for no other API.
pub(super) fn judge(
    platform: &Platform,
    registry: &Registry,
    vouched: Vouched,
    presented: &Presented<'_>,
) -> Option<LiveToken> {
    if !presented.audiences.contains(&platform.issuer()) {
        return None;
    }
    let principal = registry
        .principal(&vouched.principal)
        .filter(|principal| principal.enabled)?;
    let roles: Vec<String> = principal
        .roles
        .iter()
        .filter(|role| {
            vouched
                .roles
                .as_ref()
                .is_none_or(|named| named.contains(role))
        })
        .cloned()
        .collect();
    let mut claims = TokenClaims::new(
        vouched.issuer,
        principal.name.clone(),
        platform.issuer().to_owned(),
        CLIENT_ID.to_owned(),
        TokenKind::App,
        vouched.issued_at,
        vouched.expires_at,
        // A name of theirs is never taken for one of ours.
        format!("trusted:{}", vouched.jti.unwrap_or_default()),
    );
    claims.roles.clone_from(&roles);
    Some(LiveToken {
        claims,
        roles,
        granted: None,
    })
}
