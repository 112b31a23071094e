//! Which members of a list are asked for: the query of `GET /api/v1/NOUN`, besides `limit` and `after`?
//!
//! What is absent lets everything through; what is given together must hold together. Text that is
//! "part of" something is compared whatever the case of ASCII letters.

use serde::{Deserialize, Serialize};

use super::CertificateUsage;
use crate::time::UnixTime;

/// Which applications.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationFilter {
    /// Part of the name or of the client id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Those that are enabled, or those that are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

/// Which certificates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFilter {
    /// Of this application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// With this SHA-1 or SHA-256, in any form that people paste.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thumbprint: Option<String>,
    /// Registered for this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<CertificateUsage>,
    /// In this state now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<CertificateState>,
}

/// Where a registered certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateState {
    /// Its validity has not begun.
    NotYetValid,
    /// It signs.
    Valid,
    /// Its validity is over.
    Expired,
    /// Somebody revoked it, whatever its validity.
    Revoked,
}

/// Which principals.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrincipalFilter {
    /// Part of the name or of the display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Who have this role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// Those that are enabled, or those that are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Those who have a password of the platform, or those who have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub has_password: Option<bool>,
}

/// Which roles.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleFilter {
    /// Part of the name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whose permissions name this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission: Option<String>,
}

/// Which mappings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingFilter {
    /// Of the certificate with this SHA-256, in lower-case hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Of this application.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// To this principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
}

/// Which sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionFilter {
    /// Of this principal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// In this state now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<SessionState>,
}

/// Where a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SessionState {
    /// Its token left, and the terminal has not said that it has it. Good for nothing yet.
    Pending,
    /// It lives, until `ends_at`.
    Active,
    /// It is over.
    Ended,
}

impl SessionState {
    /// As stores and the management API write it.
    pub const fn name(self) -> &'static str {
        match self {
            SessionState::Pending => "pending",
            SessionState::Active => "active",
            SessionState::Ended => "ended",
        }
    }

    /// Reads what [`name`](SessionState::name) wrote.
    pub fn from_name(name: &str) -> Option<SessionState> {
        [
            SessionState::Pending,
            SessionState::Active,
            SessionState::Ended,
        ]
        .into_iter()
        .find(|state| state.name() == name)
    }
}

/// Which rows of the audit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuditFilter {
    /// Done by this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// Done to this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// This was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// It was done, or refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<AuditOutcome>,
    /// Not before this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<UnixTime>,
    /// Not after this moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<UnixTime>,
    /// With this token, by its id.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// With the certificate that has this SHA-256, in lower-case hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}

/// Whether what stands in the audit was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditOutcome {
    /// Done.
    Ok,
    /// Refused.
    Refused,
}

impl AuditOutcome {
    /// As stores and the management API write it.
    pub const fn name(self) -> &'static str {
        match self {
            AuditOutcome::Ok => "ok",
            AuditOutcome::Refused => "refused",
        }
    }
}
