//! What of a refusal can be put right by asking once more?

use countersign_proto::{
    oauth_error::{ErrorCode, OAuthError, Reason},
    thumbprint::Thumbprint,
};

/// What was already put right during one attempt.
#[derive(Default)]
pub(super) struct PutRight {
    pub(super) nonce: bool,
    pub(super) clock: bool,
    /// Those that were refused.
    pub(super) certificates: Vec<Thumbprint>,
}

/// So many certificates are refused in one attempt at most: files that are replaced all the time
/// must not keep it up.
pub(super) const CERTIFICATES_MAX: usize = 3;

/// Whether another certificate may fare better.
pub(super) fn is_about_the_certificate(refusal: &OAuthError) -> bool {
    matches!(
        (&refusal.code, &refusal.reason),
        (ErrorCode::InvalidClient | ErrorCode::InvalidGrant, None)
            | (
                _,
                Some(
                    Reason::CertificateExpired
                        | Reason::CertificateNotYetValid
                        | Reason::CertificateRevoked
                        | Reason::WrongUsage
                        | Reason::PrincipalNotMapped
                        | Reason::PrincipalAmbiguous
                        | Reason::PrincipalDisabled
                        | Reason::ProviderRefused
                )
            )
    )
}
