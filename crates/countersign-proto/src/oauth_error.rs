//! How does a server say no (RFC 6749 §5.2)?

use crate::time::UnixTime;

/// An error answer. Text from a server may be shown: controls are stripped when read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OAuthError {
    pub code: ErrorCode,
    pub description: Option<String>,
    /** our stable member */
    pub reason: Option<Reason>,
    /** `permitted` with `principal_ambiguous` and `principal_not_mapped` */
    pub permitted: Vec<String>,
    /** with `wrong_audience` */
    pub expected_audience: Option<String>,
    /** with `clock_skew` */
    pub server_time: Option<UnixTime>,
    pub support_id: Option<String>,
}

/// `error` (RFC 6749 §5.2, RFC 7009 §2.2.1, RFC 9449 §5, §8).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorCode {
    InvalidRequest,
    InvalidClient,
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope,
    UnsupportedTokenType,
    InvalidDpopProof,
    UseDpopNonce,
    InvalidToken,
    InsufficientScope,
    AccessDenied,
    ServerError,
    TemporarilyUnavailable,
    SlowDown,
    Other(String),
}

/// `reason` (protocol.md).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    CertificateExpired,
    CertificateNotYetValid,
    CertificateRevoked,
    WrongUsage,
    WrongAudience,
    ClockSkew,
    LifetimeTooLong,
    AssertionReplayed,
    PrincipalNotMapped,
    PrincipalAmbiguous,
    PrincipalDisabled,
    ScopeNotPermitted,
    NotRefreshable,
    Other(String),
}

impl OAuthError {
    pub fn new(_code: ErrorCode) -> OAuthError {
        todo!()
    }
    pub fn describe(self, _description: impl Into<String>) -> OAuthError {
        todo!()
    }
    pub fn because(self, _reason: Reason) -> OAuthError {
        todo!()
    }
    pub fn to_json(&self) -> Vec<u8> {
        todo!()
    }
    /// Reads an answer of any server. `None` when there is no `error` string in it.
    pub fn parse(_body: &[u8]) -> Option<OAuthError> {
        todo!()
    }
}
impl ErrorCode {
    pub fn as_str(&self) -> &str {
        todo!()
    }
}
impl Reason {
    pub fn as_str(&self) -> &str {
        todo!()
    }
}
