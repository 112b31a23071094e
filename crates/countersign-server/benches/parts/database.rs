//! How does a benchmark open a store, and get at what is in it past the store?

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_server::{
    Rules,
    config::PostgresUrl,
    store::{PostgresStore, SqliteStore, Store},
};
use sqlx::{
    AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, Row as _, SqliteConnection,
    sqlite::SqliteConnectOptions,
};

#[path = "../../../../tests/tests/parts/postgres.rs"]
mod cluster;
use cluster::Cluster;

/// One that is new.
pub(crate) enum Database {
    Sqlite(PathBuf),
    /// By its URL.
    Postgresql(String),
}

impl Database {
    pub(crate) fn sqlite(folder: &Path) -> Database {
        Database::Sqlite(folder.join("store.db"))
    }

    /// On a server that ends with this process.
    pub(crate) fn postgresql() -> Database {
        let cluster = Cluster::shared();
        Database::Postgresql(cluster.url(&cluster.database()))
    }

    pub(crate) async fn open(&self) -> Arc<dyn Store> {
        match self {
            Database::Sqlite(path) => {
                let opened = SqliteStore::open(path, Rules::default()).await;
                Arc::new(opened.expect("a store"))
            }
            Database::Postgresql(url) => {
                let url = PostgresUrl::parse(url, Path::new("/")).expect("a URL");
                let opened = PostgresStore::open(&url, Rules::default()).await;
                Arc::new(opened.expect("a store"))
            }
        }
    }

    /// The type of bytes.
    pub(crate) fn bytes(&self) -> &'static str {
        match self {
            Database::Sqlite(_) => "BLOB",
            Database::Postgresql(_) => "BYTEA",
        }
    }

    /// How bytes are written by their hexadecimal digits.
    pub(crate) fn hexadecimal(&self) -> fn(&str) -> String {
        match self {
            Database::Sqlite(_) => |digits| format!("X'{digits}'"),
            Database::Postgresql(_) => |digits| format!("'\\x{digits}'"),
        }
    }

    pub(crate) async fn run(&self, sql: String) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql));
        match self {
            Database::Sqlite(path) => {
                let mut connection = sqlite(path).await;
                sql.execute(&mut connection).await.expect("it is done");
                connection.close().await.expect("it closes");
            }
            Database::Postgresql(url) => {
                let mut connection = PgConnection::connect(url).await.expect("a connection");
                sql.execute(&mut connection).await.expect("it is done");
                connection.close().await.expect("it closes");
            }
        }
    }

    /// Rows of the audit.
    pub(crate) async fn audit(&self) -> u64 {
        self.count("SELECT count(*) FROM audit").await
    }

    /// Rows that can be forgotten.
    pub(crate) async fn over(&self) -> u64 {
        let over = "SELECT (SELECT count(*) FROM jti WHERE forget_after < 1000000) \
            + (SELECT count(*) FROM denied_token) \
            + (SELECT count(*) FROM granted_token WHERE expires_at < 1000000)";
        self.count(over).await
    }

    async fn count(&self, sql: &'static str) -> u64 {
        let count: i64 = match self {
            Database::Sqlite(path) => {
                let row = sqlx::query(sql).fetch_one(&mut sqlite(path).await).await;
                row.expect("a row").get(0)
            }
            Database::Postgresql(url) => {
                let mut connection = PgConnection::connect(url).await.expect("a connection");
                let row = sqlx::query(sql).fetch_one(&mut connection).await;
                row.expect("a row").get(0)
            }
        };
        u64::try_from(count).expect("a count")
    }
}

async fn sqlite(path: &Path) -> SqliteConnection {
    let file = SqliteConnectOptions::new().filename(path);
    file.connect().await.expect("a connection")
}
