//! What does a client claim about itself, and when is it believed?
//!
//! RFC 7521, RFC 7523 §2.2 and §3, RFC 10070. Mint and verify stand face to face.

use std::{fmt, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{
    certificate::CertificateChain,
    jws::{ClaimError, Claims, SigningInput, UnverifiedJws},
    key::{Algorithm, PublicKey, SigningError, SigningKey},
    thumbprint::Thumbprint,
    time::UnixTime,
};

mod error;
pub use error::AssertionError;

mod header_form;
pub use header_form::{HeaderFormError, ThumbprintForm, TypForm};

mod kid_form;
pub use kid_form::{KidForm, KidFormError};

/// The issuer and subject of every platform assertion. Reserved: no application may have it.
pub const PLATFORM_CLIENT_ID: &str = "countersign:platform";

/// How far `iat` and `nbf` are dated back.
pub const BACK_DATED: Duration = Duration::from_secs(5);
/// `exp` − `iat` of an assertion unless told otherwise.
pub const LIFETIME: Duration = Duration::from_secs(60);
/// `exp` − `iat` is never more than this in what is minted here.
pub const LIFETIME_MAX: Duration = Duration::from_secs(300);
/// `exp` − `iat` is never less than this in what is minted here.
pub const LIFETIME_MIN: Duration = Duration::from_secs(10);

/// Leeway at `exp`.
pub const LEEWAY: Duration = Duration::from_secs(10);
/// How far ahead `iat` and `nbf` may be.
pub const FUTURE_MAX: Duration = Duration::from_secs(60);
/// How old `iat` may be, however long the assertion lives: it is made for one request.
pub const AGE_MAX: Duration = Duration::from_secs(600);

/// What an assertion is for. Each is refused in the place of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// Authenticates a client; `typ: client-authentication+jwt`.
    Client,
    /// Asks for a platform token; `typ: countersign-platform+jwt`.
    Platform,
}

/// What the client says, but for the time, the `jti` and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assertion {
    /// What it is for.
    pub purpose: Purpose,
    /// `iss` = `sub`.
    pub client_id: String,
    /// `aud`, one string.
    pub audience: String,
    /// `exp` − `iat`: 60 s unless told; minted between 10 s and 300 s whatever stands here.
    pub lifetime: Duration,
    /// How the key is named.
    pub kid: KidForm,
    /// `typ`: that of the purpose unless told.
    pub typ: TypForm,
    /// `x5t` and `x5t#S256`: both unless told.
    pub thumbprints: ThumbprintForm,
    /// Whether the chain is sent as `x5c`.
    pub x5c: bool,
}

/// A signed assertion. It is a credential while it lives: never printed, wiped when dropped.
pub struct ClientAssertion {
    text: Zeroizing<String>,
}

impl Assertion {
    /// An assertion that authenticates `client_id` at `audience` (the configured issuer, never
    /// one from metadata).
    pub fn client(client_id: &str, audience: &str) -> Assertion {
        Assertion {
            purpose: Purpose::Client,
            client_id: client_id.to_owned(),
            audience: audience.to_owned(),
            lifetime: LIFETIME,
            kid: KidForm::default(),
            typ: TypForm::default(),
            thumbprints: ThumbprintForm::default(),
            x5c: false,
        }
    }

    /// An assertion by which a platform component asks for a platform token.
    pub fn platform(audience: &str) -> Assertion {
        Assertion {
            purpose: Purpose::Platform,
            ..Assertion::client(PLATFORM_CLIENT_ID, audience)
        }
    }

    /// First half of minting: what is to be signed. For keys that sign elsewhere.
    ///
    /// `jti`: at least 128 random bits, new for every attempt.
    pub fn signing_input(
        &self,
        chain: &CertificateChain,
        algorithm: Algorithm,
        now: UnixTime,
        jti: &str,
    ) -> SigningInput {
        let leaf = chain.leaf();
        let named = self.thumbprints;
        let header = MintedHeader {
            alg: algorithm.name(),
            typ: self.typ.of(self.purpose),
            kid: self.kid.of(leaf),
            x5t: named.names_sha1().then(|| leaf.sha1().to_base64url()),
            x5t_s256: named.names_sha256().then(|| leaf.sha256().to_base64url()),
            x5c: self.x5c.then(|| chain.x5c()),
        };
        let issued_at = now.minus(BACK_DATED);
        let claims = MintedClaims {
            iss: &self.client_id,
            sub: &self.client_id,
            aud: &self.audience,
            iat: issued_at,
            nbf: issued_at,
            exp: issued_at.plus(self.lifetime.clamp(LIFETIME_MIN, LIFETIME_MAX)),
            jti,
        };
        SigningInput::of(&header, &claims)
    }

    /// Mints with a key that does not block. `jti`: at least 128 random bits, new for every
    /// attempt.
    ///
    /// # Errors
    ///
    /// The key did not sign, or `algorithm` is not one by which the protocol uses this key.
    pub fn mint(
        &self,
        chain: &CertificateChain,
        key: &dyn SigningKey,
        algorithm: Algorithm,
        now: UnixTime,
        jti: &str,
    ) -> Result<ClientAssertion, SigningError> {
        if !key.public_key().algorithms().contains(&algorithm) {
            return Err(SigningError::Algorithm(algorithm));
        }
        let input = self.signing_input(chain, algorithm, now, jti);
        let signature = key.sign(algorithm, input.as_bytes())?;
        Ok(ClientAssertion::from_signature(input, &signature))
    }
}

impl ClientAssertion {
    /// Second half of minting.
    pub fn from_signature(input: SigningInput, signature: &[u8]) -> ClientAssertion {
        ClientAssertion {
            text: Zeroizing::new(input.finish(signature)),
        }
    }

    /// One that came from outside and was believed.
    pub(crate) fn received(text: &str) -> ClientAssertion {
        ClientAssertion {
            text: Zeroizing::new(text.to_owned()),
        }
    }

    /// The compact token, to be sent and nowhere else.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for ClientAssertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientAssertion(..)")
    }
}

/// An assertion that was parsed strictly and not yet believed (the first two steps of
/// verification).
#[derive(Clone, Debug)]
pub struct UnverifiedAssertion<'a> {
    jws: UnverifiedJws<'a>,
}

/// What the platform demands of an assertion.
#[derive(Clone, Debug)]
pub struct Expectation<'a> {
    /// What it must be for.
    pub purpose: Purpose,
    /// What `iss` and `sub` must be.
    pub client_id: &'a str,
    /// What `aud` may be: the issuer first, then what per-client switches admit.
    pub audiences: &'a [&'a str],
    /// `exp` − `iat` and `exp` − `now` at most.
    pub lifetime_max: Duration,
    /// The time of the verifier.
    pub now: UnixTime,
}

/// An assertion whose type, signature and claims hold. Only `verify` makes one.
///
/// ```compile_fail
/// use countersign_proto::assertion::{UnverifiedAssertion, VerifiedAssertion};
///
/// fn record_jti(_: &VerifiedAssertion) {}
/// record_jti(&UnverifiedAssertion::parse("e30.e30.AA").unwrap());
/// ```
#[derive(Clone, Debug)]
pub struct VerifiedAssertion {
    purpose: Purpose,
    client_id: String,
    jti: String,
    issued_at: Option<UnixTime>,
    expires_at: UnixTime,
}

impl<'a> UnverifiedAssertion<'a> {
    /// Parses strictly.
    ///
    /// # Errors
    ///
    /// [`AssertionError::Jws`].
    pub fn parse(text: &'a str) -> Result<UnverifiedAssertion<'a>, AssertionError> {
        let jws = UnverifiedJws::parse(text).map_err(AssertionError::Jws)?;
        Ok(UnverifiedAssertion { jws })
    }

    /// `iss` as claimed, to look the client up.
    pub fn claimed_client_id(&self) -> Option<&str> {
        self.jws.claimed_issuer()
    }

    /// `alg` as claimed.
    pub fn algorithm(&self) -> Algorithm {
        self.jws.header().algorithm
    }

    /// `kid` as claimed.
    pub fn kid(&self) -> Option<&str> {
        self.jws.header().kid.as_deref()
    }

    /// `x5t#S256`, else `x5t`, as claimed, for a client that sends no `kid`. `None` also when the
    /// member is not canonical base64url of the digest's length.
    pub fn thumbprint(&self) -> Option<Thumbprint> {
        let header = self.jws.header();
        match (&header.x5t_s256, &header.x5t) {
            (Some(text), _) => digest(text).map(Thumbprint::Sha256),
            (None, Some(text)) => digest(text).map(Thumbprint::Sha1),
            (None, None) => None,
        }
    }

    /// Verifies type, signature, then claims.
    ///
    /// # Errors
    ///
    /// [`AssertionError`] names the first thing that does not hold. What follows
    /// [`AssertionError::Jws`] and [`AssertionError::Type`] in that list was signed by the key,
    /// so the client may be told.
    pub fn verify(
        self,
        key: &PublicKey,
        permitted: &[Algorithm],
        expect: &Expectation<'_>,
    ) -> Result<VerifiedAssertion, AssertionError> {
        if !expect.purpose.accepts_typ(self.jws.header().typ.as_deref()) {
            return Err(AssertionError::Type);
        }
        let claims = self
            .jws
            .verify(key, permitted)
            .map_err(AssertionError::Jws)?
            .into_claims();
        if claims.string("iss")? != expect.client_id {
            return Err(AssertionError::Issuer);
        }
        if claims.string("sub")? != expect.client_id {
            return Err(AssertionError::Subject);
        }
        check_audience(&claims, expect.audiences)?;
        let (issued_at, expires_at) = check_times(&claims, expect)?;
        let jti = claims.string("jti")?;
        if !(8..=128).contains(&jti.chars().count()) || jti.chars().any(char::is_control) {
            return Err(AssertionError::Jti);
        }
        Ok(VerifiedAssertion {
            purpose: expect.purpose,
            client_id: expect.client_id.to_owned(),
            jti: jti.to_owned(),
            issued_at,
            expires_at,
        })
    }
}

impl VerifiedAssertion {
    /// The client that signed it.
    pub fn client_id(&self) -> &str {
        &self.client_id
    }

    /// What it is for.
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// To be recorded under client and purpose, so that it is accepted once.
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// `iat`, where the client sent one.
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// `exp`.
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }

    /// When the `jti` may be forgotten: `exp` + leeway.
    pub fn forget_after(&self) -> UnixTime {
        self.expires_at.plus(LEEWAY)
    }
}

impl Purpose {
    /// The `typ` of the header.
    pub const fn typ(self) -> &'static str {
        match self {
            Purpose::Client => "client-authentication+jwt",
            Purpose::Platform => "countersign-platform+jwt",
        }
    }

    /// Older clients send no `typ`, or the `JWT` that says nothing; what says something must say
    /// the right thing (RFC 8725 §3.11).
    fn accepts_typ(self, typ: Option<&str>) -> bool {
        match (self, typ) {
            (Purpose::Client, None | Some("jwt")) => true,
            (_, Some(typ)) => typ == self.typ(),
            (Purpose::Platform, None) => false,
        }
    }
}

#[derive(Serialize)]
struct MintedHeader {
    alg: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    typ: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5t: Option<String>,
    #[serde(rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    x5t_s256: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    x5c: Option<Vec<String>>,
}

#[derive(Serialize)]
struct MintedClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: UnixTime,
    nbf: UnixTime,
    exp: UnixTime,
    jti: &'a str,
}

/// An array is refused even when it has one member that would do (RFC 10070).
fn check_audience(claims: &Claims, audiences: &[&str]) -> Result<(), AssertionError> {
    match claims.string("aud") {
        Ok(audience) if audiences.contains(&audience) => Ok(()),
        Err(error) if error.missing => Err(error.into()),
        _ => Err(AssertionError::Audience),
    }
}

fn check_times(
    claims: &Claims,
    expect: &Expectation<'_>,
) -> Result<(Option<UnixTime>, UnixTime), AssertionError> {
    let now = expect.now;
    let expires_at = claims.time_floor("exp")?.ok_or(ClaimError {
        claim: "exp",
        missing: true,
    })?;
    let not_before = claims.time_ceil("nbf")?;
    let issued_at = claims.time_ceil("iat")?;

    if issued_at.is_some_and(|at| expires_at.since(at) > expect.lifetime_max) {
        return Err(AssertionError::Lifetime);
    }
    if now >= expires_at.plus(LEEWAY) {
        return Err(AssertionError::Expired {
            by: now.since(expires_at),
        });
    }
    for at in [not_before, issued_at].into_iter().flatten() {
        if at > now.plus(FUTURE_MAX) {
            return Err(AssertionError::NotYetValid { by: at.since(now) });
        }
    }
    // A clock that is a little ahead (security.md 34) must not cost a client the end of its lifetime.
    let ahead = issued_at.map_or(Duration::ZERO, |_| LEEWAY);
    if expires_at.since(now) > expect.lifetime_max.saturating_add(ahead) {
        // Its own lifetime is short enough, so it is the client's clock that is ahead.
        return Err(match issued_at {
            Some(at) => AssertionError::NotYetValid { by: at.since(now) },
            None => AssertionError::Lifetime,
        });
    }
    if issued_at.is_some_and(|at| now.since(at) > AGE_MAX) {
        return Err(AssertionError::TooOld);
    }
    Ok((issued_at, expires_at))
}

fn digest<const N: usize>(text: &str) -> Option<[u8; N]> {
    URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests;
