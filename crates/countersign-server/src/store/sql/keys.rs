//! How does a key of the issuer stand in its table?

use super::{Columns, Made, Request, Sql, values};
use crate::store::{Changed, StoreError, StoredKey};

pub(in crate::store) async fn list(
    connection: &mut impl Sql,
) -> Result<Vec<StoredKey>, StoreError> {
    let rows = connection
        .rows(
            "SELECT kid, algorithm, created_at, key_version, sealed FROM issuer_key \
             ORDER BY created_at, kid",
            values![],
        )
        .await?;
    rows.iter().map(key).collect()
}

fn key(row: &impl Columns) -> Result<StoredKey, StoreError> {
    Ok(StoredKey {
        kid: row.text(0)?,
        algorithm: row.text(1)?,
        created_at: row.time(2)?,
        key_version: row.small(3)?,
        sealed: row.bytes(4)?,
    })
}

/// Adds it unless it is there.
impl Request for StoredKey {
    type Answer = ();

    async fn perform<C: Sql>(self, connection: &mut C, made: &mut Made) -> Result<(), StoreError> {
        let added = connection
            .execute(
                "INSERT INTO issuer_key (kid, algorithm, created_at, key_version, sealed) \
                 VALUES ($1, $2, $3, $4, $5) ON CONFLICT (kid) DO NOTHING",
                values![
                    self.kid,
                    self.algorithm,
                    self.created_at,
                    self.key_version,
                    self.sealed,
                ],
            )
            .await?;
        if added == 1 {
            made.changes.push(Changed::Registry);
        }
        Ok(())
    }
}
