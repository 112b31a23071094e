//! How do the writes that wait become one commit?

use std::sync::Arc;

use arc_swap::ArcSwap;
use countersign_proto::time::UnixTime;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::{Control, batch, execute, fault, registry_rows, sign_in, signed};
use crate::{
    registry::{Change, Registry},
    store::{
        Changed, DENIED_KEPT_AFTER_END, JtiKey, NewAuditEntry, Recorded, StoreError, StoredKey,
        Waker,
        sql::{logins, sessions},
    },
};

/// Where the caller of a write waits.
pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// One write that waits.
pub(super) enum Write {
    Jti(JtiKey, i64, Answer<Recorded>),
    Audit(NewAuditEntry, Answer<()>),
    Change(Box<(Change, NewAuditEntry)>, Answer<Registry>),
    Deny(Box<(String, i64, NewAuditEntry)>, Answer<()>),
    Key(Box<StoredKey>, Answer<()>),
    SignIn(sign_in::Write),
    Cleanup(UnixTime, u32, Answer<u64>),
    Ping(Answer<()>),
    Close(Answer<()>),
}

/// Writes that may wait before callers wait to hand theirs over.
const WAITING_MAX: usize = 4096;
/// Writes in one commit.
const COMMIT_MAX: usize = batch::ROWS_MAX;

/// Starts the task that owns the connection. It ends when the store is closed or dropped.
pub(super) fn start(
    connection: SqliteConnection,
    seen: Arc<ArcSwap<Registry>>,
    waker: Waker,
    control: Control,
) -> mpsc::Sender<Write> {
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    tokio::spawn(run(connection, seen, receiver, waker, control));
    sender
}

async fn run(
    mut connection: SqliteConnection,
    seen: Arc<ArcSwap<Registry>>,
    mut waiting: mpsc::Receiver<Write>,
    waker: Waker,
    control: Control,
) {
    let mut taken = Vec::with_capacity(COMMIT_MAX);
    let mut held_back = Vec::new();
    while waiting.recv_many(&mut taken, COMMIT_MAX).await > 0 {
        if control == Control::AnsweredBeforeCommit {
            taken = hold_back(&mut held_back, std::mem::take(&mut taken));
        }
        let mut batch = Batch::default();
        let mut closing = None;
        for write in taken.drain(..) {
            match write {
                Write::Jti(key, forget_after, answer) => {
                    batch.jtis.push((key, forget_after, answer));
                }
                Write::Audit(entry, answer) => {
                    batch.audit.push(entry);
                    batch.audit_answers.push(answer);
                }
                Write::Close(answer) => closing = Some(answer),
                other => batch.others.push(other),
            }
        }
        batch.commit(&mut connection, &seen, &waker).await;
        if let Some(answer) = closing {
            // What was handed over after this is answered `Closed`, because nobody takes it.
            drop(waiting);
            let _ = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)")
                .execute(&mut connection)
                .await;
            let closed = connection.close().await.map_err(fault);
            let _ = answer.send(closed);
            return;
        }
    }
}

/// Writes that are committed together. Each is answered after the commit, and only then.
#[derive(Default)]
struct Batch {
    jtis: Vec<(JtiKey, i64, Answer<Recorded>)>,
    audit: Vec<NewAuditEntry>,
    audit_answers: Vec<Answer<()>>,
    others: Vec<Write>,
}

/// The outcome of a write, to be sent when the commit is done.
pub(super) type Settled = Box<dyn FnOnce(Option<&StoreError>) + Send>;

/// What is seen by others when the commit is done.
struct Made {
    registry: Arc<Registry>,
    changes: Vec<Changed>,
}

impl Batch {
    async fn commit(
        mut self,
        connection: &mut SqliteConnection,
        seen: &ArcSwap<Registry>,
        waker: &Waker,
    ) {
        let others = std::mem::take(&mut self.others);
        let mut settled: Vec<Settled> = Vec::with_capacity(others.len());
        let mut made = Made {
            registry: seen.load_full(),
            changes: Vec::new(),
        };
        let outcome = self
            .write(connection, others, &mut settled, &mut made)
            .await;
        let failure = match &outcome {
            Ok(_) => None,
            Err(error) => {
                // The transaction may have ended by itself; then there is nothing to roll back.
                let _ = sqlx::query("ROLLBACK").execute(&mut *connection).await;
                Some(error)
            }
        };
        if failure.is_none() {
            if made.registry.version() != seen.load().version() {
                seen.store(made.registry);
            }
            waker.wake(made.changes);
        }
        for answer in settled {
            answer(failure);
        }
        for answer in self.audit_answers {
            let _ = answer.send(failure.map_or(Ok(()), |error| Err(error.clone())));
        }
        match outcome {
            Ok(recorded) => {
                for ((_, _, answer), recorded) in self.jtis.into_iter().zip(recorded) {
                    let _ = answer.send(Ok(recorded));
                }
            }
            Err(error) => {
                for (_, _, answer) in self.jtis {
                    let _ = answer.send(Err(error.clone()));
                }
            }
        }
    }

    /// Everything in one transaction. An error here is everybody's; a write that fails on its own
    /// is taken back to its savepoint and settled with its own error.
    async fn write(
        &mut self,
        connection: &mut SqliteConnection,
        others: Vec<Write>,
        settled: &mut Vec<Settled>,
        made: &mut Made,
    ) -> Result<Vec<Recorded>, StoreError> {
        // A statement alone is a transaction by itself, and saves the way there and back twice.
        // Several keys are not: when one is a replay, they are written anew.
        let alone = others.is_empty()
            && (self.jtis.is_empty() || self.jtis.len() == 1 && self.audit.is_empty());
        if !alone {
            execute(connection, "BEGIN IMMEDIATE").await?;
        }
        let keys = self
            .jtis
            .iter()
            .map(|(key, end, _)| (*key, *end))
            .collect::<Vec<_>>();
        // First in the transaction: it may begin it anew.
        let recorded = batch::record_jtis(connection, &keys).await?;
        batch::append_audit(connection, std::mem::take(&mut self.audit)).await?;
        for write in others {
            execute(connection, "SAVEPOINT one").await?;
            let (fits, answer) = one(connection, write, made).await;
            settled.push(answer);
            if !fits {
                execute(connection, "ROLLBACK TO one").await?;
            }
            execute(connection, "RELEASE one").await?;
        }
        if !alone {
            execute(connection, "COMMIT").await?;
        }
        Ok(recorded)
    }
}

/// Does one write that is not batched: whether it stays, and how its caller is told.
async fn one(connection: &mut SqliteConnection, write: Write, made: &mut Made) -> (bool, Settled) {
    match write {
        Write::Change(change, answer) => {
            let (change, audit) = *change;
            let ended = &mut Vec::new();
            let changed =
                registry_rows::change(connection, &made.registry, &change, audit, ended).await;
            if let Ok(next) = &changed {
                made.registry = Arc::new(next.clone());
                made.changes.push(Changed::Registry);
                made.changes.extend(ended.drain(..).map(Changed::Session));
            }
            settle(changed, answer)
        }
        Write::SignIn(write) => sign_in::write(connection, write, &mut made.changes).await,
        Write::Deny(denied, answer) => {
            let (jti, until, audit) = *denied;
            settle(deny(connection, jti, until, audit).await, answer)
        }
        Write::Key(key, answer) => settle(add_key(connection, *key).await, answer),
        Write::Cleanup(now, limit, answer) => {
            let forgotten = cleanup(connection, now, limit, &mut made.changes).await;
            settle(forgotten, answer)
        }
        Write::Ping(answer) => {
            let pinged = execute(
                connection,
                "UPDATE counter SET value = value + 1 WHERE name = 'pings'",
            )
            .await;
            settle(pinged, answer)
        }
        Write::Audit(entry, answer) => {
            settle(batch::append_audit(connection, vec![entry]).await, answer)
        }
        // Batched or handled by the caller; never here.
        Write::Jti(..) | Write::Close(_) => (true, Box::new(|_| ())),
    }
}

pub(super) fn settle<T: Send + 'static>(
    outcome: Result<T, StoreError>,
    answer: Answer<T>,
) -> (bool, Settled) {
    let fits = outcome.is_ok();
    let settled: Settled = Box::new(move |failure| {
        // A change that did not fit did not fit, whatever became of the others.
        let told = match (outcome, failure) {
            (Ok(_), Some(failure)) => Err(failure.clone()),
            (outcome, _) => outcome,
        };
        let _ = answer.send(told);
    });
    (fits, settled)
}

async fn deny(
    connection: &mut SqliteConnection,
    jti: String,
    until: i64,
    audit: NewAuditEntry,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO denied_token (jti, until) VALUES (?, ?) \
         ON CONFLICT (jti) DO UPDATE SET until = max(until, excluded.until)",
    )
    .bind(jti)
    .bind(until)
    .execute(&mut *connection)
    .await
    .map_err(fault)?;
    batch::append_audit(connection, vec![audit]).await
}

async fn add_key(connection: &mut SqliteConnection, key: StoredKey) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO issuer_key (kid, algorithm, created_at, key_version, sealed) \
         VALUES (?, ?, ?, ?, ?) ON CONFLICT (kid) DO NOTHING",
    )
    .bind(key.kid)
    .bind(key.algorithm)
    .bind(signed(key.created_at.as_secs()))
    .bind(i64::from(key.key_version))
    .bind(key.sealed)
    .execute(connection)
    .await
    .map(drop)
    .map_err(fault)
}

/// Forgets what ended first, and remembers up to where it forgot.
async fn cleanup(
    connection: &mut SqliteConnection,
    now: UnixTime,
    limit: u32,
    changes: &mut Vec<Changed>,
) -> Result<u64, StoreError> {
    let mut left = u64::from(limit);
    left -= forget_jtis(connection, signed(now.as_secs()), left).await?;
    left -= forget_denied(connection, signed(now.as_secs()), left).await?;
    left -= logins::forget(connection, now, left).await?;
    left -= sessions::forget(connection, now, left).await?;
    let ended = sessions::end_unacknowledged(connection, now, left).await?;
    left -= ended.len() as u64;
    changes.extend(ended.into_iter().map(Changed::Session));
    Ok(u64::from(limit) - left)
}

async fn forget_jtis(
    connection: &mut SqliteConnection,
    now: i64,
    limit: u64,
) -> Result<u64, StoreError> {
    let last: Option<i64> = sqlx::query_scalar(
        "SELECT max(forget_after) FROM (SELECT forget_after FROM jti WHERE forget_after < ? \
         ORDER BY forget_after LIMIT ?)",
    )
    .bind(now)
    .bind(signed(limit))
    .fetch_one(&mut *connection)
    .await
    .map_err(fault)?;
    let Some(last) = last else {
        return Ok(0);
    };
    let forgotten = sqlx::query(
        "DELETE FROM jti WHERE key IN (SELECT key FROM jti WHERE forget_after < ? \
             ORDER BY forget_after LIMIT ?)",
    )
    .bind(now)
    .bind(signed(limit))
    .execute(&mut *connection)
    .await
    .map_err(fault)?
    .rows_affected();
    sqlx::query("UPDATE counter SET value = max(value, ?) WHERE name = 'forgotten_up_to'")
        .bind(last)
        .execute(&mut *connection)
        .await
        .map_err(fault)?;
    Ok(forgotten)
}

async fn forget_denied(
    connection: &mut SqliteConnection,
    now: i64,
    limit: u64,
) -> Result<u64, StoreError> {
    let denied = sqlx::query(
        "DELETE FROM denied_token WHERE jti IN (SELECT jti FROM denied_token WHERE until < ? \
         ORDER BY until LIMIT ?)",
    )
    .bind(now.saturating_sub(signed(DENIED_KEPT_AFTER_END.as_secs())))
    .bind(signed(limit))
    .execute(connection)
    .await
    .map_err(fault)?
    .rows_affected();
    Ok(denied)
}

/// The fault of [`Control::AnsweredBeforeCommit`]: `jti` and audit rows are acknowledged at once,
/// and committed when 64 of them wait.
fn hold_back(held: &mut Vec<Write>, taken: Vec<Write>) -> Vec<Write> {
    let mut now = Vec::new();
    for write in taken {
        match write {
            Write::Jti(key, end, answer) => {
                let _ = answer.send(Ok(Recorded::Fresh));
                held.push(Write::Jti(key, end, oneshot::channel().0));
            }
            Write::Audit(entry, answer) => {
                let _ = answer.send(Ok(()));
                held.push(Write::Audit(entry, oneshot::channel().0));
            }
            other => now.push(other),
        }
    }
    if held.len() >= 64 || now.iter().any(|write| matches!(write, Write::Close(_))) {
        now.append(held);
    }
    now
}
