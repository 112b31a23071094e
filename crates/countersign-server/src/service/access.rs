//! May the bearer of this token do this?
//!
//! The token must be good as introspection sees it, and be for the platform itself. What its
//! bearer may do is the union of the permissions of the principal's roles as they are now; of a
//! token of kind 0 with a scope, and of a granted one, only what is in its scope.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use countersign_proto::{
    bearer::{self, BearerError},
    dpop::{self, ProofRequest},
    scope::Scope,
    token::{TokenClaims, TokenKind, TokenType},
};

use super::{
    liveness::{Presented, live_token},
    proof::record_proof,
};
use crate::{
    Platform,
    limits::{Identity, TooMany},
    refusal::{Failure, Fault, Refusal},
    registry::{Registry, SCOPE, permitted_scope},
    store::TokenRow,
};

/// Somebody who presented a good token.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) claims: TokenClaims,
    pub(crate) roles: Vec<String>,
    pub(crate) permissions: Permissions,
    pub(crate) peer: Option<IpAddr>,
    /// The token that he presented, if somebody granted it.
    pub(crate) granted: Option<Arc<TokenRow>>,
}

/// What somebody may do: `noun:read`, `noun:write`, or `*` for everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Permissions(BTreeSet<String>);

/// Why a request with a token is turned away (RFC 6750 §3.1).
#[derive(Debug)]
pub(crate) enum AccessRefusal {
    /// No credentials at all.
    Missing,
    /// More than one, or none that can be read.
    Malformed,
    /// Not good, or not for here. Says no more.
    InvalidToken,
    /// Bound to a key, and presented without a proof by it (RFC 9449 §7.2).
    Proof(&'static str),
    /// The proof needs a nonce of ours.
    NonceRequired,
    /// Good, but its bearer may not do this.
    Forbidden {
        permission: &'static str,
    },
    /// Recognised, and asks too often.
    TooOften(TooMany),
    Fault(Fault),
}

/// The parts of a request that say who sent it and what for.
pub(crate) struct PresentedRequest<'a> {
    pub(crate) method: &'a http::Method,
    pub(crate) path: &'a str,
    pub(crate) headers: &'a http::HeaderMap,
    pub(crate) peer: Option<IpAddr>,
}

/// Reads the `Authorization` header and believes the token in it, for one of `audiences`.
pub(crate) async fn authorize(
    platform: &Platform,
    registry: &Registry,
    request: &PresentedRequest<'_>,
    audiences: &[&str],
) -> Result<Caller, AccessRefusal> {
    let now = platform.now();
    let presented = bearer::read(request.headers).map_err(|error| match error {
        BearerError::Missing | BearerError::Scheme => AccessRefusal::Missing,
        _ => AccessRefusal::Malformed,
    })?;
    let token = presented.token.expose();
    let asked = Presented {
        token,
        audiences,
        peer: request.peer,
        used_from: request.peer,
        now,
    };
    let live = live_token(platform, registry, &asked)
        .await
        .map_err(|failure| match failure {
            Failure::Fault(fault) => AccessRefusal::Fault(fault),
            Failure::Refused(_) => AccessRefusal::InvalidToken,
        })?
        .ok_or(AccessRefusal::InvalidToken)?;
    match (&live.claims.confirmation, presented.token_type) {
        (None, TokenType::Bearer) => {}
        (None, TokenType::DPoP) => return Err(AccessRefusal::Proof("the token is not bound")),
        (Some(_), TokenType::Bearer) => {
            return Err(AccessRefusal::Proof(
                "the token is bound to a key, a proof is needed",
            ));
        }
        (Some(thumbprint), TokenType::DPoP) => {
            check_proof(platform, request, token, thumbprint).await?;
        }
    }
    platform
        .limiter()
        .admit_identity(&identity(&live.claims), request.peer)
        .map_err(AccessRefusal::TooOften)?;
    let (granted, permissions) = match live.granted {
        Some((row, permissions)) => (Some(row), permissions),
        None => {
            let permissions = Permissions::of(&live.roles, registry);
            let permissions = match live.claims.kind {
                TokenKind::Interactive => permissions.within(&live.claims.scope),
                _ => permissions,
            };
            (None, permissions)
        }
    };
    Ok(Caller {
        permissions,
        granted,
        claims: live.claims,
        roles: live.roles,
        peer: request.peer,
    })
}

/// Who is counted: the application that signed for itself, else the principal.
fn identity(claims: &TokenClaims) -> Identity {
    match (claims.kind, &claims.certificate) {
        (TokenKind::NonInteractive, _) => Identity::Client(claims.client_id.clone()),
        (TokenKind::Platform, Some(certificate)) => {
            Identity::Certificate(certificate.to_hex().to_ascii_lowercase())
        }
        _ => Identity::Principal(claims.principal.clone()),
    }
}

impl Caller {
    /// Refuses whoever does not have `permission`.
    pub(crate) fn must_have(&self, permission: &'static str) -> Result<(), AccessRefusal> {
        if self.permissions.include(permission) {
            Ok(())
        } else {
            Err(AccessRefusal::Forbidden { permission })
        }
    }
}

impl Permissions {
    /// The union over `roles`, as the registry has them now.
    pub(crate) fn of<'a>(
        roles: impl IntoIterator<Item = &'a String>,
        registry: &Registry,
    ) -> Permissions {
        let roles = roles.into_iter().filter_map(|name| registry.role(name));
        Permissions(
            roles
                .flat_map(|role| role.permissions.iter().cloned())
                .collect(),
        )
    }

    /// What of them is in `scope`; all of them when it is empty.
    pub(crate) fn within(&self, scope: &Scope) -> Permissions {
        if scope.is_empty() {
            return self.clone();
        }
        let left = scope.iter().filter(|token| self.include(token));
        Permissions(left.map(str::to_owned).collect())
    }

    /// These.
    #[cfg(test)]
    pub(crate) fn listed(list: &[&str]) -> Permissions {
        Permissions(list.iter().map(|it| (*it).to_owned()).collect())
    }

    /// Everything.
    pub(crate) fn are_all(&self) -> bool {
        self.0.contains("*")
    }

    /// Whether `permission` is among them.
    pub(crate) fn include(&self, permission: &str) -> bool {
        self.are_all() || self.0.contains(permission)
    }

    /// Whether a token of whoever has these may carry this scope towards an API that is not the
    /// platform.
    pub(crate) fn permit_scope(&self, name: &str) -> bool {
        self.include(&format!("{SCOPE}{name}"))
    }

    /// The scopes that such a token may carry, by name, sorted.
    pub(crate) fn scopes(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|it| permitted_scope(it))
    }

    /// Whether whoever has these may give `others` away: nobody gives what he has not.
    pub(crate) fn cover(&self, others: &Permissions) -> bool {
        self.are_all() || others.0.is_subset(&self.0)
    }
}

async fn check_proof(
    platform: &Platform,
    request: &PresentedRequest<'_>,
    token: &str,
    thumbprint: &str,
) -> Result<(), AccessRefusal> {
    let now = platform.now();
    let proof = dpop::read(request.headers)
        .ok()
        .flatten()
        .ok_or(AccessRefusal::Proof("one DPoP header is needed"))?;
    let uri = platform.url_of(request.path);
    let asked = ProofRequest {
        method: request.method,
        uri: &uri,
        access_token: Some(token),
        nonce: None,
    };
    let verified = match platform.proofs().verify(proof, &asked, now) {
        Ok(verified) => verified,
        Err(Refusal::NonceRequired) => return Err(AccessRefusal::NonceRequired),
        Err(_) => return Err(AccessRefusal::Proof("the proof does not hold")),
    };
    if verified.thumbprint() != thumbprint {
        return Err(AccessRefusal::Proof("the proof is by another key"));
    }
    record_proof(platform.store().as_ref(), &verified)
        .await
        .map_err(|failure| match failure {
            Failure::Fault(fault) => AccessRefusal::Fault(fault),
            Failure::Refused(_) => AccessRefusal::Proof("the proof was used before"),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_covers_what_he_has_not() {
        let all = Permissions::listed(&["*"]);
        let reads = Permissions::listed(&["roles:read", "audit:read"]);
        assert!(all.cover(&reads) && all.cover(&all));
        assert!(reads.cover(&Permissions::listed(&["audit:read"])));
        assert!(!reads.cover(&all));
        assert!(!reads.cover(&Permissions::listed(&["roles:write"])));
    }

    #[test]
    fn a_scope_narrows_what_roles_permit_and_adds_nothing() {
        let all = Permissions::listed(&["*"]);
        let reads = Permissions::listed(&["roles:read", "audit:read"]);
        let within = |permissions: &Permissions, scope: &str| {
            permissions.within(&Scope::parse(scope).unwrap())
        };
        assert_eq!(within(&reads, ""), reads);
        assert_eq!(within(&all, ""), all);
        let audit = Permissions::listed(&["audit:read"]);
        assert_eq!(within(&reads, "audit:read"), audit);
        assert_eq!(within(&all, "audit:read"), audit);
        assert_eq!(within(&reads, "audit:read roles:write *"), audit);
        assert_eq!(within(&reads, "mappings:read"), Permissions::default());
    }
}
