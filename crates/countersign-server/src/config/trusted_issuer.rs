//! Whose tokens was the platform told to believe besides its own?

/// `[[trusted_issuer]]`: another issuer, by whose tokens people and programs are known here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustedIssuer {
    /// Its identifier, compared byte for byte; where its metadata is found.
    pub issuer: String,
    /// What it calls this platform: the one `aud` of its tokens.
    pub audience: String,
    /// Which claim names the principal.
    pub principal_claim: String,
    /// Which claim names roles, of which the principal's own are kept; all are when absent.
    pub role_claim: Option<String>,
}
