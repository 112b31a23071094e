//! How does a store move from a file to PostgreSQL, whole or not at all?

use std::path::Path;

use futures_util::TryStreamExt as _;
use sqlx::{
    AssertSqlSafe, Connection as _, Executor as _, PgConnection, Postgres, Row as _,
    SqliteConnection, postgres::PgArguments, query::Query, sqlite::SqliteRow,
};

use super::{StoreError, postgres, sqlite};
use crate::config::PostgresUrl;

/// What moved: each table with its rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved(pub Vec<(&'static str, u64)>);

impl Moved {
    /// Rows altogether.
    pub fn rows(&self) -> u64 {
        self.0.iter().map(|(_, rows)| rows).sum()
    }
}

/// Moves everything that a SQLite store remembers into a PostgreSQL database that remembers
/// nothing yet. One transaction: on an error the database is as empty as before. The file is left
/// as it is, brought up to date.
///
/// # Errors
/// [`StoreError::Open`] says which of the two is wrong, and what to do: the file is not there or a
/// platform uses it, the database cannot be opened or is not empty, or what arrived is not what
/// was sent.
pub async fn migrate(from: &Path, to: &PostgresUrl) -> Result<Moved, StoreError> {
    let file = |problem: String| StoreError::Open(format!("{}: {problem}", from.display()));
    let database = |problem: String| StoreError::Open(format!("{to}: {problem}"));
    let mut source = sqlite::open_alone(from).await?;
    let mut target = postgres::connect(to).await?;
    let mut moving = target
        .begin()
        .await
        .map_err(|error| database(error.to_string()))?;
    lock(&mut moving).await.map_err(database)?;
    let mut moved = Vec::with_capacity(TABLES.len());
    for table in TABLES {
        let rows = copy(&mut source, &mut moving, table)
            .await
            .map_err(|error| match error {
                Failure::Reading(error) => file(format!("{}: {error}", table.name)),
                Failure::Writing(error) => database(format!("{}: {error}", table.name)),
            })?;
        moved.push((table.name, rows));
    }
    go_on_counting(&mut moving)
        .await
        .map_err(|error| database(error.to_string()))?;
    for (table, sent) in &moved {
        let arrived = count(&mut moving, table)
            .await
            .map_err(|error| database(error.to_string()))?;
        let there = count_in_file(&mut source, table)
            .await
            .map_err(|error| file(error.to_string()))?;
        if (*sent, there) != (arrived, arrived) {
            return Err(database(format!(
                "{table}: {arrived} rows arrived of {there}; nothing was moved"
            )));
        }
    }
    moving
        .commit()
        .await
        .map_err(|error| database(error.to_string()))?;
    let _ = source.close().await;
    let _ = target.close().await;
    Ok(Moved(moved))
}

/// A table, in an order in which what is referred to comes first.
struct Table {
    name: &'static str,
    columns: &'static [(&'static str, Kind)],
}

/// What a column holds. Any but bytes may hold nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Number,
    Text,
    Bytes,
}

const TABLES: &[Table] = &[
    table("application", &[("client_id", Text), ("body", Text)]),
    table(
        "certificate",
        &[
            ("sha256", Text),
            ("usage", Text),
            ("sha1", Text),
            ("client_id", Text),
            ("body", Text),
        ],
    ),
    table("principal", &[("name", Text), ("body", Text)]),
    table("role", &[("name", Text), ("body", Text)]),
    table(
        "mapping",
        &[
            ("id", Text),
            ("client_id", Text),
            ("certificate", Text),
            ("usage", Text),
            ("principal", Text),
            ("body", Text),
        ],
    ),
    table("counter", &[("name", Text), ("value", Number)]),
    table("jti", &[("key", Bytes), ("forget_after", Number)]),
    table("denied_token", &[("jti", Text), ("until", Number)]),
    table(
        "audit",
        &[
            ("sequence", Number),
            ("at", Number),
            ("actor", Text),
            ("subject", Text),
            ("action", Text),
            ("outcome", Text),
            ("token_id", Text),
            ("certificate", Text),
            ("address", Text),
            ("reason", Text),
        ],
    ),
    table(
        "issuer_key",
        &[
            ("kid", Text),
            ("algorithm", Text),
            ("created_at", Number),
            ("key_version", Number),
            ("sealed", Bytes),
            ("state", Text),
            ("active_at", Number),
            ("stopped_at", Number),
            ("retires_at", Number),
        ],
    ),
    table(
        "granted_token",
        &[
            ("id", Text),
            ("kind", Number),
            ("form", Number),
            ("name", Text),
            ("description", Text),
            ("owner", Text),
            ("roles", Text),
            ("scope", Text),
            ("audience", Text),
            ("digest", Bytes),
            ("pepper_version", Number),
            ("created_at", Number),
            ("created_by", Text),
            ("created_through", Text),
            ("application", Text),
            ("certificate", Text),
            ("expires_at", Number),
            ("revoked_at", Number),
            ("revocation_reason", Text),
            ("predecessor", Text),
            ("successor", Text),
            ("grace_ends_at", Number),
            ("ends_at_first_use", Number),
            ("last_used_at", Number),
            ("last_used_from", Text),
        ],
    ),
    table(
        "login",
        &[
            ("id", Text),
            ("handle", Text),
            ("version", Number),
            ("source", Text),
            ("live", Number),
            ("expires_at", Number),
            ("body", Text),
        ],
    ),
    table(
        "session",
        &[
            ("id", Text),
            ("principal", Text),
            ("proof", Text),
            ("scope", Text),
            ("binding", Text),
            ("address", Text),
            ("client", Text),
            ("provider", Text),
            ("created_at", Number),
            ("ends_at", Number),
            ("refresh_limit", Number),
            ("generation", Number),
            ("state", Text),
            ("end_reason", Text),
            ("ended_at", Number),
            ("pending_until", Number),
            ("secret", Bytes),
            ("pepper_version", Number),
            ("key_version", Number),
            ("jti", Text),
            ("issued_at", Number),
            ("expires_at", Number),
            ("refreshed_at", Number),
        ],
    ),
    table(
        "past_secret",
        &[
            ("session", Text),
            ("digest", Bytes),
            ("generation", Number),
            ("used_at", Number),
        ],
    ),
    table(
        "account",
        &[
            ("principal", Text),
            ("password", Text),
            ("changed_at", Number),
        ],
    ),
];

use Kind::{Bytes, Number, Text};

const fn table(name: &'static str, columns: &'static [(&'static str, Kind)]) -> Table {
    Table { name, columns }
}

impl Table {
    fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|(name, _)| *name).collect();
        names.join(", ")
    }

    fn select(&self) -> String {
        format!("SELECT {} FROM {}", self.names(), self.name)
    }

    /// Takes an array for each column.
    fn insert(&self) -> String {
        let arrays: Vec<String> = (1..)
            .zip(self.columns)
            .map(|(at, (_, kind))| match kind {
                Number => format!("${at}::BIGINT[]"),
                Text => format!("${at}::TEXT[]"),
                Bytes => format!("${at}::BYTEA[]"),
            })
            .collect();
        format!(
            "INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE SELECT * FROM UNNEST({})",
            self.name,
            self.names(),
            arrays.join(", ")
        )
    }
}

/// Keeps everybody else out, and refuses a database that remembers something.
async fn lock(target: &mut PgConnection) -> Result<(), String> {
    let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
    let lock = format!("LOCK TABLE {} IN EXCLUSIVE MODE", names.join(", "));
    let run = async |target: &mut PgConnection, sql: String| {
        let done = target.execute(sqlx::query(AssertSqlSafe(sql))).await;
        done.map_err(|error| error.to_string())
    };
    run(target, lock).await?;
    for name in names {
        if name == "counter" {
            continue;
        }
        let rows = count(target, name)
            .await
            .map_err(|error| error.to_string())?;
        if rows > 0 {
            return Err(format!(
                "is not empty: it has {rows} rows in {name}; make a new database with createdb"
            ));
        }
    }
    // As it was made.
    run(target, "DELETE FROM counter".to_owned())
        .await
        .map(drop)
}

enum Failure {
    Reading(sqlx::Error),
    Writing(sqlx::Error),
}

/// Rows of one statement.
const AT_ONCE: usize = 1000;

async fn copy(
    source: &mut SqliteConnection,
    target: &mut PgConnection,
    table: &Table,
) -> Result<u64, Failure> {
    let mut rows = source
        .fetch(sqlx::query(AssertSqlSafe(table.select())))
        .try_chunks(AT_ONCE);
    let mut copied = 0;
    while let Some(chunk) = rows
        .try_next()
        .await
        .map_err(|stopped| Failure::Reading(stopped.1))?
    {
        let insert = arrays(&chunk, table).map_err(Failure::Reading)?;
        let inserted = insert.execute(&mut *target).await;
        copied += inserted.map_err(Failure::Writing)?.rows_affected();
    }
    Ok(copied)
}

/// Column by column.
fn arrays(
    rows: &[SqliteRow],
    table: &Table,
) -> Result<Query<'static, Postgres, PgArguments>, sqlx::Error> {
    let mut query = sqlx::query(AssertSqlSafe(table.insert()));
    for (at, (_, kind)) in table.columns.iter().enumerate() {
        query = match kind {
            Number => query.bind(column::<Option<i64>>(rows, at)?),
            Text => {
                let texts = column::<Option<String>>(rows, at)?;
                let texts = texts.into_iter().map(|text| text.map(postgres::storable));
                query.bind(texts.collect::<Vec<_>>())
            }
            Bytes => query.bind(column::<Vec<u8>>(rows, at)?),
        };
    }
    Ok(query)
}

fn column<'r, T>(rows: &'r [SqliteRow], at: usize) -> Result<Vec<T>, sqlx::Error>
where
    T: sqlx::Decode<'r, sqlx::Sqlite> + sqlx::Type<sqlx::Sqlite>,
{
    rows.iter().map(|row| row.try_get(at)).collect()
}

/// The next audit row gets the number after the last.
async fn go_on_counting(target: &mut PgConnection) -> Result<(), sqlx::Error> {
    target
        .execute(
            "SELECT setval(pg_get_serial_sequence('audit', 'sequence'), max(sequence)) FROM audit \
             HAVING max(sequence) IS NOT NULL",
        )
        .await
        .map(drop)
}

async fn count(target: &mut PgConnection, table: &'static str) -> Result<u64, sqlx::Error> {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let rows: i64 = sqlx::query_scalar(sql).fetch_one(target).await?;
    Ok(rows.unsigned_abs())
}

async fn count_in_file(
    source: &mut SqliteConnection,
    table: &'static str,
) -> Result<u64, sqlx::Error> {
    let sql = AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    let rows: i64 = sqlx::query_scalar(sql).fetch_one(source).await?;
    Ok(rows.unsigned_abs())
}

#[cfg(test)]
mod tests;
