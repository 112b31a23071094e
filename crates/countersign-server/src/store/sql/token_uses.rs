//! How are the last uses of granted tokens remembered, and the tokens forgotten in the end?

use std::sync::LazyLock;

use countersign_proto::time::UnixTime;

use super::{Abreast, Lock, Made, Request, Sql, values};
use crate::store::{ROTATED, StoreError, TOKEN_KEPT_AFTER_END, TokenUse, token};

/// Uses to remember, at most one of each token.
#[derive(Clone, Debug)]
pub(in crate::store) struct RecordUses(Vec<TokenUse>);

/// Uses of one transaction: nobody who revokes a token waits for more.
const AT_ONCE: usize = 512;

impl RecordUses {
    pub(in crate::store) fn of(uses: Vec<TokenUse>) -> Vec<RecordUses> {
        let newest: Vec<TokenUse> = token::newest(uses).into_values().collect();
        let chunks = newest.chunks(AT_ONCE);
        chunks.map(|chunk| RecordUses(chunk.to_vec())).collect()
    }
}

/// Uses of one statement. What is not given is NULL, which is no token's id.
const ROWS: usize = 32;

static STATEMENT: LazyLock<String> = LazyLock::new(|| {
    let rows: Vec<String> = (0..ROWS)
        .map(|row| format!("(${}, ${}, ${})", 3 * row + 1, 3 * row + 2, 3 * row + 3))
        .collect();
    format!(
        "UPDATE granted_token SET last_used_at = new.column2, last_used_from = new.column3 \
         FROM (VALUES {}) AS new WHERE granted_token.id = new.column1 AND \
         (granted_token.last_used_at IS NULL OR granted_token.last_used_at < new.column2)",
        rows.join(", ")
    )
});

impl Request for RecordUses {
    type Answer = ();

    const ABREAST: Abreast = Abreast::Few;

    async fn perform<C: Sql>(self, connection: &mut C, _: &mut Made) -> Result<(), StoreError> {
        // Rows that two nodes write in different orders would hold each other up.
        connection.hold(Lock::Ending).await?;
        for uses in self.0.chunks(ROWS) {
            let mut given = Vec::with_capacity(3 * ROWS);
            for row in 0..ROWS {
                let used = uses.get(row);
                let from = used.and_then(|used| used.from);
                given.extend(values![
                    used.map(|used| used.id.clone()),
                    used.map(|used| used.at),
                    from.map(|address| address.to_string()),
                ]);
            }
            connection.execute(STATEMENT.as_str(), given).await?;
        }
        Ok(())
    }
}

/// Writes down that the grace of rotated tokens has ended: how many.
pub(super) async fn end_graces(
    connection: &mut impl Sql,
    now: UnixTime,
    limit: u64,
) -> Result<u64, StoreError> {
    connection
        .execute(
            "UPDATE granted_token SET revoked_at = grace_ends_at, revocation_reason = $3 \
             WHERE id IN (SELECT id FROM granted_token WHERE grace_ends_at IS NOT NULL \
             AND revoked_at IS NULL AND grace_ends_at <= $1 \
             AND (expires_at IS NULL OR expires_at > $1) ORDER BY grace_ends_at LIMIT $2)",
            values![now, limit, ROTATED],
        )
        .await
}

/// When it was over, as its index says it.
macro_rules! over_at {
    () => {
        "coalesce(revoked_at, CASE WHEN grace_ends_at < expires_at THEN grace_ends_at \
         ELSE coalesce(expires_at, grace_ends_at) END)"
    };
}

/// How many it forgot.
pub(super) async fn forget(
    connection: &mut impl Sql,
    now: UnixTime,
    limit: u64,
) -> Result<u64, StoreError> {
    connection
        .execute(
            concat!(
                "DELETE FROM granted_token WHERE id IN (SELECT id FROM granted_token WHERE ",
                over_at!(),
                // Through these a revocation finds what was granted with a line of tokens.
                " < $1 AND NOT EXISTS (SELECT 1 FROM granted_token AS granted \
                 WHERE granted.created_through = granted_token.id) \
                 AND NOT EXISTS (SELECT 1 FROM granted_token AS older \
                 WHERE older.id = granted_token.predecessor \
                 AND older.successor = granted_token.id) ORDER BY ",
                over_at!(),
                " LIMIT $2)"
            ),
            values![now.minus(TOKEN_KEPT_AFTER_END), limit],
        )
        .await
}
