//! What does the store keep of a token that somebody granted?

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use countersign_proto::{
    management::{GrantedForm, GrantedKind, GrantedState},
    time::UnixTime,
};

use super::{NewAuditEntry, StoreError};
use crate::registry::RegistryError;

/// How long a granted token is listed after its end.
pub const TOKEN_KEPT_AFTER_END: Duration = Duration::from_secs(30 * 86_400);

/// Why a token was revoked whose successor took its place.
pub const ROTATED: &str = "rotated";
/// Why a token was revoked that was to take the place of another, and did not.
pub const ROTATION_ABORTED: &str = "rotation_aborted";
/// Why a token was revoked whose certificate was revoked.
pub const CERTIFICATE_REVOKED: &str = "certificate_revoked";
/// Why a token was revoked whose mapping was deleted.
pub const MAPPING_DELETED: &str = "mapping_deleted";
/// Why a token was revoked whose application was deleted.
pub const APPLICATION_DELETED: &str = "application_deleted";
/// Why a token was revoked all of whose roles were deleted.
pub const ROLE_DELETED: &str = "role_deleted";

/// A token that somebody granted, from its grant to its end.
///
/// There is no secret in it: the string is known by a digest under a pepper.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRow {
    /// The id in the string, as text. A token of a later second has a greater id, byte by byte.
    pub id: String,
    /// What it is for.
    pub kind: GrantedKind,
    /// What it looks like.
    pub form: GrantedForm,
    /// For people.
    pub name: String,
    /// For people.
    pub description: String,
    /// The principal that it stands for; none for a system token.
    pub owner: Option<String>,
    /// The roles that it carries; empty for all of its owner.
    pub roles: Vec<String>,
    /// What of their permissions; empty for all.
    pub scope: String,
    /// The API that it is for; none for the platform itself.
    pub audience: Option<String>,
    /// Digest of the string without its label.
    pub digest: Vec<u8>,
    /// Which pepper the digest is under.
    pub pepper_version: u32,
    /// When it was granted.
    pub created_at: UnixTime,
    /// Who granted it.
    pub created_by: String,
    /// The id of the session that it was granted in; of a token that belongs to none, its `jti`.
    pub created_through: Option<String>,
    /// The application whose token granted it.
    pub application: Option<String>,
    /// SHA-256 of the certificate whose token granted it, as the registry writes it.
    pub certificate: Option<String>,
    /// Its end, unless it has none.
    pub expires_at: Option<UnixTime>,
    /// When it was revoked.
    pub revoked_at: Option<UnixTime>,
    /// Why it was revoked.
    pub revocation_reason: Option<String>,
    /// The token that it takes the place of.
    pub predecessor: Option<String>,
    /// The token that takes its place.
    pub successor: Option<String>,
    /// Until when it lives beside its successor.
    pub grace_ends_at: Option<UnixTime>,
    /// Whether it ends when its successor is first used.
    pub ends_at_first_use: bool,
    /// When it was last used.
    pub last_used_at: Option<UnixTime>,
    /// From where.
    pub last_used_from: Option<String>,
}

impl TokenRow {
    /// When it is over by itself: its end, or that of its grace if that comes first.
    pub fn ends_at(&self) -> Option<UnixTime> {
        match (self.expires_at, self.grace_ends_at) {
            (Some(end), Some(grace)) => Some(end.min(grace)),
            (end, grace) => end.or(grace),
        }
    }

    /// Where it stands. `warned` is how long before its end it counts as expiring.
    pub fn state(&self, now: UnixTime, warned: Duration) -> GrantedState {
        let over = |end: UnixTime| now >= end;
        if self.revoked_at.is_some() {
            GrantedState::Revoked
        } else if self.expires_at.is_some_and(over) {
            GrantedState::Expired
        } else if self.grace_ends_at.is_some_and(over) {
            GrantedState::Revoked
        } else if self.successor.is_some() {
            GrantedState::Rotated
        } else if self.expires_at.is_some_and(|end| now.plus(warned) >= end) {
            GrantedState::Expiring
        } else {
            GrantedState::Active
        }
    }

    /// Whether it opens anything, apart from what its owner may.
    pub fn is_live(&self, now: UnixTime) -> bool {
        self.revoked_at.is_none() && self.ends_at().is_none_or(|end| now < end)
    }
}

/// What became of a token that was to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenCreated {
    /// It is there.
    Created,
    /// Its owner, or for a system token the platform, has as many live tokens as are permitted.
    LimitReached,
    /// A token with this digest is there already.
    AlreadyThere,
}

/// What became of a rotation that was to be begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenRotated {
    /// Both live.
    Rotated,
    /// The old one is over, or has a successor already.
    NotNow,
    /// The old one took the place of one that lives still, and its owner has as many live tokens as are
    /// permitted.
    LimitReached,
}

impl TokenRotated {
    /// Whether there is a successor now.
    pub fn is_made(self) -> bool {
        self == TokenRotated::Rotated
    }
}

/// A successor for a token that lives and has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenRotation {
    /// The token that ends.
    pub id: String,
    /// The one that takes its place; its `predecessor` is `id`.
    pub successor: TokenRow,
    /// Until when the old one lives.
    pub grace_ends_at: UnixTime,
    /// Whether it ends when the new one is first used.
    pub ends_at_first_use: bool,
    /// How many live tokens its owner may have, counted as by `Store::create_token`.
    pub limit: u32,
    /// When.
    pub at: UnixTime,
    /// What is written down when it is done.
    pub audit: NewAuditEntry,
}

/// How a rotation is over before its grace ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// The old one ends now, by [`ROTATED`].
    Confirmed,
    /// As confirmed, but only if the old one was to end at the first use of the new one.
    FirstUse,
    /// The new one ends now, by [`ROTATION_ABORTED`]; the old one is as it was. Not while the new one
    /// has a successor itself, which would live on.
    Aborted,
}

/// Which tokens are revoked together. With each goes every token that it took the place of and that
/// still lives, and its successor while both live; and what was granted through any of these,
/// however long that is over, with all that took its place, and what was granted through those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenSelector {
    /// This one. What has taken its place when it is over already goes on.
    Id(String),
    /// All of a principal.
    Owner(String),
    /// All that tokens of an application granted.
    Application(String),
    /// All that tokens of a certificate (SHA-256) granted.
    Certificate(String),
    /// All that were granted with this token or session.
    CreatedThrough(String),
    /// All that this principal granted, to whomever.
    CreatedBy(String),
}

/// Which tokens are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenQuery {
    /// As it was asked for.
    pub filter: countersign_proto::management::TokenFilter,
    /// Ids smaller than this.
    pub after: Option<String>,
    /// At most so many.
    pub limit: u32,
    /// For the state.
    pub now: UnixTime,
    /// For the state: how long before its end a token counts as expiring.
    pub warned: Duration,
}

/// A use of a token, to be remembered if it is the newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenUse {
    /// The token.
    pub id: String,
    /// When.
    pub at: UnixTime,
    /// From where.
    pub from: Option<IpAddr>,
}

/// How many tokens there are of a kind in a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenCount {
    /// The kind.
    pub kind: GrantedKind,
    /// The state.
    pub state: GrantedState,
    /// How many.
    pub count: u64,
}

/// Refuses a row that no store keeps: every token but a system token has an owner.
pub(super) fn refuse_misfit(row: &TokenRow) -> Result<(), StoreError> {
    match row.owner.is_none() == (row.kind == GrantedKind::System) {
        true => Ok(()),
        false => Err(StoreError::Fault(
            "a token has an owner unless it is a system token".to_owned(),
        )),
    }
}

/// The fault of a token whose id or digest is taken.
pub(super) fn is_there() -> StoreError {
    StoreError::Fault("a token is there already".to_owned())
}

/// The refusal of a token that was to be granted with what was revoked meanwhile.
pub(super) fn origin_revoked(what: &'static str) -> RegistryError {
    RegistryError::Invalid {
        what,
        problem: "it was revoked, so nothing is granted with it".to_owned(),
    }
}

/// The refusal of a token that was to be granted by what was deleted meanwhile.
pub(super) fn origin_deleted(what: &'static str) -> RegistryError {
    RegistryError::Invalid {
        what,
        problem: "it was deleted, so nothing is granted by it".to_owned(),
    }
}

/// The newest use of each token, by its id; of equally new ones the last.
pub(super) fn newest(uses: Vec<TokenUse>) -> BTreeMap<String, TokenUse> {
    let mut newest: BTreeMap<String, TokenUse> = BTreeMap::new();
    for used in uses {
        let newer = newest.get(&used.id).is_none_or(|known| known.at <= used.at);
        if newer {
            newest.insert(used.id.clone(), used);
        }
    }
    newest
}
