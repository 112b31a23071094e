//! Why does the platform say no, and whose fault is it?

mod words;

use std::time::Duration;

use countersign_proto::{
    assertion::{AssertionError, Purpose},
    dpop::ProofError,
    oauth_error::OAuthError,
    time::UnixTime,
};

use crate::{limits::TooMany, store::StoreError};

/// The client's problem: safe to show. `words` says how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request could not be read (RFC 6749 §5.2).
    Request(OAuthError),
    /// Nobody was recognised: unknown client, unknown key, wrong signature, malformed assertion.
    /// All look the same outside; the cause is for the log.
    Unrecognised {
        /// Which assertion it was.
        purpose: Purpose,
        /// Never holds the assertion.
        cause: String,
    },
    /// The certificate that signed is past its validity.
    CertificateExpired(Purpose),
    /// The certificate that signed is not yet valid.
    CertificateNotYetValid(Purpose),
    /// The certificate that signed was revoked.
    CertificateRevoked(Purpose),
    /// The certificate is registered for the other usage.
    WrongUsage(Purpose),
    /// The application is disabled.
    ApplicationDisabled(Purpose),
    /// `aud` is not what it has to be.
    WrongAudience {
        /// Which assertion it was.
        purpose: Purpose,
        /// What `aud` has to be.
        expected: String,
    },
    /// `exp`, `nbf` or `iat` do not fit the clock of the platform.
    ClockSkew {
        /// Which assertion it was.
        purpose: Purpose,
        /// The clock of the platform.
        server_time: UnixTime,
    },
    /// `exp` is too far from `iat` or from now.
    LifetimeTooLong {
        /// Which assertion it was.
        purpose: Purpose,
        /// The longest permitted, in seconds.
        permitted_s: u64,
    },
    /// Another claim is wrong.
    Claim {
        /// Which assertion it was.
        purpose: Purpose,
        /// What is wrong.
        error: AssertionError,
    },
    /// The `jti` was used before.
    Replayed(Purpose),
    /// The provider that the assertion was forwarded to does not believe it.
    ProviderRefused(Purpose),
    /// That provider is away, too slow or out of order.
    ProviderUnavailable,
    /// The principal asked for is not among the rows of the certificate, or there are none.
    PrincipalNotMapped {
        /// The principals that may be asked for.
        permitted: Vec<String>,
    },
    /// Several rows fit, none is the default, and none was asked for.
    PrincipalAmbiguous {
        /// The principals that may be asked for.
        permitted: Vec<String>,
    },
    /// The principal is disabled, or is gone.
    PrincipalDisabled,
    /// A scope was asked for that the application does not have.
    ScopeNotPermitted {
        /// The scope token.
        scope: String,
    },
    /// The application's tokens are bound to a key, and no proof was sent (RFC 9449 §5.2).
    ProofRequired,
    /// The proof has no nonce of ours, or an old one (RFC 9449 §8).
    NonceRequired,
    /// The proof does not hold (RFC 9449 §4.3).
    Proof(ProofError),
    /// The proof was used before, or there are two.
    ProofRepeated,
    /// The token was not issued to the one who gives it back (RFC 7009 §2.1).
    NotOwner,
    /// The caller may not introspect (RFC 7662 §2.1).
    NotPermitted,
    /// Kinds 1 and 2 are never refreshed.
    NotRefreshable,
    /// It is no refresh token of a session here, or its key did not prove itself. Both look the same
    /// outside.
    RefreshTokenUnknown,
    /// The terminal has not acknowledged the token of its login.
    SessionPending,
    /// The session is over: ended, or past its end.
    SessionEnded,
    /// The session was refreshed as often as it may be.
    RefreshLimitReached,
    /// The refresh token after this one was used a moment ago.
    Superseded,
    /// The client, or the principal, has to wait.
    TooOften {
        /// How long.
        retry_after: Duration,
    },
    /// A role of the principal asks for loopback, and the token came, or is to come, by a code.
    LoopbackRequired {
        /// The role.
        role: String,
    },
}

/// Our own problem: logged, and shown as `server_error` with a support id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Fault(String);

/// Why there is no answer of the kind that was asked for.
#[derive(Debug)]
pub(crate) enum Failure {
    Refused(Box<Refusal>),
    Fault(Fault),
}

impl Fault {
    /// What went wrong, for the log. Never holds a secret.
    pub(crate) fn new(what: impl Into<String>) -> Fault {
        Fault(what.into())
    }
}

impl Failure {
    /// Whether nobody was recognised. A fault of ours is not the caller's.
    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(self, Failure::Refused(refusal) if refusal.is_anonymous())
    }
}

impl Refusal {
    /// Whether nobody was recognised: counted, not audited, and counted against the source.
    pub(crate) fn is_anonymous(&self) -> bool {
        matches!(
            self,
            Refusal::Request(_) | Refusal::Unrecognised { .. } | Refusal::RefreshTokenUnknown
        )
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure::Refused(Box::new(refusal))
    }
}

impl From<TooMany> for Failure {
    fn from(too_many: TooMany) -> Failure {
        let TooMany { retry_after } = too_many;
        Refusal::TooOften { retry_after }.into()
    }
}

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Failure {
        Failure::Fault(fault)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Fault {
        Fault::new(error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Failure {
        Failure::Fault(Fault::new(error.to_string()))
    }
}
