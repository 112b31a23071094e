//! How does a request become a transaction?

use std::sync::Arc;

use tokio::time::timeout;

use super::{
    Shared,
    work::{LONGEST, Work, fault, too_late},
};
use crate::store::{
    StoreError,
    sql::{Abreast, Made, Request},
};

/// How often a request is tried that others are in the way of.
const TRIES: u32 = 5;

/// Why it was not done.
enum Failure {
    /// Another transaction was in the way, and nothing was done.
    Conflict(StoreError),
    /// Whatever it was, it is not tried again: it may be done.
    Final(StoreError),
}

/// Performs a request, whether or not its caller still waits.
pub(super) async fn perform<R: Request>(
    shared: Arc<Shared>,
    request: R,
) -> Result<R::Answer, StoreError> {
    let mut tries = 1;
    loop {
        let tried = timeout(LONGEST, attempt(&shared, request.clone())).await;
        match tried {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(Failure::Conflict(_))) if tries < TRIES => tries += 1,
            Ok(Err(Failure::Conflict(error) | Failure::Final(error))) => return Err(error),
            Err(_) => return Err(too_late()),
        }
    }
}

async fn attempt<R: Request>(shared: &Shared, request: R) -> Result<R::Answer, Failure> {
    // Kept until the end. The semaphore is never closed.
    let _turn = match R::ABREAST {
        Abreast::Any => None,
        Abreast::Few => shared.few.acquire().await.ok(),
    };
    let connection = shared.pool.acquire().await.map_err(fault);
    let mut work = Work::on(connection.map_err(Failure::Final)?);
    work.begin("BEGIN").await.map_err(Failure::Final)?;
    let mut made = Made {
        registry: shared.seen.load_full(),
        changes: Vec::new(),
    };
    let answer = match request.perform(&mut work, &mut made).await {
        Ok(answer) if R::stays(&answer) => answer,
        Ok(answer) => {
            work.roll_back().await;
            return Ok(answer);
        }
        Err(error) => {
            let conflict = work.met_a_conflict();
            work.roll_back().await;
            return Err(match conflict {
                true => Failure::Conflict(error),
                false => Failure::Final(error),
            });
        }
    };
    shared
        .node
        .tell(&mut work, &made.changes)
        .await
        .map_err(Failure::Final)?;
    work.commit().await.map_err(Failure::Final)?;
    shared.adopt(&made.registry);
    shared.waker.wake(made.changes);
    Ok(answer)
}
