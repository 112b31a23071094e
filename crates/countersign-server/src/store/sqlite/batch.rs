//! How do many small rows become few statements?

use std::{
    collections::HashSet,
    sync::{Arc, LazyLock},
};

use sqlx::{AssertSqlSafe, Row as _, SqliteConnection};

use super::{fault, signed, writer::execute};
use crate::store::{JtiKey, NewAuditEntry, Recorded, StoreError};

/// Rows of one statement are 1, 2, 4, … 64, so that each text is prepared once and kept.
const SIZES: u32 = 7;

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
    for (chunk, size) in chunks(unique) {
        let mut query = sqlx::query(AssertSqlSafe(text(&RETURNING_SQL, size)));
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
    for (chunk, size) in chunks(unique) {
        let mut query = sqlx::query(AssertSqlSafe(text(&JTI_SQL, size)));
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
        let size = largest(left);
        let mut query = sqlx::query(AssertSqlSafe(text(&AUDIT_SQL, size)));
        for entry in entries.by_ref().take(1 << size) {
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
        left -= 1 << size;
    }
    Ok(())
}

/// A key that would be forgotten no later than what was forgotten is not new: nobody can know.
static JTI_SQL: LazyLock<Vec<Arc<str>>> = LazyLock::new(|| {
    texts(
        "INSERT INTO jti (key, forget_after) SELECT column1, column2 FROM (VALUES ",
        "(?,?)",
        ") WHERE column2 > (SELECT value FROM counter WHERE name = 'forgotten_up_to') \
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
         reason) VALUES ",
        "(?,?,?,?,?,?,?,?,?)",
        "",
    )
});

fn texts(head: &str, row: &str, tail: &str) -> Vec<Arc<str>> {
    (0..SIZES)
        .map(|size| Arc::from(format!("{head}{}{tail}", vec![row; 1 << size].join(","))))
        .collect()
}

fn text(texts: &[Arc<str>], size: u32) -> Arc<str> {
    texts
        .get(size as usize)
        .map_or_else(|| Arc::from(""), Arc::clone)
}

fn chunks<T>(mut rows: &[T]) -> impl Iterator<Item = (&[T], u32)> {
    std::iter::from_fn(move || {
        if rows.is_empty() {
            return None;
        }
        let size = largest(rows.len());
        let (chunk, rest) = rows.split_at(1 << size);
        rows = rest;
        Some((chunk, size))
    })
}

/// The largest size, as a power of two, of which `rows` fill a statement.
fn largest(rows: usize) -> u32 {
    rows.ilog2().min(SIZES - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_cut_into_powers_of_two() {
        let rows = [0_u8; 200];
        let sizes = |n: usize| {
            chunks(&rows[..n])
                .map(|(chunk, _)| chunk.len())
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(0), Vec::<usize>::new());
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(7), [4, 2, 1]);
        assert_eq!(sizes(200), [64, 64, 64, 8]);
    }
}
