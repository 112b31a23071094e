//! How is a guard set up, and which settings make none?

use std::{fmt, sync::Arc, time::Duration};

use countersign_proto::{
    jwt::{Requirements, TrustedKeys},
    metadata::{IssuerError, check_issuer},
};
use url::Url;

use crate::{
    Clock, Guard, HttpTransport, Introspector, SystemClock, Transport, TransportError,
    discovery::Discovery,
    fetch::Wire,
    introspect::{Asker, KEPT_MAX},
    issuer::{Asked, Demands, Issuer, KeySource},
    keys::Keys,
    nonce::Nonces,
    possession::Possession,
};

/// How far the issuer's clock may be ahead, by `nbf` and `iat`.
const AHEAD: Duration = Duration::from_secs(10);
/// The largest leeway at `exp` that can be set.
const LEEWAY_MAX: Duration = Duration::from_secs(60);
/// `typ` of an access token (RFC 9068 §2.1).
const ACCESS_TOKEN: &str = "at+jwt";

/// Settings of a [`Guard`]: [`Guard::builder`] begins, [`GuardBuilder::build`] ends.
#[must_use]
pub struct GuardBuilder {
    issuer: String,
    audiences: Vec<String>,
    keys: Option<TrustedKeys>,
    introspector: Option<Introspector>,
    asked: Asked,
    answers_kept: Duration,
    audience_lists: Lists,
    types: Types,
    leeway: Duration,
    origin: Option<String>,
    nonces: Option<Nonces>,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Lists {
    Refused,
    Taken,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Types {
    AccessToken,
    AlsoPlain,
}

/// Why there is no guard by these settings.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BuildError {
    /// The issuer is no issuer identifier.
    Issuer(IssuerError),
    /// No audience was given: a guard has to know for whom the tokens must be.
    NoAudience,
    /// A setting is out of its range.
    Setting {
        /// Which one.
        name: &'static str,
        /// What may be set.
        permitted: &'static str,
    },
    /// Issuers are to be asked about signed tokens, and nothing says as whom.
    NoIntrospector,
    /// The way to the issuer is not usable.
    Transport(TransportError),
    /// The operating system gives no thread for the blocking form: why.
    NoThread(String),
    /// A guard for several issuers was made of none.
    NoIssuer,
    /// A guard for several issuers was given this one twice.
    IssuerTwice(String),
}

impl GuardBuilder {
    pub(crate) fn new(issuer: &str) -> GuardBuilder {
        GuardBuilder {
            issuer: issuer.to_owned(),
            audiences: Vec::new(),
            keys: None,
            introspector: None,
            asked: Asked::Opaque,
            answers_kept: KEPT_MAX,
            audience_lists: Lists::Refused,
            types: Types::AccessToken,
            leeway: Duration::ZERO,
            origin: None,
            nonces: None,
            transport: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// For whom the tokens must be (`aud`). Required; said several times, any of them will do.
    pub fn audience(mut self, audience: &str) -> GuardBuilder {
        self.audiences.push(audience.to_owned());
        self
    }

    /// By these keys are tokens believed, and no key is fetched. Here, and nowhere else, a secret will
    /// do: for a small service that signs its own tokens.
    pub fn keys(mut self, keys: TrustedKeys) -> GuardBuilder {
        self.keys = Some(keys);
        self
    }

    /// Tokens that only the issuer can read are asked about (RFC 7662), as this one. Without it they
    /// are refused.
    pub fn introspect_with(mut self, introspector: Introspector) -> GuardBuilder {
        self.introspector = Some(introspector);
        self
    }

    /// The issuer is asked about every token, also about one whose signature holds: then a revocation
    /// is seen as soon as of an opaque token, and scopes and roles are those of now. Needs
    /// [`GuardBuilder::introspect_with`].
    pub fn introspect_all(mut self) -> GuardBuilder {
        self.asked = Asked::Everything;
        self
    }

    /// How long an answer of the issuer about a token is used: so long after a revocation is it still
    /// taken. At most 5 s, which is the default; with 0 the issuer is asked for each request. An answer
    /// is never used past the token's `exp`, and a refusal never longer than 1 s.
    pub fn opaque_cache(mut self, kept: Duration) -> GuardBuilder {
        self.answers_kept = kept;
        self
    }

    /// Takes tokens whose `aud` is a list that has the audience. Default: `aud` is one string
    /// (RFC 9068 §3), so that no other service that is named in the token can use it here.
    pub fn accept_audience_lists(mut self) -> GuardBuilder {
        self.audience_lists = Lists::Taken;
        self
    }

    /// Takes tokens of `typ: JWT` too, as issuers older than RFC 9068 write them. Default: `at+jwt`
    /// alone, so that no other kind of token of the issuer is taken for an access token.
    pub fn accept_plain_jwt(mut self) -> GuardBuilder {
        self.types = Types::AlsoPlain;
        self
    }

    /// How long after its `exp` a token is still taken. At most 60 s; default 0.
    pub fn leeway(mut self, leeway: Duration) -> GuardBuilder {
        self.leeway = leeway;
        self
    }

    /// Under which address clients know the API, for the `htu` of their proofs: scheme, host, port if
    /// it is not the usual one, and what a proxy or a router that is nested takes off the path.
    /// Default: what the request was sent to by its `Host`, over https; over http as well on loopback.
    ///
    /// `Host` is what the sender wrote there. Unless something before the guard refuses the hosts of
    /// others, set this: a client that was led to present its token to somebody else made its proof for
    /// that address, and whoever got both would send them on with that `Host`.
    pub fn public_origin(mut self, origin: &str) -> GuardBuilder {
        self.origin = Some(origin.to_owned());
        self
    }

    /// Proofs must carry a nonce of this guard (RFC 9449 §9), so that none can be made in advance and
    /// none is taken by another guard. Default: they need none.
    pub fn require_dpop_nonce(mut self) -> GuardBuilder {
        self.nonces = Some(Nonces::new());
        self
    }

    /// The way to the issuer. Default: [`HttpTransport::new`].
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> GuardBuilder {
        self.transport = Some(transport);
        self
    }

    /// The clock. Default: [`SystemClock`].
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> GuardBuilder {
        self.clock = clock;
        self
    }

    /// Checks all settings. Nobody is asked yet: the first request that needs it does that.
    ///
    /// # Errors
    /// [`BuildError`] names the setting.
    pub fn build(self) -> Result<Guard, BuildError> {
        let url = check_issuer(&self.issuer).map_err(BuildError::Issuer)?;
        if self.audiences.is_empty() {
            return Err(BuildError::NoAudience);
        }
        if self.answers_kept > KEPT_MAX {
            return Err(BuildError::Setting {
                name: "opaque_cache",
                permitted: "0 to 5 s",
            });
        }
        if self.leeway > LEEWAY_MAX {
            return Err(BuildError::Setting {
                name: "leeway",
                permitted: "0 to 60 s",
            });
        }
        if self.asked == Asked::Everything && self.introspector.is_none() {
            return Err(BuildError::NoIntrospector);
        }
        let demands = self.demands();
        let origin = self.origin.as_deref().map(origin).transpose()?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(HttpTransport::new().map_err(BuildError::Transport)?),
        };
        let kept = self.answers_kept;
        let name: Arc<str> = self.issuer.into();
        Ok(Guard::of(Issuer {
            discovery: Discovery::new(Arc::clone(&name), url),
            name,
            keys: match self.keys {
                Some(keys) => KeySource::Given(keys),
                None => KeySource::Published(Keys::new()),
            },
            demands,
            asker: self.introspector.map(|as_whom| Asker::new(as_whom, kept)),
            asked: self.asked,
            wire: Wire {
                transport,
                clock: self.clock,
            },
            possession: Possession::new(origin, self.nonces),
        }))
    }

    fn demands(&self) -> Demands {
        let of_claims = |start: Requirements| {
            let audiences = self.audiences.iter();
            let demands = audiences.fold(start, |demands, one| demands.for_audience(one));
            let demands = demands.leeway(self.leeway, AHEAD);
            match self.audience_lists {
                Lists::Refused => demands.one_audience(),
                Lists::Taken => demands,
            }
        };
        let signed = of_claims(Requirements::issued_by(&self.issuer)).typ(ACCESS_TOKEN);
        let signed = match self.types {
            Types::AccessToken => signed,
            Types::AlsoPlain => signed.or_typ("JWT"),
        };
        Demands {
            signed,
            told: of_claims(Requirements::issued_by(&self.issuer)),
            told_without_issuer: of_claims(Requirements::of_any_issuer()),
        }
    }
}

fn origin(text: &str) -> Result<Url, BuildError> {
    let is_origin = |url: &Url| {
        matches!(url.scheme(), "https" | "http")
            && url.has_host()
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none()
    };
    let url = Url::parse(text).ok().filter(is_origin);
    url.ok_or(BuildError::Setting {
        name: "public_origin",
        permitted: "https://host, with a port and a path if need be",
    })
}

/// Shows nothing of keys.
impl fmt::Debug for GuardBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardBuilder")
            .field("issuer", &self.issuer)
            .field("audiences", &self.audiences)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Issuer(why) => why.fmt(f),
            BuildError::NoAudience => {
                f.write_str("no audience is given: say for whom the tokens must be")
            }
            BuildError::Setting { name, permitted } => {
                write!(f, "the setting {name} may be {permitted}")
            }
            BuildError::NoIntrospector => {
                f.write_str("the issuer is to be asked about every token, and nothing says as whom")
            }
            BuildError::Transport(why) => why.fmt(f),
            BuildError::NoThread(why) => {
                write!(f, "no thread for the guard could be started: {why}")
            }
            BuildError::NoIssuer => f.write_str("there is no issuer to believe"),
            BuildError::IssuerTwice(issuer) => write!(f, "the issuer {issuer} is there twice"),
        }
    }
}

impl std::error::Error for BuildError {}
