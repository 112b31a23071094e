//! Is this token good, and if not, which claim is not as it was wanted?

use super::{
    Algorithm, Refusal, Requirements, TrustedKeys, requirements::Wanted, trusted_keys::NotFound,
};
use crate::{
    json::Value,
    jws::{ClaimError, Claims, Header, JwsError, Parts},
    time::UnixTime,
};

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
    let parts = Parts::read(text, Algorithm::from_name).map_err(Refusal::Jws)?;
    check_type(&parts.header, requirements)?;
    check_signature(&parts, keys, requirements)?;
    let claims = parts.claims;
    check_names(&claims, requirements)?;
    let expires_at = check_times(&claims, requirements, now)?;
    for (name, wanted) in &requirements.claims {
        check_value(&claims, name, wanted)?;
    }
    Ok(VerifiedJwt {
        header: parts.header,
        claims,
        expires_at,
    })
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

    /// `exp`
    pub fn expires_at(&self) -> UnixTime {
        self.expires_at
    }
}

fn check_type(header: &Header<Algorithm>, requirements: &Requirements) -> Result<(), Refusal> {
    match &requirements.typ {
        Some(wanted) if header.typ.as_ref() != Some(wanted) => Err(Refusal::Type {
            found: header.typ.clone(),
            wanted: wanted.clone(),
        }),
        _ => Ok(()),
    }
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
    let audiences = audiences(claims)?;
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

/// A string or an array of strings (RFC 7519 §4.1.3).
fn audiences(claims: &Claims) -> Result<Vec<&str>, Refusal> {
    let mistyped = || {
        Refusal::Claim(ClaimError {
            claim: "aud",
            missing: false,
        })
    };
    match claims.members().get("aud") {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(Value::Array(several)) => several
            .iter()
            .map(|one| one.as_str().ok_or_else(mistyped))
            .collect(),
        Some(_) => Err(mistyped()),
    }
}

fn check_times(
    claims: &Claims,
    requirements: &Requirements,
    now: UnixTime,
) -> Result<UnixTime, Refusal> {
    let expires_at = claims
        .time_floor("exp")
        .and_then(|time| {
            time.ok_or(ClaimError {
                claim: "exp",
                missing: true,
            })
        })
        .map_err(Refusal::Claim)?;
    if now >= expires_at.plus(requirements.clock_skew) {
        return Err(Refusal::Expired {
            at: expires_at,
            now,
        });
    }
    let not_before = claims.time_ceil("nbf").map_err(Refusal::Claim)?;
    let issued_at = claims.time_ceil("iat").map_err(Refusal::Claim)?;
    for (claim, from) in [("nbf", not_before), ("iat", issued_at)] {
        match from {
            Some(from) if from > now.plus(requirements.clock_skew) => {
                return Err(Refusal::NotYetValid { claim, from, now });
            }
            _ => {}
        }
    }
    if let Some(longest) = requirements.longest_life {
        let issued_at = issued_at.ok_or(Refusal::Claim(ClaimError {
            claim: "iat",
            missing: true,
        }))?;
        let lifetime = expires_at.since(issued_at);
        if lifetime > longest {
            return Err(Refusal::LivesTooLong { lifetime, longest });
        }
    }
    Ok(expires_at)
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
