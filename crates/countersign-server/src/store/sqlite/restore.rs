//! How does a copy take the place of a store, so that there is a good one at every moment?

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use countersign_proto::time::UnixTime;
use sqlx::{
    ConnectOptions as _, Connection as _, Row as _, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode},
};

use super::{
    backup::check_whole,
    draft::{Draft, with_ending},
    fault,
    open::{self, Owner},
};
use crate::store::StoreError;

/// A change that a restore takes back: it was made after the copy, in the store that is replaced.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TakenBack {
    /// When it was made.
    pub at: UnixTime,
    /// Who made it.
    pub actor: String,
    /// As the audit calls it: `certificate.revoke`.
    pub action: String,
    /// What it was done to.
    pub subject: String,
}

/// Where a store stands, or will stand. As long as this lives no platform opens what is there.
pub(crate) struct Place {
    path: PathBuf,
    held: Option<SqliteConnection>,
}

/// A copy on its way to the place of a store.
pub(crate) struct Returning {
    draft: Draft,
    pub(crate) taken_at: UnixTime,
    /// The number of the last row of its audit.
    last_audit: i64,
}

impl Place {
    /// Holds what is at `path`, as it is when the last platform that served it has closed it or was
    /// killed; or the place, when nothing is there.
    pub(crate) async fn hold(path: &Path) -> Result<Place, StoreError> {
        if !path.exists() {
            for ending in ["-wal", "-shm"] {
                let rest = with_ending(path, ending);
                if rest.exists() {
                    return Err(open::refused(
                        &rest,
                        "belongs to a store that is not there; move it away, and do it again",
                    ));
                }
            }
            return Ok(Place {
                path: path.to_owned(),
                held: None,
            });
        }
        let beside = |problem: String| {
            open::refused(
                path,
                &format!(
                    "{problem}; if it is lost, move it and the files beside it (-wal, -shm) away, \
                     and do it again"
                ),
            )
        };
        let mut held = open::hold_alone(path).await.map_err(|error| {
            let said = error.to_string();
            match said.contains("in use by a platform") {
                true => error,
                false => {
                    let named = format!("{}: ", path.display());
                    beside(said.strip_prefix(&named).unwrap_or(&said).to_owned())
                }
            }
        })?;
        let looked_at = open::check(&mut held, &[Owner::Platform, Owner::Backup]).await;
        looked_at.map_err(beside)?;
        // The log is folded back and gone: what is renamed is the whole of it. Then kept from all.
        for sql in ["PRAGMA journal_mode = DELETE", "BEGIN EXCLUSIVE"] {
            let done = sqlx::query(sql).execute(&mut held).await;
            done.map_err(|error| beside(open::explain(&error)))?;
        }
        Ok(Place {
            path: path.to_owned(),
            held: Some(held),
        })
    }

    /// What was changed in the store that stands here and is not in the copy, oldest first: grants,
    /// revocations, and changes of what is registered. `None` when there is no such store.
    pub(crate) async fn changed_since(
        &mut self,
        copy: &Returning,
    ) -> Result<Option<Vec<TakenBack>>, StoreError> {
        let Some(held) = &mut self.held else {
            return Ok(None);
        };
        let rows = sqlx::query(
            "SELECT at, actor, action, subject FROM audit \
             WHERE (at > $1 OR sequence > $2) AND outcome = 'ok' \
             AND (action LIKE 'application.%' OR action LIKE 'certificate.%' OR action LIKE 'key.%' \
             OR action LIKE 'granted_token.%' AND action <> 'granted_token.first_use' \
             OR action LIKE 'mapping.%' OR action LIKE 'password.%' OR action LIKE 'principal.%' \
             OR action LIKE 'role.%') ORDER BY sequence",
        )
        .bind(i64::try_from(copy.taken_at.as_secs()).unwrap_or(i64::MAX))
        .bind(copy.last_audit)
        .fetch_all(held)
        .await
        .map_err(fault)?;
        let changes = rows.iter().map(|row| {
            let at: i64 = row.try_get(0)?;
            Ok(TakenBack {
                at: UnixTime::from_secs(at.unsigned_abs()),
                actor: row.try_get(1)?,
                action: row.try_get(2)?,
                subject: row.try_get(3)?,
            })
        });
        let changes: Result<Vec<TakenBack>, sqlx::Error> = changes.collect();
        changes.map(Some).map_err(fault)
    }

    /// Lets it go as it is.
    pub(crate) async fn release(self) {
        if let Some(held) = self.held {
            // Its transaction has written nothing.
            let _ = held.close().await;
        }
    }

    /// Puts a copy here. What was here keeps its bytes under the name that is answered.
    pub(crate) async fn give_to(
        self,
        returning: Returning,
        now: UnixTime,
    ) -> Result<Option<PathBuf>, StoreError> {
        let Place { path, held } = self;
        let moved = |error: io::Error| {
            open::refused(
                &path,
                &format!("cannot be replaced: {error}; it is as it was"),
            )
        };
        let Some(mut held) = held else {
            returning.draft.put(&path).map_err(moved)?;
            return Ok(None);
        };
        let time: String = now.to_string().replace([':', '-'], "");
        let kept = with_ending(&path, &format!(".before-{time}"));
        // A second name first, so that the place is never empty.
        fs::hard_link(&path, &kept).map_err(moved)?;
        if let Err(error) = returning.draft.replace(&path) {
            let _ = fs::remove_file(&kept);
            return Err(moved(error));
        }
        // Whoever waited for the old one has found that it is locked, and finds the new one now.
        let _ = sqlx::query("ROLLBACK").execute(&mut held).await;
        let _ = held.close().await;
        Ok(Some(kept))
    }
}

impl Returning {
    /// Copies a backup, or the file of a store that was stopped, to beside `place`, if it is whole.
    pub(crate) async fn of(from: &Path, place: &Path) -> Result<Returning, StoreError> {
        let log = with_ending(from, "-wal");
        if log.metadata().is_ok_and(|log| log.len() > 0) {
            return Err(open::refused(
                &log,
                "holds a part of the store; copy a running store with countersign store backup",
            ));
        }
        let mut original = File::open(from)
            .map_err(|error| open::refused(from, &format!("cannot be read: {error}")))?;
        let mut draft = Draft::beside(place).map_err(|error| not_made(place, &error))?;
        io::copy(&mut original, draft.file()).map_err(|error| not_made(place, &error))?;
        let (taken_at, last_audit) = prepare(draft.path())
            .await
            .map_err(|problem| open::refused(from, &problem))?;
        Ok(Returning {
            draft,
            taken_at,
            last_audit,
        })
    }

    /// The file, until it has its place.
    pub(crate) fn path(&self) -> &Path {
        self.draft.path()
    }
}

/// Makes a copy a store again, if it is a good one: when it was taken, and the last row of its audit.
async fn prepare(copy: &Path) -> Result<(UnixTime, i64), String> {
    let said = |error: StoreError| match error {
        StoreError::Fault(problem) => problem,
        other => other.to_string(),
    };
    let options = SqliteConnectOptions::new()
        .filename(copy)
        .journal_mode(SqliteJournalMode::Delete)
        .busy_timeout(Duration::ZERO)
        .disable_statement_logging();
    let mut copy = options
        .connect()
        .await
        .map_err(|error| open::explain(&error))?;
    open::check(&mut copy, &[Owner::Platform, Owner::Backup]).await?;
    check_whole(&mut copy).await.map_err(said)?;
    let of: (i64, i64) = sqlx::query_as(
        "SELECT coalesce((SELECT value FROM counter WHERE name = 'backed_up_at'), \
         (SELECT max(at) FROM audit), 0), coalesce((SELECT max(sequence) FROM audit), 0)",
    )
    .fetch_one(&mut copy)
    .await
    .map_err(|error| open::explain(&error))?;
    open::set_owner(&mut copy, Owner::Platform)
        .await
        .map_err(said)?;
    copy.close().await.map_err(|error| open::explain(&error))?;
    let (taken_at, last_audit) = of;
    Ok((UnixTime::from_secs(taken_at.unsigned_abs()), last_audit))
}

fn not_made(place: &Path, error: &io::Error) -> StoreError {
    open::refused(
        place,
        &format!("the copy cannot be written beside it: {error}; it is as it was"),
    )
}
