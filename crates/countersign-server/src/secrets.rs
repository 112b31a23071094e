//! Which secrets does a platform hold outside its store?

use std::path::Path;

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey},
    rand,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::{management::SigningKeyState, time::UnixTime};
use zeroize::Zeroizing;

use crate::store::StoredKey;

mod file;

mod local_signing;
pub(crate) use local_signing::local_signing_keys;

mod strength;

#[cfg(test)]
pub(crate) mod fixtures;

/// Keys and peppers, each in versions: the newest is used for what is new, the older ones for what
/// was made with them. Wiped when dropped, never printed.
pub struct Secrets {
    key_encryption: Vec<Secret>,
    pepper: Vec<Secret>,
    refresh_key: Vec<Secret>,
    login_key: Vec<Secret>,
}

struct Secret {
    version: u32,
    value: Zeroizing<[u8; LENGTH]>,
}

/// Why the secrets cannot be used. Names the file and what to do, and never a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
#[non_exhaustive]
pub struct SecretsError {
    /// The file, or the key of the issuer.
    pub place: String,
    /// What is wrong and what to do.
    pub problem: String,
}

impl Secrets {
    /// The secrets of a platform: read from `file`, or made there when nothing in the store was
    /// sealed yet; without a file, secrets that end with the process.
    ///
    /// # Errors
    /// [`SecretsError`] when the file is missing though `sealed` keys need it, when others may read
    /// it, when it is not a plain file of this user, or when it does not read as one of ours.
    pub fn for_platform(
        file: Option<&Path>,
        sealed: &[StoredKey],
    ) -> Result<Secrets, SecretsError> {
        match file {
            None if sealed.is_empty() => Secrets::ephemeral(),
            None => Err(error(
                Path::new("secrets.file"),
                "is not set, and the store holds keys sealed under a secrets file; say where it is",
            )),
            Some(path) if sealed.is_empty() => Secrets::read_or_create(path),
            Some(path) => Secrets::read(path)?.ok_or_else(|| {
                error(
                    path,
                    "is missing, and the store holds keys sealed under it; bring it back from your backup, \
                     or say where it is in secrets.file",
                )
            }),
        }
    }

    /// New secrets that end with the process.
    ///
    /// # Errors
    /// [`SecretsError`] when the system has no randomness.
    pub fn ephemeral() -> Result<Secrets, SecretsError> {
        let mut secrets = Secrets::empty();
        secrets.add_missing()?;
        Ok(secrets)
    }

    /// Reads the file; `None` when there is none. A file of an older version gets the secrets that
    /// it lacks, and keeps what it has. Of several that complete it at once one does, and all use
    /// its secrets.
    ///
    /// # Errors
    /// As for [`Secrets::for_platform`], and when an older file cannot be replaced.
    pub fn read(path: &Path) -> Result<Option<Secrets>, SecretsError> {
        let named = |problem: String| error(path, &problem);
        let Some(mut text) = file::read(path)? else {
            return Ok(None);
        };
        if is_older(&text) {
            file::replace(path, |text| match is_older(text) {
                true => Secrets::completed(text).map(Some).map_err(named),
                false => Ok(None),
            })?;
            text = file::read(path)?.ok_or_else(|| named("is gone again".to_owned()))?;
        }
        Secrets::parse(&text).map(Some).map_err(named)
    }

    /// Reads the file, or makes it with mode 0600. Of several that make it at once one wins, and
    /// all use its secrets.
    ///
    /// # Errors
    /// As for [`Secrets::for_platform`].
    pub fn read_or_create(path: &Path) -> Result<Secrets, SecretsError> {
        if let Some(secrets) = Secrets::read(path)? {
            return Ok(secrets);
        }
        file::create(path, &Secrets::ephemeral()?.to_text())?;
        Secrets::read(path)?.ok_or_else(|| error(path, "was made and is gone again"))
    }

    /// Seals a private key of the issuer (PKCS#8) under the newest key-encryption key, by
    /// AES-256-GCM. Its name, algorithm and time are sealed with it, so that no row can take the
    /// place of another.
    ///
    /// # Errors
    /// [`SecretsError`] when the crypto library refuses.
    pub fn seal_key(
        &self,
        kid: &str,
        algorithm: &str,
        created_at: UnixTime,
        pkcs8: &[u8],
    ) -> Result<StoredKey, SecretsError> {
        let refused = || error(Path::new(kid), "this key cannot be sealed");
        let newest = self.key_encryption.last().ok_or_else(refused)?;
        let mut key = StoredKey {
            kid: kid.to_owned(),
            algorithm: algorithm.to_owned(),
            created_at,
            key_version: newest.version,
            sealed: Vec::new(),
            state: SigningKeyState::Active,
            active_at: created_at,
            stopped_at: None,
            retires_at: None,
        };
        let cipher =
            RandomizedNonceKey::new(&AES_256_GCM, newest.value.as_ref()).map_err(|_| refused())?;
        // The plain key is overwritten in place; the capacity keeps it from moving and leaving a copy.
        let mut buffer = Zeroizing::new(Vec::with_capacity(pkcs8.len() + AES_256_GCM.tag_len()));
        buffer.extend_from_slice(pkcs8);
        let nonce = cipher
            .seal_in_place_append_tag(Aad::from(bound_to(&key)), &mut *buffer)
            .map_err(|_| refused())?;
        key.sealed = [nonce.as_ref().as_slice(), buffer.as_slice()].concat();
        Ok(key)
    }

    /// Opens a key of the issuer (PKCS#8, wiped when dropped).
    ///
    /// # Errors
    /// [`SecretsError`] when it was sealed under other secrets, or was changed since.
    pub fn open_key(&self, key: &StoredKey) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
        let refused = |problem: &str| SecretsError {
            place: format!("issuer key {}", key.kid),
            problem: problem.to_owned(),
        };
        let secret = self
            .key_encryption
            .iter()
            .find(|secret| secret.version == key.key_version)
            .ok_or_else(|| {
                refused(&format!(
                    "was sealed under key-encryption key {}, which the secrets file does not hold",
                    key.key_version
                ))
            })?;
        let (nonce, sealed) = key
            .sealed
            .split_first_chunk::<NONCE_LEN>()
            .ok_or_else(|| refused("is cut short in the store"))?;
        let cipher = RandomizedNonceKey::new(&AES_256_GCM, secret.value.as_ref())
            .map_err(|_| refused("cannot be opened"))?;
        let mut buffer = Zeroizing::new(sealed.to_vec());
        let length = cipher
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(bound_to(key)),
                &mut buffer,
            )
            .map_err(|_| {
                refused("does not open: the secrets file is not the one it was sealed under, or the row was changed")
            })?
            .len();
        buffer.truncate(length);
        Ok(buffer)
    }

    /// The newest pepper with its version: keys the hashes of opaque tokens.
    pub fn pepper(&self) -> Option<(u32, &[u8; LENGTH])> {
        newest(&self.pepper)
    }

    /// The pepper of this version.
    pub fn pepper_of(&self, version: u32) -> Option<&[u8; LENGTH]> {
        of_version(&self.pepper, version)
    }

    /// Every pepper, the newest first.
    pub fn peppers(&self) -> impl Iterator<Item = &[u8; LENGTH]> {
        self.pepper.iter().rev().map(|secret| &*secret.value)
    }

    /// The newest refresh key with its version: the secrets of refresh tokens are derived from it.
    pub fn refresh_key(&self) -> Option<(u32, &[u8; LENGTH])> {
        newest(&self.refresh_key)
    }

    /// The refresh key of this version.
    pub fn refresh_key_of(&self, version: u32) -> Option<&[u8; LENGTH]> {
        of_version(&self.refresh_key, version)
    }

    /// The newest login key: what a sign-in by browser ties to its transaction is derived from it.
    pub fn login_key(&self) -> Option<&[u8; LENGTH]> {
        newest(&self.login_key).map(|(_, key)| key)
    }

    fn empty() -> Secrets {
        Secrets {
            key_encryption: Vec::new(),
            pepper: Vec::new(),
            refresh_key: Vec::new(),
            login_key: Vec::new(),
        }
    }

    /// Every list with its name, in the order of the file.
    fn lists(&self) -> [(&'static str, &Vec<Secret>); 4] {
        [
            (KEY_ENCRYPTION, &self.key_encryption),
            (PEPPER, &self.pepper),
            (REFRESH_KEY, &self.refresh_key),
            (LOGIN_KEY, &self.login_key),
        ]
    }

    /// Gives every list that is empty a first secret.
    fn add_missing(&mut self) -> Result<(), SecretsError> {
        for list in [
            &mut self.key_encryption,
            &mut self.pepper,
            &mut self.refresh_key,
            &mut self.login_key,
        ] {
            if list.is_empty() {
                list.push(Secret::generate()?);
            }
        }
        Ok(())
    }

    /// Encode and decode of the file: a first line, then a name, a version and a value a line.
    fn to_text(&self) -> Zeroizing<String> {
        let mut text = room();
        text.push_str(FIRST_LINE);
        text.push_str("\n# Whoever reads this file can read the platform's keys. Back it up apart from the store.\n");
        for (name, secrets) in self.lists() {
            for secret in secrets {
                secret.write(name, &mut text);
            }
        }
        text
    }

    /// An older file with the secrets that it lacks. Every line of it stays, but for the first.
    fn completed(text: &str) -> Result<Zeroizing<String>, String> {
        let mut secrets = Secrets::parse_lists(text)?;
        let lacks: Vec<&str> = secrets
            .lists()
            .into_iter()
            .filter(|(_, list)| list.is_empty())
            .map(|(name, _)| name)
            .collect();
        for needed in [KEY_ENCRYPTION, PEPPER] {
            if lacks.contains(&needed) {
                return Err(format!("holds no {needed}"));
            }
        }
        secrets.add_missing().map_err(|error| error.problem)?;
        let mut completed = room();
        completed.push_str(FIRST_LINE);
        completed.push('\n');
        for line in text.lines().skip(1) {
            completed.push_str(line);
            completed.push('\n');
        }
        for (name, list) in secrets.lists() {
            if lacks.contains(&name) {
                for secret in list {
                    secret.write(name, &mut completed);
                }
            }
        }
        Ok(completed)
    }

    fn parse(text: &str) -> Result<Secrets, String> {
        let secrets = Secrets::parse_lists(text)?;
        match secrets.lists().iter().find(|(_, list)| list.is_empty()) {
            Some((name, _)) => Err(format!("holds no {name}")),
            None => Ok(secrets),
        }
    }

    fn parse_lists(text: &str) -> Result<Secrets, String> {
        let mut lines = text.lines().zip(1_usize..);
        match lines.next() {
            Some((FIRST_LINE | OLDER_FIRST_LINE, _)) => {}
            Some((line, _)) if line.starts_with("countersign-secrets ") => {
                return Err(
                    "was made by a newer version of countersign; use that version".to_owned(),
                );
            }
            _ => return Err(format!("is no secrets file: line 1 is not `{FIRST_LINE}`")),
        }
        let mut secrets = Secrets::empty();
        for (line, number) in lines {
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let wrong =
                || format!("line {number} is not a name, a version and a secret of 32 bytes");
            let mut words = line.split(' ');
            let (Some(name), Some(version), Some(value), None) =
                (words.next(), words.next(), words.next(), words.next())
            else {
                return Err(wrong());
            };
            let secret = Secret::parse(version, value).ok_or_else(wrong)?;
            let list = match name {
                KEY_ENCRYPTION => &mut secrets.key_encryption,
                PEPPER => &mut secrets.pepper,
                REFRESH_KEY => &mut secrets.refresh_key,
                LOGIN_KEY => &mut secrets.login_key,
                _ => return Err(format!("line {number} holds a secret of an unknown name")),
            };
            if list
                .last()
                .is_some_and(|last| last.version >= secret.version)
            {
                return Err(format!("line {number}: versions must ascend"));
            }
            list.push(secret);
        }
        Ok(secrets)
    }
}

impl Secret {
    fn generate() -> Result<Secret, SecretsError> {
        let mut value = Zeroizing::new([0; LENGTH]);
        rand::fill(value.as_mut_slice()).map_err(|_| SecretsError {
            place: "secrets".to_owned(),
            problem: "the system gives no random bytes".to_owned(),
        })?;
        Ok(Secret { version: 1, value })
    }

    fn write(&self, name: &str, text: &mut Zeroizing<String>) {
        text.push_str(name);
        text.push_str(&format!(" {} ", self.version));
        let mut encoded = Zeroizing::new([0; 64]);
        if let Ok(length) =
            URL_SAFE_NO_PAD.encode_slice(self.value.as_ref(), encoded.as_mut_slice())
        {
            text.extend(encoded.iter().take(length).map(|byte| char::from(*byte)));
        }
        text.push('\n');
    }

    fn parse(version: &str, value: &str) -> Option<Secret> {
        let version = version.parse().ok()?;
        let mut decoded = Zeroizing::new([0; LENGTH]);
        // 43 characters are 32 bytes; anything longer would not fit.
        let length = (value.len() == 43).then(|| {
            URL_SAFE_NO_PAD
                .decode_slice_unchecked(value, decoded.as_mut_slice())
                .ok()
        })??;
        (length == LENGTH).then_some(Secret {
            version,
            value: decoded,
        })
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(..)")
    }
}

const LENGTH: usize = 32;
const FIRST_LINE: &str = "countersign-secrets 2";
/// Before there were sessions: without refresh key and login key.
const OLDER_FIRST_LINE: &str = "countersign-secrets 1";
const KEY_ENCRYPTION: &str = "key-encryption-key";
const PEPPER: &str = "pepper";
const REFRESH_KEY: &str = "refresh-key";
const LOGIN_KEY: &str = "login-key";

/// Whether this is a file of a version that had fewer secrets.
fn is_older(text: &str) -> bool {
    text.lines().next() == Some(OLDER_FIRST_LINE)
}

fn newest(list: &[Secret]) -> Option<(u32, &[u8; LENGTH])> {
    list.last().map(|secret| (secret.version, &*secret.value))
}

fn of_version(list: &[Secret], version: u32) -> Option<&[u8; LENGTH]> {
    let found = list.iter().find(|secret| secret.version == version)?;
    Some(&found.value)
}

/// Room for the longest file, so that the text never moves and leaves a copy behind.
fn room() -> Zeroizing<String> {
    Zeroizing::new(String::with_capacity(file::LONGEST + 4096))
}

/// What is sealed together with the key, though it stands beside it in the open.
fn bound_to(key: &StoredKey) -> Vec<u8> {
    let mut bound = b"countersign issuer key 1".to_vec();
    for part in [key.kid.as_bytes(), key.algorithm.as_bytes()] {
        bound.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bound.extend_from_slice(part);
    }
    bound.extend_from_slice(&key.created_at.as_secs().to_be_bytes());
    bound.extend_from_slice(&key.key_version.to_be_bytes());
    bound
}

fn error(path: &Path, problem: &str) -> SecretsError {
    SecretsError {
        place: path.display().to_string(),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(secrets: &Secrets) -> StoredKey {
        secrets
            .seal_key("k1", "ES256", UnixTime::from_secs(7), b"a private key")
            .unwrap()
    }

    #[test]
    fn a_sealed_key_opens_again_and_its_bytes_are_not_in_the_row() {
        let secrets = Secrets::ephemeral().unwrap();
        let row = sealed(&secrets);
        assert_eq!(row.key_version, 1);
        assert_eq!(row.sealed.len(), 12 + b"a private key".len() + 16);
        assert!(!row.sealed.windows(7).any(|window| window == b"private"));
        assert_eq!(secrets.open_key(&row).unwrap().as_slice(), b"a private key");
        assert_ne!(row.sealed, sealed(&secrets).sealed, "each nonce is new");
    }

    #[test]
    fn a_row_that_was_changed_does_not_open() {
        let secrets = Secrets::ephemeral().unwrap();
        let good = sealed(&secrets);
        let mut rows = vec![good.clone(); 6];
        rows[0].kid = "k2".to_owned();
        rows[1].algorithm = "RS256".to_owned();
        rows[2].created_at = UnixTime::from_secs(8);
        rows[3].key_version = 2;
        rows[4].sealed[20] ^= 1;
        rows[5].sealed.truncate(11);
        for row in rows {
            assert!(secrets.open_key(&row).is_err(), "{row:?}");
        }
    }

    #[test]
    fn other_secrets_do_not_open_a_key() {
        let row = sealed(&Secrets::ephemeral().unwrap());
        let message = Secrets::ephemeral()
            .unwrap()
            .open_key(&row)
            .unwrap_err()
            .to_string();
        assert!(message.contains("secrets file is not the one"), "{message}");
    }

    #[test]
    fn a_key_made_elsewhere_opens() {
        // python cryptography: AESGCM(b"\x11" * 32).encrypt(b"\x22" * 12, b"a private key",
        //   b"countersign issuer key 1" + lp(b"k1") + lp(b"ES256") + u64(7) + u32(1))
        let secrets = Secrets::parse(
            "countersign-secrets 2\n\
             key-encryption-key 1 ERERERERERERERERERERERERERERERERERERERERERE\n\
             pepper 1 ERERERERERERERERERERERERERERERERERERERERERE\n\
             refresh-key 1 ERERERERERERERERERERERERERERERERERERERERERE\n\
             login-key 1 ERERERERERERERERERERERERERERERERERERERERERE\n",
        )
        .unwrap();
        let row = StoredKey {
            kid: "k1".to_owned(),
            algorithm: "ES256".to_owned(),
            created_at: UnixTime::from_secs(7),
            key_version: 1,
            sealed: hex(
                "22222222222222222222222276d7773ba9b9fe2b801fb5593132e50b8667d735d1d540651c7af32098",
            ),
            state: SigningKeyState::Active,
            active_at: UnixTime::from_secs(7),
            stopped_at: None,
            retires_at: None,
        };
        assert_eq!(secrets.open_key(&row).unwrap().as_slice(), b"a private key");
    }

    #[test]
    fn the_text_reads_back_and_the_newest_version_is_used() {
        let mut secrets = Secrets::ephemeral().unwrap();
        let old = sealed(&secrets);
        let second = |list: &mut Vec<Secret>| {
            let mut second = Secret::generate().unwrap();
            second.version = 2;
            list.push(second);
        };
        second(&mut secrets.key_encryption);
        second(&mut secrets.refresh_key);
        let again = Secrets::parse(&secrets.to_text()).unwrap();
        assert_eq!(again.pepper(), secrets.pepper());
        assert_eq!(again.login_key(), secrets.login_key());
        let (version, newest) = again.refresh_key().unwrap();
        assert_eq!((version, again.refresh_key_of(2)), (2, Some(newest)));
        assert_eq!(again.refresh_key_of(1), secrets.refresh_key_of(1));
        assert_ne!(again.refresh_key_of(1), Some(newest));
        assert_eq!(again.refresh_key_of(3), None);
        assert_eq!(again.open_key(&old).unwrap().as_slice(), b"a private key");
        let new = sealed(&again);
        assert_eq!(new.key_version, 2);
        assert_eq!(secrets.open_key(&new).unwrap().as_slice(), b"a private key");
    }

    #[test]
    fn a_text_that_is_not_ours_is_refused_with_its_line_and_without_its_content() {
        let value = "A".repeat(43);
        for (text, expected) in [
            (String::new(), "line 1"),
            ("countersign-secrets 3\n".to_owned(), "newer version"),
            (
                "countersign-secrets 1\n".to_owned(),
                "no key-encryption-key",
            ),
            (
                format!("countersign-secrets 1\nkey-encryption-key 1 {value}\n"),
                "no pepper",
            ),
            (
                format!("countersign-secrets 2\nkey-encryption-key 1 {value}\npepper 1 {value}\n"),
                "no refresh-key",
            ),
            (
                "countersign-secrets 1\npepper 1 c2hvcnQ\n".to_owned(),
                "line 2",
            ),
            (
                format!("countersign-secrets 1\npepper one {value}\n"),
                "line 2",
            ),
            (
                format!("countersign-secrets 1\npepper 1 {value}\npepper 1 {value}\n"),
                "line 3",
            ),
            (format!("countersign-secrets 1\nsalt 1 {value}\n"), "line 2"),
            (
                format!("countersign-secrets 1\npepper 1 {value} x\n"),
                "line 2",
            ),
        ] {
            let problem = Secrets::parse(&text).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
            assert!(
                !problem.contains("AAAA") && !problem.contains("c2hv"),
                "{problem}"
            );
        }
    }

    #[test]
    fn an_older_text_gets_what_it_lacks_and_keeps_every_line() {
        let value = "A".repeat(43);
        let kept =
            format!("# mine\nkey-encryption-key 1 {value}\npepper 3 {value}\n\npepper 4 {value}\n");
        let completed = Secrets::completed(&format!("countersign-secrets 1\n{kept}")).unwrap();
        let added = completed
            .strip_prefix("countersign-secrets 2\n")
            .and_then(|rest| rest.strip_prefix(kept.as_str()))
            .unwrap();
        let names: Vec<&str> = added.lines().map(|line| &line[..line.len() - 44]).collect();
        assert_eq!(names, ["refresh-key 1", "login-key 1"]);
        let secrets = Secrets::parse(&completed).unwrap();
        assert_eq!(secrets.pepper(), Some((4, &[0; 32])));
        assert_eq!(secrets.pepper_of(3), Some(&[0; 32]));
        assert_ne!(secrets.login_key(), Some(&[0; 32]));
        assert_ne!(secrets.login_key(), secrets.refresh_key_of(1));
    }

    #[test]
    fn secrets_are_never_printed() {
        assert_eq!(
            format!("{:?}", Secrets::ephemeral().unwrap()),
            "Secrets(..)"
        );
    }

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len() / 2)
            .map(|at| u8::from_str_radix(&text[2 * at..2 * at + 2], 16).unwrap())
            .collect()
    }
}
