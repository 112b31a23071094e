//! Why is an assertion not believed?

use std::{fmt, time::Duration};

use crate::jws::{ClaimError, JwsError};

/// Why an assertion is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssertionError {
    /// It is no acceptable JWS, or its signature does not verify.
    Jws(JwsError),
    /// `typ` is that of another kind of token.
    Type,
    /// A claim is missing, mistyped or out of range.
    Claim(ClaimError),
    /// `iss` is not the client.
    Issuer,
    /// `sub` is not the client.
    Subject,
    /// `aud` is not exactly one of the audiences.
    Audience,
    /// It would live longer than permitted.
    Lifetime,
    /// `exp` has passed.
    Expired {
        /// How long ago, in whole seconds.
        by: Duration,
    },
    /// `iat` or `nbf` is too far ahead: the clocks disagree.
    NotYetValid {
        /// How far ahead, in whole seconds.
        by: Duration,
    },
    /// `iat` is more than [`super::AGE_MAX`] ago.
    TooOld,
    /// `jti` is not 8 to 128 characters without controls.
    Jti,
}

impl From<ClaimError> for AssertionError {
    fn from(error: ClaimError) -> AssertionError {
        AssertionError::Claim(error)
    }
}

impl fmt::Display for AssertionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AssertionError::Jws(why) => why.fmt(f),
            AssertionError::Type => f.write_str("the assertion's typ is that of another token"),
            AssertionError::Claim(why) => why.fmt(f),
            AssertionError::Issuer => f.write_str("the assertion's iss is not the client"),
            AssertionError::Subject => f.write_str("the assertion's sub is not the client"),
            AssertionError::Audience => {
                f.write_str("the assertion's aud is not exactly the issuer, as one string")
            }
            AssertionError::Lifetime => {
                f.write_str("the assertion would live longer than permitted")
            }
            AssertionError::Expired { by } => {
                write!(f, "the assertion expired {} s ago", by.as_secs())
            }
            AssertionError::NotYetValid { by } => write!(
                f,
                "the assertion is dated {} s ahead: compare the clocks",
                by.as_secs()
            ),
            AssertionError::TooOld => f.write_str("the assertion was issued too long ago"),
            AssertionError::Jti => {
                f.write_str("the assertion's jti is not 8 to 128 printable characters")
            }
        }
    }
}

impl std::error::Error for AssertionError {}
