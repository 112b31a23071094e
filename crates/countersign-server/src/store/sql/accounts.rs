//! How does an account stand in its table?

use super::{Columns, Sql, values};
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

pub(in crate::store) async fn put(
    connection: &mut impl Sql,
    row: AccountRow,
    audit: NewAuditEntry,
) -> Result<(), StoreError> {
    require_principal(connection, &row.principal).await?;
    connection
        .execute(
            "INSERT INTO account (principal, password, changed_at) VALUES ($1, $2, $3) \
             ON CONFLICT (principal) DO UPDATE SET password = excluded.password, \
             changed_at = excluded.changed_at",
            values![row.principal, row.password, row.changed_at],
        )
        .await?;
    connection.append_audit(vec![audit]).await
}

/// Whether the hash was still the one that it takes the place of.
pub(in crate::store) async fn rehash(
    connection: &mut impl Sql,
    rehash: Rehash,
) -> Result<bool, StoreError> {
    let replaced = connection
        .execute(
            "UPDATE account SET password = $3 WHERE principal = $1 AND password = $2",
            values![rehash.principal, rehash.instead_of, rehash.hash],
        )
        .await?;
    if replaced == 0 {
        return Ok(false);
    }
    connection.append_audit(vec![rehash.audit]).await?;
    Ok(true)
}

/// Whether there was one.
pub(in crate::store) async fn delete(
    connection: &mut impl Sql,
    principal: String,
    audit: NewAuditEntry,
) -> Result<bool, StoreError> {
    let deleted = connection
        .execute(
            "DELETE FROM account WHERE principal = $1",
            values![principal],
        )
        .await?;
    if deleted == 0 {
        return Ok(false);
    }
    connection.append_audit(vec![audit]).await?;
    Ok(true)
}

/// Refuses what would belong to a principal that is not there.
pub(super) async fn require_principal<C: Sql>(
    connection: &mut C,
    principal: &str,
) -> Result<(), StoreError> {
    account::refuse_platform(principal)?;
    match connection
        .row(C::HOLD_PRINCIPAL, values![principal])
        .await?
    {
        Some(_) => Ok(()),
        None => Err(account::no_principal(principal).into()),
    }
}
