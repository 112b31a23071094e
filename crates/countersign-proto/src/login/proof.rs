//! How does a terminal prove its key to one connection?
//!
//! A compact JWS by the proof key, `typ: countersign-login+jwt`, with the public key in the header
//! and the connection's nonce in the claims.

use std::{fmt, time::Duration};

use serde::Serialize;
use url::Url;

use super::{LoopbackError, SUBPROTOCOL};
use crate::{
    json::{Map, Value},
    jwk::{self, Jwk},
    jws::{ClaimError, Claims, JwsError, SigningInput, UnverifiedJws},
    key::{Algorithm, KeyType, PublicKey, SigningError, SigningKey},
    time::UnixTime,
};

/// How old a signed message may be, by its `iat`.
const AGE_MAX: Duration = Duration::from_secs(300);
/// How far ahead its `iat` may be.
const FUTURE_MAX: Duration = Duration::from_secs(60);

const TYP: &str = "countersign-login+jwt";

/// Why a signed message of a terminal is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum HelloError {
    /// It is no acceptable JWS, or its signature does not verify.
    Jws(JwsError),
    /// `typ` is not `countersign-login+jwt`.
    Type,
    /// `jwk` is missing, or is no public key on P-256.
    Jwk,
    /// `act` is another one.
    Act,
    /// `nonce` is not the one of this connection.
    Nonce,
    /// `htu` is not this endpoint.
    Uri,
    /// A claim is missing, mistyped or out of range.
    Claim(ClaimError),
    /// `iat` is more than 300 s past.
    TooOld,
    /// `iat` is more than 60 s ahead.
    InFuture,
    /// `versions` does not have [`SUBPROTOCOL`].
    Version,
    /// `loopback` is nowhere that a browser is sent to.
    Loopback(LoopbackError),
}

impl From<ClaimError> for HelloError {
    fn from(error: ClaimError) -> HelloError {
        HelloError::Claim(error)
    }
}

impl fmt::Display for HelloError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HelloError::Jws(why) => why.fmt(f),
            HelloError::Type => write!(f, "the token's typ is not {TYP}"),
            HelloError::Jwk => {
                f.write_str("the token's jwk is missing or is no public key on P-256")
            }
            HelloError::Act => f.write_str("the token's act is of another message"),
            HelloError::Nonce => f.write_str("the token's nonce is not that of this connection"),
            HelloError::Uri => f.write_str("the token's htu is not this endpoint"),
            HelloError::Claim(why) => why.fmt(f),
            HelloError::TooOld => f.write_str("the token was issued too long ago"),
            HelloError::InFuture => {
                f.write_str("the token is dated too far ahead: compare the clocks")
            }
            HelloError::Version => write!(f, "the terminal does not speak {SUBPROTOCOL}"),
            HelloError::Loopback(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for HelloError {}

/// What a signed message is bound to.
pub(super) struct Bound<'a> {
    /// `act`: which message it is.
    pub(super) act: &'static str,
    /// `nonce` of the connection.
    pub(super) nonce: &'a str,
    /// `htu`: the endpoint.
    pub(super) htu: &'a Url,
}

/// A key that was proved, and what it signed.
pub(super) struct Proved {
    pub(super) key: PublicKey,
    pub(super) thumbprint: String,
    pub(super) claims: Claims,
}

/// Signs by ES256. `iat` and `jti` are those of the message.
pub(super) fn mint(
    bound: &Bound<'_>,
    claims: &impl Serialize,
    key: &dyn SigningKey,
    now: UnixTime,
    jti: &str,
) -> Result<String, SigningError> {
    let header = MintedHeader {
        alg: Algorithm::ES256.name(),
        typ: TYP,
        jwk: jwk::required_members(key.public_key()),
    };
    let claims = MintedClaims {
        act: bound.act,
        nonce: bound.nonce,
        htu: bound.htu.as_str(),
        iat: now,
        jti,
        claims,
    };
    let input = SigningInput::of(&header, &claims);
    let signature = key.sign(Algorithm::ES256, input.as_bytes())?;
    Ok(input.finish(&signature))
}

/// Verifies a signed message on the connection that it came by. The nonce is good once: the caller
/// forgets it.
pub(super) fn verify(jws: &str, bound: &Bound<'_>, now: UnixTime) -> Result<Proved, HelloError> {
    let jws = UnverifiedJws::parse(jws).map_err(HelloError::Jws)?;
    let header = jws.header();
    if header.typ.as_deref() != Some(TYP) {
        return Err(HelloError::Type);
    }
    let key = match header.members.get("jwk") {
        Some(Value::Object(members)) => Jwk::from_members(members)
            .ok()
            .map(|jwk| jwk.key)
            .filter(|key| key.key_type() == KeyType::P256)
            .ok_or(HelloError::Jwk)?,
        _ => return Err(HelloError::Jwk),
    };
    let claims = jws
        .verify(&key, &[Algorithm::ES256])
        .map_err(HelloError::Jws)?
        .into_claims();
    if claims.string("act")? != bound.act {
        return Err(HelloError::Act);
    }
    if claims.string("nonce")? != bound.nonce {
        return Err(HelloError::Nonce);
    }
    if claims.string("htu")? != bound.htu.as_str() {
        return Err(HelloError::Uri);
    }
    let issued_at = claims.time_ceil("iat")?.ok_or(ClaimError {
        claim: "iat",
        missing: true,
    })?;
    if issued_at > now.plus(FUTURE_MAX) {
        return Err(HelloError::InFuture);
    }
    if now.since(issued_at) > AGE_MAX {
        return Err(HelloError::TooOld);
    }
    let jti = claims.string("jti")?;
    if !(8..=128).contains(&jti.chars().count()) || jti.chars().any(char::is_control) {
        return Err(malformed("jti"));
    }
    Ok(Proved {
        thumbprint: jwk::thumbprint(&key),
        key,
        claims,
    })
}

pub(super) fn malformed(claim: &'static str) -> HelloError {
    HelloError::Claim(ClaimError {
        claim,
        missing: false,
    })
}

#[derive(Serialize)]
struct MintedHeader {
    alg: &'static str,
    typ: &'static str,
    jwk: Map<String, Value>,
}

#[derive(Serialize)]
struct MintedClaims<'a, C> {
    act: &'static str,
    nonce: &'a str,
    htu: &'a str,
    iat: UnixTime,
    jti: &'a str,
    #[serde(flatten)]
    claims: &'a C,
}
