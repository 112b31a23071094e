//! How is the file of a store opened, and when is it refused?

use std::{fs::OpenOptions, io, os::unix::fs::OpenOptionsExt as _, path::Path, time::Duration};

use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection, SqlitePool,
    migrate::MigrateError,
    sqlite::{
        SqliteConnectOptions, SqliteJournalMode, SqliteLockingMode, SqlitePoolOptions,
        SqliteSynchronous,
    },
};

use super::{Control, execute};
use crate::store::{StoreError, sql::migrations::Migrations};

/// The first SQLite whose write-ahead log cannot be corrupted by its reset.
const SQLITE_MIN: [u32; 3] = [3, 51, 3];

/// Whose database it is, as its `application_id` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// "CSgn", as the first migration sets it.
    Platform = 0x4353_676e,
    /// "CSgb": a copy, which no platform serves before it was brought back.
    Backup = 0x4353_6762,
}
/// Connections that read.
const READERS: u32 = 4;

/// The connection that writes, and those that read.
pub(super) async fn open(
    path: &Path,
    control: Control,
) -> Result<(SqliteConnection, SqlitePool), StoreError> {
    make_file(path).map_err(|problem| refused(path, &problem))?;
    let base = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true)
        .disable_statement_logging();
    // Looked at before anything is set, so that a foreign file stays as it is.
    let mut connection = connect(&base, path).await?;
    check_version(&mut connection)
        .await
        .map_err(|problem| refused(path, &problem))?;
    check_owner(&mut connection, &[Owner::Platform])
        .await
        .map_err(|problem| refused(path, &problem))?;
    close(connection, path).await?;

    let synchronous = match control {
        Control::NotSynced => SqliteSynchronous::Off,
        Control::Sound | Control::AnsweredBeforeCommit => SqliteSynchronous::Full,
    };
    let writing = base
        .clone()
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(synchronous)
        .pragma("wal_autocheckpoint", "2000")
        .pragma("journal_size_limit", "67108864")
        .pragma("cache_size", "-8000");
    let mut connection = connect(&writing, path).await?;
    migrate(&mut connection)
        .await
        .map_err(|problem| refused(path, &problem))?;
    let reading = base
        .pragma("query_only", "ON")
        .pragma("cache_size", "-1000");
    let readers = SqlitePoolOptions::new()
        .max_connections(READERS)
        .min_connections(1)
        .test_before_acquire(false)
        .connect_with(reading)
        .await
        .map_err(|error| refused(path, &explain(&error)))?;
    Ok((connection, readers))
}

/// A connection to a file that is there, brought up to date, which nobody else uses as long as this
/// one does.
pub(in crate::store) async fn open_alone(path: &Path) -> Result<SqliteConnection, StoreError> {
    if !path.exists() {
        return Err(refused(path, "there is no such file"));
    }
    let mut connection = hold_alone(path).await?;
    let prepared = async {
        check_version(&mut connection).await?;
        check_owner(&mut connection, &[Owner::Platform]).await?;
        migrate(&mut connection).await
    };
    prepared.await.map_err(|problem| refused(path, &problem))?;
    Ok(connection)
}

/// A connection to a file as it is, which nobody else uses as long as this one does.
pub(super) async fn hold_alone(path: &Path) -> Result<SqliteConnection, StoreError> {
    // Every other connection holds a share of the file.
    let alone = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::ZERO)
        .locking_mode(SqliteLockingMode::Exclusive)
        .foreign_keys(true)
        .disable_statement_logging();
    let mut connection = connect(&alone, path).await?;
    // What is locked in this mode stays locked until the connection is closed.
    for sql in ["BEGIN EXCLUSIVE", "COMMIT"] {
        let held = sqlx::query(sql).execute(&mut connection).await;
        held.map_err(|error| match primary_code(&error) {
            Some(5 | 6) => refused(path, "is in use by a platform; stop that first"),
            _ => refused(path, &explain(&error)),
        })?;
    }
    Ok(connection)
}

/// Whether a file may be read as it is: by this SQLite, of one of these, and not of a newer version.
pub(super) async fn check(
    connection: &mut SqliteConnection,
    permitted: &[Owner],
) -> Result<(), String> {
    check_version(connection).await?;
    check_owner(connection, permitted).await?;
    let newest: Option<i64> = sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations")
        .fetch_one(connection)
        .await
        .map_err(|error| explain(&error))?;
    match newest {
        Some(version) if version > MIGRATIONS.newest() => {
            Err(MIGRATIONS.explain(&MigrateError::VersionMissing(version)))
        }
        Some(_) => Ok(()),
        None => Err("was never served: there is nothing in it".to_owned()),
    }
}

/// Says whose database it is from now on.
pub(super) async fn set_owner(
    connection: &mut SqliteConnection,
    owner: Owner,
) -> Result<(), StoreError> {
    execute(
        connection,
        match owner {
            Owner::Platform => "PRAGMA application_id = 0x4353676e",
            Owner::Backup => "PRAGMA application_id = 0x43536762",
        },
    )
    .await
}

fn make_file(path: &Path) -> Result<(), String> {
    let made = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    let failure = match made {
        Ok(_) => return Ok(()),
        Err(failure) => failure,
    };
    match failure.kind() {
        io::ErrorKind::AlreadyExists if path.is_dir() => {
            Err("is a folder; give the path of a file in store.url".to_owned())
        }
        io::ErrorKind::AlreadyExists => {
            match OpenOptions::new().read(true).write(true).open(path) {
                Ok(_) => Ok(()),
                Err(failure) => Err(format!(
                    "cannot be read and written: {failure}; it must belong to the user that runs the platform"
                )),
            }
        }
        io::ErrorKind::NotFound => {
            Err("its folder does not exist; make it, or change store.url".to_owned())
        }
        io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => Err(format!(
            "cannot be made: {failure}; the user that runs the platform must be able to write its folder"
        )),
        _ => Err(format!("cannot be made: {failure}")),
    }
}

pub(super) async fn connect(
    options: &SqliteConnectOptions,
    path: &Path,
) -> Result<SqliteConnection, StoreError> {
    options
        .connect()
        .await
        .map_err(|error| refused(path, &explain(&error)))
}

async fn close(connection: SqliteConnection, path: &Path) -> Result<(), StoreError> {
    connection
        .close()
        .await
        .map_err(|error| refused(path, &explain(&error)))
}

async fn check_version(connection: &mut SqliteConnection) -> Result<(), String> {
    let version: String = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(connection)
        .await
        .map_err(|error| explain(&error))?;
    if is_new_enough(&version) {
        return Ok(());
    }
    let [major, minor, patch] = SQLITE_MIN;
    Err(format!(
        "SQLite {version} can corrupt it; {major}.{minor}.{patch} or newer is needed (build with the bundled SQLite)"
    ))
}

fn is_new_enough(version: &str) -> bool {
    let mut parts = version.split('.').map(str::parse::<u32>);
    let found: [u32; 3] = std::array::from_fn(|_| parts.next().and_then(Result::ok).unwrap_or(0));
    found >= SQLITE_MIN
}

async fn check_owner(connection: &mut SqliteConnection, permitted: &[Owner]) -> Result<(), String> {
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM sqlite_schema")
        .fetch_one(&mut *connection)
        .await
        .map_err(|error| explain(&error))?;
    let owner: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(connection)
        .await
        .map_err(|error| explain(&error))?;
    // A first start that was cut short may have left an empty table of migrations.
    if tables <= 2 && owner == 0 || permitted.iter().any(|one| *one as i64 == owner) {
        return Ok(());
    }
    Err(match owner {
        it if it == Owner::Backup as i64 => {
            "is a backup; bring it back with countersign store restore, which ends what must not \
             come back to life"
        }
        _ => "is a database of another program; name another file",
    }
    .to_owned())
}

async fn migrate(connection: &mut SqliteConnection) -> Result<(), String> {
    let migrator = MIGRATIONS.migrator();
    let migrated = migrator.run(connection).await;
    migrated.map_err(|error| MIGRATIONS.explain(&error))
}

const MIGRATIONS: Migrations = Migrations(&[
    (
        1,
        "begin",
        include_str!("../../../migrations/sqlite/0001_begin.sql"),
    ),
    (
        2,
        "sign in",
        include_str!("../../../migrations/sqlite/0002_sign_in.sql"),
    ),
    (
        3,
        "granted tokens",
        include_str!("../../../migrations/sqlite/0003_granted_tokens.sql"),
    ),
    (
        4,
        "keys",
        include_str!("../../../migrations/sqlite/0004_keys.sql"),
    ),
    (
        5,
        "lists",
        include_str!("../../../migrations/sqlite/0005_lists.sql"),
    ),
]);

/// What SQLite says, in words that help.
pub(super) fn explain(error: &sqlx::Error) -> String {
    match primary_code(error) {
        Some(5 | 6) => "is locked by another process; stop that first".to_owned(),
        Some(8) => "is on a disk that cannot be written".to_owned(),
        Some(11) => "is damaged; bring back a backup".to_owned(),
        Some(13) => "the disk is full".to_owned(),
        Some(14) => {
            "cannot be opened; its folder must be writable, for the files beside it".to_owned()
        }
        Some(26) => "is no SQLite database; name another file".to_owned(),
        _ => error.to_string(),
    }
}

pub(super) fn primary_code(error: &sqlx::Error) -> Option<u32> {
    let code = error.as_database_error()?.code()?;
    code.parse::<u32>().ok().map(|code| code & 0xff)
}

pub(super) fn refused(path: &Path, problem: &str) -> StoreError {
    StoreError::Open(format!("{}: {problem}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{registry::Rules, store::SqliteStore};
    use std::os::unix::fs::PermissionsExt as _;

    async fn refusal(path: &Path) -> String {
        match SqliteStore::open(path, Rules::default()).await {
            Ok(_) => panic!("{} was opened", path.display()),
            Err(error) => error.to_string(),
        }
    }

    // what went wrong before 3.51.3: https://sqlite.org/wal.html, "the WAL-reset bug"
    #[test]
    fn an_older_sqlite_is_refused() {
        for old in ["3.51.2", "3.50.9", "3.7.0", "2.99.99", "", "x"] {
            assert!(!is_new_enough(old), "{old}");
        }
        for new in ["3.51.3", "3.51.10", "3.52.0", "4.0.0"] {
            assert!(is_new_enough(new), "{new}");
        }
    }

    #[tokio::test]
    async fn the_files_are_made_with_mode_0600() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = SqliteStore::open(&path, Rules::default()).await.unwrap();
        crate::store::Store::ping(&store).await.unwrap();
        for name in ["a.db", "a.db-wal", "a.db-shm"] {
            let mode = std::fs::metadata(folder.path().join(name))
                .unwrap()
                .permissions()
                .mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[tokio::test]
    async fn the_connection_that_writes_syncs_each_commit() {
        let folder = tempfile::tempdir().unwrap();
        let (mut connection, _readers) = open(&folder.path().join("a.db"), Control::Sound)
            .await
            .unwrap();
        for (pragma, expected) in [
            ("PRAGMA synchronous", "2"),
            ("PRAGMA journal_mode", "wal"),
            ("PRAGMA foreign_keys", "1"),
            ("PRAGMA busy_timeout", "5000"),
        ] {
            let found: String = sqlx::query_scalar(pragma)
                .fetch_one(&mut connection)
                .await
                .or_else(|_| Ok::<_, sqlx::Error>(String::new()))
                .unwrap();
            let found = if found.is_empty() {
                let number: i64 = sqlx::query_scalar(pragma)
                    .fetch_one(&mut connection)
                    .await
                    .unwrap();
                number.to_string()
            } else {
                found
            };
            assert_eq!(found, expected, "{pragma}");
        }
    }

    #[tokio::test]
    async fn a_missing_folder_a_folder_and_a_foreign_file_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let message = refusal(&folder.path().join("none/a.db")).await;
        assert!(
            message.contains("none/a.db: its folder does not exist"),
            "{message}"
        );
        let message = refusal(folder.path()).await;
        assert!(message.contains("is a folder"), "{message}");
        let text = folder.path().join("notes.txt");
        std::fs::write(
            &text,
            "not a database, but long enough to look at".repeat(50),
        )
        .unwrap();
        let message = refusal(&text).await;
        assert!(
            message.contains("notes.txt: is no SQLite database"),
            "{message}"
        );
        assert!(
            std::fs::read_to_string(&text)
                .unwrap()
                .starts_with("not a database")
        );
    }

    #[tokio::test]
    async fn a_database_of_another_program_is_refused_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("other.db");
        let mut other = SqliteConnectOptions::new()
            .filename(&path)
            .create_if_missing(true)
            .connect()
            .await
            .unwrap();
        for table in [
            "CREATE TABLE a (x)",
            "CREATE TABLE b (x)",
            "CREATE TABLE c (x)",
        ] {
            sqlx::query(table).execute(&mut other).await.unwrap();
        }
        other.close().await.unwrap();
        let before = std::fs::read(&path).unwrap();
        let message = refusal(&path).await;
        assert!(message.contains("another program"), "{message}");
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[tokio::test]
    async fn a_database_of_a_newer_version_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = SqliteStore::open(&path, Rules::default()).await.unwrap();
        crate::store::Store::close(&store).await.unwrap();
        let mut connection = SqliteConnectOptions::new()
            .filename(&path)
            .connect()
            .await
            .unwrap();
        sqlx::query(
            "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
             VALUES (7, 'later', TRUE, x'00', 0)",
        )
        .execute(&mut connection)
        .await
        .unwrap();
        connection.close().await.unwrap();
        let message = refusal(&path).await;
        assert!(
            message.contains("newer countersign")
                && message.contains("version 7")
                && message.contains("a.db"),
            "{message}"
        );
    }
}
