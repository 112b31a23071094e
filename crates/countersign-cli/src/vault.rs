//! Where does what a person signed in with wait between two commands?

use std::{path::Path, sync::Arc, time::Duration};

use countersign::{
    InteractiveToken, KeyringProblem,
    cache_file::{CacheFolder, CacheIdentity, CacheLock, CacheProblem},
    proto::key::SigningKey,
};

use crate::{args::Environment, failure::Failure, output::Output, profile::Profile, sealing};

/// The token of a profile, what refreshes it, and the key that both are bound to: two files of the
/// state folder, which must be ours alone. Without them there is no sign-in.
pub(crate) struct Vault {
    folder: CacheFolder,
    identity: CacheIdentity,
}

/// How long one process waits for another that refreshes: longer than a session's deadline.
const LOCK_WAIT: Duration = Duration::from_secs(45);

impl Vault {
    pub(crate) fn open(
        name: &str,
        profile: &Profile,
        environment: &Environment,
    ) -> Result<Vault, Failure> {
        let path = environment.state.as_ref().ok_or_else(|| {
            Failure::other("no place for the key of a sign-in: HOME is not set")
                .hint("set HOME or XDG_STATE_HOME")
        })?;
        Ok(Vault {
            folder: sealing::folder(path, environment)??,
            identity: identity(name, profile),
        })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What is there now.
    pub(crate) fn read(&self) -> Result<Option<InteractiveToken>, Failure> {
        Ok(self.folder.read_interactive(&self.identity)?)
    }

    /// The right to replace it: one process at a time.
    pub(crate) fn lock(&self) -> Result<CacheLock<'_>, Failure> {
        Ok(self.folder.lock(&self.identity, LOCK_WAIT)?)
    }

    /// The key of this profile, if there is one.
    pub(crate) fn proof_key(&self) -> Result<Option<Arc<dyn SigningKey>>, Failure> {
        let key = self.folder.proof_key(&self.identity)?;
        Ok(key.map(|key| Arc::new(key) as Arc<dyn SigningKey>))
    }

    /// The key of this profile; made where there is none yet, or where it will never be read
    /// again. One that is sealed, and only cannot be opened now, is left alone.
    pub(crate) fn lasting_key(&self, output: &Output) -> Result<Arc<dyn SigningKey>, Failure> {
        self.check_writable()?;
        let lock = self.lock()?;
        Ok(Arc::new(match self.folder.proof_key(&self.identity) {
            Ok(Some(key)) => key,
            Ok(None) => lock.make_proof_key()?,
            Err(error) if is_over(&error.problem) => {
                output.warn(&format!("{error}; a new one is made"));
                lock.make_proof_key()?
            }
            Err(error) => return Err(error.into()),
        }))
    }

    /// Whether what comes next can be kept, before a refresh is counted or anybody signs in for it.
    pub(crate) fn check_writable(&self) -> Result<(), Failure> {
        Ok(self.folder.check_writable()?)
    }

    /// Says that what was written is not sealed, where that is worth a word.
    pub(crate) fn say_what_is_open(&self, output: &Output) {
        sealing::say_what_is_open(&self.folder, output);
    }
}

/// Whether a proof key is lost for good, or was given up by whoever switched the keyring off.
fn is_over(problem: &CacheProblem) -> bool {
    matches!(
        problem,
        CacheProblem::NotAKey
            | CacheProblem::KeyLost
            | CacheProblem::BadSeal
            | CacheProblem::Sealed(KeyringProblem::SwitchedOff)
    )
}

/// With the server, and what it speaks: a token of one is never sent to another.
fn identity(name: &str, profile: &Profile) -> CacheIdentity {
    let mut parts = vec![("browser", name), ("server", profile.server.as_str())];
    if profile.dialect.is_some() {
        parts.push(("dialect", "tachyon"));
    }
    CacheIdentity::new(&parts)
}
