//! How do granted tokens end together, and how is that counted?

use std::collections::BTreeSet;

use countersign_proto::time::UnixTime;

use super::{
    Abreast, Columns, Lock, Made, Request, Sql, Value,
    granted::{columns, live, token_row},
    values,
};
use crate::store::{Changed, NewAuditEntry, StoreError, TokenRow, TokenSelector, resting::Resting};

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

/// Tokens to revoke, with the audit row. Answers the ids of those that lived; `None`, and nothing is
/// done, when one of them was not judged.
#[derive(Clone, Debug)]
pub(in crate::store) struct RevokeTokens {
    which: TokenSelector,
    /// Absent: whatever they are.
    judged: Option<BTreeSet<String>>,
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
            judged: None,
            reason: reason.to_owned(),
            at,
            audit,
        }
    }

    pub(in crate::store) fn judged(self, judged: BTreeSet<String>) -> RevokeTokens {
        RevokeTokens {
            judged: Some(judged),
            ..self
        }
    }
}

impl Request for RevokeTokens {
    type Answer = Option<Vec<String>>;

    const ABREAST: Abreast = Abreast::Few;

    async fn perform<C: Sql>(
        self,
        connection: &mut C,
        made: &mut Made,
    ) -> Result<Option<Vec<String>>, StoreError> {
        if let Some(judged) = self.judged {
            connection.hold(Lock::Ending).await?;
            let reached = reached(connection, self.which.clone(), self.at).await?;
            if !reached.iter().all(|row| judged.contains(&row.id)) {
                return Ok(None);
            }
        }
        let which = Resting::Selected(self.which);
        let revoked = revoke(connection, made, which, &self.reason, self.at).await?;
        if !revoked.is_empty() {
            connection.append_audit(vec![self.audit]).await?;
        }
        Ok(Some(revoked))
    }
}

/// The tokens that `$which` is true for, and from each of them on what goes with it: `token::Reach`,
/// of which `$reach` is 0 for the first, 1 for the second. `$1` is the moment.
macro_rules! reaching {
    ($which:literal, $reach:literal) => {
        concat!(
            // What is asked of a token that was reached stands beside its id: so none is read twice.
            "WITH RECURSIVE reached (id, successor, predecessor, live, reach) AS (\
             SELECT id, successor, predecessor, CASE WHEN ",
            live!("granted_token", "$1"),
            " THEN 1 ELSE 0 END, ",
            $reach,
            " FROM granted_token WHERE ",
            $which,
            " UNION SELECT next.id, next.successor, next.predecessor, CASE WHEN ",
            live!("next", "$1"),
            " THEN 1 ELSE 0 END, \
             CASE WHEN next.created_through = reached.id THEN 1 ELSE reached.reach END \
             FROM reached JOIN granted_token AS next ON (next.created_through = reached.id \
             OR next.id = reached.successor OR next.id = reached.predecessor) \
             WHERE next.created_through = reached.id OR next.successor = reached.id \
             OR reached.successor = next.id AND (reached.reach = 1 OR reached.live = 1 AND ",
            live!("next", "$1"),
            ")) "
        )
    };
}

/// What is done with all that is reached and lives.
struct Texts {
    /// Reads them.
    read: &'static str,
    /// Revokes them, for the reason in the last parameter.
    revoke: &'static str,
}

macro_rules! texts {
    ($which:literal, $reach:literal, $reason:literal) => {
        Texts {
            read: concat!(
                reaching!($which, $reach),
                "SELECT ",
                columns!(),
                " FROM granted_token WHERE id IN (SELECT id FROM reached) AND ",
                live!("granted_token", "$1")
            ),
            revoke: concat!(
                reaching!($which, $reach),
                "UPDATE granted_token SET revoked_at = $1, revocation_reason = ",
                $reason,
                " WHERE id IN (SELECT id FROM reached) AND ",
                live!("granted_token", "$1"),
                " RETURNING id"
            ),
        }
    };
}

/// The texts for what rests on this, and the parameters after the moment and before the reason.
fn resting(ground: Resting) -> (Texts, Vec<Value>) {
    let (texts, of) = match ground {
        Resting::Selected(TokenSelector::Id(id)) => (texts!("id = $2", "0", "$3"), id),
        Resting::Selected(TokenSelector::Owner(owner)) => (texts!("owner = $2", "1", "$3"), owner),
        Resting::Selected(TokenSelector::Application(client_id)) => {
            (texts!("application = $2", "1", "$3"), client_id)
        }
        Resting::Selected(TokenSelector::Certificate(sha256)) => {
            (texts!("certificate = $2", "1", "$3"), sha256)
        }
        Resting::Selected(TokenSelector::CreatedThrough(id)) => {
            (texts!("created_through = $2", "1", "$3"), id)
        }
        Resting::Selected(TokenSelector::CreatedBy(name)) => {
            (texts!("created_by = $2", "1", "$3"), name)
        }
        Resting::Mapped {
            certificate,
            principal,
        } => {
            let texts = texts!("certificate = $2 AND created_by = $3", "1", "$4");
            return (texts, values![certificate, principal]);
        }
    };
    (texts, values![of])
}

/// What a revocation would end at this moment.
pub(in crate::store) async fn reached(
    connection: &mut impl Sql,
    which: TokenSelector,
    at: UnixTime,
) -> Result<Vec<TokenRow>, StoreError> {
    let (texts, of) = resting(Resting::Selected(which));
    let mut given = values![at];
    given.extend(of);
    let rows = connection.rows(texts.read, given).await?;
    rows.iter().map(token_row).collect()
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
    let (texts, of) = resting(ground);
    let mut given = values![at];
    given.extend(of);
    given.extend(values![reason]);
    let rows = connection.rows(texts.revoke, given).await?;
    let ids: Vec<String> = rows
        .iter()
        .map(|row| row.text(0))
        .collect::<Result<_, _>>()?;
    if !ids.is_empty() {
        tell(connection, made, &ids).await?;
    }
    Ok(ids)
}
