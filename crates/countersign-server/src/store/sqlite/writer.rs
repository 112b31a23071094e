//! How do the writes that wait become one commit?

use std::{future::Future, pin::Pin, sync::Arc};

use arc_swap::ArcSwap;
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use super::{Control, batch, execute, fault};
use crate::{
    registry::Registry,
    store::{
        JtiKey, NewAuditEntry, Recorded, StoreError, Waker,
        sql::{Made, Request},
    },
};

/// Where the caller of a write waits.
pub(super) type Answer<T> = oneshot::Sender<Result<T, StoreError>>;

/// One write that waits.
pub(super) enum Write {
    Jti(JtiKey, i64, Answer<Recorded>),
    Audit(NewAuditEntry, Answer<()>),
    Request(Box<dyn Waiting>),
    Close(Answer<()>),
}

/// A request whose caller waits.
pub(super) trait Waiting: Send {
    /// Performs it: whether it stays, and how its caller is told.
    fn perform<'a>(
        self: Box<Self>,
        connection: &'a mut SqliteConnection,
        made: &'a mut Made,
    ) -> Pin<Box<dyn Future<Output = (bool, Settled)> + Send + 'a>>;
}

/// The outcome of a write, to be sent when the commit is done.
pub(super) type Settled = Box<dyn FnOnce(Option<&StoreError>) + Send>;

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
                Write::Request(request) => batch.requests.push(request),
                Write::Close(answer) => closing = Some(answer),
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
    requests: Vec<Box<dyn Waiting>>,
}

impl Batch {
    async fn commit(
        mut self,
        connection: &mut SqliteConnection,
        seen: &ArcSwap<Registry>,
        waker: &Waker,
    ) {
        let requests = std::mem::take(&mut self.requests);
        let mut settled: Vec<Settled> = Vec::with_capacity(requests.len());
        let mut made = Made {
            registry: seen.load_full(),
            changes: Vec::new(),
        };
        let outcome = self
            .write(connection, requests, &mut settled, &mut made)
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
        requests: Vec<Box<dyn Waiting>>,
        settled: &mut Vec<Settled>,
        made: &mut Made,
    ) -> Result<Vec<Recorded>, StoreError> {
        // A statement alone is a transaction by itself, and saves the way there and back twice.
        // Several keys are not: when one is a replay, they are written anew.
        let alone = requests.is_empty()
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
        for request in requests {
            execute(connection, "SAVEPOINT one").await?;
            let (stays, answer) = request.perform(connection, made).await;
            settled.push(answer);
            if !stays {
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

impl<R: Request> Waiting for (R, Answer<R::Answer>) {
    fn perform<'a>(
        self: Box<Self>,
        connection: &'a mut SqliteConnection,
        made: &'a mut Made,
    ) -> Pin<Box<dyn Future<Output = (bool, Settled)> + Send + 'a>> {
        Box::pin(async move {
            let (request, answer) = *self;
            let outcome = request.perform(connection, made).await;
            let stays = outcome.as_ref().is_ok_and(R::stays);
            let settled: Settled = Box::new(move |failure| {
                // A change that did not fit did not fit, whatever became of the others.
                let told = match (outcome, failure) {
                    (Ok(_), Some(failure)) => Err(failure.clone()),
                    (outcome, _) => outcome,
                };
                let _ = answer.send(told);
            });
            (stays, settled)
        })
    }
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
