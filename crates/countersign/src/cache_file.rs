//! How does a token outlive the process that got it, without anybody else reading it?
//!
//! One folder of ours, mode 0700, holds one file of mode 0600 for each identity. What does not
//! look like that (a link, a foreign owner, a wider mode, a pipe) is refused with the reason, and
//! is neither followed nor repaired. A file is replaced as a whole, by rename, and only by
//! whoever holds the lock of its identity; so it always parses, and of several processes that
//! want a token at once one asks for it.
//!
//! Where there is a keyring, what is in the files is sealed with a key from it ([`Seal`]): a copy of
//! the files, in a backup or on a lost disk, opens nothing.

use std::{
    fs::{DirBuilder, File},
    io::{Read, Write},
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt, MetadataExt},
    },
    path::{Path, PathBuf},
    sync::{Mutex, mpsc},
    time::Duration,
};

use countersign_proto::{
    json::{Map, Value},
    thumbprint::Thumbprint,
    time::UnixTime,
};
use rustix::{
    fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat},
    io::Errno,
    process::geteuid,
};
use zeroize::Zeroizing;

use crate::{InteractiveToken, Token};

mod entry;
mod problem;
mod proof_key;
mod protection;
mod seal;

use entry::{Entry, decode, encode};
pub use problem::{CacheFileError, CacheProblem};
use protection::Learnt;
pub use protection::Seal;
pub(crate) use seal::{KeyId, SealingKey};

/// A folder of cached tokens that was found to be ours alone.
#[derive(Debug)]
pub struct CacheFolder {
    path: PathBuf,
    /// The same without links on its way, as it is bound into what is sealed.
    true_path: PathBuf,
    folder: OwnedFd,
    seal: Seal,
    learnt: Mutex<Learnt>,
}

/// Which token: everything that makes two tokens different, as one text. Holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheIdentity {
    text: String,
    name: String,
}

/// The right to replace the token of one identity. Given back when dropped, or when the process ends.
#[derive(Debug)]
pub struct CacheLock<'a> {
    folder: &'a CacheFolder,
    identity: &'a CacheIdentity,
    _locked: OwnedFd,
}

/// A cached token is renewed when less than this is left, or a tenth of its life if that is more.
pub const RENEW_BEFORE_END: Duration = Duration::from_secs(30);

/// A cache file has at most so many bytes.
const MAX_BYTES: u64 = 96 * 1024;
const PRIVATE_FILE: Mode = Mode::RUSR.union(Mode::WUSR);

impl CacheFolder {
    /// Opens the folder; makes it, and what is missing above it, with mode 0700.
    ///
    /// # Errors
    /// When the folder is a link, is not ours, is open to others, lies under a folder that others
    /// may write to, or cannot be made or opened.
    pub fn open(path: &Path) -> Result<CacheFolder, CacheFileError> {
        let failed = |problem| CacheFileError::new(path, problem);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .or_else(|error| match path.symlink_metadata() {
                Ok(_) => Ok(()), // something is there: looked at below, where it gets its reason
                Err(_) => Err(failed(CacheProblem::Io("create", error.to_string()))),
            })?;
        let true_parent = check_parents(path)?;
        let folder = rustix::fs::open(
            path,
            OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::RDONLY | OFlags::CLOEXEC,
            Mode::empty(),
        )
        .map_err(|errno| match errno {
            Errno::LOOP => failed(CacheProblem::SymbolicLink),
            Errno::NOTDIR if path.is_symlink() => failed(CacheProblem::SymbolicLink),
            Errno::NOTDIR => failed(CacheProblem::NotAFile),
            errno => failed(io("open", errno)),
        })?;
        let stat = rustix::fs::fstat(&folder).map_err(|errno| failed(io("look at", errno)))?;
        check_owner_and_mode(&stat).map_err(failed)?;
        Ok(CacheFolder {
            path: path.to_owned(),
            true_path: true_parent.join(path.file_name().unwrap_or_default()),
            folder,
            seal: Seal::File,
            learnt: Mutex::default(),
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The token of an identity; `None` when there is none.
    ///
    /// # Errors
    /// When there is a file and it must not be believed.
    pub fn read(&self, identity: &CacheIdentity) -> Result<Option<Token>, CacheFileError> {
        Ok(self.entry(identity)?.map(|entry| entry.token))
    }

    /// The token of an identity that a person signed in for, with what refreshes it; `None` when
    /// there is none, or one of another kind.
    ///
    /// # Errors
    /// When there is a file and it must not be believed.
    pub fn read_interactive(
        &self,
        identity: &CacheIdentity,
    ) -> Result<Option<InteractiveToken>, CacheFileError> {
        let entry = self.entry(identity)?;
        Ok(entry.and_then(Entry::into_interactive))
    }

    fn entry(&self, identity: &CacheIdentity) -> Result<Option<Entry>, CacheFileError> {
        let name = identity.file_name();
        let Some(content) = self.content(&name)? else {
            return Ok(None);
        };
        let content = self.opened(content, &name, identity)?;
        let entry = decode(&content, identity);
        entry
            .map(Some)
            .ok_or_else(|| self.failed(&name, CacheProblem::Corrupt))
    }

    /// The bytes of a file of this folder; `None` when there is none.
    fn content(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, CacheFileError> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK; // a pipe must not make us wait
        let Some(file) = self.open_file(name, flags)? else {
            return Ok(None);
        };
        let mut content = Zeroizing::new(Vec::with_capacity(MAX_BYTES as usize + 1));
        let read = File::from(file)
            .take(MAX_BYTES + 1)
            .read_to_end(&mut content);
        read.map_err(|error| self.failed(name, CacheProblem::Io("read", error.to_string())))?;
        Ok(Some(content))
    }

    fn failed(&self, name: &str, problem: CacheProblem) -> CacheFileError {
        CacheFileError::new(&self.path.join(name), problem)
    }

    /// Waits for the lock of an identity, at most `wait`.
    ///
    /// # Errors
    /// [`CacheProblem::Busy`] when another process did not give it back in time, and every reason
    /// for which a file is refused.
    pub fn lock<'a>(
        &'a self,
        identity: &'a CacheIdentity,
        wait: Duration,
    ) -> Result<CacheLock<'a>, CacheFileError> {
        Ok(CacheLock {
            folder: self,
            identity,
            _locked: self.lock_file(&format!("{}.lock", identity.name), wait)?,
        })
    }

    fn lock_file(&self, name: &str, wait: Duration) -> Result<OwnedFd, CacheFileError> {
        let failed = |problem| self.failed(name, problem);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NONBLOCK;
        let file = self.open_file(name, flags)?;
        // Absent although it was to be made: the folder itself was removed meanwhile.
        let file = file.ok_or_else(|| failed(io("create", Errno::NOENT)))?;
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(file),
            Err(Errno::WOULDBLOCK) => wait_for_lock(file, wait).map_err(failed),
            Err(errno) => Err(failed(io("lock", errno))),
        }
    }

    /// Opens a file of this folder without following links, and looks at what was opened.
    fn open_file(&self, name: &str, flags: OFlags) -> Result<Option<OwnedFd>, CacheFileError> {
        let failed = |problem| self.failed(name, problem);
        let flags = flags | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NOCTTY;
        let file = match rustix::fs::openat(&self.folder, name, flags, PRIVATE_FILE) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(failed(CacheProblem::SymbolicLink)),
            // A socket, a folder.
            Err(Errno::NXIO | Errno::ISDIR) => return Err(failed(CacheProblem::NotAFile)),
            Err(errno) => return Err(failed(io("open", errno))),
        };
        let stat = rustix::fs::fstat(&file).map_err(|errno| failed(io("look at", errno)))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(failed(CacheProblem::NotAFile));
        }
        check_owner_and_mode(&stat).map_err(failed)?;
        #[allow(clippy::unnecessary_cast)] // narrower on some systems
        let links = stat.st_nlink as u64;
        if links != 1 {
            return Err(failed(CacheProblem::HardLinks(links)));
        }
        Ok(Some(file))
    }
}

impl CacheLock<'_> {
    /// The token as it is now: another process may have replaced it while this one waited.
    ///
    /// # Errors
    /// As [`CacheFolder::read`].
    pub fn read(&self) -> Result<Option<Token>, CacheFileError> {
        self.folder.read(self.identity)
    }

    /// The token that a person signed in for, as it is now.
    ///
    /// # Errors
    /// As [`CacheFolder::read_interactive`].
    pub fn read_interactive(&self) -> Result<Option<InteractiveToken>, CacheFileError> {
        self.folder.read_interactive(self.identity)
    }

    /// Replaces the token as a whole. When this fails, the old one is still there.
    ///
    /// # Errors
    /// What the operating system said, and [`CacheProblem::NotSealed`].
    pub fn write(&self, token: &Token) -> Result<(), CacheFileError> {
        self.replace(&Entry::from(token))
    }

    /// Replaces the token, and what refreshes it, as a whole. When this fails, the old ones are
    /// still there.
    ///
    /// # Errors
    /// What the operating system said, and [`CacheProblem::NotSealed`].
    pub fn write_interactive(&self, token: &InteractiveToken) -> Result<(), CacheFileError> {
        self.replace(&Entry::from(token))
    }

    fn replace(&self, entry: &Entry) -> Result<(), CacheFileError> {
        self.replace_file(&self.identity.file_name(), encode(entry, self.identity))
    }

    fn replace_file(&self, name: &str, content: Zeroizing<Vec<u8>>) -> Result<(), CacheFileError> {
        let content = self.folder.closed(content, name, self.identity)?;
        let new_name = format!("{}.new", self.identity.name);
        let folder = &self.folder.folder;
        let failed = |problem| self.folder.failed(name, problem);
        match rustix::fs::unlinkat(folder, &new_name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {} // left over by a process that was killed
            Err(errno) => return Err(failed(io("replace", errno))),
        }
        let written = self.write_new(&new_name, &content).and_then(|()| {
            rustix::fs::renameat(folder, &new_name, folder, name)
                .map_err(|errno| io("rename", errno))
        });
        if let Err(problem) = written {
            // Nothing to add when this fails too: the next writer removes it.
            let _ = rustix::fs::unlinkat(folder, &new_name, AtFlags::empty());
            return Err(failed(problem));
        }
        rustix::fs::fsync(folder).map_err(|errno| failed(io("flush", errno)))
    }

    /// Removes the token, and the key that refreshes it; whether there was one.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn forget(&self) -> Result<bool, CacheFileError> {
        let token = self.remove(&self.identity.file_name())?;
        self.remove(&self.identity.key_name())?;
        Ok(token)
    }

    fn remove(&self, name: &str) -> Result<bool, CacheFileError> {
        match rustix::fs::unlinkat(&self.folder.folder, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(self.folder.failed(name, io("remove", errno))),
        }
    }

    fn write_new(&self, name: &str, content: &[u8]) -> Result<(), CacheProblem> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.folder.folder, name, flags, PRIVATE_FILE)
            .map_err(|errno| io("create", errno))?;
        // A strange umask may have taken our own bits away.
        rustix::fs::fchmod(&file, PRIVATE_FILE).map_err(|errno| io("protect", errno))?;
        let mut file = File::from(file);
        file.write_all(content)
            .and_then(|()| file.sync_all())
            .map_err(|error| CacheProblem::Io("write", error.to_string()))
    }
}

impl CacheIdentity {
    /// Names an identity by its parts: issuer, application, certificate, principal and so on. Of parts with
    /// the same name each counts.
    pub fn new(parts: &[(&str, &str)]) -> CacheIdentity {
        let mut members = Map::new();
        for (name, value) in parts {
            let value = Value::from(*value);
            match members.get_mut(*name) {
                None => {
                    members.insert((*name).to_owned(), value);
                }
                Some(Value::Array(values)) => values.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        let text = Value::Object(members).to_string();
        let mut name = Thumbprint::sha256_of(text.as_bytes()).to_hex();
        name.truncate(32);
        name.make_ascii_lowercase();
        CacheIdentity { text, name }
    }

    fn file_name(&self) -> String {
        format!("{}.json", self.name)
    }

    fn key_name(&self) -> String {
        format!("{}.pem", self.name)
    }
}

/// Whether a token from the cache is used at `now` without asking for a new one.
pub fn is_fresh(token: &Token, now: UnixTime) -> bool {
    let life = token.expires_at.since(token.issued_at);
    let margin = RENEW_BEFORE_END.max(life / 10).min(life / 2);
    token.expires_at.since(now) > margin
}

fn io(what: &'static str, errno: Errno) -> CacheProblem {
    CacheProblem::Io(what, errno.to_string())
}

fn check_owner_and_mode(stat: &Stat) -> Result<(), CacheProblem> {
    if stat.st_uid != geteuid().as_raw() {
        return Err(CacheProblem::Owner(stat.st_uid));
    }
    #[allow(clippy::unnecessary_cast)] // narrower on some systems
    let mode = stat.st_mode as u32 & 0o7777;
    if mode & 0o077 != 0 {
        return Err(CacheProblem::Mode(mode));
    }
    Ok(())
}

/// Whoever may write to a folder above can move ours away and put another in its place. The
/// sticky bit forbids that; a group that is ours is what many systems give to every new folder.
///
/// The folder that it lies in, without links on its way.
fn check_parents(path: &Path) -> Result<PathBuf, CacheFileError> {
    let failed = |problem| CacheFileError::new(path, problem);
    let group = rustix::process::getegid().as_raw();
    let Some(parent) = path.parent() else {
        return Ok(PathBuf::from("/"));
    };
    let parent = parent
        .canonicalize()
        .map_err(|error| failed(CacheProblem::Io("find", error.to_string())))?;
    for folder in parent.ancestors() {
        let meta = folder
            .metadata()
            .map_err(|error| failed(CacheProblem::Io("look at", error.to_string())))?;
        let sticky = meta.mode() & 0o1000 != 0;
        let open = meta.mode() & 0o002 != 0 || (meta.mode() & 0o020 != 0 && meta.gid() != group);
        if open && !sticky {
            return Err(failed(CacheProblem::ParentWritable(folder.to_owned())));
        }
    }
    Ok(parent)
}

/// `flock` has no time limit, so it waits on a thread of its own; that thread is left behind when
/// the time is over, and gives the lock back at once should it ever get it.
fn wait_for_lock(file: OwnedFd, wait: Duration) -> Result<OwnedFd, CacheProblem> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let outcome = loop {
            match rustix::fs::flock(&file, FlockOperation::LockExclusive) {
                Err(Errno::INTR) => {}
                outcome => break outcome,
            }
        };
        let _ = sender.send(outcome.map(|()| file).map_err(|errno| io("lock", errno)));
    });
    receiver
        .recv_timeout(wait)
        .unwrap_or(Err(CacheProblem::Busy))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use countersign_proto::{
        exchange::RefreshToken,
        scope::Scope,
        token::{AccessToken, TokenKind, TokenType},
    };

    use super::*;
    use crate::TokenObject;

    fn token(text: &str) -> Token {
        Token::from(TokenObject {
            access_token: AccessToken::new(text).unwrap(),
            token_type: TokenType::Bearer,
            kind: TokenKind::NonInteractive,
            principal: Some("inventory".to_owned()),
            scope: Some(Scope::parse("stock:read").unwrap()),
            issued_at: UnixTime::from_secs(1_800_000_000),
            expires_at: UnixTime::from_secs(1_800_000_900),
            issue_app_id: "app".to_owned(),
            issue_principal: String::new(),
            issue_cert_subject: "CN=Corellian".to_owned(),
            issue_cert_thumbprint: Some(Thumbprint::Sha256([7; 32])),
        })
    }

    fn identity() -> CacheIdentity {
        CacheIdentity::new(&[("server", "https://platform.example"), ("app_id", "app")])
    }

    /// A folder in a folder: the cache itself, and where it lies.
    fn place() -> (tempfile::TempDir, PathBuf) {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("countersign");
        (home, folder)
    }

    fn chmod(path: &Path, mode: u32) {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn store(folder: &CacheFolder, identity: &CacheIdentity, text: &str) {
        let lock = folder.lock(identity, Duration::from_secs(5)).unwrap();
        lock.write(&token(text)).unwrap();
    }

    fn file(path: &Path, identity: &CacheIdentity) -> PathBuf {
        path.join(identity.file_name())
    }

    #[test]
    fn a_written_token_is_read_back_with_every_member() {
        let (_home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        store(&folder, &identity(), "abc.def-_~+/==");
        let read = folder.read(&identity()).unwrap().unwrap();
        assert_eq!(read.access_token.expose(), "abc.def-_~+/==");
        assert_eq!(read.kind, TokenKind::NonInteractive);
        assert_eq!(read.principal.as_deref(), Some("inventory"));
        assert_eq!(read.scope, Some(Scope::parse("stock:read").unwrap()));
        assert_eq!(read.issued_at.as_secs(), 1_800_000_000);
        assert_eq!(read.expires_at.as_secs(), 1_800_000_900);
        assert_eq!(read.issue_app_id, "app");
        assert_eq!(read.issue_cert_subject, "CN=Corellian");
        assert_eq!(
            read.issue_cert_thumbprint,
            Some(Thumbprint::Sha256([7; 32]))
        );
    }

    fn interactive(secret: &str) -> InteractiveToken {
        let mut object = TokenObject::clone(&token("eyJ.eyJ.AA"));
        object.kind = TokenKind::Interactive;
        object.issue_cert_thumbprint = None;
        InteractiveToken {
            token: Token::from(object),
            refresh_token: Some(RefreshToken::new(secret).unwrap()),
            refreshes_remaining: Some(9),
        }
    }

    #[test]
    fn what_refreshes_a_token_is_kept_with_it_and_alone_with_kind_0() {
        let (_home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        let identity = identity();
        for secret in ["csn_rt_0", "a\"b\\c d~"] {
            let lock = folder.lock(&identity, Duration::from_secs(5)).unwrap();
            lock.write_interactive(&interactive(secret)).unwrap();
            let read = lock.read_interactive().unwrap().unwrap();
            assert_eq!(read.refresh_token.unwrap().expose(), secret);
            assert_eq!(read.refreshes_remaining, Some(9));
            assert_eq!(read.token.access_token.expose(), "eyJ.eyJ.AA");
            let token = lock.read().unwrap().unwrap();
            assert_eq!(token.kind, TokenKind::Interactive);
        }
        // Without either.
        let mut bare = interactive("x");
        bare.refresh_token = None;
        bare.refreshes_remaining = None;
        let lock = folder.lock(&identity, Duration::from_secs(5)).unwrap();
        lock.write_interactive(&bare).unwrap();
        let read = folder.read_interactive(&identity).unwrap().unwrap();
        assert!(read.refresh_token.is_none() && read.refreshes_remaining.is_none());
        // A token of another kind has no session behind it.
        lock.write(&token("t")).unwrap();
        assert!(folder.read_interactive(&identity).unwrap().is_none());
        assert!(folder.read(&identity).unwrap().is_some());
    }

    #[test]
    fn a_refresh_token_that_is_none_makes_the_file_corrupt() {
        let (_home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        let lock_of = identity();
        let lock = folder.lock(&lock_of, Duration::from_secs(5)).unwrap();
        lock.write_interactive(&interactive("csn_rt_0")).unwrap();
        let file = file(&path, &identity());
        let good = std::fs::read_to_string(&file).unwrap();
        for (from, to) in [
            ("\"csn_rt_0\"", "\"\""),
            ("\"csn_rt_0\"", "\"a\\nb\""),
            ("\"csn_rt_0\"", "null"),
            ("\"refreshes_remaining\":9", "\"refreshes_remaining\":-1"),
            ("\"refreshes_remaining\":9", "\"refreshes_remaining\":\"9\""),
        ] {
            let bad = good.replace(from, to);
            assert_ne!(bad, good);
            std::fs::write(&file, bad).unwrap();
            let refused = folder.read_interactive(&identity()).unwrap_err();
            assert_eq!(refused.problem, CacheProblem::Corrupt, "{to}");
        }
    }

    // security.md 111
    #[test]
    fn the_folder_is_made_for_its_owner_alone_and_so_are_the_files() {
        let (_home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        store(&folder, &identity(), "t");
        assert_eq!(path.metadata().unwrap().mode() & 0o7777, 0o700);
        for entry in std::fs::read_dir(&path).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o7777, 0o600);
        }
    }

    // security.md C1
    #[test]
    fn a_symbolic_link_in_place_of_the_file_is_refused() {
        let (home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        store(&folder, &identity(), "t");
        let elsewhere = home.path().join("elsewhere");
        std::fs::rename(file(&path, &identity()), &elsewhere).unwrap();
        symlink(&elsewhere, file(&path, &identity())).unwrap();
        let refused = folder.read(&identity()).unwrap_err();
        assert_eq!(refused.problem, CacheProblem::SymbolicLink);
        // Writing replaces the link and leaves alone what it pointed to.
        let before = std::fs::read(&elsewhere).unwrap();
        store(&folder, &identity(), "new");
        assert_eq!(std::fs::read(&elsewhere).unwrap(), before);
        assert_eq!(
            folder
                .read(&identity())
                .unwrap()
                .unwrap()
                .access_token
                .expose(),
            "new"
        );
    }

    // security.md C1
    #[test]
    fn a_symbolic_link_in_place_of_the_folder_is_refused() {
        let (home, path) = place();
        let real = home.path().join("real");
        CacheFolder::open(&real).unwrap();
        symlink(&real, &path).unwrap();
        assert_eq!(
            CacheFolder::open(&path).unwrap_err().problem,
            CacheProblem::SymbolicLink
        );
    }

    // security.md C1
    #[test]
    fn a_second_name_of_the_file_is_refused() {
        let (home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        store(&folder, &identity(), "t");
        std::fs::hard_link(file(&path, &identity()), home.path().join("other")).unwrap();
        assert_eq!(
            folder.read(&identity()).unwrap_err().problem,
            CacheProblem::HardLinks(2)
        );
    }

    // security.md C1
    #[test]
    fn a_pipe_a_folder_and_a_socket_are_refused_without_waiting() {
        let (_home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        let name = file(&path, &identity());
        let made = std::process::Command::new("mkfifo")
            .args(["-m", "600"])
            .arg(&name)
            .status();
        assert!(made.unwrap().success());
        assert_eq!(
            folder.read(&identity()).unwrap_err().problem,
            CacheProblem::NotAFile
        );
        std::fs::remove_file(&name).unwrap();
        DirBuilder::new().mode(0o700).create(&name).unwrap();
        assert_eq!(
            folder.read(&identity()).unwrap_err().problem,
            CacheProblem::NotAFile
        );
        std::fs::remove_dir(&name).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(&name).unwrap();
        assert_eq!(
            folder.read(&identity()).unwrap_err().problem,
            CacheProblem::NotAFile
        );
    }

    // security.md C2
    #[test]
    fn a_file_or_folder_open_to_others_is_refused_with_its_mode() {
        let (_home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        store(&folder, &identity(), "t");
        chmod(&file(&path, &identity()), 0o644);
        let refused = folder.read(&identity()).unwrap_err();
        assert_eq!(refused.problem, CacheProblem::Mode(0o644));
        assert!(refused.to_string().contains("mode 0644"), "{refused}");
        chmod(&path, 0o750);
        assert_eq!(
            CacheFolder::open(&path).unwrap_err().problem,
            CacheProblem::Mode(0o750)
        );
    }

    // security.md C2
    #[test]
    fn a_file_of_another_user_is_refused() {
        let (_home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        store(&folder, &identity(), "t");
        if std::os::unix::fs::chown(file(&path, &identity()), Some(12_345), None).is_err() {
            return; // only root can give files away
        }
        assert_eq!(
            folder.read(&identity()).unwrap_err().problem,
            CacheProblem::Owner(12_345)
        );
    }

    // security.md C1
    #[test]
    fn a_parent_that_others_may_write_to_is_refused_unless_it_is_sticky() {
        let home = tempfile::tempdir().unwrap();
        let open = home.path().join("open");
        DirBuilder::new().create(&open).unwrap();
        chmod(&open, 0o777);
        let refused = CacheFolder::open(&open.join("countersign")).unwrap_err();
        assert_eq!(
            refused.problem,
            CacheProblem::ParentWritable(open.canonicalize().unwrap())
        );
        chmod(&open, 0o1777);
        CacheFolder::open(&open.join("countersign")).unwrap();
    }

    // security.md C2
    #[test]
    fn a_place_where_nothing_can_be_written_says_so() {
        let refused = CacheFolder::open(Path::new("/dev/null/countersign")).unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with("cannot create /dev/null/countersign"),
            "{refused}"
        );
    }

    // security.md C3
    #[test]
    fn a_file_that_is_cut_short_or_holds_something_else_is_corrupt() {
        let (_home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        store(&folder, &identity(), "t");
        let whole = std::fs::read(file(&path, &identity())).unwrap();
        for bad in [
            &whole[..0],
            &whole[..1],
            &whole[..whole.len() - 1],
            b"null",
            b"{}",
            b"\xff",
        ] {
            std::fs::write(file(&path, &identity()), bad).unwrap();
            assert_eq!(
                folder.read(&identity()).unwrap_err().problem,
                CacheProblem::Corrupt
            );
        }
        // A token of another identity, moved here.
        let other = CacheIdentity::new(&[("server", "https://other.example")]);
        store(&folder, &other, "stolen");
        std::fs::rename(file(&path, &other), file(&path, &identity())).unwrap();
        assert_eq!(
            folder.read(&identity()).unwrap_err().problem,
            CacheProblem::Corrupt
        );
    }

    // security.md C3
    #[test]
    fn what_a_killed_writer_left_behind_does_not_stop_the_next() {
        let (_home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        std::fs::write(path.join(format!("{}.new", identity().name)), b"half").unwrap();
        store(&folder, &identity(), "whole");
        assert_eq!(
            folder
                .read(&identity())
                .unwrap()
                .unwrap()
                .access_token
                .expose(),
            "whole"
        );
        assert!(!path.join(format!("{}.new", identity().name)).exists());
    }

    // security.md C3
    #[test]
    fn a_lock_excludes_others_until_it_is_dropped() {
        let (_home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        let again = CacheFolder::open(&path).unwrap();
        let identity = identity();
        let held = folder.lock(&identity, Duration::ZERO).unwrap();
        let refused = again
            .lock(&identity, Duration::from_millis(20))
            .unwrap_err();
        assert_eq!(refused.problem, CacheProblem::Busy);
        drop(held);
        again.lock(&identity, Duration::from_secs(10)).unwrap();
    }

    // security.md C1
    #[test]
    fn a_link_swapped_in_again_and_again_is_never_followed() {
        let (home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        let identity = identity();
        store(&folder, &identity, "ours");
        let bait = home.path().join("bait");
        std::fs::copy(file(&path, &identity), &bait).unwrap();
        let text = std::fs::read_to_string(&bait)
            .unwrap()
            .replace("ours", "bait");
        std::fs::write(&bait, text).unwrap();
        chmod(&bait, 0o600);
        let ours = std::fs::read(file(&path, &identity)).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let next = path.join("next");
                for round in 0..10_000 {
                    if round % 2 == 0 {
                        symlink(&bait, &next).unwrap();
                    } else {
                        std::fs::write(&next, &ours).unwrap();
                        chmod(&next, 0o600);
                    }
                    std::fs::rename(&next, file(&path, &identity)).unwrap();
                }
            });
            for _ in 0..10_000 {
                if let Ok(Some(token)) = folder.read(&identity) {
                    assert_eq!(token.access_token.expose(), "ours");
                }
            }
        });
    }

    #[test]
    fn a_token_is_fresh_until_a_tenth_of_its_life_is_left() {
        let token = token("t"); // 900 s: renewed 90 s before its end
        assert!(is_fresh(&token, UnixTime::from_secs(1_800_000_809)));
        assert!(!is_fresh(&token, UnixTime::from_secs(1_800_000_810)));
        assert!(!is_fresh(&token, UnixTime::from_secs(1_900_000_000)));
    }

    #[test]
    fn no_secret_is_in_the_debug_form_of_anything() {
        let (_home, path) = place();
        let folder = CacheFolder::open(&path).unwrap();
        let identity = identity();
        let lock = folder.lock(&identity, Duration::ZERO).unwrap();
        lock.write(&token("canary")).unwrap();
        let read = lock.read();
        assert!(!format!("{folder:?}{lock:?}{read:?}").contains("canary"));
    }
}
