//! What ends in a store that was brought back from a copy, so that nothing comes back to life?

use countersign_proto::time::UnixTime;

use super::{Columns, Made, Request, Sql, values};
use crate::store::{NewAuditEntry, RESTORED, StoreError};

/// Ends what may have ended since the copy was taken: every session, every sign-in that is under way,
/// and, if that is wished, every token that somebody granted.
#[derive(Clone, Debug)]
pub(crate) struct Restoration {
    /// What becomes of granted tokens.
    pub(crate) granted: GrantedTokens,
    /// What was signed before this moment is not believed any more.
    pub(crate) believed_from: UnixTime,
    /// When.
    pub(crate) at: UnixTime,
    /// What is written down.
    pub(crate) audit: NewAuditEntry,
}

/// What becomes of granted tokens in a store that is brought back. Those that were revoked since the
/// copy was taken live again in it, and nobody there knows which they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrantedTokens {
    /// They go on.
    Keep,
    /// Each is revoked.
    Revoke,
}

/// How much ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) sessions: u64,
    pub(crate) tokens: u64,
}

impl Request for Restoration {
    type Answer = Ended;

    async fn perform<C: Sql>(self, connection: &mut C, _: &mut Made) -> Result<Ended, StoreError> {
        let Restoration {
            granted,
            believed_from,
            at,
            audit,
        } = self;
        let sessions = connection
            .execute(
                "UPDATE session SET state = 'ended', end_reason = $1, ended_at = $2 \
                 WHERE state <> 'ended'",
                values![RESTORED, at],
            )
            .await?;
        connection.execute("DELETE FROM login", values![]).await?;
        let tokens = match granted {
            GrantedTokens::Keep => 0,
            GrantedTokens::Revoke => {
                connection
                    .execute(
                        "UPDATE granted_token SET revoked_at = $2, revocation_reason = $1 \
                         WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2) \
                         AND (grace_ends_at IS NULL OR grace_ends_at > $2)",
                        values![RESTORED, at],
                    )
                    .await?
            }
        };
        connection
            .execute(
                "UPDATE counter SET value = value + 1 WHERE name = 'token_version'",
                values![],
            )
            .await?;
        for (sql, value) in [
            ("DELETE FROM counter WHERE name = 'backed_up_at'", None),
            ("DELETE FROM counter WHERE name = 'believed_from'", None),
            (
                "INSERT INTO counter (name, value) VALUES ('believed_from', $1)",
                Some(believed_from),
            ),
        ] {
            let values = value.map_or_else(Vec::new, |value| values![value]);
            connection.execute(sql, values).await?;
        }
        connection.append_audit(vec![audit]).await?;
        Ok(Ended { sessions, tokens })
    }
}

/// Since when what is signed is believed: after a restore not what was signed before it, since the
/// store has forgotten what of that was used already.
pub(in crate::store) async fn believed_from(
    connection: &mut impl Sql,
) -> Result<UnixTime, StoreError> {
    let row = connection
        .row(
            "SELECT value FROM counter WHERE name = 'believed_from'",
            values![],
        )
        .await?;
    let seconds = row.map_or(Ok(0), |row| row.number(0))?;
    Ok(UnixTime::from_secs(seconds))
}
