//! How does a login end without a token, and what is said about it?

use countersign_proto::login::LoginErrorCode;
use serde::{Deserialize, Serialize};

use super::Stage;

/// Why there is no token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum End {
    Denied,
    Reported,
    Cancelled,
    Expired,
    Failed(Failure),
}

/// What did not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Failure {
    /// The terminal brought too many wrong values.
    TooManyTries,
    /// The terminal does not want to be who signed in.
    TurnedDown,
    /// Nobody of that name is registered.
    UnknownPrincipal,
    /// Somebody is, and is disabled.
    DisabledPrincipal,
    /// The person's roles ask for the way over loopback, and the terminal does not listen.
    LoopbackRequired,
    /// The person's roles do not cover what was asked for.
    ScopeNotPermitted { scope: String },
}

impl End {
    pub(super) fn stage(&self) -> Stage {
        match self {
            End::Denied => Stage::Denied,
            End::Reported => Stage::Reported,
            End::Cancelled => Stage::Cancelled,
            End::Expired => Stage::Expired,
            End::Failed(_) => Stage::Failed,
        }
    }

    /// The code on the wire.
    pub(crate) fn code(&self) -> LoginErrorCode {
        match self {
            End::Denied => LoginErrorCode::Denied,
            End::Reported => LoginErrorCode::Reported,
            End::Cancelled => LoginErrorCode::Cancelled,
            End::Expired => LoginErrorCode::Expired,
            End::Failed(Failure::TooManyTries) => LoginErrorCode::TooMany,
            End::Failed(
                Failure::TurnedDown | Failure::UnknownPrincipal | Failure::DisabledPrincipal,
            ) => LoginErrorCode::IdentityRejected,
            End::Failed(Failure::LoopbackRequired | Failure::ScopeNotPermitted { .. }) => {
                LoginErrorCode::Policy
            }
        }
    }

    /// What the terminal is told.
    pub(crate) fn message(&self) -> String {
        let text = match self {
            End::Denied => "the sign-in was declined",
            End::Reported => "the person at the browser did not start this sign-in",
            End::Cancelled => "the sign-in was cancelled",
            End::Expired => "the sign-in took too long, start another",
            End::Failed(Failure::TooManyTries) => "too many wrong codes, start another sign-in",
            End::Failed(Failure::TurnedDown) => "the identity was turned down",
            End::Failed(Failure::UnknownPrincipal) => {
                "whoever signed in is not registered here, ask an administrator"
            }
            End::Failed(Failure::DisabledPrincipal) => "whoever signed in is disabled here",
            End::Failed(Failure::LoopbackRequired) => {
                "a role of whoever signed in asks for a browser on the same machine"
            }
            End::Failed(Failure::ScopeNotPermitted { scope }) => {
                return format!("the scope {scope} is not among what whoever signed in may do");
            }
        };
        text.to_owned()
    }

    /// The stable word for audit and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            End::Denied => "denied",
            End::Reported => "reported",
            End::Cancelled => "cancelled",
            End::Expired => "expired",
            End::Failed(failure) => failure.reason(),
        }
    }
}

impl Failure {
    /// The stable word for audit and metrics.
    pub(crate) fn reason(&self) -> &'static str {
        match self {
            Failure::TooManyTries => "too_many_tries",
            Failure::TurnedDown => "identity_rejected",
            Failure::UnknownPrincipal => "principal_unknown",
            Failure::DisabledPrincipal => "principal_disabled",
            Failure::LoopbackRequired => "loopback_required",
            Failure::ScopeNotPermitted { .. } => "scope_not_permitted",
        }
    }
}
