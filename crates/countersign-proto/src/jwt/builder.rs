//! What is said in a JWT, and how is it put together?

use std::{fmt, time::Duration};

use zeroize::Zeroizing;

use super::{Algorithm, RENEWAL_CLAIM, RenewalPolicy, Requirements, Signer};
use crate::{
    certificate::{LeafPolicyError, Validity},
    json::{Map, Value},
    jws::{JwsError, Parts, SigningInput},
    key::SigningError,
    time::UnixTime,
};

/// What tokens are to say. A clone shares nothing with what it was cloned from: set on one builder
/// what all tokens have, and on a clone of it what one token has.
#[derive(Clone, Debug, PartialEq)]
pub struct JwtBuilder {
    issuer: Option<String>,
    audiences: Vec<String>,
    subject: Option<String>,
    id: Option<String>,
    lifetime: Duration,
    not_before: Option<UnixTime>,
    renewal: Option<RenewalPolicy>,
    typ: String,
    claims: Map<String, Value>,
    header: Map<String, Value>,
}

/// How long a token lives unless another time is set.
const LIFETIME: Duration = Duration::from_secs(3600);

/// The last second that is written with four digits of a year, 9999-12-31T23:59:59Z.
const LAST: UnixTime = UnixTime::from_secs(253_402_300_799);

/// Claims that have a method of their own.
const OWN_CLAIMS: [&str; 8] = [
    "iss",
    "sub",
    "aud",
    "exp",
    "nbf",
    "iat",
    "jti",
    RENEWAL_CLAIM,
];

/// Header members that the signer writes, that have a method of their own, or that every careful
/// reader refuses or passes over.
const OWN_HEADER: [&str; 13] = [
    "alg", "typ", "kid", "x5t", "x5t#S256", "x5c", "x5u", "jwk", "jku", "crit", "b64", "enc", "zip",
];

impl Default for JwtBuilder {
    fn default() -> JwtBuilder {
        JwtBuilder {
            issuer: None,
            audiences: Vec::new(),
            subject: None,
            id: None,
            lifetime: LIFETIME,
            not_before: None,
            renewal: None,
            typ: "JWT".to_owned(),
            claims: Map::new(),
            header: Map::new(),
        }
    }
}

impl JwtBuilder {
    /// A token of type `JWT` that lives for an hour and says nothing else.
    #[must_use]
    pub fn new() -> JwtBuilder {
        JwtBuilder::default()
    }

    /// `iss`
    #[must_use]
    pub fn issuer(mut self, issuer: &str) -> JwtBuilder {
        self.issuer = Some(issuer.to_owned());
        self
    }

    /// Adds to `aud`: the token is for this service too. One is written as a string, several as an
    /// array (RFC 7519 §4.1.3).
    #[must_use]
    pub fn audience(mut self, audience: &str) -> JwtBuilder {
        if !self.audiences.iter().any(|known| known == audience) {
            self.audiences.push(audience.to_owned());
        }
        self
    }

    /// `sub`
    #[must_use]
    pub fn subject(mut self, subject: &str) -> JwtBuilder {
        self.subject = Some(subject.to_owned());
        self
    }

    /// `jti`: at least 96 random bits where tokens are to be told apart.
    #[must_use]
    pub fn id(mut self, jti: &str) -> JwtBuilder {
        self.id = Some(jti.to_owned());
        self
    }

    /// `exp`: so long after it is built. Default: an hour. Whole seconds.
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> JwtBuilder {
        self.lifetime = lifetime;
        self
    }

    /// `nbf`. Default: when it is built.
    #[must_use]
    pub fn not_before(mut self, not_before: UnixTime) -> JwtBuilder {
        self.not_before = Some(not_before);
        self
    }

    /// Says in the token how often it may be renewed and until when. A token without it is renewed
    /// by the policy of whoever renews it.
    #[must_use]
    pub fn renewable(mut self, policy: RenewalPolicy) -> JwtBuilder {
        self.renewal = Some(policy);
        self
    }

    /// `typ` of the header: a media type, `application/` left out. Default: `JWT`.
    #[must_use]
    pub fn typ(mut self, typ: &str) -> JwtBuilder {
        typ.clone_into(&mut self.typ);
        self
    }

    /// Adds a claim. A name that is given again gathers its values in an array.
    ///
    /// Claims that have a method of their own are refused when the token is built.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> JwtBuilder {
        let value = value.into();
        let together = match self.claims.remove(name) {
            None => value,
            Some(before) => {
                let listed = |value| match value {
                    Value::Array(values) => values,
                    single => vec![single],
                };
                let mut values = listed(before);
                values.extend(listed(value));
                Value::Array(values)
            }
        };
        self.claims.insert(name.to_owned(), together);
        self
    }

    /// Sets a member of the header. Members that come from the key are refused when the token is
    /// built, and those that readers refuse.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> JwtBuilder {
        self.header.insert(name.to_owned(), value.into());
        self
    }

    /// What a token of this builder fulfils: issuer, audience and type. Who has no issuer or no
    /// audience here demands none.
    pub fn requirements(&self) -> Requirements {
        let requirements = match &self.issuer {
            Some(issuer) => Requirements::issued_by(issuer),
            None => Requirements::of_any_issuer(),
        };
        let requirements = requirements.typ(&self.typ);
        self.audiences
            .iter()
            .fold(requirements, |all, one| all.for_audience(one))
    }

    /// Builds a token. The builder is as it was.
    ///
    /// # Errors
    ///
    /// [`BuildError`] says what cannot be said, or why the key did not sign. What is built is read
    /// back by the strict reader that [`super::verify`] has: no token is given out that it refuses.
    pub fn build(&self, signer: &Signer, now: UnixTime) -> Result<Jwt, BuildError> {
        self.check()?;
        let expires_at = now.plus(self.lifetime);
        let not_before = self.not_before.unwrap_or(now);
        if expires_at <= now || expires_at > LAST {
            return Err(BuildError::Lifetime);
        }
        if not_before >= expires_at {
            return Err(BuildError::NotBefore);
        }
        let mut claims = self.claims.clone();
        let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        for (name, value) in [
            ("iss", &self.issuer),
            ("sub", &self.subject),
            ("jti", &self.id),
        ] {
            if let Some(value) = value {
                set(name, value.as_str().into());
            }
        }
        match &self.audiences[..] {
            [] => {}
            [one] => drop(set("aud", one.as_str().into())),
            several => drop(set("aud", several.to_vec().into())),
        }
        if let Some(policy) = &self.renewal {
            set(RENEWAL_CLAIM, policy.first(now));
        }
        let times = Times {
            issued_at: now,
            not_before,
            expires_at,
        };
        let mut header = self.header.clone();
        header.insert("typ".to_owned(), self.typ.as_str().into());
        assemble(header, claims, times, signer)
    }

    fn check(&self) -> Result<(), BuildError> {
        let texts = [
            ("iss", &self.issuer),
            ("sub", &self.subject),
            ("jti", &self.id),
        ];
        let mut named = texts
            .iter()
            .filter_map(|(name, text)| Some((*name, text.as_ref()?)));
        if let Some((name, _)) = named.find(|(_, text)| text.is_empty()) {
            return Err(BuildError::Empty(name));
        }
        if self.audiences.iter().any(String::is_empty) {
            return Err(BuildError::Empty("aud"));
        }
        if self.typ.is_empty() {
            return Err(BuildError::Empty("typ"));
        }
        if let Some(name) = OWN_CLAIMS
            .iter()
            .find(|name| self.claims.contains_key(**name))
        {
            return Err(BuildError::OwnClaim(name));
        }
        if let Some(name) = OWN_HEADER
            .iter()
            .find(|name| self.header.contains_key(**name))
        {
            return Err(BuildError::OwnHeader(name));
        }
        Ok(())
    }
}

/// A signed token: wiped when dropped, never printed.
pub struct Jwt {
    text: Zeroizing<String>,
    algorithm: Algorithm,
    kid: Option<String>,
    times: Times,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Times {
    pub(super) issued_at: UnixTime,
    pub(super) not_before: UnixTime,
    pub(super) expires_at: UnixTime,
}

impl Jwt {
    /// The compact token, for whoever it is for and nobody else.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// `alg`
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// `kid`
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// `iat`
    pub fn issued_at(&self) -> UnixTime {
        self.times.issued_at
    }

    /// `nbf`
    pub fn not_before(&self) -> UnixTime {
        self.times.not_before
    }

    /// `exp`
    pub fn expires_at(&self) -> UnixTime {
        self.times.expires_at
    }
}

impl fmt::Debug for Jwt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwt")
            .field("algorithm", &self.algorithm)
            .field("times", &self.times)
            .finish_non_exhaustive()
    }
}

/// Why no token was built.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// This claim is set by a method of its own.
    OwnClaim(&'static str),
    /// This header member comes from the key, is set by a method of its own, or makes readers refuse
    /// the token.
    OwnHeader(&'static str),
    /// This is set to an empty text.
    Empty(&'static str),
    /// The token would live for less than a second, or beyond the year 9999.
    Lifetime,
    /// The token would end before it begins.
    NotBefore,
    /// The certificate of the key is over, or not valid yet.
    CertificateValidity(Validity),
    /// The key usage of the certificate leaves signing out.
    CertificateUsage,
    /// The key did not sign.
    Signing(SigningError),
    /// Every strict reader refuses what would be built, for this reason.
    Unreadable(JwsError),
}

/// Signs header and claims under the signer's name, and reads the result back.
pub(super) fn assemble(
    mut header: Map<String, Value>,
    mut claims: Map<String, Value>,
    times: Times,
    signer: &Signer,
) -> Result<Jwt, BuildError> {
    if let Some(leaf) = signer.chain().map(|chain| chain.leaf()) {
        match leaf.validity(times.issued_at) {
            Validity::Valid => {}
            other => return Err(BuildError::CertificateValidity(other)),
        }
        if leaf.leaf_policy() == Err(LeafPolicyError::KeyUsage) {
            return Err(BuildError::CertificateUsage);
        }
    }
    header.extend(signer.header());
    for (name, time) in [
        ("iat", times.issued_at),
        ("nbf", times.not_before),
        ("exp", times.expires_at),
    ] {
        claims.insert(name.to_owned(), time.as_secs().into());
    }
    let input = SigningInput::encode(&header, &claims);
    let signature = signer.sign(input.as_bytes()).map_err(BuildError::Signing)?;
    let text = Zeroizing::new(input.finish(&signature));
    Parts::read(&text, Algorithm::from_name).map_err(BuildError::Unreadable)?;
    Ok(Jwt {
        text,
        algorithm: signer.algorithm(),
        kid: signer.kid().map(str::to_owned),
        times,
    })
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::OwnClaim(name) => write!(
                f,
                "the claim {name:?} is not set as a claim of one's own, but by its own setting"
            ),
            BuildError::OwnHeader(name) => write!(
                f,
                "the header member {name:?} comes from the key or its settings, or makes readers \
                 refuse the token"
            ),
            BuildError::Empty(name) => write!(f, "{name:?} is empty"),
            BuildError::Lifetime => {
                f.write_str("a token lives for a second or more, and not beyond the year 9999")
            }
            BuildError::NotBefore => f.write_str("the token would end before it begins"),
            BuildError::CertificateValidity(Validity::NotYet { from }) => {
                write!(f, "the certificate of the key is not valid before {from}")
            }
            BuildError::CertificateValidity(Validity::Expired { since }) => {
                write!(f, "the certificate of the key was valid until {since}")
            }
            BuildError::CertificateValidity(Validity::Valid) => {
                f.write_str("the certificate of the key is not valid")
            }
            BuildError::CertificateUsage => LeafPolicyError::KeyUsage.fmt(f),
            BuildError::Signing(why) => why.fmt(f),
            BuildError::Unreadable(why) => {
                write!(f, "no reader would take what was to be built: {why}")
            }
        }
    }
}

impl std::error::Error for BuildError {}
