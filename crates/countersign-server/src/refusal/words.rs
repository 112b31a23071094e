//! With which status and which words is each refusal told? The one table.

use axum::http::StatusCode;
use countersign_proto::{
    assertion::{AssertionError, Purpose},
    oauth_error::{ErrorCode, OAuthError, Reason},
};

use super::Refusal;

impl Refusal {
    /// The status and the error of the answer.
    pub(crate) fn told(&self) -> (StatusCode, OAuthError) {
        use Refusal as R;
        let bad = StatusCode::BAD_REQUEST;
        let told = |purpose: &Purpose, reason: Reason, text: &str| {
            (
                bad,
                OAuthError::new(of_assertion(*purpose))
                    .because(reason)
                    .describe(text),
            )
        };
        match self {
            R::Request(error) => (bad, error.clone()),
            R::Unrecognised { purpose, .. } => (
                bad,
                OAuthError::new(of_assertion(*purpose)).describe("the assertion is not accepted"),
            ),
            R::CertificateExpired(purpose) => told(
                purpose,
                Reason::CertificateExpired,
                "the certificate has expired, register another",
            ),
            R::CertificateNotYetValid(purpose) => told(
                purpose,
                Reason::CertificateNotYetValid,
                "the certificate is not valid yet",
            ),
            R::CertificateRevoked(purpose) => told(
                purpose,
                Reason::CertificateRevoked,
                "the certificate was revoked",
            ),
            R::WrongUsage(purpose) => told(
                purpose,
                Reason::WrongUsage,
                "the certificate is registered for the other kind of assertion",
            ),
            R::ApplicationDisabled(purpose) => told(
                purpose,
                Reason::Other("application_disabled".to_owned()),
                "the application is disabled",
            ),
            R::WrongAudience { purpose, expected } => {
                let text = format!("aud has to be exactly the issuer, {expected}");
                let (status, mut error) = told(purpose, Reason::WrongAudience, &text);
                error.expected_audience = Some(expected.clone());
                (status, error)
            }
            R::ClockSkew {
                purpose,
                server_time,
            } => {
                let text = "the times in the assertion do not fit the platform's clock, set yours";
                let (status, mut error) = told(purpose, Reason::ClockSkew, text);
                error.server_time = Some(*server_time);
                (status, error)
            }
            R::LifetimeTooLong {
                purpose,
                permitted_s,
            } => {
                let text = format!("an assertion may live {permitted_s} s at most");
                told(purpose, Reason::LifetimeTooLong, &text)
            }
            R::Claim { purpose, error } => (
                bad,
                OAuthError::new(of_assertion(*purpose)).describe(claim(error)),
            ),
            R::Replayed(purpose) => told(
                purpose,
                Reason::AssertionReplayed,
                "the assertion was used before, sign a new one for every attempt",
            ),
            R::ProviderRefused(purpose) => told(
                purpose,
                Reason::ProviderRefused,
                "the identity provider does not accept the assertion",
            ),
            R::ProviderUnavailable => (
                StatusCode::SERVICE_UNAVAILABLE,
                OAuthError::new(ErrorCode::TemporarilyUnavailable)
                    .because(Reason::ProviderUnavailable)
                    .describe(
                        "the identity provider does not answer, try again with a new assertion",
                    ),
            ),
            R::PrincipalNotMapped { permitted } => {
                let mut error = OAuthError::new(ErrorCode::InvalidGrant)
                    .because(Reason::PrincipalNotMapped)
                    .describe("the certificate does not stand for this principal");
                error.permitted.clone_from(permitted);
                (bad, error)
            }
            R::PrincipalAmbiguous { permitted } => {
                let mut error = OAuthError::new(ErrorCode::InvalidRequest)
                    .because(Reason::PrincipalAmbiguous)
                    .describe("the certificate stands for several principals, ask for one");
                error.permitted.clone_from(permitted);
                (bad, error)
            }
            R::PrincipalDisabled => (
                bad,
                OAuthError::new(ErrorCode::InvalidGrant)
                    .because(Reason::PrincipalDisabled)
                    .describe("the principal is disabled"),
            ),
            R::ScopeNotPermitted { scope } => (
                bad,
                OAuthError::new(ErrorCode::InvalidScope)
                    .because(Reason::ScopeNotPermitted)
                    .describe(format!("the scope {scope} is not permitted here")),
            ),
            R::ProofRequired => (
                bad,
                OAuthError::new(ErrorCode::InvalidDpopProof)
                    .describe("the token is bound to a key, send a DPoP proof"),
            ),
            R::NonceRequired => (
                bad,
                OAuthError::new(ErrorCode::UseDpopNonce).describe("use the nonce in DPoP-Nonce"),
            ),
            R::Proof(_) => (
                bad,
                OAuthError::new(ErrorCode::InvalidDpopProof)
                    .describe("the DPoP proof does not hold"),
            ),
            R::ProofRepeated => (
                bad,
                OAuthError::new(ErrorCode::InvalidDpopProof)
                    .describe("one DPoP proof is needed, new for every request"),
            ),
            R::NotOwner => (
                bad,
                OAuthError::new(ErrorCode::InvalidGrant)
                    .describe("the token was issued to another client"),
            ),
            R::NotPermitted => (
                StatusCode::FORBIDDEN,
                OAuthError::new(ErrorCode::InsufficientScope)
                    .describe("the application does not have the scope introspect"),
            ),
            R::NotRefreshable => (
                bad,
                OAuthError::new(ErrorCode::InvalidGrant)
                    .because(Reason::NotRefreshable)
                    .describe("tokens of this kind are not refreshed, sign a new assertion"),
            ),
            R::RefreshTokenUnknown => (
                bad,
                OAuthError::new(ErrorCode::InvalidGrant)
                    .describe("the refresh token is not accepted"),
            ),
            R::SessionPending => (
                bad,
                OAuthError::new(ErrorCode::InvalidGrant)
                    .describe("the sign-in is not finished, its terminal has not answered"),
            ),
            R::SessionEnded => (
                bad,
                OAuthError::new(ErrorCode::InvalidGrant)
                    .because(Reason::SessionEnded)
                    .describe("the session has ended, sign in again"),
            ),
            R::RefreshLimitReached => (
                bad,
                OAuthError::new(ErrorCode::InvalidGrant)
                    .because(Reason::RefreshLimitReached)
                    .describe("the session was refreshed as often as it may be, sign in again"),
            ),
            R::Superseded => (
                bad,
                OAuthError::new(ErrorCode::InvalidGrant)
                    .because(Reason::Superseded)
                    .describe("a newer refresh token of this session was used, use that one"),
            ),
            R::TooOften { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                OAuthError::new(ErrorCode::SlowDown).describe("wait and try again"),
            ),
            R::LoopbackRequired { role } => (
                bad,
                OAuthError::new(ErrorCode::InvalidGrant)
                    .because(Reason::Other("loopback_required".to_owned()))
                    .describe(format!(
                        "the role {role} is not carried by a token that came by a code, sign in on \
                         the machine of the browser"
                    )),
            ),
        }
    }

    /// The stable word for audit and metrics.
    pub(crate) fn reason(&self) -> String {
        let (_, error) = self.told();
        error.reason.map_or_else(
            || error.code.as_str().to_owned(),
            |reason| reason.as_str().to_owned(),
        )
    }
}

/// RFC 7523 §3.1 and §3.2.
fn of_assertion(purpose: Purpose) -> ErrorCode {
    match purpose {
        Purpose::Client => ErrorCode::InvalidClient,
        Purpose::Platform => ErrorCode::InvalidGrant,
    }
}

fn claim(error: &AssertionError) -> String {
    match error {
        AssertionError::Issuer | AssertionError::Subject => {
            "iss and sub both have to be the client id".to_owned()
        }
        AssertionError::Jti => "jti has to be 8 to 128 characters".to_owned(),
        AssertionError::Claim(claim) if claim.missing => {
            format!("the claim {} is missing", claim.claim)
        }
        AssertionError::Claim(claim) => format!("the claim {} is of a wrong type", claim.claim),
        _ => "a claim of the assertion is wrong".to_owned(),
    }
}
