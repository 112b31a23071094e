//! How is a file written that only its owner may read?

use std::{
    fs::{DirBuilder, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use crate::failure::Failure;

/// What becomes of a file that is already there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Existing {
    Refuse,
    Replace,
}

/// Writes a file of mode 0600 as a whole or not at all; makes missing folders with mode 0700.
pub(crate) fn write(path: &Path, content: &[u8], existing: Existing) -> Result<(), Failure> {
    if existing == Existing::Refuse && path.symlink_metadata().is_ok() {
        return Err(
            Failure::other(format!("{} is already there", path.display()))
                .hint("name another file, or move that one away"),
        );
    }
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        make_folder(folder)?;
    }
    // A settings file that is a link (dotfiles kept elsewhere) stays one.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let new = beside(&path);
    let _ = std::fs::remove_file(&new); // left over by a process that was killed
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let written = options.open(&new).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()?;
        match existing {
            Existing::Replace => std::fs::rename(&new, &path),
            // A link is made only where nothing is, so nothing is lost in a race.
            Existing::Refuse => {
                std::fs::hard_link(&new, &path).and_then(|()| std::fs::remove_file(&new))
            }
        }
    });
    written.map_err(|error| {
        let _ = std::fs::remove_file(&new);
        failed("cannot write", &path, &error)
    })
}

/// Makes a folder, and what is missing above it, for its owner alone.
pub(crate) fn make_folder(folder: &Path) -> Result<(), Failure> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(|error| failed("cannot make", folder, &error))
}

/// What could not be done with a file, and what may help.
pub(crate) fn failed(what: &str, path: &Path, error: &std::io::Error) -> Failure {
    let failure = Failure::other(format!("{what} {}: {error}", path.display()));
    match error.kind() {
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => failure.hint(
            "make it yours, or take another place; see countersign help for those it looks in",
        ),
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            failure.hint("make room and do it again; what was there before is unchanged")
        }
        _ => failure,
    }
}

fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    #[test]
    fn a_file_is_readable_by_its_owner_alone_and_its_folder_too() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("a/b.pem");
        write(&file, b"key", Existing::Refuse).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o600);
        assert_eq!(
            home.path().join("a").metadata().unwrap().mode() & 0o7777,
            0o700
        );
        assert_eq!(std::fs::read_dir(home.path().join("a")).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_there_is_kept_unless_it_is_to_be_replaced() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("b.pem");
        write(&file, b"old", Existing::Refuse).unwrap();
        write(&file, b"new", Existing::Refuse).unwrap_err();
        assert_eq!(std::fs::read(&file).unwrap(), b"old");
        write(&file, b"new", Existing::Replace).unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"new");
    }

    #[test]
    fn a_settings_file_that_is_a_link_stays_one() {
        let home = tempfile::tempdir().unwrap();
        let real = home.path().join("real");
        let link = home.path().join("link");
        std::fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        write(&link, b"new", Existing::Replace).unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read(&real).unwrap(), b"new");
    }
}
