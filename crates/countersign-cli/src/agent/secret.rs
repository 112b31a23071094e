//! What does a program show that comes over loopback, where the system does not say whose it is?

use std::path::{Path, PathBuf};

use rustix::rand::{GetRandomFlags, getrandom};
use zeroize::Zeroizing;

use crate::{
    failure::Failure,
    private_file::{self, Existing},
};

/// A secret of this run, in a file for its owner alone: who can read that file is the same user.
pub(super) struct Secret {
    file: PathBuf,
    digits: Zeroizing<String>,
}

impl Secret {
    /// Makes one of 256 random bits, and writes it.
    pub(super) fn write(file: &Path) -> Result<Secret, Failure> {
        let mut bytes = Zeroizing::new([0_u8; 32]);
        let got = getrandom(bytes.as_mut_slice(), GetRandomFlags::empty());
        if got != Ok(bytes.len()) {
            return Err(Failure::other("the system gives no random numbers"));
        }
        let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let digits = Zeroizing::new(digits);
        if file.is_symlink() {
            let problem = format!(
                "{} is a link, and a secret is not written through one",
                file.display()
            );
            return Err(
                Failure::other(problem).hint("remove it, or name another --http-secret-file")
            );
        }
        private_file::write(file, digits.as_bytes(), Existing::Replace)?;
        Ok(Secret {
            file: file.to_owned(),
            digits,
        })
    }

    pub(super) fn digits(&self) -> Zeroizing<String> {
        self.digits.clone()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        // Another agent may have written its own there meanwhile.
        let is_ours = std::fs::read(&self.file).map(Zeroizing::new);
        if is_ours.is_ok_and(|found| found.as_slice() == self.digits.as_bytes()) {
            let _ = std::fs::remove_file(&self.file);
        }
    }
}

/// Whether two secrets are one, in a time that tells nothing about how much of them is.
pub(super) fn is_same(shown: &[u8], secret: &[u8]) -> bool {
    let pairs = shown.iter().zip(secret);
    let difference = pairs.fold(0, |all, (a, b)| all | std::hint::black_box(a ^ b));
    shown.len() == secret.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    // security.md 135
    #[test]
    fn a_secret_is_its_owners_alone_new_each_time_and_gone_with_the_agent() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("agent.secret");
        let first = Secret::write(&file).unwrap();
        assert_eq!(file.metadata().unwrap().mode() & 0o7777, 0o600);
        assert_eq!(std::fs::read(&file).unwrap(), first.digits().as_bytes());
        assert_eq!(first.digits().len(), 64);
        let second = Secret::write(&file).unwrap();
        assert_ne!(first.digits(), second.digits());
        drop(first);
        assert!(file.exists(), "it is the other one's");
        drop(second);
        assert!(!file.exists());
    }

    #[test]
    fn a_secret_is_not_written_through_a_link() {
        let folder = tempfile::tempdir().unwrap();
        let (file, link) = (folder.path().join("file"), folder.path().join("link"));
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(Secret::write(&link).is_err());
        assert!(!file.exists());
    }

    #[test]
    fn a_secret_is_known_whole_or_not() {
        assert!(is_same(b"abc", b"abc"));
        for other in [&b""[..], b"ab", b"abcd", b"abd", b"Abc"] {
            assert!(!is_same(other, b"abc"), "{other:?}");
        }
    }
}
