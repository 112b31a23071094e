//! How does a key of the issuer stand in its table?

use countersign_proto::management::SigningKeyState;

use super::{Columns, Made, Request, Sql, values};
use crate::store::{Changed, KeyChange, StoreError, StoredKey, StoredKeys};

/// One statement, so that the keys and their version are of one time.
pub(in crate::store) async fn list(connection: &mut impl Sql) -> Result<StoredKeys, StoreError> {
    let rows = connection
        .rows(
            "SELECT counter.value, kid, algorithm, created_at, key_version, sealed, state, \
             active_at, stopped_at, retires_at FROM counter LEFT JOIN issuer_key ON true \
             WHERE counter.name = 'issuer_keys' ORDER BY created_at, kid",
            values![],
        )
        .await?;
    let Some(first) = rows.first() else {
        return Err(StoreError::Fault("nobody counts the keys".to_owned()));
    };
    Ok(StoredKeys {
        version: first.number(0)?,
        keys: rows
            .iter()
            .map(key)
            .filter_map(Result::transpose)
            .collect::<Result<_, _>>()?,
    })
}

/// There is one row without a key when there is no key at all.
fn key(row: &impl Columns) -> Result<Option<StoredKey>, StoreError> {
    let Some(kid) = row.text_or_none(1)? else {
        return Ok(None);
    };
    let state = row.text(6)?;
    Ok(Some(StoredKey {
        state: SigningKeyState::from_name(&state).ok_or_else(|| {
            StoreError::Fault(format!("the key {kid} is in the unknown state {state}"))
        })?,
        kid,
        algorithm: row.text(2)?,
        created_at: row.time(3)?,
        key_version: row.small(4)?,
        sealed: row.bytes(5)?,
        active_at: row.time(7)?,
        stopped_at: row.time_or_none(8)?,
        retires_at: row.time_or_none(9)?,
    }))
}

/// Answers whether the keys were those that it was made for.
impl Request for KeyChange {
    type Answer = bool;

    async fn perform<C: Sql>(
        self,
        connection: &mut C,
        made: &mut Made,
    ) -> Result<bool, StoreError> {
        let counted = connection
            .execute(
                "UPDATE counter SET value = value + 1 WHERE name = 'issuer_keys' AND value = $1",
                values![self.version],
            )
            .await?;
        if counted == 0 {
            return Ok(false);
        }
        for key in self.keys {
            put(connection, key).await?;
        }
        connection.append_audit(self.audit).await?;
        made.changes.push(Changed::Registry);
        Ok(true)
    }

    fn stays(made: &bool) -> bool {
        *made
    }
}

async fn put(connection: &mut impl Sql, key: StoredKey) -> Result<(), StoreError> {
    connection
        .execute(
            "INSERT INTO issuer_key (kid, algorithm, created_at, key_version, sealed, state, \
             active_at, stopped_at, retires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) \
             ON CONFLICT (kid) DO UPDATE SET sealed = excluded.sealed, state = excluded.state, \
             active_at = excluded.active_at, stopped_at = excluded.stopped_at, \
             retires_at = excluded.retires_at",
            values![
                key.kid,
                key.algorithm,
                key.created_at,
                key.key_version,
                key.sealed,
                key.state.name(),
                key.active_at,
                key.stopped_at,
                key.retires_at,
            ],
        )
        .await
        .map(drop)
}
