//! How does a granted token follow another in their table?

use countersign_proto::time::UnixTime;

use super::{
    Abreast, Columns, Lock, Made, Request, Sql,
    granted::{self, live},
    origin, token_ends, values,
};
use crate::store::{
    NewAuditEntry, ROTATED, ROTATION_ABORTED, Settlement, StoreError, TokenRotated, TokenRotation,
    TokenRow, token,
};

/// One conditional update, which only one of many can win.
impl Request for TokenRotation {
    type Answer = TokenRotated;

    const ABREAST: Abreast = Abreast::Few;

    async fn perform<C: Sql>(
        self,
        connection: &mut C,
        made: &mut Made,
    ) -> Result<TokenRotated, StoreError> {
        token::refuse_misfit(&self.successor)?;
        connection.hold(Lock::Ending).await?;
        if !has_room(connection, &self).await? {
            return Ok(TokenRotated::LimitReached);
        }
        let rotated = connection
            .execute(
                concat!(
                    "UPDATE granted_token SET successor = $2, grace_ends_at = $3, \
                     ends_at_first_use = $4 WHERE id = $1 AND successor IS NULL AND ",
                    live!("granted_token", "$5")
                ),
                values![
                    self.id.as_str(),
                    self.successor.id.as_str(),
                    self.grace_ends_at,
                    self.ends_at_first_use,
                    self.at,
                ],
            )
            .await?;
        if rotated == 0 {
            return Ok(TokenRotated::NotNow);
        }
        origin::require_of_line(connection, &self.successor).await?;
        let successor = TokenRow {
            predecessor: Some(self.id.clone()),
            ..self.successor
        };
        if !granted::insert(connection, successor).await? {
            return Err(token::is_there());
        }
        token_ends::tell(connection, made, &[self.id]).await?;
        connection.append_audit(vec![self.audit]).await?;
        Ok(TokenRotated::Rotated)
    }
}

/// Whether one more may live: with the successor, one counts that the old token took the place of and
/// beside which it lives.
async fn has_room(connection: &mut impl Sql, rotation: &TokenRotation) -> Result<bool, StoreError> {
    let in_line = connection
        .row(
            concat!(
                "SELECT 1 FROM granted_token AS old JOIN granted_token AS before \
                 ON before.id = old.predecessor WHERE old.id = $1 AND old.successor IS NULL AND ",
                live!("old", "$2"),
                " AND ",
                live!("before", "$2")
            ),
            values![rotation.id.as_str(), rotation.at],
        )
        .await?;
    if in_line.is_none() {
        return Ok(true);
    }
    let owner = rotation.successor.owner.clone();
    let live = granted::count_live(connection, owner, rotation.at).await?;
    Ok(live < u64::from(rotation.limit))
}

/// A rotation to end, named by its new token. Answers whether both lived.
#[derive(Clone, Debug)]
pub(in crate::store) struct SettleRotation {
    successor: String,
    settlement: Settlement,
    at: UnixTime,
    audit: NewAuditEntry,
}

impl SettleRotation {
    pub(in crate::store) fn new(
        successor: &str,
        settlement: Settlement,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> SettleRotation {
        SettleRotation {
            successor: successor.to_owned(),
            settlement,
            at,
            audit,
        }
    }
}

impl Request for SettleRotation {
    type Answer = bool;

    const ABREAST: Abreast = Abreast::Few;

    async fn perform<C: Sql>(
        self,
        connection: &mut C,
        made: &mut Made,
    ) -> Result<bool, StoreError> {
        connection.hold(Lock::Ending).await?;
        // Nobody else ends a token meanwhile, so what is read here is still so below.
        let old = connection
            .row(
                concat!(
                    "SELECT old.id, old.ends_at_first_use, new.successor FROM granted_token AS new \
                     JOIN granted_token AS old ON old.id = new.predecessor \
                     WHERE new.id = $1 AND old.successor = new.id AND ",
                    live!("old", "$2"),
                    " AND ",
                    live!("new", "$2")
                ),
                values![self.successor.as_str(), self.at],
            )
            .await?;
        let Some(old) = old else {
            return Ok(false);
        };
        let (id, ends_at_first_use) = (old.text(0)?, old.number(1)? == 1);
        let next = old.text_or_none(2)?;
        match self.settlement {
            Settlement::FirstUse if !ends_at_first_use => return Ok(false),
            // It would live on, beside the old one.
            Settlement::Aborted if next.is_some() => return Ok(false),
            Settlement::FirstUse | Settlement::Confirmed => {
                end(connection, &id, ROTATED, self.at).await?;
            }
            Settlement::Aborted => {
                end(connection, &self.successor, ROTATION_ABORTED, self.at).await?;
                connection
                    .execute(
                        "UPDATE granted_token SET successor = NULL, grace_ends_at = NULL, \
                         ends_at_first_use = 0 WHERE id = $1",
                        values![id.as_str()],
                    )
                    .await?;
            }
        }
        token_ends::tell(connection, made, &[id, self.successor]).await?;
        connection.append_audit(vec![self.audit]).await?;
        Ok(true)
    }
}

async fn end(
    connection: &mut impl Sql,
    id: &str,
    reason: &str,
    at: UnixTime,
) -> Result<(), StoreError> {
    connection
        .execute(
            "UPDATE granted_token SET revoked_at = $2, revocation_reason = $3 WHERE id = $1",
            values![id, at, reason],
        )
        .await
        .map(drop)
}
