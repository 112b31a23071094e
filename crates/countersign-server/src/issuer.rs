//! How does a grant become a token?

mod granted;
pub(crate) use granted::{granted_claims, granted_subject, mint_granted};

use std::sync::Arc;

use countersign_proto::{
    exchange::TokenResponse,
    key::SigningKey as _,
    time::UnixTime,
    token::{AccessToken, INTERACTIVE_CLIENT_ID, TokenClaims, TokenKind, TokenType},
};

use crate::{
    config::TokenLifetimes,
    keys::IssuerKeys,
    policy::{Grant, SessionGrant},
    refusal::Fault,
    registry::CertificateEntry,
};

/// A token that was signed and has not left yet. Only the issuer makes one, from a [`Grant`] or a
/// [`SessionGrant`].
///
/// ```compile_fail,E0451
/// # use countersign_server::IssuedToken;
/// fn without_a_grant() -> IssuedToken {
///     IssuedToken { token: panic!(), claims: panic!(), certificate: panic!() }
/// }
/// ```
#[derive(Debug)]
pub struct IssuedToken {
    token: AccessToken,
    claims: TokenClaims,
    certificate: Option<Arc<CertificateEntry>>,
}

/// Signs what an assertion earned (RFC 9068).
pub(crate) fn mint(
    grant: Grant,
    keys: &IssuerKeys,
    issuer: &str,
    lifetimes: &TokenLifetimes,
    now: UnixTime,
    jti: String,
) -> Result<IssuedToken, Fault> {
    let (judgement, certificate) = grant.into_parts();
    let lifetime = match judgement.kind {
        TokenKind::Platform => lifetimes.platform,
        TokenKind::NonInteractive => lifetimes.non_interactive,
        TokenKind::Interactive => lifetimes.interactive,
        kind => {
            return Err(Fault::new(format!(
                "a token of kind {kind} is not minted here"
            )));
        }
    };
    let mut claims = TokenClaims::new(
        issuer.to_owned(),
        judgement.principal.clone(),
        judgement.audience,
        judgement.client_id,
        judgement.kind,
        now,
        now.plus(lifetime),
        jti,
    );
    claims.principal = judgement.principal;
    claims.scope = judgement.scope;
    claims.roles = judgement.roles;
    claims.certificate = Some(certificate.certificate.sha256());
    claims.confirmation = judgement.confirmation;
    sign(claims, keys, Some(certificate))
}

/// Signs what a session has earned: `jti`, `iat` and `exp` are the session's, so that a token that
/// is delivered again is the same one.
pub(crate) fn mint_interactive(
    grant: SessionGrant,
    keys: &IssuerKeys,
    issuer: &str,
) -> Result<IssuedToken, Fault> {
    let (permit, session) = grant.into_parts();
    let mut claims = TokenClaims::new(
        issuer.to_owned(),
        permit.principal,
        issuer.to_owned(),
        INTERACTIVE_CLIENT_ID.to_owned(),
        TokenKind::Interactive,
        session.issued_at,
        session.expires_at,
        session.jti,
    );
    claims.scope = permit.scope;
    claims.roles = permit.roles;
    claims.session = Some(session.id);
    claims.binding = Some(permit.binding);
    sign(claims, keys, None)
}

fn sign(
    claims: TokenClaims,
    keys: &IssuerKeys,
    certificate: Option<Arc<CertificateEntry>>,
) -> Result<IssuedToken, Fault> {
    Ok(IssuedToken {
        token: signed(&claims, keys)?,
        claims,
        certificate,
    })
}

fn signed(claims: &TokenClaims, keys: &IssuerKeys) -> Result<AccessToken, Fault> {
    let active = keys.active();
    let input = claims.signing_input(active.algorithm, &active.kid);
    let signature = active
        .key
        .sign(active.algorithm, input.as_bytes())
        .map_err(|error| Fault::new(format!("issuer key does not sign: {error:?}")))?;
    AccessToken::new(&input.finish(&signature))
        .map_err(|_| Fault::new("access token is larger than permitted"))
}

impl IssuedToken {
    /// What it says.
    pub(crate) fn claims(&self) -> &TokenClaims {
        &self.claims
    }

    /// The certificate that earned it, as the registry writes it; a session has none.
    pub(crate) fn certificate(&self) -> Option<&str> {
        let certificate = self.certificate.as_ref()?;
        Some(&certificate.record.sha256)
    }

    /// The answer that carries it (RFC 6749 §5.1), at this moment.
    pub(crate) fn into_response(self, now: UnixTime) -> TokenResponse {
        let token_type = match self.claims.confirmation {
            Some(_) => TokenType::DPoP,
            None => TokenType::Bearer,
        };
        let end = self.claims.expires_at.unwrap_or(now);
        let lifetime = end.since(now);
        let mut response = TokenResponse::new(self.token, token_type, lifetime);
        response.scope = Some(self.claims.scope);
        response.kind = Some(self.claims.kind);
        response.principal = Some(self.claims.principal);
        response
    }
}
