//! What is forgotten, and in which order?

use countersign_proto::time::UnixTime;

use super::{
    Abreast, Columns, Lock, Made, Request, Sql, logins, sessions, token_uses, tokens, values,
};
use crate::store::{Changed, StoreError};

/// Forgets what ended before `now`, at most `batch` rows.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Cleanup {
    pub(in crate::store) now: UnixTime,
    pub(in crate::store) batch: u32,
}

impl Request for Cleanup {
    type Answer = u64;

    const ABREAST: Abreast = Abreast::Few;

    async fn perform<C: Sql>(self, connection: &mut C, made: &mut Made) -> Result<u64, StoreError> {
        if !connection.lead_cleanup().await? {
            return Ok(0);
        }
        let Cleanup { now, batch } = self;
        let mut left = u64::from(batch);
        left -= forget_jtis(connection, now, left).await?;
        left -= tokens::forget(connection, now, left).await?;
        left -= logins::forget(connection, now, left).await?;
        left -= sessions::forget(connection, now, left).await?;
        let ended = sessions::end_unacknowledged(connection, now, left).await?;
        left -= ended.len() as u64;
        made.changes.extend(ended.into_iter().map(Changed::Session));
        connection.hold(Lock::Ending).await?;
        left -= token_uses::forget(connection, now, left).await?;
        left -= token_uses::end_graces(connection, now, left).await?;
        Ok(u64::from(batch) - left)
    }
}

/// Forgets what ended first, and remembers up to where it forgot.
async fn forget_jtis(
    connection: &mut impl Sql,
    now: UnixTime,
    limit: u64,
) -> Result<u64, StoreError> {
    let last = connection
        .row(
            "SELECT max(forget_after) FROM (SELECT forget_after FROM jti WHERE forget_after < $1 \
             ORDER BY forget_after LIMIT $2) AS ended",
            values![now, limit],
        )
        .await?;
    let Some(last) = last.map(|row| row.time_or_none(0)).transpose()?.flatten() else {
        return Ok(0);
    };
    let forgotten = connection
        .execute(
            "DELETE FROM jti WHERE key IN (SELECT key FROM jti WHERE forget_after < $1 \
             ORDER BY forget_after LIMIT $2)",
            values![now, limit],
        )
        .await?;
    connection
        .execute(
            "UPDATE counter SET value = $1 WHERE name = 'forgotten_up_to' AND value < $1",
            values![last],
        )
        .await?;
    Ok(forgotten)
}
