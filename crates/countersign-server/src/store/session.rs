//! What does the store keep of a session?

use std::time::Duration;

pub use countersign_proto::management::SessionState;
use countersign_proto::time::UnixTime;

use super::NewAuditEntry;
use crate::audit;

/// How long a session is listed after its end.
pub const SESSION_KEPT_AFTER_END: Duration = Duration::from_secs(30 * 86_400);

/// Why a session ended whose terminal never said that it has the token.
pub const NOT_ACKNOWLEDGED: &str = "not_acknowledged";

/// Why a session ended whose principal was deleted.
pub const PRINCIPAL_DELETED: &str = "principal_deleted";

/// Why a session, or a granted token, ended that a backup brought back.
pub const RESTORED: &str = "restored";

/// The session of a person, from its login to its end.
///
/// There is no secret in it: the refresh token is known by a digest under a pepper, and tokens are
/// made again from what is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// The id in the refresh token, as text. A session of a later second has a greater id, byte by byte.
    pub id: String,
    /// Whom it stands for.
    pub principal: String,
    /// Thumbprint of the proof key.
    pub proof: String,
    /// What it was asked for; empty for all that the principal's roles permit.
    pub scope: String,
    /// How the token came from the browser to the terminal.
    pub binding: String,
    /// The browser's address.
    pub address: Option<String>,
    /// What the terminal says that it is.
    pub client: String,
    /// Which identity provider knew the person.
    pub provider: String,
    /// When it began.
    pub created_at: UnixTime,
    /// Its absolute end, which no refresh moves.
    pub ends_at: UnixTime,
    /// How many refreshes it may have.
    pub refresh_limit: u32,
    /// How many it has had. Never more than `refresh_limit`.
    pub generation: u32,
    /// Where it stands.
    pub state: SessionState,
    /// Why it ended.
    pub end_reason: Option<String>,
    /// When it ended.
    pub ended_at: Option<UnixTime>,
    /// Until when it may be acknowledged.
    pub pending_until: UnixTime,
    /// Digest of the current refresh token.
    pub secret: Vec<u8>,
    /// Which pepper the digest is under.
    pub pepper_version: u32,
    /// Which refresh key made the current refresh token.
    pub key_version: u32,
    /// `jti` of the newest access token.
    pub jti: String,
    /// `iat` of the newest access token.
    pub issued_at: UnixTime,
    /// `exp` of the newest access token.
    pub expires_at: UnixTime,
    /// The last refresh; the beginning, before the first.
    pub refreshed_at: UnixTime,
}

impl SessionRow {
    /// Where it stands now: what is over has ended, though nobody has written that down yet.
    pub fn state_at(&self, now: UnixTime) -> SessionState {
        match self.state {
            SessionState::Pending if now > self.pending_until => SessionState::Ended,
            SessionState::Active if now >= self.ends_at => SessionState::Ended,
            state => state,
        }
    }
}

/// One counted refresh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionAdvance {
    /// The session.
    pub id: String,
    /// The generation that it must be in.
    pub from_generation: u32,
    /// Digest of the successor's refresh token.
    pub secret: Vec<u8>,
    /// Which pepper the digest is under.
    pub pepper_version: u32,
    /// Which refresh key made the successor.
    pub key_version: u32,
    /// `jti` of the new access token.
    pub jti: String,
    /// `iat` of the new access token.
    pub issued_at: UnixTime,
    /// `exp` of the new access token.
    pub expires_at: UnixTime,
    /// When.
    pub at: UnixTime,
    /// What is written down when it is done.
    pub audit: NewAuditEntry,
}

/// A refresh token that was the current one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastSecret {
    /// Of which generation.
    pub generation: u32,
    /// When it was used to advance.
    pub used_at: UnixTime,
    /// When the one that followed it was used to advance; `None` while that one is current.
    pub successor_used_at: Option<UnixTime>,
}

/// What is written down about a session that nobody acknowledged in time.
pub(super) fn not_acknowledged(principal: &str, jti: String, at: UnixTime) -> NewAuditEntry {
    NewAuditEntry {
        token_id: Some(jti),
        reason: Some(NOT_ACKNOWLEDGED.to_owned()),
        ..audit::by_system("session.end", principal, at)
    }
}
