//! How is a PostgreSQL opened, and when is it refused?

use std::{fmt::Display, io, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, Executor as _, PgConnection, PgPool, Row as _,
    postgres::{PgConnectOptions, PgPoolOptions, PgRow, PgSslMode},
};
use tokio::time::timeout;

use super::password;
use crate::{
    config::{DatabaseTls, PostgresUrl, Server},
    store::{StoreError, sql::migrations::Migrations},
};

/// Connections at one time, the one that listens among them.
const CONNECTIONS: u32 = 11;
/// Waiting for a connection, over a short absence of the server.
const ACQUIRE: Duration = Duration::from_secs(3);
/// Waiting for the first one.
const CONNECT: Duration = Duration::from_secs(10);
/// A connection that was idle for longer is tried before it is used.
const TRUSTED_FOR: Duration = Duration::from_secs(1);

/// Limits of each connection. A node that freezes in a transaction must not hold the others for
/// long.
const LIMITS: &str = "SET statement_timeout = '10s'; SET lock_timeout = '5s'; \
    SET idle_in_transaction_session_timeout = '15s'; \
    SET default_transaction_isolation = 'read committed'";

const MIGRATIONS: Migrations = Migrations(&[
    (
        1,
        "begin",
        include_str!("../../../migrations/postgres/0001_begin.sql"),
    ),
    (
        2,
        "granted tokens",
        include_str!("../../../migrations/postgres/0002_granted_tokens.sql"),
    ),
    (
        3,
        "keys",
        include_str!("../../../migrations/postgres/0003_keys.sql"),
    ),
    (
        4,
        "lists",
        include_str!("../../../migrations/postgres/0004_lists.sql"),
    ),
]);

/// Brings the tables up to date and answers one connection.
pub(in crate::store) async fn connect(url: &PostgresUrl) -> Result<PgConnection, StoreError> {
    let refused = |problem: String| StoreError::Open(format!("{url}: {problem}"));
    let options = options(url).map_err(refused)?;
    let connected = timeout(CONNECT, options.connect())
        .await
        .map_err(|_| refused(format!("does not answer within {} s", CONNECT.as_secs())))?;
    let mut connection = connected.map_err(|error| refused(explain(&error)))?;
    prepare(&mut connection, url).await.map_err(refused)?;
    Ok(connection)
}

/// Brings the tables up to date and answers connections.
pub(super) async fn open(url: &PostgresUrl) -> Result<PgPool, StoreError> {
    let refused = |problem: String| StoreError::Open(format!("{url}: {problem}"));
    let first = connect(url).await?;
    first
        .close()
        .await
        .map_err(|error| refused(explain(&error)))?;
    let options = options(url).map_err(refused)?;
    let database = url.database.clone();
    let pool = PgPoolOptions::new()
        .max_connections(CONNECTIONS)
        .acquire_timeout(ACQUIRE)
        .test_before_acquire(false)
        .before_acquire(|connection, about| {
            Box::pin(async move {
                if about.idle_for > TRUSTED_FOR {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(move |connection, _| {
            let database = database.clone();
            Box::pin(async move {
                connection.execute(LIMITS).await?;
                // Another server may have come in its place.
                let problem = check_server(connection, &database).await?;
                problem.map_or(Ok(()), |problem| {
                    Err(sqlx::Error::Configuration(problem.into()))
                })
            })
        })
        .connect_lazy_with(options);
    Ok(pool)
}

fn options(url: &PostgresUrl) -> Result<PgConnectOptions, String> {
    let options = PgConnectOptions::new_without_pgpass()
        .username(&url.user)
        .database(&url.database)
        .application_name("countersign")
        .disable_statement_logging();
    let options = match &url.server {
        Server::Host { host, port } => options.host(host).port(*port),
        Server::Socket { folder, port } => options.socket(folder).port(*port),
    };
    let options = match password::of(url)? {
        Some(password) => options.password(&password),
        None => options,
    };
    Ok(match &url.tls {
        DatabaseTls::Off => options.ssl_mode(PgSslMode::Disable),
        DatabaseTls::Verified {
            authorities,
            client,
        } => {
            let mut options = options.ssl_mode(PgSslMode::VerifyFull);
            if let Some(file) = authorities {
                options = options.ssl_root_cert(file);
            }
            if let Some((certificate, key)) = client {
                options = options.ssl_client_cert(certificate).ssl_client_key(key);
            }
            options
        }
    })
}

/// Everything that is checked once.
async fn prepare(connection: &mut PgConnection, url: &PostgresUrl) -> Result<(), String> {
    let problem = check_server(connection, &url.database)
        .await
        .map_err(|error| explain(&error))?;
    if let Some(problem) = problem {
        return Err(problem);
    }
    check_owner(connection).await?;
    let migrated = MIGRATIONS.migrator().run(connection).await;
    migrated.map_err(|error| match &error {
        sqlx::migrate::MigrateError::Execute(cause)
        | sqlx::migrate::MigrateError::ExecuteMigration(cause, _)
            if code(cause).as_deref() == Some("42501") =>
        {
            format!(
                "the user {} may not make tables in it; make it the owner of the database",
                url.user.escape_debug()
            )
        }
        _ => MIGRATIONS.explain(&error),
    })
}

/// What is wrong with the server: it would lose what was acknowledged, or it cannot write.
async fn check_server(
    connection: &mut PgConnection,
    database: &str,
) -> Result<Option<String>, sqlx::Error> {
    let row = connection
        .fetch_one(
            "SELECT current_setting('synchronous_commit'), current_setting('fsync'), \
             pg_is_in_recovery(), current_setting('transaction_read_only'), \
             current_setting('server_encoding')",
        )
        .await?;
    let setting = |at: usize| row.try_get::<String, _>(at);
    if row.try_get(2)? {
        return Ok(Some(
            "is a standby, which cannot be written; name the primary in store.url".to_owned(),
        ));
    }
    if setting(3)? == "on" {
        return Ok(Some(format!(
            "is read-only for this user; run ALTER DATABASE {database:?} RESET default_transaction_read_only"
        )));
    }
    if setting(0)? == "off" {
        return Ok(Some(format!(
            "has synchronous_commit = off, so that a crash would lose what was acknowledged; turn \
             it on in postgresql.conf, or run ALTER DATABASE {database:?} SET synchronous_commit = on"
        )));
    }
    if setting(1)? == "off" {
        return Ok(Some(
            "has fsync = off, so that a crash would lose everything; turn it on in postgresql.conf"
                .to_owned(),
        ));
    }
    let encoding = setting(4)?;
    if encoding != "UTF8" {
        return Ok(Some(format!(
            "has the encoding {encoding}; make it anew with createdb --encoding=UTF8 --template=template0"
        )));
    }
    Ok(None)
}

async fn check_owner(connection: &mut PgConnection) -> Result<(), String> {
    let row: PgRow = connection
        .fetch_one(
            "SELECT current_schema() IS NOT NULL, \
             obj_description(to_regclass('counter'), 'pg_class') = 'countersign', \
             EXISTS (SELECT FROM pg_class WHERE relnamespace = to_regnamespace(current_schema()) \
             AND relkind IN ('r', 'p', 'v', 'm', 'f') AND relname <> '_sqlx_migrations')",
        )
        .await
        .map_err(|error| explain(&error))?;
    let flag = |at: usize| row.try_get::<Option<bool>, _>(at).ok().flatten() == Some(true);
    match (flag(0), flag(1), flag(2)) {
        (false, ..) => Err("has no schema for this user; make one, or set search_path".to_owned()),
        (_, true, _) | (_, _, false) => Ok(()),
        _ => {
            Err("holds tables of another program; make a database for countersign alone".to_owned())
        }
    }
}

/// What PostgreSQL says, in words that help. Never with the password, which no error holds.
fn explain(error: &sqlx::Error) -> String {
    match (error, code(error).as_deref()) {
        (sqlx::Error::Io(failure), _)
            if matches!(
                failure.kind(),
                io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound
            ) =>
        {
            "nothing listens there; start PostgreSQL, or change store.url".to_owned()
        }
        (sqlx::Error::Tls(problem), _) => not_believed(problem),
        (sqlx::Error::Io(failure), _) if failure.kind() == io::ErrorKind::InvalidData => {
            not_believed(failure)
        }
        (_, Some("28P01" | "28000")) => {
            "refuses the user or its password; correct store.url or store.password_file".to_owned()
        }
        (_, Some("3D000")) => "there is no such database; make it with createdb".to_owned(),
        (_, Some("53300")) => {
            "takes no more connections; raise max_connections in postgresql.conf".to_owned()
        }
        _ => error.to_string(),
    }
}

fn not_believed(problem: &dyn Display) -> String {
    format!(
        "does not prove by TLS that it is the server meant: {problem}; sslrootcert=FILE in \
         store.url names an authority of your own"
    )
}

pub(super) fn code(error: &sqlx::Error) -> Option<String> {
    let code = error.as_database_error()?.code()?;
    Some(code.into_owned())
}
