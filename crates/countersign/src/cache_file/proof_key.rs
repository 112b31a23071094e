//! Where does the key that a person's token is refreshed by wait, beside the token?
//!
//! A file of PKCS#8 as PEM, under the same guard as the token: mode 0600, never a link, sealed where
//! there is a keyring, replaced as a whole. One key for one identity, for all of its logins.

use countersign_proto::key::{KeyType, LocalKey, SigningKey as _};
use pkcs8::{LineEnding, SecretDocument};
use zeroize::Zeroizing;

use super::{CacheFileError, CacheFolder, CacheIdentity, CacheLock, CacheProblem};

const LABEL: &str = "PRIVATE KEY";

impl CacheFolder {
    /// The proof key of an identity; `None` when there is none.
    ///
    /// # Errors
    /// When there is a file and it must not be believed, or is no key on P-256.
    pub fn proof_key(&self, identity: &CacheIdentity) -> Result<Option<LocalKey>, CacheFileError> {
        let name = identity.key_name();
        let Some(content) = self.content(&name)? else {
            return Ok(None);
        };
        let content = self.opened(content, &name, identity)?;
        let text = std::str::from_utf8(&content).ok();
        let key = text.and_then(|text| LocalKey::from_pem(text).ok());
        key.filter(|key| key.public_key().key_type() == KeyType::P256)
            .map(Some)
            .ok_or_else(|| self.failed(&name, CacheProblem::NotAKey))
    }
}

impl CacheLock<'_> {
    /// Makes a proof key; it replaces the one there is, and what that was good for is over.
    ///
    /// # Errors
    /// What the operating system said.
    pub fn make_proof_key(&self) -> Result<LocalKey, CacheFileError> {
        let name = self.identity.key_name();
        let made = || -> Option<_> {
            let (key, pkcs8) = LocalKey::generate(KeyType::P256).ok()?;
            let document = SecretDocument::try_from(pkcs8.as_slice()).ok()?;
            // Both wipe what they hold.
            Some((key, document.to_pem(LABEL, LineEnding::LF).ok()?))
        };
        let (key, pem) = made().ok_or_else(|| {
            let answer = "the crypto library made no key".to_owned();
            self.folder.failed(&name, CacheProblem::Io("make", answer))
        })?;
        self.replace_file(&name, Zeroizing::new(pem.as_bytes().to_vec()))?;
        Ok(key)
    }
}

#[cfg(test)]
mod tests {
    use std::{os::unix::fs::MetadataExt, time::Duration};

    use super::*;

    fn identity() -> CacheIdentity {
        CacheIdentity::new(&[("browser", "lab")])
    }

    #[test]
    fn a_key_is_read_back_as_it_was_made_and_is_its_owners_alone() {
        let home = tempfile::tempdir().unwrap();
        let folder = CacheFolder::open(&home.path().join("state")).unwrap();
        let identity = identity();
        assert!(folder.proof_key(&identity).unwrap().is_none());
        let lock = folder.lock(&identity, Duration::ZERO).unwrap();
        let made = lock.make_proof_key().unwrap();
        let read = folder.proof_key(&identity).unwrap().unwrap();
        assert_eq!(read.public_key().spki(), made.public_key().spki());
        let file = folder.path().join(identity.key_name());
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o600);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.starts_with("-----BEGIN PRIVATE KEY-----\n"));

        lock.forget().unwrap();
        assert!(!file.exists());
    }

    #[test]
    fn what_is_no_key_on_p_256_is_refused_and_kept() {
        let home = tempfile::tempdir().unwrap();
        let folder = CacheFolder::open(&home.path().join("state")).unwrap();
        let identity = identity();
        let lock = folder.lock(&identity, Duration::ZERO).unwrap();
        let (_, other) = LocalKey::generate(KeyType::Ed25519).unwrap();
        let other = SecretDocument::try_from(other.as_slice()).unwrap();
        let other = other.to_pem(LABEL, LineEnding::LF).unwrap();
        for content in ["", "not PEM", other.as_str()] {
            let content = Zeroizing::new(content.as_bytes().to_vec());
            lock.replace_file(&identity.key_name(), content).unwrap();
            let error = folder.proof_key(&identity).unwrap_err();
            assert_eq!(error.problem, CacheProblem::NotAKey);
        }
        assert!(folder.path().join(identity.key_name()).exists());
    }
}
