//! How is the file of a store copied while a platform writes to it?
//!
//! `VACUUM INTO` reads in one transaction: the copy holds everything that was committed when it began,
//! from the log too, and nothing half-done. Writers go on meanwhile; only the log is not folded back,
//! and grows. It takes a page at a time, so the memory that it needs does not grow with the store.
//!
//! A copy is marked as one. A platform that served it as it is would believe again what was revoked
//! since; `restore` says what has to end first, and takes the mark away.

use std::{io, path::Path, time::Duration};

use countersign_proto::time::UnixTime;
use sqlx::{
    ConnectOptions as _, Connection as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use super::{
    draft::Draft,
    fault,
    open::{self, Owner},
};
use crate::store::StoreError;

/// A copy of a store that is there as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct BackedUp {
    /// What was acknowledged before is in it.
    pub taken_at: UnixTime,
    /// How large it is.
    pub bytes: u64,
    /// The number of the last row of the audit in it, unless there is none.
    pub last_audit: Option<u64>,
}

/// Copies the store in the file `from` into the new file `to`, of mode 0600, while a platform may
/// serve it. On the disk as a whole when this returns; on an error nothing of it is left.
///
/// # Errors
/// [`StoreError::Open`] says which file, what is wrong and what to do: `to` is there already, `from` is
/// no store or one of a newer version, the disk is full.
pub async fn backup(from: &Path, to: &Path, now: UnixTime) -> Result<BackedUp, StoreError> {
    if !from.exists() {
        return Err(open::refused(from, "there is no such file"));
    }
    if to.symlink_metadata().is_ok() {
        return Err(taken(to));
    }
    let mut source = open::connect(&reading(from), from).await?;
    open::check(&mut source, &[Owner::Platform])
        .await
        .map_err(|problem| open::refused(from, &problem))?;
    let draft = Draft::beside(to).map_err(|error| not_written(to, &error))?;
    let Some(name) = draft.path().to_str() else {
        return Err(open::refused(
            to,
            "has a name that is not UTF-8; give another",
        ));
    };
    let copied = sqlx::query("VACUUM INTO $1")
        .bind(name)
        .execute(&mut source)
        .await;
    copied.map_err(|error| failed(&error, from, to))?;
    let _ = source.close().await;
    let last_audit = mark(draft.path(), now).await.map_err(|error| match error {
        StoreError::Fault(problem) => open::refused(to, &problem),
        other => other,
    })?;
    let bytes = draft
        .path()
        .metadata()
        .map(|it| it.len())
        .unwrap_or_default();
    draft.put(to).map_err(|error| not_written(to, &error))?;
    Ok(BackedUp {
        taken_at: now,
        bytes,
        last_audit,
    })
}

/// Reads what is committed, and writes nothing.
fn reading(from: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(from)
        .read_only(true)
        .busy_timeout(Duration::from_secs(5))
        .pragma("cache_size", "-8000")
        .disable_statement_logging()
}

/// Says in a copy that it is one, and of when. It must read back as a whole.
async fn mark(copy: &Path, now: UnixTime) -> Result<Option<u64>, StoreError> {
    // No log and no journal: nobody has seen this file yet, and it is synced as a whole.
    let alone = SqliteConnectOptions::new()
        .filename(copy)
        .journal_mode(SqliteJournalMode::Memory)
        .synchronous(SqliteSynchronous::Off)
        .disable_statement_logging();
    let mut copy = alone.connect().await.map_err(fault)?;
    open::set_owner(&mut copy, Owner::Backup).await?;
    sqlx::query("INSERT OR REPLACE INTO counter (name, value) VALUES ('backed_up_at', $1)")
        .bind(i64::try_from(now.as_secs()).unwrap_or(i64::MAX))
        .execute(&mut copy)
        .await
        .map_err(fault)?;
    check_whole(&mut copy).await?;
    let last: Option<i64> = sqlx::query_scalar("SELECT max(sequence) FROM audit")
        .fetch_one(&mut copy)
        .await
        .map_err(fault)?;
    copy.close().await.map_err(fault)?;
    Ok(last.map(i64::unsigned_abs))
}

/// Whether every page and every index of a file fits the others.
pub(super) async fn check_whole(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    let found: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(1)")
        .fetch_all(connection)
        .await
        .map_err(fault)?;
    match found.first().map(String::as_str) {
        Some("ok") => Ok(()),
        Some(damage) => Err(StoreError::Fault(format!("is damaged: {damage}"))),
        None => Err(StoreError::Fault("cannot be checked".to_owned())),
    }
}

fn failed(error: &sqlx::Error, from: &Path, to: &Path) -> StoreError {
    match open::primary_code(error) {
        // What went wrong at the new file, not at the old one.
        Some(10 | 13) => open::refused(
            to,
            "cannot be written: the disk is full, or a limit of this process is reached; \
             nothing of it is left",
        ),
        _ => open::refused(from, &open::explain(error)),
    }
}

fn not_written(to: &Path, error: &io::Error) -> StoreError {
    match error.kind() {
        io::ErrorKind::AlreadyExists => taken(to),
        io::ErrorKind::NotFound => open::refused(to, "its folder does not exist; make it first"),
        _ => open::refused(
            to,
            &format!("cannot be written: {error}; nothing of it is left"),
        ),
    }
}

fn taken(to: &Path) -> StoreError {
    open::refused(
        to,
        "is already there; name another file, or move that one away",
    )
}

#[cfg(test)]
mod tests {
    use std::{
        os::unix::fs::MetadataExt as _,
        sync::{
            Arc,
            atomic::{AtomicU64, Ordering},
        },
    };

    use super::*;
    use crate::{
        registry::Rules,
        store::{Recorded, SqliteStore, Store, laws},
    };

    const AT: UnixTime = UnixTime::from_secs(1_000);

    async fn store(path: &Path) -> SqliteStore {
        SqliteStore::open(path, Rules::default()).await.unwrap()
    }

    /// As a restore leaves it, but nothing has ended.
    async fn opened(copy: &Path) -> SqliteStore {
        let options = SqliteConnectOptions::new().filename(copy);
        let mut connection = options.connect().await.unwrap();
        open::set_owner(&mut connection, Owner::Platform)
            .await
            .unwrap();
        connection.close().await.unwrap();
        store(copy).await
    }

    // security.md 143
    #[tokio::test]
    async fn a_copy_that_is_taken_under_load_holds_what_was_acknowledged_before_and_no_half() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let busy = Arc::new(store(&path).await);
        let done = Arc::new(AtomicU64::new(0));
        let mut writing = tokio::task::JoinSet::new();
        for writer in 0..4_u64 {
            let (busy, done) = (Arc::clone(&busy), Arc::clone(&done));
            writing.spawn(async move {
                for number in 0.. {
                    // A role and its row of the audit are one change.
                    let name = format!("role-{writer}-{number}");
                    let mut entry = laws::audit("role.create");
                    entry.subject.clone_from(&name);
                    let changed = busy.change(laws::role(&name), entry).await;
                    let record = laws::jti(&name, 1_000_000);
                    if changed.is_err() || busy.record_jti(record).await.is_err() {
                        return;
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        for round in 0..3 {
            let before = done.load(Ordering::SeqCst);
            while done.load(Ordering::SeqCst) < before + 40 {
                tokio::task::yield_now().await;
            }
            let acknowledged = done.load(Ordering::SeqCst);
            let copy = folder.path().join(format!("{round}.backup"));
            let taken = backup(&path, &copy, AT).await.unwrap();
            assert_eq!(taken.bytes, copy.metadata().unwrap().len());
            let copy = opened(&copy).await;
            let registry = copy.registry().await.unwrap();
            let audit = copy.audit(None, 100_000).await.unwrap().items;
            assert_eq!(taken.last_audit, audit.first().map(|row| row.sequence));
            let mut complete = 0;
            for row in &audit {
                assert!(registry.role(&row.subject).is_some(), "{}", row.subject);
                let again = copy.record_jti(laws::jti(&row.subject, 1_000_000)).await;
                complete += u64::from(again.unwrap() == Recorded::Replayed);
            }
            let roles = registry.roles().filter(|role| !role.built_in).count();
            assert_eq!(roles, audit.len(), "each has its row");
            assert!(complete >= acknowledged, "{complete} of {acknowledged}");
        }
        busy.close().await.unwrap();
        while writing.join_next().await.is_some() {}
    }

    // security.md 143
    #[tokio::test]
    async fn a_copy_is_its_owners_alone_and_takes_no_place_of_another_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let store = store(&path).await;
        let copy = folder.path().join("copy");
        backup(&path, &copy, AT).await.unwrap();
        assert_eq!(copy.metadata().unwrap().mode() & 0o7777, 0o600);
        let before = std::fs::read(&copy).unwrap();
        let refused = backup(&path, &copy, AT).await.unwrap_err().to_string();
        assert!(
            refused.ends_with("copy: is already there; name another file, or move that one away"),
            "{refused}"
        );
        assert_eq!(std::fs::read(&copy).unwrap(), before);
        let nowhere = folder.path().join("none/copy");
        let refused = backup(&path, &nowhere, AT).await.unwrap_err().to_string();
        assert!(refused.contains("its folder does not exist"), "{refused}");
        store.close().await.unwrap();
        let mut names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["a.db", "copy"]);
    }

    // security.md 141
    #[tokio::test]
    async fn a_copy_is_not_served_and_not_copied_as_a_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        store(&path).await.close().await.unwrap();
        let copy = folder.path().join("copy");
        backup(&path, &copy, AT).await.unwrap();
        let other = folder.path().join("other");
        for refused in [
            SqliteStore::open(&copy, Rules::default()).await.err(),
            backup(&copy, &other, AT).await.err(),
        ] {
            let said = refused.unwrap().to_string();
            assert!(
                said.contains("is a backup; bring it back with countersign store restore"),
                "{said}"
            );
        }
    }

    #[tokio::test]
    async fn what_is_no_store_is_not_copied() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("copy");
        let text = folder.path().join("notes");
        std::fs::write(&text, "no database, but long enough to look at".repeat(50)).unwrap();
        let empty = folder.path().join("empty");
        std::fs::write(&empty, "").unwrap();
        for (from, problem) in [
            (folder.path().join("none"), "there is no such file"),
            (text, "is no SQLite database"),
            (empty, ""),
        ] {
            let refused = backup(&from, &to, AT).await.unwrap_err().to_string();
            assert!(refused.contains(problem), "{refused}");
        }
        assert!(!to.exists());
    }
}
