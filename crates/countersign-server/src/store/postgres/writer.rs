//! How do the writes that come with every token become few commits?
//!
//! One task takes all that wait and writes them by one statement, which is a transaction by itself.

use std::{
    collections::{BTreeMap, HashSet},
    sync::LazyLock,
};

use sqlx::{AssertSqlSafe, PgPool};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};

use super::{
    audit_rows::AuditRows,
    work::{LONGEST, Work, fault, too_late},
};
use crate::store::{
    JtiKey, NewAuditEntry, Recorded, StoreError,
    sql::{Columns as _, Sql as _, signed, values},
};

/// Where the caller of a write waits.
pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// One write that waits.
pub(super) enum Write {
    Jti(JtiKey, u64, Answer<Recorded>),
    Audit(NewAuditEntry, Answer<()>),
}

/// Writes that may wait before callers wait to hand theirs over.
const WAITING_MAX: usize = 4096;
/// Writes in one statement.
const COMMIT_MAX: usize = 256;

/// Starts the task. It ends when the store is dropped.
pub(super) fn start(pool: PgPool) -> mpsc::Sender<Write> {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    tokio::spawn(run(pool, receiver));
    sender
}

async fn run(pool: PgPool, mut waiting: mpsc::Receiver<Write>) {
    let mut taken = Vec::with_capacity(COMMIT_MAX);
    while waiting.recv_many(&mut taken, COMMIT_MAX).await > 0 {
        let mut jtis = Vec::new();
        let mut audit = Vec::new();
        let mut audit_answers = Vec::new();
        for write in taken.drain(..) {
            match write {
                Write::Jti(key, forget_after, answer) => jtis.push((key, forget_after, answer)),
                Write::Audit(entry, answer) => {
                    audit.push(entry);
                    audit_answers.push(answer);
                }
            }
        }
        let keys: Vec<_> = jtis.iter().map(|(key, end, _)| (*key, *end)).collect();
        let outcome = match timeout(LONGEST, commit(&pool, &keys, audit)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(too_late()),
        };
        match outcome {
            Ok(recorded) => {
                for ((_, _, answer), recorded) in jtis.into_iter().zip(recorded) {
                    let _ = answer.send(Ok(recorded));
                }
                for answer in audit_answers {
                    let _ = answer.send(Ok(()));
                }
            }
            Err(error) => {
                for (_, _, answer) in jtis {
                    let _ = answer.send(Err(error.clone()));
                }
                for answer in audit_answers {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }
}

/// Writes all, and answers what became of each key, in the order of `keys`.
async fn commit(
    pool: &PgPool,
    keys: &[(JtiKey, u64)],
    audit: Vec<NewAuditEntry>,
) -> Result<Vec<Recorded>, StoreError> {
    let mut work = Work::on(pool.acquire().await.map_err(fault)?);
    if keys.is_empty() {
        work.append_audit(audit).await?;
        return Ok(Vec::new());
    }
    // Of equal keys the first counts. Every node inserts in the same order: none waits for another
    // that waits for it.
    let mut unique = BTreeMap::new();
    for (key, end) in keys {
        unique.entry(key.0).or_insert(*end);
    }
    let query = sqlx::query(AssertSqlSafe(STATEMENT.as_str()))
        .bind(unique.keys().map(|key| key.to_vec()).collect::<Vec<_>>())
        .bind(unique.values().map(|end| signed(*end)).collect::<Vec<_>>());
    let rows: AuditRows = audit.into_iter().collect();
    let inserted = work.fetch(rows.bind(query)).await?;
    // Somebody may have forgotten a record while this one waited for it to go. Whoever forgot it
    // has said so in the same transaction.
    let forgotten_up_to = match inserted.is_empty() {
        true => None,
        false => forgotten_up_to(&mut work).await?,
    };
    let mut fresh = inserted
        .iter()
        .map(|row| row.bytes(0))
        .collect::<Result<HashSet<_>, _>>()?;
    let recorded = keys.iter().map(|(key, end)| {
        // Taken out: the next equal one is not the first.
        let first = unique.get(&key.0) == Some(end) && fresh.remove(key.0.as_slice());
        match first && forgotten_up_to.is_none_or(|up_to| *end > up_to) {
            true => Recorded::Fresh,
            false => Recorded::Replayed,
        }
    });
    Ok(recorded.collect())
}

/// `None`: nothing was forgotten yet.
async fn forgotten_up_to(work: &mut Work) -> Result<Option<u64>, StoreError> {
    let row = work
        .row(
            "SELECT nullif(value, -1) FROM counter WHERE name = 'forgotten_up_to'",
            values![],
        )
        .await?;
    row.map_or(Ok(None), |row| row.number_or_none(0))
}

/// A key that would be forgotten no later than what was forgotten is not new: nobody can know.
static STATEMENT: LazyLock<String> = LazyLock::new(|| {
    format!(
        "WITH fresh AS (INSERT INTO jti (key, forget_after) \
         SELECT key, forget_after FROM UNNEST($1::BYTEA[], $2::BIGINT[]) AS new (key, forget_after) \
         WHERE forget_after > (SELECT value FROM counter WHERE name = 'forgotten_up_to') \
         ORDER BY key ON CONFLICT (key) DO NOTHING RETURNING key), \
         written AS ({}) SELECT key FROM fresh",
        AuditRows::insert(3)
    )
});
