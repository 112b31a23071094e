//! What does a token claim, read by type?

use std::fmt;

use crate::{
    json::{Map, Value},
    time::UnixTime,
};

/// The claims of a token (RFC 7519 §4). Typed readers refuse a wrong type; they never take it for
/// absence.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(pub(super) Map<String, Value>);

/// A claim is absent, or not of the type that it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimError {
    /// Which claim.
    pub claim: &'static str,
    /// Absent rather than mistyped.
    pub missing: bool,
}

impl Claims {
    /// Claims that somebody vouches for: by a signature, or by saying so himself.
    pub(crate) fn of(members: Map<String, Value>) -> Claims {
        Claims(members)
    }

    /// Takes the word of whoever vouches for the token instead of the token's own, about this member:
    /// as an issuer that is asked says what a token may do now.
    pub fn replace(&mut self, member: &str, said: Option<Value>) {
        match said {
            Some(said) => self.0.insert(member.to_owned(), said),
            None => self.0.remove(member),
        };
    }

    /// All members.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }

    /// A required string.
    ///
    /// # Errors
    ///
    /// The claim is absent or not a string.
    pub fn string(&self, claim: &'static str) -> Result<&str, ClaimError> {
        self.optional_string(claim)?.ok_or(ClaimError {
            claim,
            missing: true,
        })
    }

    /// An optional string.
    ///
    /// # Errors
    ///
    /// The claim is present and not a string; `null` is not a string.
    pub fn optional_string(&self, claim: &'static str) -> Result<Option<&str>, ClaimError> {
        match self.0.get(claim) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(mistyped(claim)),
        }
    }

    /// An optional NumericDate (RFC 7519 §2), rounded down (`exp`).
    ///
    /// # Errors
    ///
    /// The claim is present and not a number from 0 to 2^53.
    pub fn time_floor(&self, claim: &'static str) -> Result<Option<UnixTime>, ClaimError> {
        self.time(claim, f64::floor)
    }

    /// An optional NumericDate (RFC 7519 §2), rounded up (`nbf`, `iat`).
    ///
    /// # Errors
    ///
    /// The claim is present and not a number from 0 to 2^53.
    pub fn time_ceil(&self, claim: &'static str) -> Result<Option<UnixTime>, ClaimError> {
        self.time(claim, f64::ceil)
    }

    fn time(
        &self,
        claim: &'static str,
        round: fn(f64) -> f64,
    ) -> Result<Option<UnixTime>, ClaimError> {
        const MAX: u64 = 1 << 53;
        let number = match self.0.get(claim) {
            None => return Ok(None),
            Some(Value::Number(number)) => number,
            Some(_) => return Err(mistyped(claim)),
        };
        let secs = match (number.as_u64(), number.as_f64()) {
            (Some(secs), _) => secs,
            // The range is checked before the conversion, which therefore loses nothing.
            (None, Some(secs)) if (0.0..=MAX as f64).contains(&secs) => round(secs) as u64,
            _ => return Err(mistyped(claim)),
        };
        if secs > MAX {
            return Err(mistyped(claim));
        }
        Ok(Some(UnixTime::from_secs(secs)))
    }
}

impl fmt::Display for ClaimError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = if self.missing {
            "missing"
        } else {
            "of the wrong type or out of range"
        };
        write!(f, "the claim \"{}\" is {what}", self.claim)
    }
}

impl std::error::Error for ClaimError {}

fn mistyped(claim: &'static str) -> ClaimError {
    ClaimError {
        claim,
        missing: false,
    }
}
