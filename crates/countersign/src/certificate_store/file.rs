//! How is a file read that may be special, too large, or in the middle of being replaced?

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Read},
    path::Path,
};

use zeroize::Zeroizing;

/// A certificate or key file may have at most so many bytes.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// So often is a file read again that changed while it was read.
const ATTEMPTS: usize = 4;

/// What the operating system says about a file's version. Two equal stamps mean the same contents,
/// except within the granularity of the file system's clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    len: u64,
    modified: Option<std::time::SystemTime>,
    identity: Identity,
}

impl Stamp {
    /// Follows symbolic links, so that a link that was turned to another file has a new stamp.
    pub(crate) fn of(path: &Path) -> io::Result<Stamp> {
        std::fs::metadata(path).map(|metadata| Stamp::from_metadata(&metadata))
    }

    fn from_metadata(metadata: &Metadata) -> Stamp {
        Stamp {
            len: metadata.len(),
            modified: metadata.modified().ok(),
            identity: Identity::from_metadata(metadata),
        }
    }
}

/// Who may read a file besides its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exposure {
    /// The owner, perhaps the group.
    Guarded,
    /// Everybody on the machine; the mode bits.
    Everybody(u32),
}

/// The bytes of a file, all of one version; wiped when dropped, since there may be a key in them.
pub(crate) struct FileBytes {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) exposure: Exposure,
}

/// Reads a regular file of at most 1 MiB. The reason of a failure is a phrase without the path.
pub(crate) fn read(path: &Path) -> Result<FileBytes, String> {
    for _ in 0..ATTEMPTS {
        if let Some(whole) = read_once(path)? {
            return Ok(whole);
        }
    }
    Err("is being written at this moment".to_owned())
}

/// `None` when the file changed meanwhile.
fn read_once(path: &Path) -> Result<Option<FileBytes>, String> {
    // Looked at before it is opened: opening some devices does something.
    refuse_special(&std::fs::metadata(path).map_err(|error| in_words(&error))?)?;
    let mut file = open(path).map_err(|error| in_words(&error))?;
    let before = file.metadata().map_err(|error| in_words(&error))?;
    refuse_special(&before)?;
    if before.len() > MAX_BYTES {
        return Err(format!(
            "is too large ({} bytes; at most {MAX_BYTES} are read)",
            before.len()
        ));
    }

    // Room for all of it at once: a buffer that grew would leave copies of a key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_BYTES.min(before.len() + 1) as usize));
    let limit = before.len() + 1;
    Read::by_ref(&mut file)
        .take(limit)
        .read_to_end(&mut bytes)
        .map_err(|error| in_words(&error))?;

    let after = file.metadata().map_err(|error| in_words(&error))?;
    let at_path = Stamp::of(path).map_err(|error| in_words(&error))?;
    let stamp = Stamp::from_metadata(&before);
    let steady = Stamp::from_metadata(&after) == stamp
        && at_path == stamp
        && bytes.len() as u64 == before.len();
    Ok(steady.then(|| FileBytes {
        bytes,
        exposure: Exposure::from_metadata(&before),
    }))
}

fn refuse_special(metadata: &Metadata) -> Result<(), String> {
    if metadata.is_dir() {
        Err("is a folder where a file is wanted".to_owned())
    } else if metadata.is_file() {
        Ok(())
    } else {
        Err("is not a regular file".to_owned())
    }
}

/// What an I/O error means, in lower case and without a number.
pub(super) fn in_words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => "may not be read (permission denied)".to_owned(),
        io::ErrorKind::NotADirectory => "a part of the path is not a folder".to_owned(),
        kind => format!("cannot be read ({kind})"),
    }
}

#[cfg(unix)]
fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;

    // Without waiting: the path may have become a pipe since it was looked at.
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY;
    OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits() as i32)
        .open(path)
}

#[cfg(not(unix))]
fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

#[cfg(unix)]
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
    // A file that was rewritten with its old time put back has a new change time.
    changed: (i64, i64),
}

#[cfg(unix)]
impl Identity {
    fn from_metadata(metadata: &Metadata) -> Identity {
        use std::os::unix::fs::MetadataExt;
        Identity {
            device: metadata.dev(),
            inode: metadata.ino(),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

#[cfg(not(unix))]
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity;

#[cfg(not(unix))]
impl Identity {
    fn from_metadata(_: &Metadata) -> Identity {
        Identity
    }
}

#[cfg(unix)]
impl Exposure {
    fn from_metadata(metadata: &Metadata) -> Exposure {
        use std::os::unix::fs::PermissionsExt;
        let mode = metadata.permissions().mode() & 0o7777;
        if mode & 0o004 == 0 {
            Exposure::Guarded
        } else {
            Exposure::Everybody(mode)
        }
    }
}

#[cfg(not(unix))]
impl Exposure {
    fn from_metadata(_: &Metadata) -> Exposure {
        Exposure::Guarded
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // security.md C1, for what is read
    #[cfg(unix)]
    #[test]
    fn a_pipe_is_refused_without_waiting_for_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe.pem");
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        assert_eq!(read(&pipe).err().unwrap(), "is not a regular file");
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_refused() {
        assert_eq!(
            read(Path::new("/dev/zero")).err().unwrap(),
            "is not a regular file"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_symbolic_link_to_a_regular_file_is_followed() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("target");
        let link = folder.path().join("link");
        std::fs::write(&target, b"contents").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        assert_eq!(read(&link).ok().unwrap().bytes.as_slice(), b"contents");
    }

    #[test]
    fn a_file_of_one_mebibyte_is_read_and_one_byte_more_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("large.pem");
        std::fs::write(&path, vec![b'x'; 1_048_576]).unwrap();
        assert_eq!(read(&path).ok().unwrap().bytes.len(), 1_048_576);
        std::fs::write(&path, vec![b'x'; 1_048_577]).unwrap();
        assert!(read(&path).err().unwrap().contains("too large"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_is_longer_than_was_said_when_it_was_opened_is_not_believed() {
        // The kernel says 0 bytes and gives more, as a file does that grows meanwhile.
        assert_eq!(
            read(Path::new("/proc/self/status")).err().unwrap(),
            "is being written at this moment"
        );
    }

    #[test]
    fn an_absent_file_and_a_folder_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let absent = folder.path().join("absent.pem");
        assert_eq!(read(&absent).err().unwrap(), "no such file or folder");
        assert_eq!(
            read(folder.path()).err().unwrap(),
            "is a folder where a file is wanted"
        );
    }

    #[cfg(unix)]
    #[test]
    fn a_rename_over_a_file_changes_its_stamp_even_with_equal_length_and_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        let other = folder.path().join("b");
        std::fs::write(&path, b"one").unwrap();
        std::fs::write(&other, b"two").unwrap();
        let time = std::fs::metadata(&path).unwrap().modified().unwrap();
        File::options()
            .write(true)
            .open(&other)
            .unwrap()
            .set_modified(time)
            .unwrap();
        let before = Stamp::of(&path).unwrap();
        std::fs::rename(&other, &path).unwrap();
        assert_ne!(Stamp::of(&path).unwrap(), before);
    }
}
