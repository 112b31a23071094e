//! What does the store keep of a login?

use std::time::Duration;

use countersign_proto::time::UnixTime;

use super::{NewAuditEntry, SessionRow};

/// How long a login is kept after its end, for a browser or a terminal that asks what became of it.
pub const LOGIN_KEPT_AFTER_END: Duration = Duration::from_secs(600);

/// A login as the store sees it: one value that is read whole, and written whole when nobody else
/// has written it since.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginRow {
    /// Hexadecimal digest of the session id, which is nowhere in the store.
    pub id: String,
    /// Hexadecimal digest of the handle in the login's URL; unique.
    pub handle: String,
    /// Counts writes; the one that was read is the condition of the next write.
    pub version: u64,
    /// Where it was begun, as it is counted.
    pub source: String,
    /// Whether it counts as running.
    pub live: bool,
    /// Its end.
    pub expires_at: UnixTime,
    /// The login as JSON. Holds digests only, no secret.
    pub body: String,
}

/// A write of a login and of everything that happens with it, together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginUpdate {
    /// What to write; `version` is the one that was read. `handle` and `source` stay as they were
    /// made.
    pub row: LoginRow,
    /// A session that begins.
    pub new_session: Option<SessionRow>,
    /// The id of a session that the terminal has acknowledged: pending becomes active. The whole
    /// update is refused when it is pending no longer.
    pub acknowledge: Option<String>,
    /// The id of a session that ends, why, and when. Nothing when it has ended already.
    pub end_session: Option<(String, String, UnixTime)>,
    /// What is written down about it.
    pub audit: Vec<NewAuditEntry>,
}
