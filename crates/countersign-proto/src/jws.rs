//! How is a compact JWS read without being fooled, and how is one written?

use crate::{
    json::{JsonError, Map, Value},
    key::{Algorithm, PublicKey},
    time::UnixTime,
};

/// A whole token may have at most so many bytes.
pub const MAX_BYTES: usize = 16 * 1024;

/// Why a token is refused before or at its signature (security.md part A).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JwsError {
    TooLarge,
    Character,
    Segments(usize),
    Base64,
    Header(JsonError),
    Claims(JsonError),
    /** `alg` absent, not a string, or not one we know */
    Algorithm,
    /** known, but not of this key or not permitted */
    AlgorithmNotPermitted,
    Critical,
    Unencoded,
    MemberType(&'static str),
    KidTooLong,
    Signature,
}

/// A JOSE header, as typed members (RFC 7515 §4.1). Everything else stays in `members`.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Header {
    pub algorithm: Algorithm,
    /** media type without `application/`, lower-case */
    pub typ: Option<String>,
    pub kid: Option<String>,
    pub x5t: Option<String>,
    pub x5t_s256: Option<String>,
    /** every member as it came */
    pub members: Map<String, Value>,
}

/// A token that was parsed strictly and not yet believed.
#[derive(Clone)]
pub struct UnverifiedJws<'a> {
    _text: &'a str, /* signing input, header, claims, signature */
}

/// Claims whose signature was verified: the only way to claims.
#[derive(Clone, Debug)]
pub struct VerifiedJws {/* header, claims; private */}

impl<'a> UnverifiedJws<'a> {
    /// Parses: size, characters, three segments, canonical base64url, strict JSON, `alg`, `crit`, `b64`.
    pub fn parse(_text: &'a str) -> Result<UnverifiedJws<'a>, JwsError> {
        todo!()
    }
    /// The header, which nobody has vouched for.
    pub fn header(&self) -> &Header {
        todo!()
    }
    /// `iss` as claimed, to find the key by; nobody has vouched for it.
    pub fn claimed_issuer(&self) -> Option<&str> {
        todo!()
    }
    /// Verifies with `key`, by the header's algorithm if it is one of `permitted` and of the key.
    pub fn verify(
        self,
        _key: &PublicKey,
        _permitted: &[Algorithm],
    ) -> Result<VerifiedJws, JwsError> {
        todo!()
    }
}
// Debug of UnverifiedJws prints the header only.

impl VerifiedJws {
    /// The header.
    pub fn header(&self) -> &Header {
        todo!()
    }
    /// The claims.
    pub fn claims(&self) -> &Claims {
        todo!()
    }
    /// The claims, owned.
    pub fn into_claims(self) -> Claims {
        todo!()
    }
}

/// The claims of a token (RFC 7519 §4). Typed readers refuse a wrong type; they never take it for absence.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Map<String, Value>);

/// A claim is absent, or not of the type that it must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimError {
    /** which */
    pub claim: &'static str,
    /** absent rather than mistyped */
    pub missing: bool,
}

impl Claims {
    /// All members.
    pub fn members(&self) -> &Map<String, Value> {
        &self.0
    }
    /// A required string.
    pub fn string(&self, _claim: &'static str) -> Result<&str, ClaimError> {
        todo!()
    }
    /// An optional string.
    pub fn optional_string(&self, _claim: &'static str) -> Result<Option<&str>, ClaimError> {
        todo!()
    }
    /// An optional NumericDate, rounded down (`exp`). 0 to 2^53; anything else is refused (security.md 31).
    pub fn time_floor(&self, _claim: &'static str) -> Result<Option<UnixTime>, ClaimError> {
        todo!()
    }
    /// An optional NumericDate, rounded up (`nbf`, `iat`).
    pub fn time_ceil(&self, _claim: &'static str) -> Result<Option<UnixTime>, ClaimError> {
        todo!()
    }
}

/// The half of a token that is signed: `base64url(header).base64url(claims)`.
#[derive(Clone)]
pub struct SigningInput {
    text: String,
}

impl SigningInput {
    /// Encodes a header and claims. The header must carry the `alg` that will sign.
    pub fn encode(_header: &Map<String, Value>, _claims: &Map<String, Value>) -> SigningInput {
        todo!()
    }
    /// The bytes to be signed.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }
    /// The whole compact token.
    pub fn finish(self, _signature: &[u8]) -> String {
        todo!()
    }
}
