//! Who has the key by which a file of the cache is sealed or opened, and what if nobody has?

use std::{fmt, sync::PoisonError, time::Duration};

use zeroize::Zeroizing;

use super::{
    CacheFileError, CacheFolder, CacheIdentity, CacheProblem,
    seal::{self, Form, KeyId, Place, SealingKey},
};
use crate::{FoundKeyring, Keyring, KeyringProblem, keyring::PATIENCE};

/// What keeps a cached token from whoever gets hold of its file.
#[derive(Clone, Debug, Default)]
pub enum Seal {
    /// The mode and the owner of the file. A sealed one is not read.
    #[default]
    File,
    /// A key from this keyring where it can be had, else as [`Seal::File`]. What is sealed already
    /// is never replaced by what is not.
    Auto(Keyring),
    /// A key from this keyring. Without it nothing is written.
    Keyring(Keyring),
}

/// What was learnt of the keyring while a folder was in use.
#[derive(Default)]
pub(super) struct Learnt {
    keys: Vec<SealingKey>,
    problem: Option<KeyringProblem>,
}

/// Who makes the key holds the lock of this file, so that two make one.
const KEY_LOCK: &str = "keyring.lock";
/// Whoever holds it asks the keyring three times at most, and waits for it each time.
const LOCK_WAIT: Duration = PATIENCE.saturating_mul(3);

impl CacheFolder {
    /// The same folder, whose files are sealed this way when they are written next. What is not
    /// sealed is read in any case.
    ///
    /// The keyring is asked when it is needed first, and not again while this value lives.
    #[must_use]
    pub fn sealed(self, seal: Seal) -> CacheFolder {
        CacheFolder { seal, ..self }
    }

    /// Looks whether files can be sealed, and makes nothing. May block for five seconds.
    ///
    /// # Errors
    /// Why not.
    pub fn keyring(&self) -> Result<FoundKeyring, KeyringProblem> {
        self.seal.keyring()?.look()
    }

    /// Whether a token would be written: not where the keyring is demanded and gives no key. To be
    /// asked before something is spent on a token that is to be kept.
    ///
    /// # Errors
    /// [`CacheProblem::NotSealed`].
    pub fn check_writable(&self) -> Result<(), CacheFileError> {
        match &self.seal {
            Seal::File | Seal::Auto(_) => Ok(()),
            Seal::Keyring(_) => match self.key_that_seals() {
                Ok(_) => Ok(()),
                Err(problem) => Err(CacheFileError::new(
                    &self.path,
                    CacheProblem::NotSealed(problem),
                )),
            },
        }
    }

    /// Why a file could not be sealed or opened since this folder is in use, if there was a reason.
    pub fn keyring_problem(&self) -> Option<KeyringProblem> {
        self.learnt(|learnt| learnt.problem.clone())
    }

    /// What a file holds, opened if it was sealed.
    pub(super) fn opened(
        &self,
        content: Zeroizing<Vec<u8>>,
        name: &str,
        identity: &CacheIdentity,
    ) -> Result<Zeroizing<Vec<u8>>, CacheFileError> {
        let opened = match Form::of(&content) {
            Form::Open => return Ok(content),
            Form::Unknown => Err(CacheProblem::UnknownSeal),
            Form::Sealed(id) => self.key_named(id).and_then(|key| {
                seal::open(&content, &key, self.place(name, identity)).ok_or(CacheProblem::BadSeal)
            }),
        };
        opened.map_err(|problem| self.failed(name, problem))
    }

    /// What is to be written into a file: sealed, or as it is.
    pub(super) fn closed(
        &self,
        content: Zeroizing<Vec<u8>>,
        name: &str,
        identity: &CacheIdentity,
    ) -> Result<Zeroizing<Vec<u8>>, CacheFileError> {
        let key = match (&self.seal, self.key_that_seals()) {
            (_, Ok(key)) => key,
            (Seal::File, Err(_)) => return Ok(content),
            // What stands there and cannot be read may be sealed, and is not replaced.
            (Seal::Auto(_), Err(_)) if !self.is_sealed(name)? => return Ok(content),
            (Seal::Auto(_) | Seal::Keyring(_), Err(problem)) => {
                return Err(self.failed(name, CacheProblem::NotSealed(problem)));
            }
        };
        seal::seal(&content, &key, self.place(name, identity))
            .map_err(|error| self.failed(name, CacheProblem::Io("seal", error.to_string())))
    }

    fn is_sealed(&self, name: &str) -> Result<bool, CacheFileError> {
        let content = self.content(name)?;
        Ok(content.is_some_and(|content| Form::of(&content) != Form::Open))
    }

    fn place<'a>(&'a self, name: &'a str, identity: &'a CacheIdentity) -> Place<'a> {
        Place {
            folder: &self.true_path,
            name,
            identity: &identity.text,
        }
    }

    fn key_named(&self, id: KeyId) -> Result<SealingKey, CacheProblem> {
        let known = self.learnt(|learnt| {
            let key = learnt.keys.iter().find(|key| key.id() == id);
            key.cloned().ok_or_else(|| learnt.problem.clone())
        });
        let asked = match known {
            Ok(key) => return Ok(key),
            Err(Some(problem)) => Err(problem),
            Err(None) => self
                .seal
                .keyring()
                .and_then(|keyring| keyring.key(Some(id))),
        };
        match asked {
            Ok(Some(key)) => Ok(self.remember(key)),
            Ok(None) => Err(CacheProblem::KeyLost),
            Err(problem) => Err(CacheProblem::Sealed(self.regret(problem))),
        }
    }

    /// The key that seals from now on; made where there is none.
    fn key_that_seals(&self) -> Result<SealingKey, KeyringProblem> {
        let known = self.learnt(|learnt| {
            let key = learnt.keys.first().cloned();
            key.ok_or_else(|| learnt.problem.clone())
        });
        match known {
            Ok(key) => return Ok(key),
            Err(Some(problem)) => return Err(problem),
            Err(None) => {}
        }
        let keyring = self.seal.keyring()?;
        let found = keyring.key(None).and_then(|key| match key {
            Some(key) => Ok(key),
            None => self.make_key(keyring),
        });
        found
            .map(|key| self.remember(key))
            .map_err(|problem| self.regret(problem))
    }

    fn make_key(&self, keyring: &Keyring) -> Result<SealingKey, KeyringProblem> {
        let failed = |error: &dyn fmt::Display| KeyringProblem::Refused(error.to_string());
        let _lock = self
            .lock_file(KEY_LOCK, LOCK_WAIT)
            .map_err(|error| failed(&error))?;
        match keyring.key(None)? {
            Some(key) => Ok(key), // made while this process waited for the lock
            None => keyring.keep(SealingKey::generate().map_err(|error| failed(&error))?),
        }
    }

    fn remember(&self, key: SealingKey) -> SealingKey {
        self.learnt(|learnt| learnt.keys.push(key.clone()));
        key
    }

    /// A keyring that does not answer must not make one command wait twice.
    fn regret(&self, problem: KeyringProblem) -> KeyringProblem {
        self.learnt(|learnt| learnt.problem = Some(problem.clone()));
        problem
    }

    fn learnt<T>(&self, with: impl FnOnce(&mut Learnt) -> T) -> T {
        with(&mut self.learnt.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Seal {
    fn keyring(&self) -> Result<&Keyring, KeyringProblem> {
        match self {
            Seal::File => Err(KeyringProblem::SwitchedOff),
            Seal::Auto(keyring) | Seal::Keyring(keyring) => Ok(keyring),
        }
    }
}

impl fmt::Debug for Learnt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Learnt({} keys, {:?})", self.keys.len(), self.problem)
    }
}
