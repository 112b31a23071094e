//! Is this token still good, and may the caller know (RFC 7662)?
//!
//! The caller is an application with the scope `introspect`: it presents a kind 1 token that
//! carries this scope, or authenticates by an assertion. It learns about tokens for its own
//! audience: the one its application is registered with, or the issuer when there is none.
//! About every other token, and about everything that is not a good token, it learns nothing.

use countersign_proto::{
    assertion::Purpose, introspection::Introspection, token::TokenKind, token_form::TokenForm,
};

use super::{
    AccessRefusal, PresentedRequest, authorize,
    exchange::{Signed, authenticate, refuse},
    liveness::{live_refresh_token, live_token},
};
use crate::{
    Platform,
    refusal::{Failure, Refusal},
    registry::Registry,
};

/// The scope that permits introspection.
pub(crate) const SCOPE: &str = "introspect";

/// Why the question is not answered.
pub(crate) enum IntrospectionRefusal {
    Access(AccessRefusal),
    Failure(Failure),
}

/// Answers a question about a token.
pub(crate) async fn introspect(
    platform: &Platform,
    question: TokenForm,
    request: &PresentedRequest<'_>,
) -> Result<Introspection, IntrospectionRefusal> {
    let now = platform.now();
    let registry = platform.registry();
    let audience = match &question.client_assertion {
        Some(assertion) => {
            let signed = Signed {
                presented: assertion,
                purpose: Purpose::Client,
                client_id: question.client_id.as_deref(),
            };
            let (caller, _) = authenticate(platform, &registry, &signed, None, request.peer, now)
                .await
                .map_err(IntrospectionRefusal::Failure)?;
            let permitted = caller
                .application()
                .is_some_and(|application| application.scopes.iter().any(|it| it == SCOPE));
            if !permitted {
                let who = Some(caller.identified());
                let failure = refuse(platform, Refusal::NotPermitted, who, request.peer, now).await;
                return Err(IntrospectionRefusal::Failure(failure));
            }
            audience_of(platform, &registry, caller.client_id())
        }
        None => caller_by_token(platform, &registry, request)
            .await
            .map_err(IntrospectionRefusal::Access)?,
    };
    let token = question.token.expose();
    // A refresh token is for the platform alone, and so is what may be known about it.
    if audience == platform.issuer()
        && let Some(session) = live_refresh_token(platform, &registry, token, now)
            .await
            .map_err(IntrospectionRefusal::Failure)?
    {
        return Ok(Introspection::Active(Box::new(session)));
    }
    let found = live_token(platform, &registry, token, &[&audience], now)
        .await
        .map_err(IntrospectionRefusal::Failure)?;
    Ok(match found {
        Some(live) => {
            // Roles as they are now: rights that were taken away are not reported.
            let mut claims = live.claims;
            claims.roles = live.roles;
            Introspection::Active(Box::new(claims))
        }
        None => Introspection::Inactive,
    })
}

/// A kind 1 token with the scope, for the platform or for the caller's own audience: that one is
/// what the token endpoint gives an application that has an audience.
async fn caller_by_token(
    platform: &Platform,
    registry: &Registry,
    request: &PresentedRequest<'_>,
) -> Result<String, AccessRefusal> {
    let claimed = bearer_audience(request);
    let audiences: Vec<&str> = std::iter::once(platform.issuer())
        .chain(claimed.as_deref())
        .collect();
    let caller = authorize(platform, registry, request, &audiences).await?;
    let own = audience_of(platform, registry, &caller.claims.client_id);
    let for_here = caller.claims.audience == platform.issuer() || caller.claims.audience == own;
    if !for_here {
        return Err(AccessRefusal::InvalidToken);
    }
    if caller.claims.kind != TokenKind::NonInteractive || !caller.claims.scope.contains(SCOPE) {
        return Err(AccessRefusal::Forbidden { permission: SCOPE });
    }
    Ok(own)
}

/// `aud` as the caller's token claims it; it is verified afterwards.
fn bearer_audience(request: &PresentedRequest<'_>) -> Option<String> {
    let presented = countersign_proto::bearer::read(request.headers).ok()?;
    let parts = countersign_proto::token::inspect(presented.token.expose())?;
    parts.claims.get("aud")?.as_str().map(str::to_owned)
}

fn audience_of(platform: &Platform, registry: &Registry, client_id: &str) -> String {
    registry
        .application(client_id)
        .and_then(|application| application.audience.clone())
        .unwrap_or_else(|| platform.issuer().to_owned())
}
