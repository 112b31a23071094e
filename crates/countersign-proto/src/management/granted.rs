//! What does the management API say about tokens that people grant: `/api/v1/tokens`?

use serde::{Deserialize, Serialize};

use crate::time::UnixTime;

mod given;
pub use given::{GivenToken, ImportedToken};

/// What a granted token is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GrantedKind {
    /// A person's own, for programs.
    Personal,
    /// Carries an identity and roles for an API.
    App,
    /// Of no identity: only a name, roles and an end.
    System,
}

/// What a granted token looks like to whoever holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GrantedForm {
    /// A string of this platform that says nothing by itself.
    #[default]
    Opaque,
    /// A signed JWT; kind `app` only.
    Jwt,
    /// A string of another platform, known by its digest.
    Imported,
}

/// Where a granted token stands now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GrantedState {
    /// Good.
    Active,
    /// Good, and its end is near.
    Expiring,
    /// Good, and a successor is there: it ends when that is first used, or when its grace ends.
    Rotated,
    /// Over by itself.
    Expired,
    /// Ended by somebody.
    Revoked,
}

/// A token that somebody granted: `/api/v1/tokens/{id}`. The string itself is never here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantedToken {
    /// Its public name, 22 characters; of a JWT its `jti`. A token of a later second has a
    /// greater id.
    pub id: String,
    /// What it is for.
    pub kind: GrantedKind,
    /// What it looks like.
    pub form: GrantedForm,
    /// For people: 1 to 255 characters.
    pub name: String,
    /// For people.
    #[serde(default)]
    pub description: String,
    /// The principal that it stands for; a system token has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The roles that it carries, as far as its owner has them now; empty for all that he has.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What of its roles' permissions it carries; empty for all of them.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The API that it is for: the platform's issuer, or the `audience` of an application.
    pub audience: String,
    /// When it was granted.
    pub created_at: UnixTime,
    /// Who granted it: a principal.
    pub created_by: String,
    /// `jti` of the token that it was granted with, or the id of the console's session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_through: Option<String>,
    /// The application whose token granted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// SHA-256 of the certificate whose token granted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Its end; absent when it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixTime>,
    /// Where it stands now.
    pub state: GrantedState,
    /// When it was last used, up to 60 s late.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<UnixTime>,
    /// The address of that use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_from: Option<String>,
    /// When it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<UnixTime>,
    /// Why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revocation_reason: Option<String>,
    /// The token that it takes the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predecessor: Option<String>,
    /// The token that takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
    /// Until when it lives beside its successor.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_ends_at: Option<UnixTime>,
}

/// Asks for a token: `POST /api/v1/tokens`.
///
/// At most one of `expires_at`, `lifetime_s` and `never_expires` is given; with none the default of
/// its kind holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewToken {
    /// What it is for.
    pub kind: GrantedKind,
    /// What it looks like: `opaque` or `jwt`.
    #[serde(default)]
    pub form: GrantedForm,
    /// For people: 1 to 255 characters.
    pub name: String,
    /// For people: at most 1,000 characters.
    #[serde(default)]
    pub description: String,
    /// The principal that it stands for; the caller when absent. Never for kind `system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The roles that it carries; empty for all that its owner has. Required for kind `system`.
    #[serde(default)]
    pub roles: Vec<String>,
    /// What of its roles' permissions it carries; empty for all of them.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// The API that it is for; the platform itself when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub audience: Option<String>,
    /// Its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<UnixTime>,
    /// Its life in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_s: Option<u64>,
    /// It has no end, where the platform permits that.
    #[serde(default)]
    pub never_expires: bool,
}

/// Asks for a successor: `POST /api/v1/tokens/{id}/rotate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// How long the old one lives beside the new one, in seconds; the platform's setting when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grace_s: Option<u64>,
    /// The old one lives until its grace ends, though the new one is used.
    #[serde(default)]
    pub keep_until_grace_ends: bool,
    /// The life of the new one in seconds; as long as the old one was given when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lifetime_s: Option<u64>,
}

/// Changes what people read of a token: `PATCH /api/v1/tokens/{id}`. What is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenChange {
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// Revokes many: `POST /api/v1/tokens/revoke`. Exactly one of the first five is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokensRevocation {
    /// All of this principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// All that tokens of this application granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// All that tokens of this certificate (SHA-256) granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// All that were granted with this token or in this session, and what was granted with those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_through: Option<String>,
    /// All that this principal granted, to whomever, and what was granted with those.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// For the audit.
    pub reason: String,
}

/// How many were revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// Those that were good until then.
    pub revoked: u64,
}

/// Which tokens are listed: the query of `GET /api/v1/tokens`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenFilter {
    /// Of this principal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<GrantedKind>,
    /// In this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<GrantedState>,
    /// Whose name contains this, whatever the case of ASCII letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Granted by tokens of this application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// Granted by tokens of this certificate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
}
