//! How are logins, sessions and accounts written by the one writer?

use sqlx::SqliteConnection;

use super::writer::{Answer, Settled, settle};
use crate::store::{
    AccountRow, Changed, LoginRow, LoginUpdate, NewAuditEntry, SessionAdvance, SessionRow,
    account::Rehash,
    sql::{
        accounts, logins,
        sessions::{self, Ending},
    },
};

/// A write of a sign-in that waits.
pub(super) enum Write {
    CreateLogin(Box<LoginRow>, Answer<()>),
    UpdateLogin(Box<LoginUpdate>, Answer<bool>),
    Advance(Box<SessionAdvance>, Answer<Option<SessionRow>>),
    EndSession(Box<Ending>, Answer<bool>),
    EndSessionsOf(Box<Ending>, Answer<u64>),
    PutAccount(Box<(AccountRow, NewAuditEntry)>, Answer<()>),
    RehashAccount(Box<Rehash>, Answer<bool>),
    DeleteAccount(Box<(String, NewAuditEntry)>, Answer<bool>),
}

/// Does it: whether it stays, and how its caller is told.
pub(super) async fn write(
    connection: &mut SqliteConnection,
    write: Write,
    changes: &mut Vec<Changed>,
) -> (bool, Settled) {
    match write {
        Write::CreateLogin(row, answer) => settle(logins::create(connection, *row).await, answer),
        Write::UpdateLogin(update, answer) => {
            let changed = Changed::by_update(&update);
            let updated = logins::update(connection, *update).await;
            let done = matches!(updated, Ok(true));
            if done {
                changes.extend(changed);
            }
            let (_, settled) = settle(updated, answer);
            (done, settled)
        }
        Write::Advance(advance, answer) => {
            settle(sessions::advance(connection, *advance).await, answer)
        }
        Write::EndSession(ending, answer) => {
            let id = ending.of.clone();
            let ended = sessions::end(connection, *ending).await;
            if matches!(ended, Ok(true)) {
                changes.push(Changed::Session(id));
            }
            settle(ended, answer)
        }
        Write::EndSessionsOf(ending, answer) => {
            let ended = sessions::end_all_of(connection, *ending).await.map(|ids| {
                let count = ids.len() as u64;
                changes.extend(ids.into_iter().map(Changed::Session));
                count
            });
            settle(ended, answer)
        }
        Write::PutAccount(put, answer) => {
            let (row, audit) = *put;
            settle(accounts::put(connection, row, audit).await, answer)
        }
        Write::RehashAccount(rehash, answer) => {
            settle(accounts::rehash(connection, *rehash).await, answer)
        }
        Write::DeleteAccount(deletion, answer) => {
            let (principal, audit) = *deletion;
            settle(accounts::delete(connection, principal, audit).await, answer)
        }
    }
}
