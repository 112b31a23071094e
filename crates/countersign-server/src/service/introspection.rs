//! Is this token still good, and may the caller know (RFC 7662)?
//!
//! The caller is an application with the scope `introspect`: it presents a kind 1 token that
//! carries this scope, or authenticates by an assertion. It learns about tokens for its own
//! audience: the one its application is registered with, or the issuer when there is none. An API
//! that holds no certificate presents an app token for its audience, with the scope.
//! About every other token, and about everything that is not a good token, it learns nothing.

use countersign_proto::{
    assertion::Purpose, introspection::Introspection, token::TokenKind, token_form::TokenForm,
};

use super::{
    AccessRefusal, PresentedRequest, authorize,
    exchange::{Signed, authenticate, refuse},
    liveness::{Presented, granted_token, live_refresh_token, live_token},
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

/// Answers a question about a token. From where it was presented to the caller, as the caller says, people
/// see, and nothing is decided by it.
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
    let asked = Presented {
        token,
        audiences: &[&audience],
        peer: request.peer,
        used_from: question.client_address,
        now,
    };
    let found = live_token(platform, &registry, &asked)
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
/// what the token endpoint gives an application that has an audience. Or an app token with the scope:
/// it is for the audience that it asks about.
async fn caller_by_token(
    platform: &Platform,
    registry: &Registry,
    request: &PresentedRequest<'_>,
) -> Result<String, AccessRefusal> {
    let claimed = bearer_audience(platform, request).await?;
    let audiences: Vec<&str> = std::iter::once(platform.issuer())
        .chain(claimed.as_deref())
        .collect();
    let caller = authorize(platform, registry, request, &audiences).await?;
    let own = match &caller.granted {
        Some(_) => caller.claims.audience.clone(),
        None => audience_of(platform, registry, &caller.claims.client_id),
    };
    let for_here = caller.claims.audience == platform.issuer() || caller.claims.audience == own;
    if !for_here {
        return Err(AccessRefusal::InvalidToken);
    }
    let is_of_program = matches!(
        caller.claims.kind,
        TokenKind::NonInteractive | TokenKind::App
    );
    if !is_of_program || !caller.claims.scope.contains(SCOPE) {
        return Err(AccessRefusal::Forbidden { permission: SCOPE });
    }
    Ok(own)
}

/// The audience as the caller's token claims it, or its row says it; the token is judged afterwards.
async fn bearer_audience(
    platform: &Platform,
    request: &PresentedRequest<'_>,
) -> Result<Option<String>, AccessRefusal> {
    let Ok(presented) = countersign_proto::bearer::read(request.headers) else {
        return Ok(None);
    };
    let token = presented.token.expose();
    if let Some(audience) = platform.verified_tokens().audience(token) {
        return Ok(Some(audience));
    }
    if let Some(parts) = countersign_proto::token::inspect(token) {
        let audience = parts.claims.get("aud").and_then(|aud| aud.as_str());
        return Ok(audience.map(str::to_owned));
    }
    let asked = Presented {
        token,
        audiences: &[],
        peer: request.peer,
        used_from: request.peer,
        now: platform.now(),
    };
    match granted_token(platform, &asked).await {
        Ok(row) => Ok(row.and_then(|row| row.audience.clone())),
        Err(Failure::Fault(fault)) => Err(AccessRefusal::Fault(fault)),
        Err(Failure::Refused(_)) => Ok(None),
    }
}

fn audience_of(platform: &Platform, registry: &Registry, client_id: &str) -> String {
    registry
        .application(client_id)
        .and_then(|application| application.audience.clone())
        .unwrap_or_else(|| platform.issuer().to_owned())
}
