//! How is the secrets file kept to its owner alone?

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use rustix::{
    fs::{FlockOperation, OFlags, flock},
    io::Errno,
    process::geteuid,
};
use zeroize::Zeroizing;

use super::{SecretsError, error};

/// Longest file, in bytes.
pub(super) const LONGEST: usize = 64 * 1024;

/// Reads the file when it is a plain file of this user that nobody else may read; `None` when
/// there is none.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<String>>, SecretsError> {
    match open(path)? {
        Some(mut file) => text_of(&mut file, path).map(Some),
        None => Ok(None),
    }
}

fn open(path: &Path) -> Result<Option<File>, SecretsError> {
    let opened = OpenOptions::new()
        .read(true)
        // NONBLOCK: a pipe in this place must not hold the start up.
        .custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK))
        .open(path);
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(failure) if failure.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(failure) if failure.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => Err(error(
            path,
            "is a symbolic link; give the path of the file itself",
        )),
        Err(failure) => Err(error(path, &format!("cannot be opened: {failure}"))),
    }
}

fn text_of(file: &mut File, path: &Path) -> Result<Zeroizing<String>, SecretsError> {
    let metadata = metadata_of(file, path)?;
    check(&Facts::of(&metadata)).map_err(|problem| error(path, &problem))?;
    let length = usize::try_from(metadata.len()).unwrap_or_default();
    let mut text = Zeroizing::new(String::with_capacity(length + 1));
    file.read_to_string(&mut text)
        .map_err(|failure| error(path, &format!("cannot be read: {failure}")))?;
    Ok(text)
}

fn metadata_of(file: &File, path: &Path) -> Result<Metadata, SecretsError> {
    file.metadata()
        .map_err(|failure| error(path, &format!("cannot be looked at: {failure}")))
}

/// Makes the file, whole or not at all, unless it is there.
pub(super) fn create(path: &Path, text: &str) -> Result<(), SecretsError> {
    let failed = |failure: io::Error| {
        error(
            path,
            &format!(
                "cannot be made: {failure}; the folder must be there and writable for this user"
            ),
        )
    };
    let draft = draft_path(path);
    let written = write_draft(&draft, 0o600, text);
    // A link, unlike a renaming, never takes the place of a file that somebody made meanwhile.
    let linked = written.and_then(|()| std::fs::hard_link(&draft, path));
    let removed = std::fs::remove_file(&draft);
    match linked {
        Ok(()) => {}
        Err(failure) if failure.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Err(failure) => return Err(failed(failure)),
    }
    removed.map_err(failed)?;
    sync_folder_of(path).map_err(failed)
}

/// Replaces the text by what `rewrite` makes of it, whole or not at all, and keeps the mode; `None`
/// leaves it. Of several at once one rewrites at a time, and each sees what the one before it wrote.
pub(super) fn replace(
    path: &Path,
    rewrite: impl Fn(&str) -> Result<Option<Zeroizing<String>>, SecretsError>,
) -> Result<(), SecretsError> {
    let failed = |failure: io::Error| {
        error(
            path,
            &format!(
                "is of an older version and cannot be completed: {failure}; let this user write \
                 in its folder for this one start"
            ),
        )
    };
    loop {
        let mut file = open(path)?.ok_or_else(|| error(path, "is gone again"))?;
        flock(&file, FlockOperation::LockExclusive).map_err(|errno| failed(errno.into()))?;
        let held = metadata_of(&file, path)?;
        let there = std::fs::symlink_metadata(path).map_err(failed)?;
        // Whoever held the lock before has put another file in its place: that one counts.
        if (held.dev(), held.ino()) != (there.dev(), there.ino()) {
            continue;
        }
        let Some(text) = rewrite(&text_of(&mut file, path)?)? else {
            return Ok(());
        };
        let draft = draft_path(path);
        let replaced = write_draft(&draft, held.mode() & 0o7777, &text)
            .and_then(|()| std::fs::rename(&draft, path));
        if let Err(failure) = replaced {
            let _ = std::fs::remove_file(&draft);
            return Err(failed(failure));
        }
        return sync_folder_of(path).map_err(failed);
    }
}

fn write_draft(draft: &Path, mode: u32, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .custom_flags(flags(OFlags::NOFOLLOW))
        .open(draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn sync_folder_of(path: &Path) -> io::Result<()> {
    File::open(folder_of(path))?.sync_all()
}

struct Facts {
    is_file: bool,
    mode: u32,
    owner: u32,
    user: u32,
    length: u64,
}

impl Facts {
    fn of(metadata: &Metadata) -> Facts {
        Facts {
            is_file: metadata.is_file(),
            mode: metadata.mode() & 0o7777,
            owner: metadata.uid(),
            user: geteuid().as_raw(),
            length: metadata.len(),
        }
    }
}

fn check(facts: &Facts) -> Result<(), String> {
    if !facts.is_file {
        return Err("is not a plain file".to_owned());
    }
    if facts.owner != facts.user {
        return Err(format!(
            "belongs to user {}, and this process is user {}; run as its owner, or chown it",
            facts.owner, facts.user
        ));
    }
    if facts.mode & 0o177 != 0 {
        return Err(format!(
            "has mode {:04o}, so that others may read it; run chmod 600, and replace its secrets if others may have",
            facts.mode
        ));
    }
    if facts.length > LONGEST as u64 {
        return Err(format!(
            "is longer than {LONGEST} bytes; this is no secrets file"
        ));
    }
    Ok(())
}

fn draft_path(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!(".{name}.{}", uuid::Uuid::now_v7().simple()))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn flags(flags: OFlags) -> i32 {
    i32::try_from(flags.bits()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::Secrets;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn set_mode(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_file_is_made_with_mode_0600_and_reads_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        assert!(Secrets::read(&path).unwrap().is_none());
        let made = Secrets::read_or_create(&path).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, 0o600);
        let again = Secrets::read_or_create(&path).unwrap();
        assert_eq!(made.pepper(), again.pepper());
        let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(names.len(), 1, "no draft is left: {names:?}");
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        Secrets::read_or_create(&path).unwrap();
        for mode in [0o640, 0o604, 0o620, 0o700, 0o644] {
            set_mode(&path, mode);
            let message = Secrets::read_or_create(&path).unwrap_err().to_string();
            assert!(
                message.contains("chmod 600") && message.contains("secrets"),
                "{message}"
            );
        }
        set_mode(&path, 0o400);
        assert!(Secrets::read(&path).is_ok());
    }

    #[test]
    fn a_symbolic_link_is_refused_even_to_a_good_file() {
        let folder = tempfile::tempdir().unwrap();
        let good = folder.path().join("good");
        Secrets::read_or_create(&good).unwrap();
        for target in [good, folder.path().join("nowhere")] {
            let link = folder.path().join("link");
            symlink(target, &link).unwrap();
            let message = Secrets::read_or_create(&link).unwrap_err().to_string();
            assert!(message.contains("symbolic link"), "{message}");
            std::fs::remove_file(link).unwrap();
        }
    }

    #[test]
    fn a_folder_or_a_foreign_owner_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let message = Secrets::read_or_create(folder.path())
            .unwrap_err()
            .to_string();
        assert!(message.contains("not a plain file"), "{message}");
        let foreign = Facts {
            is_file: true,
            mode: 0o600,
            owner: 1000,
            user: 1001,
            length: 1,
        };
        assert!(
            check(&foreign)
                .unwrap_err()
                .contains("belongs to user 1000")
        );
    }

    #[test]
    fn a_missing_folder_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("none/secrets");
        let message = Secrets::read_or_create(&path).unwrap_err().to_string();
        assert!(
            message.contains("none/secrets") && message.contains("folder"),
            "{message}"
        );
    }

    #[test]
    fn of_several_that_make_the_file_at_once_all_use_the_same_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        let peppers: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| *Secrets::read_or_create(&path).unwrap().pepper().unwrap().1)
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(peppers.iter().all(|pepper| *pepper == peppers[0]));
    }

    /// A file as the first version made it.
    fn older(path: &Path, mode: u32) -> String {
        let text = format!(
            "countersign-secrets 1\n# mine\nkey-encryption-key 1 {}\npepper 1 {}\n",
            "E".repeat(42) + "A",
            "I".repeat(42) + "A",
        );
        std::fs::write(path, &text).unwrap();
        set_mode(path, mode);
        text
    }

    #[test]
    fn an_older_file_is_completed_once_and_keeps_its_lines_and_its_mode() {
        for mode in [0o600, 0o400] {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("secrets");
            let before = older(&path, mode);
            let made = Secrets::read(&path).unwrap().unwrap();
            let after = std::fs::read_to_string(&path).unwrap();
            let kept = before.split_once('\n').unwrap().1;
            assert!(after.split_once('\n').unwrap().1.starts_with(kept));
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o7777, mode);
            let again = Secrets::read(&path).unwrap().unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
            assert_eq!(made.refresh_key(), again.refresh_key());
            assert_eq!(made.login_key(), again.login_key());
            let names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
            assert_eq!(names.len(), 1, "no draft is left: {names:?}");
        }
    }

    #[test]
    fn an_older_file_that_does_not_read_is_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        std::fs::write(&path, "countersign-secrets 1\npepper 1 c2hvcnQ\n").unwrap();
        set_mode(&path, 0o600);
        let message = Secrets::read(&path).unwrap_err().to_string();
        assert!(message.contains("line 2"), "{message}");
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            "countersign-secrets 1\npepper 1 c2hvcnQ\n"
        );
    }

    #[test]
    fn of_several_that_complete_the_file_at_once_all_use_the_same_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        older(&path, 0o600);
        let keys: Vec<([u8; 32], [u8; 32])> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..16)
                .map(|_| {
                    scope.spawn(|| {
                        let secrets = Secrets::read(&path).unwrap().unwrap();
                        (
                            *secrets.refresh_key().unwrap().1,
                            *secrets.login_key().unwrap(),
                        )
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert!(keys.iter().all(|key| *key == keys[0]));
    }

    #[test]
    fn sealed_keys_without_their_secrets_are_not_given_new_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets");
        let sealed = Secrets::for_platform(Some(&path), &[])
            .unwrap()
            .seal_key(
                "k",
                "ES256",
                countersign_proto::time::UnixTime::from_secs(1),
                b"key",
            )
            .unwrap();
        assert!(Secrets::for_platform(Some(&path), std::slice::from_ref(&sealed)).is_ok());
        std::fs::remove_file(&path).unwrap();
        let without_file = Secrets::for_platform(None, std::slice::from_ref(&sealed));
        assert!(without_file.unwrap_err().to_string().contains("is not set"));
        let message = Secrets::for_platform(Some(&path), &[sealed])
            .unwrap_err()
            .to_string();
        assert!(
            message.contains("is missing") && message.contains("backup"),
            "{message}"
        );
        assert!(!path.exists());
    }
}
