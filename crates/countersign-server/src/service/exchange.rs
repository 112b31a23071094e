//! How does an assertion become a token? The nine steps of protocol.md, then policy.

use std::net::IpAddr;

use countersign_proto::{
    assertion::Purpose,
    dpop::{ProofRequest, VerifiedProof},
    exchange::{Presented, ReceivedTokenRequest, TokenResponse},
    oauth_error::{ErrorCode, OAuthError},
    scope::Scope,
    time::UnixTime,
    token::TokenKind,
};

use super::{
    Authenticated, TokenRequest, VerifiedAssertion,
    assertion::{Denial, Identified, Rules},
    authentication::AuthenticationError,
    forwarding::AdmissionError,
    record_proof, refresh,
};
use crate::{
    Platform, audit,
    events::{Event, EventName},
    issuer,
    limits::Identity,
    policy::{self, Facts},
    random,
    refusal::{Failure, Refusal},
    registry::Registry,
};

/// Answers the token endpoint. The audit row is durable before the token leaves.
pub(crate) async fn exchange(
    platform: &Platform,
    request: TokenRequest,
) -> Result<TokenResponse, Failure> {
    let asked = match request.received {
        ReceivedTokenRequest::Refresh {
            refresh_token,
            scope,
        } => {
            let asked = refresh::Asked {
                refresh_token: &refresh_token,
                scope: &scope,
                proof: request.proof.as_deref(),
                peer: request.peer,
            };
            return refresh::refresh(platform, &asked).await;
        }
        by_assertion => Asked::from(by_assertion)?,
    };
    let now = platform.now();
    let registry = platform.registry();
    let peer = request.peer;

    // Client credentials that came beside the grant are checked, though the grant does not need
    // them (RFC 7523 §3.1).
    if let Some(credentials) = &asked.beside {
        let beside = Signed {
            presented: credentials,
            purpose: Purpose::Client,
            client_id: None,
        };
        authenticate(platform, &registry, &beside, None, peer, now).await?;
    }

    // Steps 1 to 9. The proof is verified before anything is recorded.
    let signed = Signed {
        presented: &asked.assertion,
        purpose: asked.purpose,
        client_id: asked.client_id.as_deref(),
    };
    let (authenticated, proof) = authenticate(
        platform,
        &registry,
        &signed,
        request.proof.as_deref(),
        peer,
        now,
    )
    .await?;

    // Policy: facts are loaded, then judged.
    let identified = authenticated.identified();
    let application = authenticated.application().cloned();
    let facts = Facts {
        kind: asked.kind(),
        application: application.as_deref(),
        rows: registry.mappings_of(&identified.client_id, &identified.certificate),
        principal: &|name| registry.principal(name).cloned(),
        requested_principal: asked.principal.as_deref(),
        requested_scope: &asked.scope,
        issuer: platform.issuer(),
        proof: proof.as_ref().map(VerifiedProof::thumbprint),
    };
    let grant = match policy::decide(authenticated, &facts) {
        Ok(grant) => grant,
        Err(refusal) => return Err(refuse(platform, refusal, Some(identified), peer, now).await),
    };

    let token = issuer::mint(
        grant,
        &platform.keys(),
        platform.issuer(),
        &platform.settings().token,
        now,
        random::token_id()?,
    )?;
    platform
        .store()
        .append_audit(audit::issued(&token, peer))
        .await?;
    platform.metrics().issued(token.claims().kind);
    Ok(token.into_response(now))
}

/// What was asked, whatever the grant.
struct Asked {
    purpose: Purpose,
    client_id: Option<String>,
    assertion: Presented,
    scope: Scope,
    principal: Option<String>,
    beside: Option<Presented>,
}

/// A signed assertion as it was presented.
pub(super) struct Signed<'a> {
    pub(super) presented: &'a Presented,
    pub(super) purpose: Purpose,
    pub(super) client_id: Option<&'a str>,
}

impl Asked {
    fn from(received: ReceivedTokenRequest) -> Result<Asked, Refusal> {
        match received {
            ReceivedTokenRequest::ClientCredentials {
                client_id,
                assertion,
                scope,
                principal,
            } => Ok(Asked {
                purpose: Purpose::Client,
                client_id,
                assertion,
                scope,
                principal,
                beside: None,
            }),
            ReceivedTokenRequest::Platform {
                assertion,
                scope,
                client_assertion,
            } => Ok(Asked {
                purpose: Purpose::Platform,
                client_id: None,
                assertion,
                scope,
                principal: None,
                beside: client_assertion,
            }),
            ReceivedTokenRequest::Refresh { .. } => Err(Refusal::NotRefreshable),
            _ => Err(Refusal::Request(OAuthError::new(
                ErrorCode::UnsupportedGrantType,
            ))),
        }
    }

    fn kind(&self) -> TokenKind {
        match self.purpose {
            Purpose::Client => TokenKind::NonInteractive,
            Purpose::Platform => TokenKind::Platform,
        }
    }
}

/// Steps 1 to 9 for any endpoint that takes an assertion; refusals after step 4 are audited.
pub(super) async fn authenticate(
    platform: &Platform,
    registry: &Registry,
    signed: &Signed<'_>,
    proof: Option<&str>,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> Result<(Authenticated, Option<VerifiedProof>), Failure> {
    let rules = Rules {
        registry,
        dummies: platform.dummies(),
        issuer: platform.issuer(),
        token_endpoint: platform.token_endpoint().as_str(),
        provider: platform.forwarder().issuer(),
        lifetime_max: platform.settings().assertion_lifetime_max,
        now,
    };
    let verified = match VerifiedAssertion::verify(
        signed.presented.expose(),
        signed.purpose,
        signed.client_id,
        &rules,
    ) {
        Ok(verified) => verified,
        Err(Denial {
            refusal,
            identified,
        }) => {
            return Err(not_believed(platform, refusal, identified, peer, now).await);
        }
    };
    let who = verified.identified();
    let counted = match signed.purpose {
        Purpose::Client => Identity::Client(who.client_id),
        Purpose::Platform => Identity::Certificate(who.certificate),
    };
    platform.limiter().admit_identity(&counted, peer)?;
    let proof = match proof
        .map(|proof| verify_proof(platform, proof, now))
        .transpose()
    {
        Ok(proof) => proof,
        Err(refusal) => {
            let identified = verified.identified();
            return Err(not_believed(platform, refusal, Some(identified), peer, now).await);
        }
    };
    let presented = signed.presented.expose();
    let admitted = match verified.admit(presented, platform, now).await {
        Ok(admitted) => admitted,
        Err(AdmissionError::Fault(fault)) => return Err(fault.into()),
        Err(AdmissionError::Denied(Denial {
            refusal,
            identified,
        })) => return Err(not_believed(platform, refusal, identified, peer, now).await),
    };
    let store = platform.store().as_ref();
    let authenticated = match admitted.record(store).await {
        Ok(authenticated) => authenticated,
        Err(AuthenticationError::Store(error)) => return Err(error.into()),
        Err(AuthenticationError::Denied(Denial {
            refusal,
            identified,
        })) => return Err(not_believed(platform, refusal, identified, peer, now).await),
    };
    if let Some(proof) = &proof
        && let Err(failure) = record_proof(store, proof).await
    {
        return Err(match failure {
            Failure::Refused(refusal) => {
                let identified = authenticated.identified();
                not_believed(platform, *refusal, Some(identified), peer, now).await
            }
            fault @ Failure::Fault(_) => fault,
        });
    }
    Ok((authenticated, proof))
}

fn verify_proof(platform: &Platform, proof: &str, now: UnixTime) -> Result<VerifiedProof, Refusal> {
    let request = ProofRequest {
        method: &http::Method::POST,
        uri: platform.token_endpoint(),
        access_token: None,
        nonce: None,
    };
    platform.proofs().verify(proof, &request, now)
}

/// Refuses whoever signed well and is not believed, and tells the administrator. Whoever was not
/// recognised is counted where the answer is made.
async fn not_believed(
    platform: &Platform,
    refusal: Refusal,
    identified: Option<Identified>,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> Failure {
    let is_callers = !matches!(
        refusal,
        Refusal::NonceRequired | Refusal::ProviderUnavailable
    );
    if let Some(who) = identified.as_ref().filter(|_| is_callers) {
        let event = Event::new(EventName::AuthenticationRefused, &who.client_id, now)
            .certificate(&who.certificate)
            .address(peer)
            .detail(&refusal.reason());
        platform.events().raise(event);
    }
    refuse(platform, refusal, identified, peer, now).await
}

/// Counts a refusal; audits it when somebody was recognised. A nonce to be used is not a refusal.
pub(super) async fn refuse(
    platform: &Platform,
    refusal: Refusal,
    identified: Option<Identified>,
    peer: Option<IpAddr>,
    now: UnixTime,
) -> Failure {
    if let Some(identified) = identified.filter(|_| refusal != Refusal::NonceRequired) {
        let entry = audit::refused(&identified, &refusal, peer, now);
        if let Err(error) = platform.store().append_audit(entry).await {
            return error.into();
        }
    }
    refusal.into()
}
