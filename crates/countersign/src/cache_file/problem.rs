//! What can be wrong with a file or a folder of the cache?

use std::{
    fmt,
    path::{Path, PathBuf},
};

use crate::KeyringProblem;

/// What is wrong with a file or a folder of the cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheFileError {
    /// Which file or folder.
    pub path: PathBuf,
    /// What is wrong with it.
    pub problem: CacheProblem,
}

/// Why a file or a folder of the cache is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CacheProblem {
    /// It is a symbolic link.
    SymbolicLink,
    /// It is neither a regular file nor a folder: a pipe, a socket, a device.
    NotAFile,
    /// So many names lead to the file; somebody may read it by another one.
    HardLinks(u64),
    /// It belongs to this user id.
    Owner(u32),
    /// Others may read or write it: its permission bits.
    Mode(u32),
    /// A folder above is writable by others, who could put theirs in its place.
    ParentWritable(PathBuf),
    /// Its content is not a token of this identity.
    Corrupt,
    /// Its content is not a private key on P-256.
    NotAKey,
    /// It is sealed, and the keyring does not give the key.
    Sealed(KeyringProblem),
    /// It is sealed by a key that the keyring does not have: it will never be opened.
    KeyLost,
    /// Its seal is broken: it was changed, or is from another place.
    BadSeal,
    /// It is sealed by a later version of this program.
    UnknownSeal,
    /// It is not written without a seal, and the keyring gives no key.
    NotSealed(KeyringProblem),
    /// Another process held the lock for the whole time that was given.
    Busy,
    /// The operating system said no: what was tried, and its answer.
    Io(&'static str, String),
}

impl CacheFileError {
    pub(super) fn new(path: &Path, problem: CacheProblem) -> CacheFileError {
        CacheFileError {
            path: path.to_owned(),
            problem,
        }
    }
}

impl fmt::Display for CacheFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.problem {
            CacheProblem::SymbolicLink => write!(f, "{path} is a symbolic link"),
            CacheProblem::NotAFile => write!(
                f,
                "{path} is not what it must be: a pipe, a socket, a device, or a file for a folder"
            ),
            CacheProblem::HardLinks(links) => write!(f, "{path} has {links} names (hard links)"),
            CacheProblem::Owner(uid) => write!(f, "{path} belongs to user {uid}"),
            CacheProblem::Mode(mode) => {
                write!(
                    f,
                    "{path} is open to others (mode {mode:04o}); take that away with chmod go-rwx"
                )
            }
            CacheProblem::ParentWritable(parent) => {
                write!(
                    f,
                    "{path} lies under {}, which others may write to",
                    parent.display()
                )
            }
            CacheProblem::Corrupt => write!(f, "{path} does not hold a token of this identity"),
            CacheProblem::NotAKey => write!(f, "{path} does not hold a key on P-256"),
            CacheProblem::Sealed(why) => write!(f, "{path} is sealed, and {why}"),
            CacheProblem::KeyLost => {
                write!(
                    f,
                    "{path} is sealed by a key that the keyring does not have"
                )
            }
            CacheProblem::BadSeal => {
                write!(
                    f,
                    "{path} has a broken seal: it was changed, or is from another place"
                )
            }
            CacheProblem::UnknownSeal => {
                write!(f, "{path} is sealed by a later version of this program")
            }
            CacheProblem::NotSealed(why) => {
                write!(f, "{path} is not written without a seal, and {why}")
            }
            CacheProblem::Busy => write!(f, "{path} is held by another process"),
            CacheProblem::Io(what, answer) => write!(f, "cannot {what} {path}: {answer}"),
        }
    }
}

impl std::error::Error for CacheFileError {}
