//! What does the management API under `/api/v1` speak about?
//!
//! The same values are written by the platform and read by the SDK, and the other way round.
//! Lists are pages; errors are RFC 9457 problems. Certificates are named by the lower-case
//! hexadecimal SHA-256 of their DER.

use serde::{Deserialize, Serialize};

use crate::time::UnixTime;

/// An application that signs in: `/api/v1/applications/{client_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Application {
    /// AppId, 1 to 255 characters of `A-Z a-z 0-9 . _ ~ -`; `countersign:` and `platform` are reserved.
    pub client_id: String,
    /// For people.
    pub name: String,
    /// Scopes it may ask for.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The `aud` of its tokens; the issuer when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Refuses `Bearer`: its tokens are bound to a DPoP key (RFC 9449 §5.2).
    #[serde(default)]
    pub dpop_bound_access_tokens: bool,
    /// Compatibility: also admits the token endpoint's URL as `aud`, and arrays of one. Audited.
    #[serde(default)]
    pub accept_token_endpoint_audience: bool,
    /// Compatibility: longest `exp - iat` in seconds, up to 3600; the platform's setting when absent. Audited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion_lifetime_max_s: Option<u64>,
    /// A disabled application is refused.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// What a registered certificate may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CertificateUsage {
    /// Client assertions.
    Client,
    /// Platform assertions.
    Platform,
}

/// A registered certificate: `/api/v1/certificates/{sha256}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredCertificate {
    /// Lower-case hexadecimal SHA-256 of the DER: its id.
    pub sha256: String,
    /// Upper-case hexadecimal SHA-1 of the DER: the usual `kid`.
    pub sha1: String,
    /// The application it belongs to; `countersign:platform` for usage `platform`.
    pub client_id: String,
    /// What it may sign.
    pub usage: CertificateUsage,
    /// A literal `kid` of this client besides the thumbprints; must not look like a thumbprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid_alias: Option<String>,
    /// RFC 4514.
    pub subject: String,
    /// RFC 4514.
    pub issuer: String,
    /// Hexadecimal.
    pub serial: String,
    /// First moment of validity.
    pub not_before: UnixTime,
    /// Last moment of validity.
    pub not_after: UnixTime,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<UnixTime>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_reason: Option<String>,
    /// One PEM block.
    pub pem: String,
}

/// Asks to register a certificate: `POST /api/v1/certificates`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewCertificate {
    /// One PEM block with the leaf.
    pub pem: String,
    /// The application; absent for usage `platform`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_id: Option<String>,
    /// What it may sign.
    pub usage: CertificateUsage,
    /// A literal `kid`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid_alias: Option<String>,
}

/// Asks to revoke: `POST /api/v1/certificates/{sha256}/revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// For the audit.
    pub reason: String,
}

/// Who a token stands for: `/api/v1/principals/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Principal {
    /// 1 to 255 characters without controls; compared exactly. `platform` is reserved.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub display_name: String,
    /// Names of roles.
    #[serde(default)]
    pub roles: Vec<String>,
    /// A disabled principal gets no token, and its tokens are inactive.
    #[serde(default = "yes")]
    pub enabled: bool,
}

/// A named set of permissions: `/api/v1/roles/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// 1 to 255 characters without controls.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// `noun:read`, `noun:write`, or `*`, where noun is `applications`, `certificates`, `principals`, `roles`, `mappings`, `audit`.
    #[serde(default)]
    pub permissions: Vec<String>,
    /// Administrator, Operator, Reader and Platform exist from the start and cannot be deleted.
    #[serde(default)]
    pub built_in: bool,
}

/// Which principal a certificate stands for: `/api/v1/mappings/{id}` (seed 003, principal mapping).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrincipalMapping {
    /// Given by the platform.
    pub id: String,
    /// The certificate's id.
    pub certificate: String,
    /// Its application.
    pub client_id: String,
    /// Who the token will stand for.
    pub principal: String,
    /// Taken when several rows fit and none was asked for.
    #[serde(default)]
    pub is_default: bool,
}

/// Asks for a mapping: `POST /api/v1/mappings`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMapping {
    /// The certificate, by SHA-256, SHA-1 or alias.
    pub certificate: String,
    /// Its application.
    pub client_id: String,
    /// The principal's name.
    pub principal: String,
    /// Default among several.
    #[serde(default)]
    pub is_default: bool,
}

/// One row of the audit: `GET /api/v1/audit`. Nothing secret can stand here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Ascending, given by the store.
    pub sequence: u64,
    /// When.
    pub at: UnixTime,
    /// Who did it: a principal, a client, or `system`.
    pub actor: String,
    /// Whom or what it was done to.
    pub subject: String,
    /// `token.issue`, `certificate.revoke`, `mapping.create`, …
    pub action: String,
    /// `ok` or `refused`.
    pub outcome: String,
    /// `jti` of the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// The certificate's SHA-256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The peer's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The `reason` of a refusal or a revocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Who the caller is: `GET /api/v1/whoami`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WhoAmI {
    /// The principal.
    pub principal: String,
    /// The application that got the token.
    pub client_id: String,
    /// 0, 1 or 2.
    pub kind: u8,
    /// Roles as they are now.
    pub roles: Vec<String>,
    /// Scopes of the token.
    pub scopes: Vec<String>,
    /// End of the token.
    pub expires_at: UnixTime,
}

/// A page of a list: `?limit=1..500&after=CURSOR`, default 100.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// In a stable order.
    pub items: Vec<T>,
    /// Pass as `after` for the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// An RFC 9457 problem, `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `about:blank`, or a stable URN such as `urn:countersign:problem:conflict`.
    #[serde(rename = "type")]
    pub problem_type: String,
    /// Short, the same for every occurrence.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this request and what to do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Names the log line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub support_id: Option<String>,
}

const fn yes() -> bool {
    true
}
