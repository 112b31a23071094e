//! How is a denied token remembered?

use countersign_proto::time::UnixTime;

use super::{Made, Request, Sql, token_ends, values};
use crate::store::{DENIED_KEPT_AFTER_END, NewAuditEntry, StoreError};

pub(in crate::store) async fn is_denied(
    connection: &mut impl Sql,
    jti: String,
) -> Result<bool, StoreError> {
    let found = connection
        .row("SELECT 1 FROM denied_token WHERE jti = $1", values![jti])
        .await?;
    Ok(found.is_some())
}

/// A token to deny, with its audit row.
#[derive(Clone, Debug)]
pub(in crate::store) struct Deny {
    pub(in crate::store) jti: String,
    pub(in crate::store) until: UnixTime,
    pub(in crate::store) audit: NewAuditEntry,
}

impl Request for Deny {
    type Answer = ();

    async fn perform<C: Sql>(self, connection: &mut C, made: &mut Made) -> Result<(), StoreError> {
        let denied = connection
            .execute(
                "INSERT INTO denied_token (jti, until) VALUES ($1, $2) \
                 ON CONFLICT (jti) DO UPDATE SET until = excluded.until \
                 WHERE denied_token.until < excluded.until",
                values![self.jti.as_str(), self.until],
            )
            .await?;
        // After the row: a cleaner may hold that, and wait for one who holds the count.
        if denied > 0 {
            token_ends::tell(connection, made, &[self.jti]).await?;
        }
        connection.append_audit(vec![self.audit]).await
    }
}

/// How many it forgot.
pub(super) async fn forget(
    connection: &mut impl Sql,
    now: UnixTime,
    limit: u64,
) -> Result<u64, StoreError> {
    connection
        .execute(
            "DELETE FROM denied_token WHERE until < $1 AND jti IN \
             (SELECT jti FROM denied_token WHERE until < $1 ORDER BY until LIMIT $2)",
            values![now.minus(DENIED_KEPT_AFTER_END), limit],
        )
        .await
}
