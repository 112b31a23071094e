//! Whose tokens are believed besides the platform's own, and what do they say?
//!
//! Each trusted issuer is asked for its keys at the start, every hour, and when it signs by one that is
//! not known; no setting changes when they do. Its keys verify what it issued and nothing else.

use std::time::Duration;

use countersign_proto::{
    jws::{Claims, UnverifiedJws},
    time::UnixTime,
    token,
};
use serde_json::Value;
use url::Url;

use crate::{
    config::{Settings, TrustedIssuer},
    idp::provider::{Provider, permitted},
    outbound::Outbound,
    registry::check_principal_name,
};

/// Questions to one issuer at a time: they are few.
const AT_ONCE: usize = 4;
/// How far ahead `iat` and `nbf` may be.
const LEEWAY: Duration = Duration::from_secs(10);

/// The issuers that are trusted.
pub(crate) struct TrustedIssuers(Vec<Trusted>);

struct Trusted {
    terms: TrustedIssuer,
    provider: Provider,
}

/// What a token of a trusted issuer says, once signature and claims hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Vouched {
    /// Byte for byte as it was configured.
    pub(crate) issuer: String,
    /// Whom it names.
    pub(crate) principal: String,
    /// Which of his roles it carries; `None` for all.
    pub(crate) roles: Option<Vec<String>>,
    /// Its `jti`, where it has one that can be written down.
    pub(crate) jti: Option<String>,
    pub(crate) issued_at: UnixTime,
    pub(crate) expires_at: UnixTime,
}

impl TrustedIssuers {
    /// Those of the settings.
    ///
    /// # Errors
    /// The certificate authorities cannot be read.
    pub(crate) fn new(settings: &Settings) -> Result<TrustedIssuers, String> {
        let open = |terms: &TrustedIssuer| {
            let url = Url::parse(&terms.issuer).map_err(|error| error.to_string())?;
            let outbound = Outbound::new(settings.outbound_ca_bundle.as_deref(), AT_ONCE)?;
            Ok(Trusted {
                provider: Provider::new(&terms.issuer, url, outbound),
                terms: terms.clone(),
            })
        };
        let issuers = settings.trusted_issuers.iter().map(open);
        issuers.collect::<Result<_, String>>().map(TrustedIssuers)
    }

    /// Fetches what is due. An issuer that is away is asked again later.
    pub(crate) async fn keep_keys(&self, now: UnixTime) {
        for trusted in &self.0 {
            trusted.provider.keep_keys(now).await;
        }
    }

    /// What a token says that claims to be of a trusted issuer: `None` when it claims no such thing,
    /// `Some(None)` when it does, and is not good.
    pub(crate) async fn vouched(&self, text: &str, now: UnixTime) -> Option<Option<Vouched>> {
        // The claim only chooses the keys, and these verify it.
        let claimed = match self.0.is_empty() {
            true => return None,
            false => token::inspect(text)?
                .claims
                .get("iss")?
                .as_str()?
                .to_owned(),
        };
        let trusted = self.0.iter().find(|it| it.terms.issuer == claimed)?;
        Some(trusted.verify(text, now).await)
    }
}

impl Trusted {
    async fn verify(&self, text: &str, now: UnixTime) -> Option<Vouched> {
        let token = UnverifiedJws::parse(text).ok()?;
        let header = token.header();
        // An access token (RFC 9068), or one of an issuer that does not say what it issues.
        if !matches!(header.typ.as_deref(), None | Some("jwt" | "at+jwt")) {
            return None;
        }
        let key = self
            .provider
            .key(header.kid.as_deref(), header.algorithm, now)
            .await
            .ok()?;
        let verified = token.verify(&key.key, permitted(&key)).ok()?;
        self.read(&verified.into_claims(), now)
    }

    /// The claims of a token that one of its keys signed.
    fn read(&self, claims: &Claims, now: UnixTime) -> Option<Vouched> {
        let members = claims.members();
        let text = |name| members.get(name).and_then(Value::as_str);
        let expires_at = claims.time_floor("exp").ok()??;
        let issued_at = claims.time_ceil("iat").ok()??;
        let not_before = claims.time_ceil("nbf").ok()?.unwrap_or(issued_at);
        let in_time = now < expires_at && issued_at.max(not_before) <= now.plus(LEEWAY);
        // An ID token is for whoever signs a person in, and opens nothing; a token that is bound to a
        // key needs a proof, and the key is not known here.
        let is_other = ["nonce", "at_hash", "c_hash", "cnf", "events"]
            .iter()
            .any(|name| members.contains_key(*name));
        if !in_time || is_other || text("iss") != Some(&self.terms.issuer) {
            return None;
        }
        if !only_for(members.get("aud"), &self.terms.audience) {
            return None;
        }
        let principal = text(&self.terms.principal_claim)?;
        check_principal_name(principal).ok()?;
        let role_claim = self.terms.role_claim.as_deref();
        let roles = role_claim.map(|name| names(members.get(name)));
        Some(Vouched {
            issuer: self.terms.issuer.clone(),
            principal: principal.to_owned(),
            roles,
            jti: text("jti")
                .filter(|jti| jti.len() <= 128 && jti.chars().all(|it| it.is_ascii_graphic()))
                .map(str::to_owned),
            issued_at,
            expires_at,
        })
    }
}

/// One string, or an array of it alone: a token that others hold too could be used here by them.
fn only_for(audience: Option<&Value>, wanted: &str) -> bool {
    match audience {
        Some(Value::String(audience)) => audience == wanted,
        Some(Value::Array(audiences)) => {
            matches!(audiences.as_slice(), [Value::String(audience)] if audience == wanted)
        }
        _ => false,
    }
}

/// One name, or a list of them. Anything else names no role.
fn names(claim: Option<&Value>) -> Vec<String> {
    match claim {
        Some(Value::String(name)) => vec![name.clone()],
        Some(Value::Array(names)) => names
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
        _ => Vec::new(),
    }
}
