//! Where does an agent listen, and why is it alone there?

use std::{
    fs::{File, OpenOptions, Permissions, TryLockError},
    io::ErrorKind,
    os::unix::fs::{FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use countersign::cache_file::CacheFolder;
use rustix::{fs::OFlags, process::geteuid};
use tokio::net::UnixListener;

use crate::{failure::Failure, private_file::failed};

/// Who can reach the socket at all. Whether they are served is another question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Its owner: the folder is closed to everybody else.
    Owner,
    /// Every user, because some of them are served.
    Everybody,
}

/// A socket that is listened at; removed when dropped.
pub(super) struct Socket {
    listener: UnixListener,
    /// None when a service manager opened it, and removes it.
    ours: Option<Ours>,
}

struct Ours {
    path: PathBuf,
    device: u64,
    inode: u64,
    /// Held as long as the agent lives: what is left of one that was killed has no lock.
    _lock: File,
}

impl Socket {
    /// Takes the socket that a service manager listens at.
    pub(super) fn given(listener: std::os::unix::net::UnixListener) -> Result<Socket, Failure> {
        let taken = listener
            .set_nonblocking(true)
            .and_then(|()| UnixListener::from_std(listener));
        let listener =
            taken.map_err(|error| Failure::other(format!("cannot take the socket: {error}")))?;
        Ok(Socket {
            listener,
            ours: None,
        })
    }

    /// Listens at `path`.
    pub(super) fn open(path: &Path, reach: Reach) -> Result<Socket, Failure> {
        let folder = path.parent().unwrap_or(Path::new("/"));
        match reach {
            Reach::Owner => {
                CacheFolder::open(folder).map_err(|error| Failure::from(error).hint(OWN_FOLDER))?;
            }
            Reach::Everybody => check_open_folder(folder)?,
        }
        let lock = lock(&with_ending(path, ".lock"))?;
        clear(path)?;
        let listener = UnixListener::bind(path).map_err(|error| {
            let failure = failed("cannot listen at", path, &error);
            match error.kind() {
                ErrorKind::InvalidInput => {
                    failure.hint("a socket's path has at most 107 bytes: name a shorter --socket")
                }
                _ => failure,
            }
        })?;
        let mode = match reach {
            Reach::Owner => 0o600,
            Reach::Everybody => 0o666,
        };
        let found = std::fs::set_permissions(path, Permissions::from_mode(mode))
            .and_then(|()| path.symlink_metadata())
            .map_err(|error| failed("cannot protect", path, &error))?;
        Ok(Socket {
            listener,
            ours: Some(Ours {
                path: path.to_owned(),
                device: found.dev(),
                inode: found.ino(),
                _lock: lock,
            }),
        })
    }

    pub(super) fn listener(&self) -> &UnixListener {
        &self.listener
    }

    /// Where it is, for people.
    pub(super) fn shown(&self) -> String {
        self.ours.as_ref().map_or_else(
            || "the socket of the service manager".to_owned(),
            |ours| ours.path.display().to_string(),
        )
    }
}

impl Drop for Ours {
    fn drop(&mut self) {
        let found = self.path.symlink_metadata();
        if found.is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode)) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

const OWN_FOLDER: &str =
    "the socket is in a folder of mode 0700 that is yours: name another with --socket";

/// A folder that others may enter, but in which nobody else can put another socket.
fn check_open_folder(folder: &Path) -> Result<(), Failure> {
    let wrong = |problem: String| {
        Failure::other(format!("{}: {problem}", folder.display()))
            .hint("make it yours, and take the right to write from everybody else")
    };
    for above in folder.ancestors() {
        let found = above.symlink_metadata().map_err(|error| {
            failed("cannot look at", above, &error)
                .hint("make the folder of the socket, of mode 0755")
        })?;
        let is_sticky = found.mode() & 0o1000 != 0 && above != folder;
        let owner = found.uid();
        let me = geteuid().as_raw();
        if !found.is_dir() {
            return Err(wrong(format!("{} is no folder", above.display())));
        }
        if owner != me && (above == folder || owner != 0) {
            return Err(wrong(format!(
                "{} belongs to user {owner}",
                above.display()
            )));
        }
        if found.mode() & 0o022 != 0 && !is_sticky {
            return Err(wrong(format!("others may write to {}", above.display())));
        }
    }
    Ok(())
}

/// Of two agents at one place the second is told that there is a first.
fn lock(path: &Path) -> Result<File, Failure> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file = options
        .open(path)
        .map_err(|error| failed("cannot write", path, &error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Failure::other("an agent is running there already")
            .hint("use it, stop it, or take another place with --socket")),
        Err(TryLockError::Error(error)) => Err(failed("cannot lock", path, &error)),
    }
}

/// Removes what an agent of ours left that was killed, and nothing else.
fn clear(path: &Path) -> Result<(), Failure> {
    let found = match path.symlink_metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        found => found.map_err(|error| failed("cannot look at", path, &error))?,
    };
    if !found.file_type().is_socket() || found.uid() != geteuid().as_raw() {
        return Err(Failure::other(format!(
            "{} is there, and is no socket of yours",
            path.display()
        ))
        .hint("look what it is, and name another place with --socket"));
    }
    // Another program of ours may listen there, which knows nothing of our lock.
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err(Failure::other(format!(
            "another program is listening at {}",
            path.display()
        ))
        .hint("stop it, or take another place with --socket"));
    }
    std::fs::remove_file(path).map_err(|error| failed("cannot remove", path, &error))
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(ending);
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        folder
    }

    fn refusal(path: &Path, reach: Reach) -> String {
        match Socket::open(path, reach) {
            Ok(_) => panic!("it listens at {}", path.display()),
            Err(failure) => failure.message().to_owned(),
        }
    }

    // security.md 131
    #[tokio::test]
    async fn the_socket_is_its_owners_alone_and_goes_with_the_agent() {
        let folder = folder();
        let path = folder.path().join("new/agent.sock");
        let socket = Socket::open(&path, Reach::Owner).unwrap();
        let mode = |path: &Path| path.symlink_metadata().unwrap().mode() & 0o7777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        drop(socket);
        assert!(!path.exists());
    }

    // security.md 131
    #[tokio::test]
    async fn a_folder_that_others_can_enter_is_refused() {
        let folder = folder();
        let path = folder.path().join("agent.sock");
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        assert!(refusal(&path, Reach::Owner).contains("mode 0711"));
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(folder.path(), &link).unwrap();
        assert!(refusal(&link.join("agent.sock"), Reach::Owner).contains("symbolic link"));
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o722)).unwrap();
        assert!(refusal(&path, Reach::Everybody).contains("others may write"));
    }

    // security.md 131
    #[tokio::test]
    async fn two_agents_are_not_at_one_place_and_one_that_was_killed_is_succeeded() {
        let folder = folder();
        let path = folder.path().join("agent.sock");
        let first = Socket::open(&path, Reach::Owner).unwrap();
        assert_eq!(
            refusal(&path, Reach::Owner),
            "an agent is running there already"
        );
        assert!(path.exists(), "the first one goes on");
        drop(first);
        // What is left after kill -9: the file, and nobody who listens or locks.
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        Socket::open(&path, Reach::Owner).unwrap();
    }

    // security.md 131
    #[tokio::test]
    async fn what_is_no_socket_of_an_agent_is_left_alone() {
        let folder = folder();
        let path = folder.path().join("agent.sock");
        std::fs::write(&path, "precious").unwrap();
        assert!(refusal(&path, Reach::Owner).contains("no socket of yours"));
        assert_eq!(std::fs::read(&path).unwrap(), b"precious");
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/dev/null", &path).unwrap();
        assert!(refusal(&path, Reach::Owner).contains("no socket of yours"));
        std::fs::remove_file(&path).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        assert!(refusal(&path, Reach::Owner).contains("another program is listening"));
    }

    #[tokio::test]
    async fn a_socket_that_took_our_place_is_not_removed() {
        let folder = folder();
        let path = folder.path().join("agent.sock");
        let socket = Socket::open(&path, Reach::Owner).unwrap();
        std::fs::rename(&path, folder.path().join("moved")).unwrap();
        let _other = std::os::unix::net::UnixListener::bind(&path).unwrap();
        drop(socket);
        assert!(path.exists());
    }

    #[test]
    fn a_path_that_is_too_long_is_said_to_be() {
        let folder = folder();
        let path = folder.path().join("x".repeat(120));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let _inside = runtime.enter();
        let failure = Socket::open(&path, Reach::Owner).err().unwrap();
        assert!(
            failure.hint_text().unwrap().contains("107 bytes"),
            "{failure:?}"
        );
    }
}
