//! Is this token good, and if not, which claim is not as it was wanted?

use std::fmt;

use super::{
    Algorithm, Refusal, Requirements, TrustedKeys,
    requirements::{AudienceForm, Wanted},
    trusted_keys::NotFound,
};
use crate::{
    json::Value,
    jws::{ClaimError, Claims, Header, JwsError, Parts},
    time::UnixTime,
};

/// A token that was read strictly, once, and is not yet believed. What it says of itself serves to find
/// the keys by which it may be believed.
#[derive(Clone)]
pub struct UnverifiedJwt<'a>(Parts<'a, Algorithm>);

/// A token whose signature was verified and that is as it was demanded: the only way to its claims.
#[derive(Clone, Debug)]
pub struct VerifiedJwt {
    header: Header<Algorithm>,
    claims: Claims,
    expires_at: UnixTime,
}

/// Verifies a token: form, type, algorithm, key, signature, and then every claim that was demanded,
/// `exp`, which must be there, `nbf` and `iat`.
///
/// The key decides by what it verifies; the header is never asked, and no key that it brings along or
/// points to is used.
///
/// # Errors
///
/// [`Refusal`] names the first thing that does not hold, what was found and what was wanted.
pub fn verify(
    text: &str,
    keys: &TrustedKeys,
    requirements: &Requirements,
    now: UnixTime,
) -> Result<VerifiedJwt, Refusal> {
    UnverifiedJwt::parse(text)?.verify(keys, requirements, now)
}

/// Whether verified claims are as it was demanded, by the rules of [`verify`]; answers their `exp`. For
/// claims that somebody vouches for in another way than by a signature, as in an answer to RFC 7662.
///
/// # Errors
///
/// As [`verify`], but for all that concerns the signature and the type.
pub fn check_claims(
    claims: &Claims,
    requirements: &Requirements,
    now: UnixTime,
) -> Result<Option<UnixTime>, Refusal> {
    check_names(claims, requirements)?;
    let expires_at = claims.time_floor("exp").map_err(Refusal::Claim)?;
    check_times(claims, expires_at, requirements, now)?;
    check_values(claims, requirements)?;
    Ok(expires_at)
}

impl<'a> UnverifiedJwt<'a> {
    /// Reads the form of a token: size, characters, segments, strict JSON, a known algorithm.
    ///
    /// # Errors
    ///
    /// [`Refusal::Jws`].
    pub fn parse(text: &'a str) -> Result<UnverifiedJwt<'a>, Refusal> {
        Parts::read(text, Algorithm::from_name)
            .map(UnverifiedJwt)
            .map_err(Refusal::Jws)
    }

    /// `iss` as claimed, to find the issuer by; nobody has vouched for it.
    pub fn claimed_issuer(&self) -> Option<&str> {
        self.0.claims.members().get("iss")?.as_str()
    }

    /// `alg` as claimed.
    pub fn claimed_algorithm(&self) -> Algorithm {
        self.0.header.algorithm
    }

    /// `iat` as claimed, if it claims one that can be read.
    pub fn claimed_issued_at(&self) -> Option<UnixTime> {
        self.0.claims.time_ceil("iat").ok().flatten()
    }

    /// Whether the key that it names is one of these: else newer ones may have it.
    pub fn names_one_of(&self, keys: &TrustedKeys) -> bool {
        !matches!(keys.find(&self.0.header), Err(NotFound::Unknown))
    }

    /// Whether the only key that it may be signed by was not named, by it or by who published the key:
    /// then a newer key may have taken its place without another name.
    pub fn is_by_an_unnamed_key(&self, keys: &TrustedKeys) -> bool {
        keys.is_unnamed(&self.0.header)
    }

    /// As [`verify`], without reading it again.
    ///
    /// # Errors
    ///
    /// As [`verify`].
    pub fn verify(
        self,
        keys: &TrustedKeys,
        requirements: &Requirements,
        now: UnixTime,
    ) -> Result<VerifiedJwt, Refusal> {
        let parts = self.0;
        check_type(&parts.header, requirements)?;
        check_signature(&parts, keys, requirements)?;
        let claims = parts.claims;
        check_names(&claims, requirements)?;
        let expires_at = claims
            .time_floor("exp")
            .map_err(Refusal::Claim)?
            .ok_or(missing("exp"))?;
        check_times(&claims, Some(expires_at), requirements, now)?;
        check_values(&claims, requirements)?;
        Ok(VerifiedJwt {
            header: parts.header,
            claims,
            expires_at,
        })
    }
}

/// Shows the header only.
impl fmt::Debug for UnverifiedJwt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnverifiedJwt")
            .field("header", &self.0.header)
            .finish_non_exhaustive()
    }
}

impl VerifiedJwt {
    /// The header.
    pub fn header(&self) -> &Header<Algorithm> {
        &self.header
    }

    /// The claims.
    pub fn claims(&self) -> &Claims {
        &self.claims
    }

    /// The claims, owned.
    pub fn into_claims(self) -> Claims {
        self.claims
    }

    /// `exp`
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }
}

fn check_type(header: &Header<Algorithm>, requirements: &Requirements) -> Result<(), Refusal> {
    let wanted = &requirements.types;
    let is_wanted = |found: &String| wanted.contains(found);
    if wanted.is_empty() || header.typ.as_ref().is_some_and(is_wanted) {
        return Ok(());
    }
    Err(Refusal::Type {
        found: header.typ.clone(),
        wanted: wanted.join(" or "),
    })
}

fn check_signature(
    parts: &Parts<'_, Algorithm>,
    keys: &TrustedKeys,
    requirements: &Requirements,
) -> Result<(), Refusal> {
    let algorithm = parts.header.algorithm;
    let key = keys.find(&parts.header).map_err(|why| match why {
        NotFound::Unknown => Refusal::UnknownKey(parts.header.kid.clone().unwrap_or_default()),
        NotFound::Unnamed => Refusal::UnnamedKey,
    })?;
    let demanded = |algorithm: &Algorithm| {
        let listed = requirements.algorithms.as_ref();
        listed.is_none_or(|listed| listed.contains(algorithm))
    };
    if !demanded(&algorithm) || !key.permits(algorithm) {
        return Err(Refusal::Algorithm {
            found: algorithm,
            wanted: key.algorithms().into_iter().filter(demanded).collect(),
        });
    }
    if !key.verify(algorithm, parts.signing_input.as_bytes(), &parts.signature) {
        return Err(Refusal::Jws(JwsError::Signature));
    }
    Ok(())
}

/// `iss`, `aud`, `sub`: compared code point by code point.
fn check_names(claims: &Claims, requirements: &Requirements) -> Result<(), Refusal> {
    let issuer = claims.optional_string("iss").map_err(Refusal::Claim)?;
    if let Wanted::OneOf(issuers) = &requirements.issuer
        && !issuers.iter().any(|wanted| issuer == Some(wanted))
    {
        return Err(not_as_wanted(claims, "iss", issuers));
    }
    let audiences = audiences(claims, requirements.audience_form)?;
    match &requirements.audience {
        Wanted::Anything => {}
        Wanted::OneOf(wanted) if wanted.is_empty() => {
            if let Some(found) = claims.members().get("aud") {
                return Err(Refusal::AudienceNotStated {
                    found: found.clone(),
                });
            }
        }
        Wanted::OneOf(wanted) => {
            if !audiences
                .iter()
                .any(|found| wanted.iter().any(|one| one == found))
            {
                return Err(not_as_wanted(claims, "aud", wanted));
            }
        }
    }
    let subject = claims.optional_string("sub").map_err(Refusal::Claim)?;
    match &requirements.subject {
        Some(wanted) if subject != Some(wanted) => {
            Err(not_as_wanted(claims, "sub", std::slice::from_ref(wanted)))
        }
        _ => Ok(()),
    }
}

/// A string or, where it may be one, an array of strings (RFC 7519 §4.1.3).
fn audiences(claims: &Claims, form: AudienceForm) -> Result<Vec<&str>, Refusal> {
    let mistyped = || {
        Refusal::Claim(ClaimError {
            claim: "aud",
            missing: false,
        })
    };
    match claims.members().get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(several)) if form == AudienceForm::OneOrSeveral => several
            .iter()
            .map(|one| one.as_str().ok_or_else(mistyped))
            .collect(),
        Some(_) => Err(mistyped()),
    }
}

fn check_times(
    claims: &Claims,
    expires_at: Option<UnixTime>,
    requirements: &Requirements,
    now: UnixTime,
) -> Result<(), Refusal> {
    match expires_at {
        Some(at) if now >= at.plus(requirements.leeway_after) => {
            return Err(Refusal::Expired { at, now });
        }
        _ => {}
    }
    let not_before = claims.time_ceil("nbf").map_err(Refusal::Claim)?;
    let issued_at = claims.time_ceil("iat").map_err(Refusal::Claim)?;
    for (claim, from) in [("nbf", not_before), ("iat", issued_at)] {
        match from {
            Some(from) if from > now.plus(requirements.leeway_before) => {
                return Err(Refusal::NotYetValid { claim, from, now });
            }
            _ => {}
        }
    }
    if let Some(longest) = requirements.longest_life {
        let issued_at = issued_at.ok_or(missing("iat"))?;
        let lifetime = expires_at.ok_or(missing("exp"))?.since(issued_at);
        if lifetime > longest {
            return Err(Refusal::LivesTooLong { lifetime, longest });
        }
    }
    Ok(())
}

fn missing(claim: &'static str) -> Refusal {
    Refusal::Claim(ClaimError {
        claim,
        missing: true,
    })
}

fn check_values(claims: &Claims, requirements: &Requirements) -> Result<(), Refusal> {
    let mut wanted = requirements.claims.iter();
    wanted.try_for_each(|(name, wanted)| check_value(claims, name, wanted))
}

fn check_value(claims: &Claims, name: &str, wanted: &Value) -> Result<(), Refusal> {
    let found = claims.members().get(name);
    let is_wanted = match found {
        Some(Value::Array(values)) if values.contains(wanted) => true,
        found => found == Some(wanted),
    };
    if is_wanted {
        return Ok(());
    }
    Err(Refusal::Value {
        claim: name.to_owned(),
        found: found.cloned(),
        wanted: vec![wanted.clone()],
    })
}

fn not_as_wanted(claims: &Claims, claim: &str, wanted: &[String]) -> Refusal {
    Refusal::Value {
        claim: claim.to_owned(),
        found: claims.members().get(claim).cloned(),
        wanted: wanted.iter().map(|text| text.as_str().into()).collect(),
    }
}
