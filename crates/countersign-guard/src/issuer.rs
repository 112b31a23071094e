//! When is a token of one issuer believed, and what has to be known for that?

use std::{net::IpAddr, sync::Arc};

use countersign_proto::{
    json::Value,
    jws::{ClaimError, Claims, JwsError},
    jwt::{self, Algorithm, Requirements, TrustedKeys, UnverifiedJwt, check_claims},
    time::UnixTime,
    token::Confirmation,
};
use tokio::runtime::Handle;
use tracing::Instrument as _;

use crate::{
    Refusal,
    caller::{Believed, How},
    clock::within,
    discovery::Discovery,
    fetch::Wire,
    introspect::{Asker, Question, TokenDigest},
    keys::{self, KeySet, Keys, REFRESH_LIMIT, Standing, Want},
    possession::{Moment, Possession},
};

/// One issuer, and all that is known and demanded of its tokens.
pub(crate) struct Issuer {
    pub(crate) name: Arc<str>,
    pub(crate) keys: KeySource,
    pub(crate) demands: Demands,
    pub(crate) asker: Option<Asker>,
    pub(crate) asked: Asked,
    pub(crate) discovery: Discovery,
    pub(crate) wire: Wire,
    pub(crate) possession: Possession,
}

/// Where the keys of an issuer come from.
pub(crate) enum KeySource {
    /// From whoever set the guard up.
    Given(TrustedKeys),
    /// From what the issuer publishes.
    Published(Keys),
}

/// About which tokens the issuer is asked, if it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// About those that only it can read.
    Opaque,
    /// Also about those whose signature holds.
    Everything,
}

/// What is demanded of claims.
pub(crate) struct Demands {
    /// Of a token.
    pub(crate) signed: Requirements,
    /// Of an answer about one that says whose it is.
    pub(crate) told: Requirements,
    /// Of an answer about one that does not say it: the issuer answers about its own only.
    pub(crate) told_without_issuer: Requirements,
}

/// Whether newer keys may still be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// They may.
    Some,
    /// They may not be fetched now.
    UsedUp,
    /// They are there: they were asked for after the caller came.
    Rewarded,
}

/// What came of looking at a token.
pub(crate) enum Found<'g> {
    Believed(Believed),
    Refused(Refusal),
    /// Keys have to be fetched first.
    Keys(Want),
    /// The issuer has to be asked, and this is what its signature vouches for already.
    Ask(&'g Asker, Option<Box<Signed>>),
}

/// What a token says whose signature holds.
pub(crate) struct Signed {
    claims: Claims,
    expires_at: UnixTime,
}

impl Issuer {
    /// Looks at a token with three segments that claims to be of this issuer.
    pub(crate) fn look(
        &self,
        token: &str,
        jwt: UnverifiedJwt<'_>,
        moment: Moment,
        patience: Patience,
    ) -> Found<'_> {
        let about_all = self
            .asker
            .as_ref()
            .filter(|_| self.asked == Asked::Everything);
        if let Some(known) = about_all.and_then(|asker| known(asker, token, moment)) {
            return known;
        }
        let signed = match &self.keys {
            KeySource::Given(keys) => jwt.verify(keys, &self.demands.signed, moment.now),
            // What a secret signed, nobody but its issuer verifies (invariant 11).
            KeySource::Published(_) if !is_by_key_pair(&jwt) => {
                return match &self.asker {
                    Some(asker) => known(asker, token, moment).unwrap_or(Found::Ask(asker, None)),
                    None => Found::Refused(Refusal::Opaque),
                };
            }
            KeySource::Published(keys) => match self.by_published(keys, jwt, moment, patience) {
                Ok(verified) => verified,
                Err(otherwise) => return otherwise,
            },
        };
        let signed = match signed {
            Ok(verified) => Box::new(Signed {
                expires_at: verified.expires_at(),
                claims: verified.into_claims(),
            }),
            Err(why) => return Found::Refused(why.into()),
        };
        if let Some(asker) = about_all {
            return Found::Ask(asker, Some(signed));
        }
        let Signed { claims, expires_at } = *signed;
        match Believed::read(&self.name, claims, Some(expires_at), How::Signature) {
            Ok(believed) => Found::Believed(believed),
            Err(why) => Found::Refused(jwt::Refusal::Claim(why).into()),
        }
    }

    /// What time it is for this issuer.
    pub(crate) fn moment(&self) -> Moment {
        Moment {
            now: self.wire.clock.now(),
            elapsed: self.wire.clock.elapsed(),
        }
    }

    /// Fetches the keys that it publishes.
    pub(crate) async fn refresh(&self, want: Want) -> keys::Asked {
        match &self.keys {
            KeySource::Published(keys) => keys.refresh(&self.discovery, &self.wire, want).await,
            KeySource::Given(_) => keys::Asked::Not,
        }
    }

    /// The same, to the end even if the caller gives up, who may be the only one that is let: others
    /// need the keys as well.
    pub(crate) async fn refresh_for_all(self: &Arc<Self>, want: Want) -> keys::Asked {
        let Ok(runtime) = Handle::try_current() else {
            return self.refresh(want).await;
        };
        let issuer = Arc::clone(self);
        let fetching = async move { issuer.refresh(want).await };
        let fetching = runtime.spawn(fetching.in_current_span());
        let fetched = match want {
            Want::Missing => fetching.await,
            Want::Newer => match within(&*self.wire.clock, REFRESH_LIMIT, fetching).await {
                Some(fetched) => fetched,
                None => return keys::Asked::Not,
            },
        };
        // Fails only when the runtime is going down.
        fetched.unwrap_or(keys::Asked::Not)
    }

    /// Asks about a token that was presented from there.
    pub(crate) async fn ask(
        &self,
        asker: &Asker,
        token: &str,
        from: Option<IpAddr>,
        signed: Option<&Signed>,
        moment: Moment,
    ) -> Result<Believed, Refusal> {
        let question = Question {
            token,
            digest: TokenDigest::of(token),
            from,
            arrived: moment.elapsed,
        };
        let judge = |said: Option<Claims>, now: UnixTime| {
            let said = said.ok_or(Refusal::Inactive)?;
            match signed {
                None => self.judge(&said, now),
                Some(signed) => self.judge_with(signed, &said, now),
            }
        };
        asker
            .ask(&question, &self.discovery, &self.wire, judge)
            .await
    }

    /// What comes of the keys that are published, as far as they are known; else what is to be done.
    fn by_published(
        &self,
        keys: &Keys,
        jwt: UnverifiedJwt<'_>,
        moment: Moment,
        patience: Patience,
    ) -> Result<Result<jwt::VerifiedJwt, jwt::Refusal>, Found<'_>> {
        let waits = patience == Patience::Some;
        let fetch = |want| Err(Found::Keys(want));
        let set = match keys.standing(moment.elapsed) {
            Standing::Due(_) if waits => return fetch(Want::Newer),
            Standing::Good(set) | Standing::Due(set) => set,
            Standing::Absent if waits && keys.may_hope(moment.elapsed) => {
                return fetch(Want::Missing);
            }
            Standing::Absent => return Err(Found::Refused(unavailable(keys, moment))),
        };
        let verify = |jwt: UnverifiedJwt<'_>, keys: &TrustedKeys| {
            jwt.verify(keys, &self.demands.signed, moment.now)
        };
        match set.keys() {
            // Who names no keys changes them without a sign: a signature that does not hold is one.
            Some(keys) if jwt.is_by_an_unnamed_key(keys) => match verify(jwt.clone(), keys) {
                Err(jwt::Refusal::Jws(JwsError::Signature)) => {}
                verified => return Ok(verified),
            },
            Some(keys) if jwt.names_one_of(keys) => return Ok(verify(jwt, keys)),
            _ => {}
        }
        match set.keys() {
            _ if waits && keys.may_hope(moment.elapsed) => fetch(Want::Missing),
            // Whether the issuer has such a key is not known: it does not answer, or may not be asked.
            _ if keys.is_failing() || may_be_newer(&jwt, &set, patience) => {
                Err(Found::Refused(unavailable(keys, moment)))
            }
            Some(keys) => Ok(verify(jwt, keys)),
            None => Err(Found::Refused(jwt::Refusal::UnnamedKey.into())),
        }
    }

    /// What the issuer tells about a token that nobody else can read.
    fn judge(&self, said: &Claims, now: UnixTime) -> Result<Believed, Refusal> {
        let demands = match said.members().contains_key("iss") {
            true => &self.demands.told,
            false => &self.demands.told_without_issuer,
        };
        let expires_at = check_claims(said, demands, now)?;
        let believed = Believed::read(&self.name, said.clone(), expires_at, How::Introspection)
            .map_err(jwt::Refusal::Claim)?;
        check_told_type(said, &believed)?;
        Ok(believed)
    }

    /// What the issuer tells about a token whose signature holds. The token says who it is for, until
    /// when and by what it is bound; the issuer, what it may do now.
    fn judge_with(
        &self,
        signed: &Signed,
        said: &Claims,
        now: UnixTime,
    ) -> Result<Believed, Refusal> {
        let token = signed.claims.members();
        for claim in ["iss", "sub", "client_id", "jti", "cnf"] {
            match (token.get(claim), said.members().get(claim)) {
                (Some(token), Some(said)) if token != said => return Err(Refusal::OtherToken),
                _ => {}
            }
        }
        let said_end = said.time_floor("exp").map_err(jwt::Refusal::Claim)?;
        if said_end.is_some_and(|end| now >= end) {
            return Err(Refusal::Inactive);
        }
        // A platform of ours leaves out what there is none of.
        let tells_all = said.members().contains_key("principal");
        let mut claims = signed.claims.clone();
        // A bond that only the answer tells is one (RFC 9449 §6.2, RFC 8705 §3.2).
        if let Some(bond) = said.members().get("cnf") {
            claims.replace("cnf", Some(bond.clone()));
        }
        for right in ["scope", "roles"] {
            match said.members().get(right) {
                None if !tells_all => {}
                told => claims.replace(right, told.cloned()),
            }
        }
        let end = said_end.map_or(signed.expires_at, |end| end.min(signed.expires_at));
        let believed = Believed::read(&self.name, claims, Some(end), How::Introspection)
            .map_err(jwt::Refusal::Claim)?;
        check_told_type(said, &believed)?;
        Ok(believed)
    }
}

/// Whether what an issuer calls a token is what it is taken for: an issuer answers about its refresh
/// tokens too (RFC 7662 §2.1), and says of one that is bound that it is `DPoP`. It need not say
/// anything; some say what it is for in `token_use`.
fn check_told_type(said: &Claims, believed: &Believed) -> Result<(), jwt::Refusal> {
    let mistyped = |claim: &'static str| {
        jwt::Refusal::Claim(ClaimError {
            claim,
            missing: false,
        })
    };
    let is_one_of = |value: &Value, names: &[&str]| {
        let text = value.as_str().unwrap_or_default();
        names.iter().any(|name| text.eq_ignore_ascii_case(name))
    };
    if let Some(used) = said.members().get("token_use")
        && !is_one_of(used, &["access_token", "access"])
    {
        return Err(mistyped("token_use"));
    }
    let Some(token_type) = said.members().get("token_type") else {
        return Ok(());
    };
    if is_one_of(token_type, &["DPoP"]) && *believed.confirmation() == Confirmation::None {
        return Err(jwt::Refusal::Claim(ClaimError {
            claim: "cnf",
            missing: true,
        }));
    }
    match is_one_of(token_type, &["Bearer", "DPoP", "access_token"]) {
        true => Ok(()),
        false => Err(mistyped("token_type")),
    }
}

/// What is known of a token that was asked about.
fn known<'g>(asker: &Asker, token: &str, moment: Moment) -> Option<Found<'g>> {
    let known = asker.known(&TokenDigest::of(token), moment)?;
    Some(match known {
        Ok(believed) => Found::Believed(believed),
        Err(refusal) => Found::Refused(refusal),
    })
}

fn is_by_key_pair(jwt: &UnverifiedJwt<'_>) -> bool {
    matches!(jwt.claimed_algorithm(), Algorithm::KeyPair(_))
}

/// Whether a token may be signed by a key that is newer than the set. What it claims chooses between two
/// refusals, and nothing else.
fn may_be_newer(jwt: &UnverifiedJwt<'_>, set: &KeySet, patience: Patience) -> bool {
    patience != Patience::Rewarded && set.may_be_older_than(jwt.claimed_issued_at())
}

fn unavailable(keys: &Keys, moment: Moment) -> Refusal {
    Refusal::unavailable(Some(keys.permitted_in(moment.elapsed)))
}
