//! Why is a token not believed: which claim, what was found, what was wanted?

use std::{fmt, time::Duration};

use super::Algorithm;
use crate::{
    json::Value,
    jws::{ClaimError, JwsError},
    time::UnixTime,
};

/// Why a token is refused: the first thing that does not hold.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// It is no acceptable JWS, or its signature does not verify.
    Jws(JwsError),
    /// It is signed by this algorithm, and only those are accepted: of what was demanded, and of the
    /// key that it names.
    Algorithm {
        /// What it is signed by.
        found: Algorithm,
        /// What is accepted.
        wanted: Vec<Algorithm>,
    },
    /// It names this key, which is none of those that are trusted.
    UnknownKey(String),
    /// It names no key, and several are trusted.
    UnnamedKey,
    /// `typ` is another.
    Type {
        /// What it is, in lower case.
        found: Option<String>,
        /// What it should be.
        wanted: String,
    },
    /// A claim is missing, of the wrong type, or out of range.
    Claim(ClaimError),
    /// A claim has another value than is wanted: `iss`, `aud`, `sub`, or one that was demanded.
    Value {
        /// Which claim.
        claim: String,
        /// What it is; `None` when it is absent.
        found: Option<Value>,
        /// What it should be: one of these.
        wanted: Vec<Value>,
    },
    /// It is for somebody, and nobody said that this is who reads it (RFC 7519 §4.1.3).
    AudienceNotStated {
        /// Whom it is for.
        found: Value,
    },
    /// `exp` has come.
    Expired {
        /// `exp`
        at: UnixTime,
        /// When it was looked at.
        now: UnixTime,
    },
    /// `nbf` or `iat` is ahead.
    NotYetValid {
        /// Which claim.
        claim: &'static str,
        /// What it says.
        from: UnixTime,
        /// When it was looked at.
        now: UnixTime,
    },
    /// From `iat` to `exp` it is longer than is accepted.
    LivesTooLong {
        /// How long.
        lifetime: Duration,
        /// The longest that is accepted.
        longest: Duration,
    },
}

impl Refusal {
    /// A word for programs: `form`, `signature`, `algorithm`, `key`, `type`, `claim`, `audience`,
    /// `expired`, `not_yet_valid`, `lifetime`.
    pub const fn word(&self) -> &'static str {
        match self {
            Refusal::Jws(JwsError::Signature) => "signature",
            Refusal::Jws(JwsError::Algorithm) | Refusal::Algorithm { .. } => "algorithm",
            Refusal::Jws(_) => "form",
            Refusal::UnknownKey(_) | Refusal::UnnamedKey => "key",
            Refusal::Type { .. } => "type",
            Refusal::Claim(_) | Refusal::Value { .. } => "claim",
            Refusal::AudienceNotStated { .. } => "audience",
            Refusal::Expired { .. } => "expired",
            Refusal::NotYetValid { .. } => "not_yet_valid",
            Refusal::LivesTooLong { .. } => "lifetime",
        }
    }

    /// The claim that it is about.
    pub fn claim(&self) -> Option<&str> {
        match self {
            Refusal::Claim(error) => Some(error.claim),
            Refusal::Value { claim, .. } => Some(claim),
            Refusal::AudienceNotStated { .. } => Some("aud"),
            Refusal::Expired { .. } | Refusal::LivesTooLong { .. } => Some("exp"),
            Refusal::NotYetValid { claim, .. } => Some(claim),
            _ => None,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Jws(why) => why.fmt(f),
            Refusal::Algorithm { found, wanted } if wanted.is_empty() => {
                write!(
                    f,
                    "the token is signed by {found}, and nothing is accepted of its key"
                )
            }
            Refusal::Algorithm { found, wanted } => {
                let names: Vec<&str> = wanted.iter().map(|one| one.name()).collect();
                write!(
                    f,
                    "the token is signed by {found}; accepted is {}",
                    names.join(", ")
                )
            }
            Refusal::UnknownKey(kid) => {
                write!(
                    f,
                    "the token names the key {}, which is not trusted",
                    short(kid)
                )
            }
            Refusal::UnnamedKey => f.write_str("the token names no key, and several are trusted"),
            Refusal::Type { found, wanted } => match found {
                Some(found) => write!(
                    f,
                    "the token's typ is {}, wanted is {wanted:?}",
                    short(found)
                ),
                None => write!(f, "the token has no typ, wanted is {wanted:?}"),
            },
            Refusal::Claim(why) => why.fmt(f),
            Refusal::Value {
                claim,
                found,
                wanted,
            } => {
                match found {
                    Some(found) => write!(f, "the claim {} is {}", short(claim), value(found))?,
                    None => write!(f, "the claim {} is missing", short(claim))?,
                }
                let wanted: Vec<String> = wanted.iter().map(value).collect();
                write!(f, ", wanted is {}", wanted.join(" or "))
            }
            Refusal::AudienceNotStated { found } => write!(
                f,
                "the token is for {}, and no audience was stated",
                value(found)
            ),
            Refusal::Expired { at, now } => {
                write!(f, "the token expired at {at}; now is {now}")
            }
            Refusal::NotYetValid { claim, from, now } => write!(
                f,
                "the token is not valid before {from} by its claim \"{claim}\"; now is {now}"
            ),
            Refusal::LivesTooLong { lifetime, longest } => write!(
                f,
                "the token lives for {} s; at most {} s are accepted",
                lifetime.as_secs(),
                longest.as_secs()
            ),
        }
    }
}

impl std::error::Error for Refusal {}

/// Text of the sender, in quotation marks, without controls and not too long.
fn short(text: &str) -> String {
    const SHOWN: usize = 100;
    let shown: String = text.chars().take(SHOWN).collect();
    let dots = if shown.len() < text.len() { "…" } else { "" };
    format!("{shown:?}{dots}")
}

fn value(value: &Value) -> String {
    match value {
        Value::String(text) => short(text),
        other => {
            let quoted = short(&other.to_string());
            // JSON needs no further quotation marks, but its length and controls are the sender's.
            match quoted
                .strip_prefix('"')
                .and_then(|rest| rest.rsplit_once('"'))
            {
                Some((inside, dots)) => format!("{}{dots}", inside.replace("\\\"", "\"")),
                None => quoted,
            }
        }
    }
}
