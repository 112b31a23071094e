//! Does SQLite find by its indexes what is asked for?

use sqlx::SqliteConnection;
use tempfile::TempDir;

use super::{Control, open};
use crate::store::sql::plans::{
    Dialect, Explained, the_audit_is_read, tokens_are_found, tokens_end, tokens_live,
};

const DIALECT: Dialect = Dialect {
    explain: "EXPLAIN QUERY PLAN",
    step: 3,
    is_scan,
    bytes: "BLOB",
    keys: [
        "sqlite_autoindex_granted_token_1",
        "sqlite_autoindex_granted_token_2",
    ],
};

/// Of tables, under their names in the statements; an index that is read from one end to the other
/// is no better.
fn is_scan(step: &str) -> bool {
    const TABLES: [&str; 8] = [
        "granted_token",
        "granted",
        "old",
        "older",
        "new",
        "this",
        "next",
        "audit",
    ];
    let scanned = step.strip_prefix("SCAN ");
    scanned.is_some_and(|what| TABLES.contains(&what.split(' ').next().unwrap_or_default()))
}

async fn filled() -> (Explained<SqliteConnection>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.db");
    let (connection, _readers) = open::open(&path, Control::Sound).await.unwrap();
    (Explained::filled(connection, DIALECT).await, folder)
}

#[tokio::test]
async fn many_tokens_and_a_long_audit_are_not_looked_through() {
    let (mut asked, _folder) = filled().await;
    tokens_are_found(&mut asked).await;
    the_audit_is_read(&mut asked).await;
    tokens_live(&mut asked).await;
    tokens_end(&mut asked).await;
}

/// The platform gathers none.
#[tokio::test]
async fn the_plans_are_the_same_without_statistics() {
    let (mut asked, _folder) = filled().await;
    asked.run("DELETE FROM sqlite_stat1").await;
    asked.run("ANALYZE sqlite_schema").await;
    tokens_are_found(&mut asked).await;
    the_audit_is_read(&mut asked).await;
    tokens_live(&mut asked).await;
    tokens_end(&mut asked).await;
}
