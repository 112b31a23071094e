//! How do granted tokens end together, and how is that counted?

use countersign_proto::time::UnixTime;

use super::{Abreast, Columns, Lock, Made, Request, Sql, Value, granted::live, values};
use crate::store::{Changed, NewAuditEntry, StoreError, TokenSelector, resting::Resting};

pub(in crate::store) async fn version(connection: &mut impl Sql) -> Result<u64, StoreError> {
    let row = connection
        .row(
            "SELECT value FROM counter WHERE name = 'token_version'",
            values![],
        )
        .await?;
    row.map_or(Ok(0), |row| row.number(0))
}

/// Counts a change of these tokens, and tells it.
pub(super) async fn tell(
    connection: &mut impl Sql,
    made: &mut Made,
    ids: &[String],
) -> Result<(), StoreError> {
    connection
        .execute(
            "UPDATE counter SET value = value + 1 WHERE name = 'token_version'",
            values![],
        )
        .await?;
    made.changes.extend(Changed::by_tokens(ids));
    Ok(())
}

/// Tokens to revoke, with the audit row. Answers the ids of those that lived.
#[derive(Clone, Debug)]
pub(in crate::store) struct RevokeTokens {
    which: TokenSelector,
    reason: String,
    at: UnixTime,
    audit: NewAuditEntry,
}

impl RevokeTokens {
    pub(in crate::store) fn new(
        which: TokenSelector,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> RevokeTokens {
        RevokeTokens {
            which,
            reason: reason.to_owned(),
            at,
            audit,
        }
    }
}

impl Request for RevokeTokens {
    type Answer = Vec<String>;

    const ABREAST: Abreast = Abreast::Few;

    async fn perform<C: Sql>(
        self,
        connection: &mut C,
        made: &mut Made,
    ) -> Result<Vec<String>, StoreError> {
        let which = Resting::Selected(self.which);
        let revoked = revoke(connection, made, which, &self.reason, self.at).await?;
        if !revoked.is_empty() {
            connection.append_audit(vec![self.audit]).await?;
        }
        Ok(revoked)
    }
}

/// Revokes the tokens that `$which` is true for, from `$1` on for the reason `$2`, and from each of
/// them on what goes with it: `token::Reach`, of which `$reach` is 0 for the first, 1 for the second.
macro_rules! revoking {
    ($which:literal, $reach:literal) => {
        concat!(
            "WITH RECURSIVE reached (id, reach) AS (SELECT id, ",
            $reach,
            " FROM granted_token WHERE ",
            $which,
            " UNION SELECT next.id, \
             CASE WHEN next.created_through = this.id THEN 1 ELSE reached.reach END \
             FROM reached JOIN granted_token AS this ON this.id = reached.id \
             JOIN granted_token AS next ON (next.created_through = this.id \
             OR next.id = this.successor OR next.id = this.predecessor) \
             WHERE next.created_through = this.id OR next.successor = this.id \
             OR this.successor = next.id AND (reached.reach = 1 OR ",
            live!("this", "$1"),
            " AND ",
            live!("next", "$1"),
            ")) UPDATE granted_token SET revoked_at = $1, revocation_reason = $2 \
             WHERE id IN (SELECT id FROM reached) AND ",
            live!("granted_token", "$1"),
            " RETURNING id"
        )
    };
}

/// Revokes what rests on this, with all that goes with it: the ids. Counts and tells it.
pub(super) async fn revoke(
    connection: &mut impl Sql,
    made: &mut Made,
    ground: Resting,
    reason: &str,
    at: UnixTime,
) -> Result<Vec<String>, StoreError> {
    // First of all: from here to the end of the transaction nobody else ends or grants a token, so
    // that none is missed.
    connection.hold(Lock::Ending).await?;
    let (sql, of) = match ground {
        Resting::Selected(TokenSelector::Id(id)) => (revoking!("id = $3", "0"), id),
        Resting::Selected(TokenSelector::Owner(owner)) => (revoking!("owner = $3", "1"), owner),
        Resting::Selected(TokenSelector::Application(client_id)) => {
            (revoking!("application = $3", "1"), client_id)
        }
        Resting::Selected(TokenSelector::Certificate(sha256)) => {
            (revoking!("certificate = $3", "1"), sha256)
        }
        Resting::Selected(TokenSelector::CreatedThrough(id)) => {
            (revoking!("created_through = $3", "1"), id)
        }
        Resting::Mapped {
            certificate,
            principal,
        } => {
            let sql = revoking!("certificate = $3 AND created_by = $4", "1");
            let given = values![at, reason, certificate, principal];
            return revoked(connection, made, sql, given).await;
        }
    };
    revoked(connection, made, sql, values![at, reason, of]).await
}

async fn revoked(
    connection: &mut impl Sql,
    made: &mut Made,
    sql: &'static str,
    given: Vec<Value>,
) -> Result<Vec<String>, StoreError> {
    let rows = connection.rows(sql, given).await?;
    let ids: Vec<String> = rows
        .iter()
        .map(|row| row.text(0))
        .collect::<Result<_, _>>()?;
    if !ids.is_empty() {
        tell(connection, made, &ids).await?;
    }
    Ok(ids)
}
