//! How is a connection used, so that nothing half-done stays on it?

use std::time::Duration;

use sqlx::{
    AssertSqlSafe, Executor as _, Postgres, Row as _,
    pool::PoolConnection,
    postgres::{PgArguments, PgRow},
    query::Query,
};

use super::{audit_rows::AuditRows, open::code};
use crate::store::{
    NewAuditEntry, StoreError,
    sql::{Columns, Lock, Sql, Value, unsigned},
};

/// Whoever cleans up holds this lock until the end of the transaction: the first eight letters of
/// "countersign".
const CLEANUP_LOCK: i64 = 0x636f_756e_7465_7273;

/// Whoever ends granted tokens holds this lock alone, whoever grants one shares it: "granted" and a
/// zero.
pub(super) const TOKENS_LOCK: i64 = 0x6772_616e_7465_6400;

/// Whoever counts system tokens holds this lock: "systoken".
const SYSTEM_TOKENS_LOCK: i64 = 0x7379_7374_6f6b_656e;

const HOLD: &str = "SELECT pg_advisory_xact_lock($1)";
const HOLD_SHARED: &str = "SELECT pg_advisory_xact_lock_shared($1)";

/// Longest time of one call, with the way there and back.
pub(super) const LONGEST: Duration = Duration::from_secs(15);

/// A connection in use. When it is dropped in the middle of a statement or of a transaction, or
/// after a failure, it is closed, so that the server takes back what was not committed.
pub(super) struct Work {
    connection: PoolConnection<Postgres>,
    in_transaction: bool,
    in_statement: bool,
    conflict: bool,
}

impl Work {
    pub(super) fn on(connection: PoolConnection<Postgres>) -> Work {
        Work {
            connection,
            in_transaction: false,
            in_statement: false,
            conflict: false,
        }
    }

    pub(super) async fn begin(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.in_transaction = true;
        self.command(sql).await
    }

    /// An error leaves open whether it was done.
    pub(super) async fn commit(mut self) -> Result<(), StoreError> {
        self.command("COMMIT").await?;
        self.in_transaction = false;
        Ok(())
    }

    pub(super) async fn roll_back(mut self) {
        // A connection that cannot do it is closed, and that does it too.
        self.in_statement = false;
        if self.command("ROLLBACK").await.is_ok() {
            self.in_transaction = false;
        }
    }

    /// Whether another transaction was in the way: then the same may be tried again.
    pub(super) fn met_a_conflict(&self) -> bool {
        self.conflict
    }

    async fn command(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.in_statement = true;
        let done = self.connection.execute(sql).await;
        self.settle(done).map(drop)
    }

    /// Runs a query of this database's own.
    pub(super) async fn fetch(
        &mut self,
        query: Query<'static, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.in_statement = true;
        let rows = query.fetch_all(&mut *self.connection).await;
        self.settle(rows)
    }

    fn settle<T>(&mut self, done: Result<T, sqlx::Error>) -> Result<T, StoreError> {
        match done {
            Ok(done) => {
                self.in_statement = false;
                Ok(done)
            }
            Err(error) => {
                // serialization_failure, deadlock_detected
                self.conflict = matches!(code(&error).as_deref(), Some("40001" | "40P01"));
                Err(fault(error))
            }
        }
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        if self.in_statement || self.in_transaction {
            self.connection.close_on_drop();
        }
    }
}

impl Sql for Work {
    type Row = PgRow;

    const HOLD_PRINCIPAL: &'static str = "SELECT 1 FROM principal WHERE name = $1 FOR KEY SHARE";

    // Does not keep out those who refer to it.
    const HOLD_PRINCIPAL_ALONE: &'static str =
        "SELECT 1 FROM principal WHERE name = $1 FOR NO KEY UPDATE";

    async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        self.in_statement = true;
        let done = bound(sql, values).execute(&mut *self.connection).await;
        self.settle(done).map(|done| done.rows_affected())
    }

    async fn rows(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<PgRow>, StoreError> {
        self.fetch(bound(sql, values)).await
    }

    async fn append_audit(&mut self, entries: Vec<NewAuditEntry>) -> Result<(), StoreError> {
        if entries.is_empty() {
            return Ok(());
        }
        let rows: AuditRows = entries.into_iter().collect();
        let sql = AssertSqlSafe(AuditRows::insert(1));
        self.fetch(rows.bind(sqlx::query(sql))).await.map(drop)
    }

    async fn hold(&mut self, lock: Lock) -> Result<(), StoreError> {
        let query = match lock {
            Lock::SystemTokens => sqlx::query(HOLD).bind(SYSTEM_TOKENS_LOCK),
            Lock::Granting => sqlx::query(HOLD_SHARED).bind(TOKENS_LOCK),
            Lock::Ending => sqlx::query(HOLD).bind(TOKENS_LOCK),
        };
        self.fetch(query).await.map(drop)
    }

    async fn lead_cleanup(&mut self) -> Result<bool, StoreError> {
        let lock = sqlx::query("SELECT pg_try_advisory_xact_lock($1)").bind(CLEANUP_LOCK);
        let rows = self.fetch(lock).await?;
        let got = rows.first().map(|row| row.try_get(0)).transpose();
        Ok(got.map_err(fault)? == Some(true))
    }
}

fn bound(sql: &'static str, values: Vec<Value>) -> Query<'static, Postgres, PgArguments> {
    values
        .into_iter()
        .fold(sqlx::query(sql), |query, value| match value {
            Value::Number(number) => query.bind(number),
            Value::Text(text) => query.bind(text.map(storable)),
            Value::Bytes(bytes) => query.bind(bytes),
        })
}

/// PostgreSQL has no text with a NUL in it. Nothing that is stored has one, so nothing that is
/// asked for is mistaken.
pub(in crate::store) fn storable(text: String) -> String {
    match text.contains('\0') {
        true => text.replace('\0', "\u{fffd}"),
        false => text,
    }
}

impl Columns for PgRow {
    fn number(&self, at: usize) -> Result<u64, StoreError> {
        self.try_get(at).map(unsigned).map_err(fault)
    }

    fn number_or_none(&self, at: usize) -> Result<Option<u64>, StoreError> {
        let number: Option<i64> = self.try_get(at).map_err(fault)?;
        Ok(number.map(unsigned))
    }

    fn text(&self, at: usize) -> Result<String, StoreError> {
        self.try_get(at).map_err(fault)
    }

    fn text_or_none(&self, at: usize) -> Result<Option<String>, StoreError> {
        self.try_get(at).map_err(fault)
    }

    fn bytes(&self, at: usize) -> Result<Vec<u8>, StoreError> {
        self.try_get(at).map_err(fault)
    }
}

pub(super) fn too_late() -> StoreError {
    StoreError::Fault(format!(
        "PostgreSQL did not answer within {} s",
        LONGEST.as_secs()
    ))
}

// By value, because that is what `map_err` hands over.
#[allow(clippy::needless_pass_by_value)]
pub(super) fn fault(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::PoolClosed => StoreError::Closed,
        sqlx::Error::PoolTimedOut => StoreError::Fault(
            "PostgreSQL gave no connection in time: it is down, or not the one it was, or has no \
             more"
                .to_owned(),
        ),
        other => StoreError::Fault(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_with_a_nul_is_stored_without_it() {
        assert_eq!(storable("a\0b".to_owned()), "a\u{fffd}b");
        assert_eq!(storable("ab".to_owned()), "ab");
    }
}
