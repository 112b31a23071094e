//! May a token be renewed once more, and what does its successor say?

use std::{fmt, time::Duration};

use serde_json::json;

use super::{
    Algorithm, BuildError, Jwt, Refusal, Requirements, Signer, TrustedKeys, VerifiedJwt,
    builder::{Times, assemble},
    verify,
};
use crate::{
    json::{Map, Value},
    jws::{ClaimError, Header},
    time::UnixTime,
};

/// The claim that counts renewals: `{"count": 2, "limit": 10, "until": 1700043200}`. It was renewed
/// `count` times, may be `limit` times in all, and no successor lives beyond `until`.
pub const RENEWAL_CLAIM: &str = "countersign_renewal";

/// How often, how long, and for how long at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RenewalPolicy {
    /// How long a renewed token lives. Whole seconds.
    pub lifetime: Duration,
    /// How many times a token may be renewed.
    pub limit: u32,
    /// How long after its first issue the last successor ends, however often it is renewed.
    pub longest: Duration,
}

/// An hour at a time, ten times, twelve hours in all.
impl Default for RenewalPolicy {
    fn default() -> RenewalPolicy {
        RenewalPolicy {
            lifetime: Duration::from_secs(3600),
            limit: 10,
            longest: Duration::from_secs(12 * 3600),
        }
    }
}

impl RenewalPolicy {
    /// The claim of a token that was never renewed.
    pub(super) fn first(&self, issued_at: UnixTime) -> Value {
        Count {
            count: 0,
            limit: self.limit,
            until: issued_at.plus(self.longest),
        }
        .to_value()
    }
}

/// The successor of a token.
#[derive(Debug)]
#[non_exhaustive]
pub struct Renewed {
    /// The token.
    pub token: Jwt,
    /// How many times it was renewed, this time included.
    pub count: u32,
    /// How many times more it may be.
    pub remaining: u32,
    /// When the last successor ends.
    pub until: UnixTime,
}

/// Why a token is not renewed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum RenewalError {
    /// The token itself is not good.
    Refused(Refusal),
    /// It was renewed as often as it may be.
    LimitReached {
        /// How often that is.
        limit: u32,
    },
    /// Its time is over, however often it was renewed.
    Ended {
        /// When it was.
        until: UnixTime,
    },
    /// The successor was not built.
    Build(BuildError),
}

/// Renews a token that is still good: verifies it as [`verify`] does, keeps every claim but `exp`,
/// `nbf`, `iat` and `jti`, counts, and never gives a successor that lives beyond the absolute end.
/// Of what the token says in [`RENEWAL_CLAIM`] and what `policy` says the stricter holds.
///
/// At `exp` there is no tolerance for clocks: what has ended is not renewed. `jti` is the successor's
/// name, new for every renewal.
///
/// Nothing is remembered between two calls: of one token two successors can be had, each of which
/// counts on from it. The absolute end holds for both. Where that is too much, keep account of the
/// `jti` that were renewed.
///
/// # Errors
///
/// [`RenewalError`] says whether the token, the count or the end is the reason.
pub fn renew(
    text: &str,
    keys: &TrustedKeys,
    requirements: &Requirements,
    policy: &RenewalPolicy,
    signer: &Signer,
    now: UnixTime,
    jti: &str,
) -> Result<Renewed, RenewalError> {
    let token = verify(text, keys, requirements, now).map_err(RenewalError::Refused)?;
    if now >= token.expires_at() {
        return Err(RenewalError::Refused(Refusal::Expired {
            at: token.expires_at(),
            now,
        }));
    }
    let before = Count::read(&token, policy, now).map_err(RenewalError::Refused)?;
    if now >= before.until {
        return Err(RenewalError::Ended {
            until: before.until,
        });
    }
    if before.count >= before.limit {
        return Err(RenewalError::LimitReached {
            limit: before.limit,
        });
    }
    let after = Count {
        count: before.count + 1,
        ..before
    };

    let mut claims = token.claims().members().clone();
    claims.remove("jti");
    claims.insert("jti".to_owned(), jti.into());
    claims.insert(RENEWAL_CLAIM.to_owned(), after.to_value());
    if policy.lifetime.as_secs() == 0 {
        return Err(RenewalError::Build(BuildError::Lifetime));
    }
    let times = Times {
        issued_at: now,
        not_before: now,
        expires_at: now.plus(policy.lifetime).min(after.until),
    };
    let token =
        assemble(header_of(token.header()), claims, times, signer).map_err(RenewalError::Build)?;
    Ok(Renewed {
        token,
        count: after.count,
        remaining: after.limit - after.count,
        until: after.until,
    })
}

/// What the header says besides the key: its type and members of its own.
fn header_of(header: &Header<Algorithm>) -> Map<String, Value> {
    let of_the_key = ["x5c", "x5u", "jwk", "jku"];
    let mut members = header.members.clone();
    members.retain(|name, _| !of_the_key.contains(&name.as_str()));
    if let Some(typ) = &header.typ {
        let typ = if typ == "jwt" { "JWT" } else { typ };
        members.insert("typ".to_owned(), typ.into());
    }
    members
}

#[derive(Clone, Copy)]
struct Count {
    count: u32,
    limit: u32,
    until: UnixTime,
}

impl Count {
    /// What the token says, within what the policy permits. A token that says nothing begins here.
    fn read(token: &VerifiedJwt, policy: &RenewalPolicy, now: UnixTime) -> Result<Count, Refusal> {
        let malformed = || {
            Refusal::Claim(ClaimError {
                claim: RENEWAL_CLAIM,
                missing: false,
            })
        };
        let issued_at = token.claims().time_ceil("iat").map_err(Refusal::Claim)?;
        let told = match token.claims().members().get(RENEWAL_CLAIM) {
            None => Count {
                count: 0,
                limit: policy.limit,
                until: issued_at.unwrap_or(now).plus(policy.longest),
            },
            Some(Value::Object(members)) => {
                let number = |name: &str| members.get(name).and_then(Value::as_u64);
                let small = |name| number(name).and_then(|number| u32::try_from(number).ok());
                Count {
                    count: small("count").ok_or_else(malformed)?,
                    limit: small("limit").ok_or_else(malformed)?,
                    until: number("until")
                        .map(UnixTime::from_secs)
                        .ok_or_else(malformed)?,
                }
            }
            Some(_) => return Err(malformed()),
        };
        // Without the first issue in the token, a policy that was shortened since cannot reach back
        // beyond the issue of this one.
        let end_by_policy = issued_at.unwrap_or(now).plus(policy.longest);
        Ok(Count {
            count: told.count,
            limit: told.limit.min(policy.limit),
            until: told.until.min(end_by_policy),
        })
    }

    fn to_value(self) -> Value {
        json!({"count": self.count, "limit": self.limit, "until": self.until.as_secs()})
    }
}

impl fmt::Display for RenewalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RenewalError::Refused(why) => why.fmt(f),
            RenewalError::LimitReached { limit } => write!(
                f,
                "the token was renewed {limit} times, which is as often as it may be"
            ),
            RenewalError::Ended { until } => write!(
                f,
                "the token's time was over at {until}, however often it is renewed"
            ),
            RenewalError::Build(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for RenewalError {}
