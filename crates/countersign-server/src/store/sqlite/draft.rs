//! How is a file made whole or not at all, whatever cuts its making short?
//!
//! It is made under another name beside its place, for its owner alone, and gets its name when it is
//! there as a whole and on the disk. What a process that was killed left behind is known by that nobody
//! holds its lock, and is removed by the next that makes one.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, OFlags, flock};

/// What the name of a draft ends with. SQLite puts more behind it for its own files.
const ENDING: &str = ".part";

/// A file that has no name yet. Gone when dropped.
pub(super) struct Draft {
    path: PathBuf,
    /// Locked as long as the draft is made.
    file: File,
}

impl Draft {
    /// An empty one beside `place`, of mode 0600.
    pub(super) fn beside(place: &Path) -> io::Result<Draft> {
        // SQLite is given the path as it is from the root: no other beginning means something to it.
        let folder = folder_of(place).canonicalize()?;
        remove_left_over(&folder, place);
        loop {
            let id = uuid::Uuid::now_v7().simple();
            let path = folder.join(format!("{}{id}{ENDING}", beginning(place)));
            let mut options = OpenOptions::new();
            let made = options
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            let file = match made {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
                made => made?,
            };
            flock(&file, FlockOperation::LockExclusive)?;
            // Between its making and its lock another process may have taken it for left over.
            if is_at(&file, &path) {
                return Ok(Draft { path, file });
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// Gets the name `place`, where nothing must be.
    pub(super) fn put(self, place: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        // A link, unlike a renaming, never takes the place of a file that somebody made meanwhile.
        fs::hard_link(&self.path, place)?;
        sync_folder_of(place)
    }

    /// Takes the place of what is there, which is never without a file.
    pub(super) fn replace(self, place: &Path) -> io::Result<()> {
        self.file.sync_all()?;
        fs::rename(&self.path, place)?;
        sync_folder_of(place)
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        for more in ["", "-journal", "-wal", "-shm"] {
            let _ = fs::remove_file(with_ending(&self.path, more));
        }
    }
}

/// The path with something behind its name.
pub(super) fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn remove_left_over(folder: &Path, place: &Path) {
    let beginning = beginning(place);
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let draft = name
            .strip_prefix(&beginning)
            .and_then(|rest| rest.split_once(ENDING))
            .map(|(id, _)| folder.join(format!("{beginning}{id}{ENDING}")));
        if draft.is_some_and(|draft| is_left_over(&draft)) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether nobody makes this draft any more.
fn is_left_over(draft: &Path) -> bool {
    // What somebody else put there must not make us wait, or lead elsewhere.
    let opened = File::options()
        .read(true)
        .custom_flags((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed())
        .open(draft);
    match opened {
        Ok(file) => flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok(),
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let held = file.metadata().map(id);
    held.is_ok_and(|held| fs::metadata(path).map(id).is_ok_and(|there| there == held))
}

fn beginning(place: &Path) -> String {
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.")
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        names
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_draft_that_is_dropped_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let draft = Draft::beside(&folder.path().join("a.db")).unwrap();
        fs::write(with_ending(draft.path(), "-wal"), "log").unwrap();
        assert_eq!(draft.path().metadata().unwrap().mode() & 0o7777, 0o600);
        drop(draft);
        assert!(names(folder.path()).is_empty());
    }

    #[test]
    fn a_draft_takes_a_name_that_is_free_and_no_other_unless_it_is_told_to() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a.db");
        Draft::beside(&place).unwrap().put(&place).unwrap();
        assert_eq!(names(folder.path()), ["a.db"]);
        fs::write(&place, "mine").unwrap();
        let refused = Draft::beside(&place).unwrap().put(&place).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&place).unwrap(), "mine");
        Draft::beside(&place).unwrap().replace(&place).unwrap();
        assert_eq!(fs::read_to_string(&place).unwrap(), "");
        assert_eq!(names(folder.path()), ["a.db"]);
    }

    #[test]
    fn what_was_left_over_is_removed_and_what_is_being_made_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("a.db");
        for name in [
            ".a.db.1.part",
            ".a.db.1.part-wal",
            ".a.db.2.part-shm",
            ".b.db.1.part",
        ] {
            fs::write(folder.path().join(name), "left over").unwrap();
        }
        let first = Draft::beside(&place).unwrap();
        let second = Draft::beside(&place).unwrap();
        assert!(first.path().exists() && second.path().exists());
        let mut left = names(folder.path());
        left.retain(|name| !first.path().ends_with(name) && !second.path().ends_with(name));
        assert_eq!(left, [".b.db.1.part"], "of another file");
    }
}
