//! How does an account stand in its table?

use std::collections::BTreeMap;

use countersign_proto::time::UnixTime;

use super::{Columns, Made, Request, Sql, values};
use crate::store::{
    AccountRow, NewAuditEntry, StoreError,
    account::{self, Rehash},
};

pub(in crate::store) async fn by_principal(
    connection: &mut impl Sql,
    principal: String,
) -> Result<Option<AccountRow>, StoreError> {
    let row = connection
        .row(
            "SELECT principal, password, changed_at FROM account WHERE principal = $1",
            values![principal],
        )
        .await?;
    row.map(|row| {
        Ok(AccountRow {
            principal: row.text(0)?,
            password: row.text(1)?,
            changed_at: row.time(2)?,
        })
    })
    .transpose()
}

pub(in crate::store) async fn passwords_set(
    connection: &mut impl Sql,
) -> Result<BTreeMap<String, UnixTime>, StoreError> {
    let rows = connection
        .rows("SELECT principal, changed_at FROM account", values![])
        .await?;
    rows.iter()
        .map(|row| Ok((row.text(0)?, row.time(1)?)))
        .collect()
}

/// An account to make or to replace, with its audit row.
#[derive(Clone, Debug)]
pub(in crate::store) struct PutAccount {
    pub(in crate::store) row: AccountRow,
    pub(in crate::store) audit: NewAuditEntry,
}

impl Request for PutAccount {
    type Answer = ();

    async fn perform<C: Sql>(self, connection: &mut C, _: &mut Made) -> Result<(), StoreError> {
        let row = self.row;
        require_principal(connection, &row.principal).await?;
        connection
            .execute(
                "INSERT INTO account (principal, password, changed_at) VALUES ($1, $2, $3) \
                 ON CONFLICT (principal) DO UPDATE SET password = excluded.password, \
                 changed_at = excluded.changed_at",
                values![row.principal, row.password, row.changed_at],
            )
            .await?;
        connection.append_audit(vec![self.audit]).await
    }
}

/// Answers whether the hash was still the one that it takes the place of.
impl Request for Rehash {
    type Answer = bool;

    async fn perform<C: Sql>(self, connection: &mut C, _: &mut Made) -> Result<bool, StoreError> {
        let replaced = connection
            .execute(
                "UPDATE account SET password = $3 WHERE principal = $1 AND password = $2",
                values![self.principal, self.instead_of, self.hash],
            )
            .await?;
        if replaced == 0 {
            return Ok(false);
        }
        connection.append_audit(vec![self.audit]).await?;
        Ok(true)
    }
}

/// An account to remove, with its audit row. Answers whether it was there.
#[derive(Clone, Debug)]
pub(in crate::store) struct DeleteAccount {
    pub(in crate::store) principal: String,
    pub(in crate::store) audit: NewAuditEntry,
}

impl Request for DeleteAccount {
    type Answer = bool;

    async fn perform<C: Sql>(self, connection: &mut C, _: &mut Made) -> Result<bool, StoreError> {
        let deleted = connection
            .execute(
                "DELETE FROM account WHERE principal = $1",
                values![self.principal],
            )
            .await?;
        if deleted == 0 {
            return Ok(false);
        }
        connection.append_audit(vec![self.audit]).await?;
        Ok(true)
    }
}

/// Refuses what would belong to a principal that is not there.
pub(super) async fn require_principal<C: Sql>(
    connection: &mut C,
    principal: &str,
) -> Result<(), StoreError> {
    require(connection, principal, C::HOLD_PRINCIPAL).await
}

/// The same; until the end of the transaction nobody else requires this owner.
pub(super) async fn require_owner<C: Sql>(
    connection: &mut C,
    principal: &str,
) -> Result<(), StoreError> {
    require(connection, principal, C::HOLD_PRINCIPAL_ALONE).await
}

async fn require(
    connection: &mut impl Sql,
    principal: &str,
    hold: &'static str,
) -> Result<(), StoreError> {
    account::refuse_platform(principal)?;
    match connection.row(hold, values![principal]).await? {
        Some(_) => Ok(()),
        None => Err(account::no_principal(principal).into()),
    }
}
