//! Why is a request refused?

use std::{fmt, time::Duration};

use countersign_proto::{dpop::ProofError, jwt};

mod answer;

/// Why a request is refused: the first thing that does not hold. What may be told to whoever sent it
/// is less, and stands in one table with the status: [`Refusal::status`], [`Refusal::challenges`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Refusal {
    /// No token was presented, or in a way that is not known here: as Basic, in the address.
    Missing,
    /// The `Authorization` header holds no token.
    Malformed,
    /// Two tokens, or one in two ways (RFC 6750 §3.1).
    Several,
    /// The token is not believed.
    Token(jwt::Refusal),
    /// The token names an issuer that nobody here trusts, or none.
    Issuer,
    /// The token says nothing to anybody but its issuer, and no issuer is asked here.
    Opaque,
    /// An opaque token of a kind that opens no API, or that was not copied whole.
    NotForApis,
    /// Its issuer says that the token is not good, or says nothing of it.
    Inactive,
    /// What the issuer answers is about another token than the one that was presented.
    OtherToken,
    /// The token is bound to a key and was presented without proof of it (RFC 9449 §7.2).
    BoundToKey,
    /// The token is presented with a proof, and is not bound to any key.
    NotBound,
    /// The token is bound to a key, and there is no proof.
    ProofMissing,
    /// The proof does not hold.
    Proof(ProofError),
    /// The proof is of another key than the token is bound to.
    ProofOfOtherKey,
    /// The proof was used before.
    ProofReplayed,
    /// The proof has to carry this nonce (RFC 9449 §9).
    NonceRequired(String),
    /// The token is bound to a certificate, and the connection has none (RFC 8705 §3).
    CertificateMissing,
    /// The connection has another certificate than the token is bound to.
    OtherCertificate,
    /// A route demands something of a caller, and no guard stands before it.
    Unguarded,
    /// The caller lacks these scope tokens.
    Scope {
        /// What the route demands, space-delimited.
        wanted: String,
    },
    /// The caller has none of these roles.
    Role {
        /// Any of them would do.
        wanted: Vec<String>,
    },
    /// The token is not of a kind that this route takes.
    Kind,
    /// This route takes only tokens whose holder proves a key or a certificate.
    Unbound,
    /// This route takes only tokens of a sign-in on the machine of its browser.
    NotByLoopback,
    /// The issuer cannot be asked. That is not the caller's fault.
    Unavailable {
        /// When to try again.
        retry_after: Duration,
    },
    /// Too many proofs are remembered to take another one. That is not the caller's fault.
    Busy {
        /// When to try again.
        retry_after: Duration,
    },
}

impl Refusal {
    /// A word for programs, logs and counters; each reason has its own.
    pub fn word(&self) -> &'static str {
        match self {
            Refusal::Missing => "missing",
            Refusal::Malformed => "malformed",
            Refusal::Several => "several",
            Refusal::Token(why) => why.word(),
            Refusal::Issuer => "issuer",
            Refusal::Opaque => "opaque",
            Refusal::NotForApis => "not_for_apis",
            Refusal::Inactive => "inactive",
            Refusal::OtherToken => "other_token",
            Refusal::BoundToKey => "bound_to_key",
            Refusal::NotBound => "not_bound",
            Refusal::ProofMissing => "proof_missing",
            Refusal::Proof(_) => "proof",
            Refusal::ProofOfOtherKey => "proof_of_other_key",
            Refusal::ProofReplayed => "proof_replayed",
            Refusal::NonceRequired(_) => "nonce_required",
            Refusal::CertificateMissing => "certificate_missing",
            Refusal::OtherCertificate => "other_certificate",
            Refusal::Unguarded => "unguarded",
            Refusal::Scope { .. } => "scope",
            Refusal::Role { .. } => "role",
            Refusal::Kind => "kind",
            Refusal::Unbound => "unbound",
            Refusal::NotByLoopback => "not_by_loopback",
            Refusal::Unavailable { .. } => "unavailable",
            Refusal::Busy { .. } => "busy",
        }
    }
}

/// When to try again, unless the issuer says.
const RETRY_AFTER: Duration = Duration::from_secs(2);
/// Nobody is told to wait for longer.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(60);

impl Refusal {
    /// The issuer cannot be asked, and may have said when to come again.
    pub(crate) fn unavailable(retry_after: Option<Duration>) -> Refusal {
        let asked = retry_after.unwrap_or(RETRY_AFTER);
        Refusal::Unavailable {
            retry_after: asked.clamp(RETRY_AFTER, RETRY_AFTER_MAX),
        }
    }
}

impl From<jwt::Refusal> for Refusal {
    fn from(why: jwt::Refusal) -> Refusal {
        Refusal::Token(why)
    }
}

/// For a log. It may hold what the token says, and never the token.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Token(why) => why.fmt(f),
            Refusal::Proof(why) => why.fmt(f),
            Refusal::Opaque => f.write_str(
                "the token is opaque or signed by a secret, and no issuer is asked about such",
            ),
            Refusal::NotForApis => f.write_str("the token is of a kind that opens no API"),
            Refusal::OtherToken => f.write_str("the issuer answered about another token"),
            Refusal::Unguarded => f.write_str(
                "a route demands something of its caller, and no layer of a guard stands before it",
            ),
            Refusal::Scope { wanted } => write!(f, "the caller lacks the scope {wanted:?}"),
            Refusal::Role { wanted } => write!(f, "the caller has no role of {wanted:?}"),
            Refusal::Missing
            | Refusal::Malformed
            | Refusal::Several
            | Refusal::Issuer
            | Refusal::Inactive
            | Refusal::BoundToKey
            | Refusal::NotBound
            | Refusal::ProofMissing
            | Refusal::ProofOfOtherKey
            | Refusal::ProofReplayed
            | Refusal::NonceRequired(_)
            | Refusal::CertificateMissing
            | Refusal::OtherCertificate
            | Refusal::Kind
            | Refusal::Unbound
            | Refusal::NotByLoopback
            | Refusal::Unavailable { .. }
            | Refusal::Busy { .. } => f.write_str(self.told()),
        }
    }
}

impl std::error::Error for Refusal {}
