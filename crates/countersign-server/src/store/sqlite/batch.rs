//! How do many small rows become few statements?

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::{execute, fault};
use crate::store::{JtiKey, NewAuditEntry, Recorded, StoreError, sql::signed};

/// Statements have room for 1, 2, 4, … 256 rows, so that each text is prepared once and kept. Rows
/// that are not given are NULL, which is passed over: one statement does for any number of rows,
/// and each statement that is saved saves two changes of thread.
const SIZES: u32 = 9;

/// The most rows of one statement.
pub(super) const ROWS_MAX: usize = 1 << (SIZES - 1);

/// Records keys that are new, in the order of `keys`. Must be the first write of its transaction,
/// which it begins anew when it met a replay among several keys.
pub(super) async fn record_jtis(
    connection: &mut SqliteConnection,
    keys: &[(JtiKey, i64)],
) -> Result<Vec<Recorded>, StoreError> {
    let mut met = HashSet::with_capacity(keys.len());
    let firsts: Vec<bool> = keys.iter().map(|(key, _)| met.insert(*key)).collect();
    let unique: Vec<(JtiKey, i64)> = keys
        .iter()
        .zip(&firsts)
        .filter_map(|(key, first)| first.then_some(*key))
        .collect();
    let fresh = insert_keys(connection, &unique).await?;
    Ok(keys
        .iter()
        .zip(firsts)
        .map(|((key, _), first)| match &fresh {
            Fresh::All if first => Recorded::Fresh,
            Fresh::Only(fresh) if first && fresh.contains(key) => Recorded::Fresh,
            _ => Recorded::Replayed,
        })
        .collect())
}

/// Which of the keys were new.
enum Fresh {
    All,
    Only(HashSet<JtiKey>),
}

async fn insert_keys(
    connection: &mut SqliteConnection,
    unique: &[(JtiKey, i64)],
) -> Result<Fresh, StoreError> {
    if insert_quickly(connection, unique).await? {
        return Ok(Fresh::All);
    }
    if unique.len() == 1 {
        return Ok(Fresh::Only(HashSet::new()));
    }
    execute(connection, "ROLLBACK").await?;
    execute(connection, "BEGIN IMMEDIATE").await?;
    let mut fresh = HashSet::with_capacity(unique.len());
    for chunk in unique.chunks(ROWS_MAX) {
        let mut query = sqlx::query(AssertSqlSafe(text(&RETURNING_SQL, chunk.len())));
        for (key, forget_after) in chunk {
            query = query.bind(key.0.to_vec()).bind(forget_after);
        }
        for row in query.fetch_all(&mut *connection).await.map_err(fault)? {
            let bytes: &[u8] = row.try_get(0).map_err(fault)?;
            if let Ok(key) = bytes.try_into() {
                fresh.insert(JtiKey(key));
            }
        }
    }
    Ok(Fresh::Only(fresh))
}

/// Counts instead of naming the new ones: true when all were.
async fn insert_quickly(
    connection: &mut SqliteConnection,
    unique: &[(JtiKey, i64)],
) -> Result<bool, StoreError> {
    for chunk in unique.chunks(ROWS_MAX) {
        let mut query = sqlx::query(AssertSqlSafe(text(&JTI_SQL, chunk.len())));
        for (key, forget_after) in chunk {
            query = query.bind(key.0.to_vec()).bind(forget_after);
        }
        let inserted = query.execute(&mut *connection).await.map_err(fault)?;
        if inserted.rows_affected() != chunk.len() as u64 {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Appends rows in order.
pub(super) async fn append_audit(
    connection: &mut SqliteConnection,
    entries: Vec<NewAuditEntry>,
) -> Result<(), StoreError> {
    let mut left = entries.len();
    let mut entries = entries.into_iter();
    while left > 0 {
        let rows = left.min(ROWS_MAX);
        let mut query = sqlx::query(AssertSqlSafe(text(&AUDIT_SQL, rows)));
        for entry in entries.by_ref().take(rows) {
            query = query
                .bind(signed(entry.at.as_secs()))
                .bind(entry.actor)
                .bind(entry.subject)
                .bind(entry.action)
                .bind(entry.outcome.name())
                .bind(entry.token_id)
                .bind(entry.certificate)
                .bind(entry.address)
                .bind(entry.reason);
        }
        query.execute(&mut *connection).await.map_err(fault)?;
        left -= rows;
    }
    Ok(())
}

/// A key that would be forgotten no later than what was forgotten is not new: nobody can know.
static JTI_SQL: LazyLock<Vec<Arc<str>>> = LazyLock::new(|| {
    texts(
        "INSERT INTO jti (key, forget_after) SELECT column1, column2 FROM (VALUES ",
        "(?,?)",
        ") WHERE column1 IS NOT NULL AND column2 > (SELECT value FROM counter WHERE name = 'forgotten_up_to') \
         ON CONFLICT (key) DO NOTHING",
    )
});

static RETURNING_SQL: LazyLock<Vec<Arc<str>>> = LazyLock::new(|| {
    JTI_SQL
        .iter()
        .map(|sql| Arc::from(format!("{sql} RETURNING key")))
        .collect()
});

static AUDIT_SQL: LazyLock<Vec<Arc<str>>> = LazyLock::new(|| {
    texts(
        "INSERT INTO audit (at, actor, subject, action, outcome, token_id, certificate, address, \
         reason) SELECT column1, column2, column3, column4, column5, column6, column7, column8, \
         column9 FROM (VALUES ",
        "(?,?,?,?,?,?,?,?,?)",
        ") WHERE column1 IS NOT NULL",
    )
});

fn texts(head: &str, row: &str, tail: &str) -> Vec<Arc<str>> {
    (0..SIZES)
        .map(|size| Arc::from(format!("{head}{}{tail}", vec![row; 1 << size].join(","))))
        .collect()
}

/// The smallest statement with room for `rows`.
fn text(texts: &[Arc<str>], rows: usize) -> Arc<str> {
    texts
        .get(rows.next_power_of_two().ilog2() as usize)
        .map_or_else(|| Arc::from(""), Arc::clone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_has_room_for_its_rows_and_for_less_than_twice_as_many() {
        for rows in 1..=ROWS_MAX {
            let room = text(&JTI_SQL, rows).matches("(?,?)").count();
            assert!(rows <= room && room < 2 * rows, "{rows}: {room}");
        }
    }
}
