//! How does a grant become a token?

use std::sync::Arc;

use countersign_proto::{
    exchange::TokenResponse,
    key::SigningKey as _,
    time::UnixTime,
    token::{AccessToken, TokenClaims, TokenKind, TokenType},
};

use crate::{
    config::TokenLifetimes, keys::IssuerKeys, policy::Grant, refusal::Fault,
    registry::CertificateEntry,
};

/// A token that was signed and has not left yet. Only the issuer makes one, from a [`Grant`].
///
/// ```compile_fail,E0451
/// # use countersign_server::IssuedToken;
/// fn without_a_grant() -> IssuedToken {
///     IssuedToken { token: todo!(), claims: todo!(), certificate: todo!() }
/// }
/// ```
#[derive(Debug)]
pub struct IssuedToken {
    token: AccessToken,
    claims: TokenClaims,
    certificate: Arc<CertificateEntry>,
}

/// Signs what was granted (RFC 9068).
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
        TokenKind::Interactive | TokenKind::NonInteractive => lifetimes.non_interactive,
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
    let active = keys.active();
    let input = claims.signing_input(active.algorithm, &active.kid);
    let signature = active
        .key
        .sign(active.algorithm, input.as_bytes())
        .map_err(|error| Fault::new(format!("issuer key does not sign: {error:?}")))?;
    let token = AccessToken::new(&input.finish(&signature))
        .map_err(|_| Fault::new("access token is larger than permitted"))?;
    Ok(IssuedToken {
        token,
        claims,
        certificate,
    })
}

impl IssuedToken {
    /// What it says.
    pub(crate) fn claims(&self) -> &TokenClaims {
        &self.claims
    }

    /// The certificate that earned it, as the registry writes it.
    pub(crate) fn certificate(&self) -> &str {
        &self.certificate.record.sha256
    }

    /// The answer that carries it (RFC 6749 §5.1).
    pub(crate) fn into_response(self) -> TokenResponse {
        let token_type = match self.claims.confirmation {
            Some(_) => TokenType::DPoP,
            None => TokenType::Bearer,
        };
        let lifetime = self.claims.expires_at.since(self.claims.issued_at);
        let mut response = TokenResponse::new(self.token, token_type, lifetime);
        response.scope = Some(self.claims.scope);
        response.kind = Some(self.claims.kind);
        response.principal = Some(self.claims.principal);
        response
    }
}
