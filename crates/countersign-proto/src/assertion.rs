//! What does a client claim about itself, and when is it believed?
//!
//! RFC 7521, RFC 7523 §2.2 and §3, RFC 10070. Mint and verify stand face to face.

use std::time::Duration;

use crate::{
    certificate::CertificateChain,
    jws::{ClaimError, JwsError, SigningInput, UnverifiedJws},
    key::{Algorithm, PublicKey, SigningError, SigningKey},
    time::UnixTime,
};

/// The issuer and subject of every platform assertion. Reserved: no application may have it.
pub const PLATFORM_CLIENT_ID: &str = "countersign:platform";

/// What an assertion is for. Each is refused in the place of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /** authenticates a client; `typ: client-authentication+jwt` */
    Client,
    /** asks for a platform token; `typ: countersign-platform+jwt` */
    Platform,
}

/// Which value of the certificate becomes the `kid`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum KidForm {
    /** SHA-1, upper-case hex */
    #[default]
    Sha1Hex,
    Sha256Hex,
    Sha1Base64url,
    Sha256Base64url,
    /** no `kid` */
    None,
    Literal(String),
}
// FromStr + Display: sha1-hex | sha256-hex | sha1-base64url | sha256-base64url | none | literal:VALUE

/// What the client says, but for the time, the `jti` and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assertion {
    pub purpose: Purpose,
    /** `iss` = `sub` */
    pub client_id: String,
    /** one string */
    pub audience: String,
    /** `exp` − `iat`; 60 s, at most 300 s */
    pub lifetime: Duration,
    pub kid: KidForm,
    /** send the chain as `x5c` */
    pub x5c: bool,
}

/// How far `iat` and `nbf` are dated back.
pub const BACK_DATED: Duration = Duration::from_secs(5);

/// A signed assertion. It is a credential while it lives: never printed.
pub struct ClientAssertion {/* Zeroizing<String> */}

impl Assertion {
    /// An assertion that authenticates `client_id` at `audience` (the configured issuer, never one from metadata).
    pub fn client(_client_id: &str, _audience: &str) -> Assertion {
        todo!()
    }
    /// An assertion by which a platform component asks for a platform token.
    pub fn platform(_audience: &str) -> Assertion {
        todo!()
    }
    /// First half of minting: what is to be signed. For keys that sign elsewhere.
    pub fn signing_input(
        &self,
        _chain: &CertificateChain,
        _algorithm: Algorithm,
        _now: UnixTime,
        _jti: &str,
    ) -> SigningInput {
        todo!()
    }
    /// Mints with a key that does not block. `jti`: 128 random bits at least, new for every attempt.
    pub fn mint(
        &self,
        _chain: &CertificateChain,
        _key: &dyn SigningKey,
        _algorithm: Algorithm,
        _now: UnixTime,
        _jti: &str,
    ) -> Result<ClientAssertion, SigningError> {
        todo!()
    }
}
impl ClientAssertion {
    /// Second half of minting.
    pub fn from_signature(_input: SigningInput, _signature: &[u8]) -> ClientAssertion {
        todo!()
    }
    /// The compact token, to be sent and nowhere else.
    pub fn expose(&self) -> &str {
        todo!()
    }
}
impl std::fmt::Debug for ClientAssertion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClientAssertion(..)")
    }
}

/// An assertion that was parsed strictly and not yet believed (protocol.md steps 1 and 2).
#[derive(Debug)]
pub struct UnverifiedAssertion<'a> {
    _jws: std::marker::PhantomData<UnverifiedJws<'a>>,
}

/// What the platform demands of an assertion.
#[derive(Clone, Debug)]
pub struct Expectation<'a> {
    pub purpose: Purpose,
    pub client_id: &'a str,
    /** the issuer first, then what per-client switches admit */
    pub audiences: &'a [&'a str],
    /** `exp − iat` and `exp − now` at most */
    pub lifetime_max: Duration,
    pub now: UnixTime,
}

/// Leeway at `exp`, and how far in the future `iat` and `nbf` may be.
pub const LEEWAY: Duration = Duration::from_secs(10);
/// How far ahead `iat` and `nbf` may be.
pub const FUTURE_MAX: Duration = Duration::from_secs(60);

/// An assertion that passed steps 2, 4, 6, 7 and 8 of protocol.md. Only `verify` makes one.
#[derive(Clone, Debug)]
pub struct VerifiedAssertion {/* private: purpose, client_id, jti, issued_at, expires_at */}

/// Why an assertion is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssertionError {
    Jws(JwsError),
    Type,
    Claim(ClaimError),
    Issuer,
    Subject,
    Audience,
    /** longer than permitted */
    Lifetime,
    Expired {
        by: Duration,
    },
    NotYetValid {
        by: Duration,
    },
    TooOld,
    Jti,
}

impl<'a> UnverifiedAssertion<'a> {
    /// Parses strictly.
    pub fn parse(_text: &'a str) -> Result<UnverifiedAssertion<'a>, AssertionError> {
        todo!()
    }
    /// `iss` as claimed, to look the client up.
    pub fn claimed_client_id(&self) -> Option<&str> {
        todo!()
    }
    /// `kid` as claimed.
    pub fn kid(&self) -> Option<&str> {
        todo!()
    }
    /// `x5t#S256` then `x5t` as claimed, for a client that sends no `kid`.
    pub fn thumbprint(&self) -> Option<crate::thumbprint::Thumbprint> {
        todo!()
    }
    /// Verifies type, signature, then claims.
    pub fn verify(
        self,
        _key: &PublicKey,
        _permitted: &[Algorithm],
        _expect: &Expectation<'_>,
    ) -> Result<VerifiedAssertion, AssertionError> {
        todo!()
    }
}
impl VerifiedAssertion {
    pub fn client_id(&self) -> &str {
        todo!()
    }
    pub fn purpose(&self) -> Purpose {
        todo!()
    }
    pub fn jti(&self) -> &str {
        todo!()
    }
    /// When the `jti` may be forgotten: `exp` + leeway.
    pub fn forget_after(&self) -> UnixTime {
        todo!()
    }
}
