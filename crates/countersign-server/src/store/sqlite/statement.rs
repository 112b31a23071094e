//! How does SQLite run a statement that every database understands?

use sqlx::{Row as _, Sqlite, SqliteConnection, query::Query, sqlite::SqliteRow};

use super::{batch, fault};
use crate::store::{
    NewAuditEntry, StoreError,
    sql::{Columns, Lock, Sql, Value, unsigned},
};

impl Sql for SqliteConnection {
    type Row = SqliteRow;

    // One transaction writes at a time.
    const HOLD_PRINCIPAL: &'static str = "SELECT 1 FROM principal WHERE name = $1";

    const HOLD_PRINCIPAL_ALONE: &'static str = Self::HOLD_PRINCIPAL;

    async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        let done = bound(sql, values).execute(self).await.map_err(fault)?;
        Ok(done.rows_affected())
    }

    async fn rows(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<SqliteRow>, StoreError> {
        bound(sql, values).fetch_all(self).await.map_err(fault)
    }

    async fn append_audit(&mut self, entries: Vec<NewAuditEntry>) -> Result<(), StoreError> {
        batch::append_audit(self, entries).await
    }

    // One transaction writes at a time.
    async fn hold(&mut self, _: Lock) -> Result<(), StoreError> {
        Ok(())
    }

    // There is one writer, and its other writes wait anyway.
    async fn lead_cleanup(&mut self) -> Result<bool, StoreError> {
        Ok(true)
    }
}

fn bound(
    sql: &'static str,
    values: Vec<Value>,
) -> Query<'static, Sqlite, <Sqlite as sqlx::Database>::Arguments> {
    values
        .into_iter()
        .fold(sqlx::query(sql), |query, value| match value {
            Value::Number(number) => query.bind(number),
            Value::Text(text) => query.bind(text),
            Value::Bytes(bytes) => query.bind(bytes),
        })
}

impl Columns for SqliteRow {
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
