//! What does a certificate say for itself in the dialect, and when is it believed?
//!
//! Mint and verify stand face to face. The dialect knows RS256 and names the key by SHA-1, whatever
//! is thought of both; `kid` and `x5t` are the same, and the server finds its mapping by them.

use std::{fmt, time::Duration};

use serde::Serialize;

use crate::{
    assertion::{
        AssertionError, BACK_DATED, ClientAssertion, Expectation, LIFETIME, LIFETIME_MAX,
        LIFETIME_MIN, Purpose, UnverifiedAssertion,
    },
    certificate::Certificate,
    jws::{SigningInput, UnverifiedJws},
    key::Algorithm,
    time::UnixTime,
};

/// What is claimed, but for the time, the `jti` and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TachyonAssertion {
    /// `iss` = `sub`: the AppId.
    pub app_id: String,
    /// `aud`: the `token_endpoint` of the identity provider, one text.
    pub audience: String,
    /// `exp` − `iat`: 60 s unless told; minted between 10 s and 300 s whatever stands here.
    pub lifetime: Duration,
}

impl TachyonAssertion {
    /// The one algorithm of the dialect.
    pub const ALGORITHM: Algorithm = Algorithm::RS256;

    /// An assertion of an application for an identity provider.
    pub fn new(app_id: &str, token_endpoint: &str) -> TachyonAssertion {
        TachyonAssertion {
            app_id: app_id.to_owned(),
            audience: token_endpoint.to_owned(),
            lifetime: LIFETIME,
        }
    }

    /// What is to be signed by [`TachyonAssertion::ALGORITHM`];
    /// [`ClientAssertion::from_signature`] is the second half.
    ///
    /// `jti`: at least 128 random bits, new for every attempt.
    pub fn signing_input(&self, leaf: &Certificate, now: UnixTime, jti: &str) -> SigningInput {
        let thumbprint = leaf.sha1().to_base64url();
        let header = MintedHeader {
            alg: TachyonAssertion::ALGORITHM.name(),
            typ: "JWT",
            kid: &thumbprint,
            x5t: &thumbprint,
        };
        let issued_at = now.minus(BACK_DATED);
        let claims = MintedClaims {
            iss: &self.app_id,
            sub: &self.app_id,
            aud: &self.audience,
            iat: issued_at,
            exp: issued_at.plus(self.lifetime.clamp(LIFETIME_MIN, LIFETIME_MAX)),
            jti,
        };
        SigningInput::of(&header, &claims)
    }
}

#[derive(Serialize)]
struct MintedHeader<'a> {
    alg: &'static str,
    typ: &'static str,
    kid: &'a str,
    x5t: &'a str,
}

#[derive(Serialize)]
struct MintedClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    iat: UnixTime,
    exp: UnixTime,
    jti: &'a str,
}

/// Believes an assertion of the holder of `certificate`, as a server with this identity provider and
/// an application of this id does; who it was is the `jti`'s business.
///
/// # Errors
///
/// [`AssertionRefusal`].
pub fn verify(
    text: &str,
    certificate: &Certificate,
    claimed: &TachyonAssertion,
    now: UnixTime,
) -> Result<ClientAssertion, AssertionRefusal> {
    let jws = UnverifiedJws::parse(text).map_err(AssertionError::Jws)?;
    let thumbprint = certificate.sha1().to_base64url();
    let header = jws.header();
    if header.algorithm != TachyonAssertion::ALGORITHM {
        return Err(AssertionRefusal::Algorithm);
    }
    if header.kid.as_deref() != Some(&thumbprint) || header.x5t.as_deref() != Some(&thumbprint) {
        return Err(AssertionRefusal::Thumbprint);
    }
    UnverifiedAssertion::parse(text)?.verify(
        certificate.public_key(),
        &[TachyonAssertion::ALGORITHM],
        &Expectation {
            purpose: Purpose::Client,
            client_id: &claimed.app_id,
            audiences: &[&claimed.audience],
            // Published clients let theirs live for an hour.
            lifetime_max: Duration::from_secs(3600),
            now,
        },
    )?;
    Ok(ClientAssertion::received(text))
}

/// Why an assertion is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AssertionRefusal {
    /// Not RS256.
    Algorithm,
    /// `kid` and `x5t` are not both the SHA-1 thumbprint of the certificate.
    Thumbprint,
    /// What is refused of every assertion.
    Assertion(AssertionError),
}

impl From<AssertionError> for AssertionRefusal {
    fn from(error: AssertionError) -> AssertionRefusal {
        AssertionRefusal::Assertion(error)
    }
}

impl fmt::Display for AssertionRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            AssertionRefusal::Algorithm => f.write_str("the algorithm is not RS256"),
            AssertionRefusal::Thumbprint => {
                f.write_str("kid and x5t are not the certificate's thumbprint")
            }
            AssertionRefusal::Assertion(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for AssertionRefusal {}
