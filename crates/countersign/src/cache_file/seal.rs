//! How is a file sealed, so that it opens by one key and in one place, and nowhere else?
//!
//! ```text
//! "countersign sealed 1\n"   21 bytes   what this is, and in which form
//! key                         8 bytes   by which key: the start of a digest of it
//! nonce                      12 bytes   drawn anew for each file that is written
//! content, sealed                       AES-256-GCM (NIST SP 800-38D), a tag of 16 bytes at its end
//! ```
//!
//! The tag holds the first two lines too, and the place: folder, name and identity. So a file that
//! was changed, given another name or brought to another folder does not open.

use std::{fmt, path::Path};

use aws_lc_rs::{
    aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey},
    digest,
};
use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{Error, random};

/// What every sealed file begins with, whatever its form.
const MARK: &[u8] = b"countersign sealed ";
/// What a file of the one form that there is begins with.
const FORM: &[u8] = b"countersign sealed 1\n";
const KEY_ID: usize = 8;
const NONCE: usize = 12;
const TAG: usize = 16;
const HEADER: usize = FORM.len() + KEY_ID + NONCE;

/// 256 random bits that seal files. Never shown, and wiped when dropped.
#[derive(Clone)]
pub(crate) struct SealingKey(Zeroizing<[u8; 32]>);

/// Which key: the start of a digest of it, so that it cannot be wrong about its key. No secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct KeyId([u8; KEY_ID]);

/// Where a sealed file belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    /// The folder, by its true path.
    pub(super) folder: &'a Path,
    pub(super) name: &'a str,
    pub(super) identity: &'a str,
}

/// What the first bytes of a file say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// It is not sealed.
    Open,
    /// It is sealed by this key.
    Sealed(KeyId),
    /// It is sealed in a way that is not known here.
    Unknown,
}

impl Form {
    pub(super) fn of(content: &[u8]) -> Form {
        if !content.starts_with(MARK) {
            return Form::Open;
        }
        match content.strip_prefix(FORM).and_then(<[u8]>::first_chunk) {
            Some(id) => Form::Sealed(KeyId(*id)),
            None => Form::Unknown,
        }
    }
}

/// Seals a content for its place.
///
/// # Errors
/// When there are no random numbers, or the crypto library seals nothing.
pub(super) fn seal(
    content: &[u8],
    key: &SealingKey,
    place: Place<'_>,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let nonce: [u8; NONCE] = random::bytes()?;
    let no_seal = || {
        Error::new(
            crate::ErrorKind::Signing,
            "the crypto library does not seal",
        )
    };
    // Room for all of it: a buffer that grows would leave a copy behind.
    let mut sealed = Zeroizing::new(Vec::with_capacity(HEADER + content.len() + TAG));
    sealed.extend_from_slice(FORM);
    sealed.extend_from_slice(&key.id().0);
    let bound = bound(&sealed, place);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(content);
    let cipher = key.cipher().ok_or_else(no_seal)?;
    let nonce = Nonce::assume_unique_for_key(nonce);
    let tag = cipher.seal_in_place_separate_tag(nonce, Aad::from(bound), &mut sealed[HEADER..]);
    let tag = tag.map_err(|_| no_seal())?;
    sealed.extend_from_slice(tag.as_ref());
    Ok(sealed)
}

/// The content of a sealed file, if this is its key and its place and no bit of it was changed.
/// Draws no random number.
pub(super) fn open(
    sealed: &[u8],
    key: &SealingKey,
    place: Place<'_>,
) -> Option<Zeroizing<Vec<u8>>> {
    let (header, content) = sealed.split_at_checked(HEADER)?;
    let (named, nonce) = header.split_last_chunk::<NONCE>()?;
    let bound = bound(named, place);
    let mut content = Zeroizing::new(content.to_vec());
    let cipher = key.cipher()?;
    let nonce = Nonce::assume_unique_for_key(*nonce);
    let opened = cipher.open_in_place(nonce, Aad::from(bound), &mut content);
    let length = opened.ok()?.len();
    content.truncate(length);
    Some(content)
}

/// What a tag holds besides the content: the header, and the place, each part with its length in
/// front, so that no two places are the same bytes.
fn bound(header: &[u8], place: Place<'_>) -> Vec<u8> {
    let mut bound = header.to_vec();
    let folder = place.folder.as_os_str().as_encoded_bytes();
    for part in [folder, place.name.as_bytes(), place.identity.as_bytes()] {
        bound.extend_from_slice(&(part.len() as u64).to_le_bytes());
        bound.extend_from_slice(part);
    }
    bound
}

impl SealingKey {
    /// A new one.
    ///
    /// # Errors
    /// When there are no random numbers.
    pub(crate) fn generate() -> Result<SealingKey, Error> {
        Ok(SealingKey(Zeroizing::new(random::bytes()?)))
    }

    /// The key as it waits in a keyring: its bytes in base64url, which every keyring can show.
    #[cfg_attr(not(feature = "keyring"), allow(dead_code))]
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(44));
        BASE64_URL_SAFE_NO_PAD.encode_string(self.0.as_slice(), &mut text);
        text
    }

    #[cfg_attr(not(feature = "keyring"), allow(dead_code))]
    pub(crate) fn from_text(text: &[u8]) -> Option<SealingKey> {
        let mut bytes = Zeroizing::new([0_u8; 33]); // one more, to see what is too long
        let length = BASE64_URL_SAFE_NO_PAD.decode_slice(text, bytes.as_mut_slice());
        let key = bytes.first_chunk::<32>().filter(|_| length == Ok(32))?;
        Some(SealingKey(Zeroizing::new(*key)))
    }

    pub(crate) fn id(&self) -> KeyId {
        let mut context = digest::Context::new(&digest::SHA256);
        context.update(b"countersign: which key seals the token cache");
        context.update(self.0.as_slice());
        let digest = context.finish();
        let start = digest.as_ref().first_chunk();
        KeyId(start.copied().unwrap_or_default())
    }

    fn cipher(&self) -> Option<LessSafeKey> {
        let key = UnboundKey::new(&AES_256_GCM, self.0.as_slice());
        key.ok().map(LessSafeKey::new)
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", self.id())
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> Place<'static> {
        Place {
            folder: Path::new("/home/alice/.local/state/countersign"),
            name: "0123.json",
            identity: r#"{"server":"https://platform.example"}"#,
        }
    }

    /// The bytes 0 to 31.
    fn key() -> SealingKey {
        SealingKey::from_text(b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8").unwrap()
    }

    /// Made by OpenSSL through Python's `cryptography`: the layout above, with the nonce 100 to 111.
    const SEALED: &str = "\
        636f756e7465727369676e207365616c656420310a04b8320e419fbd726465666768696a6b6c6d6e6f293baa09\
        128c38be5f0c3bc8ad0d0b8962b0636cf909801ac2a28c218f7fddfd8c9a66cd44a3ed5ac1f17b456d";

    fn sealed_elsewhere() -> Vec<u8> {
        let digits = SEALED.as_bytes().chunks(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.map(byte).collect()
    }

    #[test]
    fn what_another_program_sealed_by_the_same_layout_opens() {
        let sealed = sealed_elsewhere();
        assert_eq!(Form::of(&sealed), Form::Sealed(key().id()));
        assert_eq!(key().id().to_string(), "04b8320e419fbd72");
        let content = open(&sealed, &key(), place()).unwrap();
        assert_eq!(content.as_slice(), b"a token and what refreshes it");
    }

    #[test]
    fn what_was_sealed_opens_and_holds_nothing_of_what_it_seals() {
        let key = SealingKey::generate().unwrap();
        for length in [0, 1, 15, 16, 17, 4096] {
            let content = vec![b'x'; length];
            let sealed = seal(&content, &key, place()).unwrap();
            assert_eq!(sealed.len(), 21 + 8 + 12 + length + 16);
            assert!(!sealed.windows(8).any(|window| window == b"xxxxxxxx"));
            assert_eq!(open(&sealed, &key, place()).unwrap().as_slice(), content);
        }
    }

    #[test]
    fn the_same_content_is_sealed_differently_each_time() {
        let sealed: std::collections::HashSet<_> = (0..100)
            .map(|_| seal(b"token", &key(), place()).unwrap()[29..41].to_vec())
            .collect();
        assert_eq!(sealed.len(), 100, "a nonce came twice");
    }

    // security.md 111
    #[test]
    fn a_file_in_which_any_bit_was_changed_or_that_was_cut_or_grew_does_not_open() {
        let good = sealed_elsewhere();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            assert!(open(&bad, &key(), place()).is_none(), "bit {bit}");
        }
        for length in 0..good.len() {
            assert!(open(&good[..length], &key(), place()).is_none(), "{length}");
        }
        let longer = [good.as_slice(), b"\0"].concat();
        assert!(open(&longer, &key(), place()).is_none());
    }

    // security.md 111
    #[test]
    fn a_file_in_another_folder_by_another_name_or_of_another_identity_does_not_open() {
        let good = sealed_elsewhere();
        let elsewhere = [
            Place {
                folder: Path::new("/home/mallory/.local/state/countersign"),
                ..place()
            },
            Place {
                name: "0123.pem",
                ..place()
            },
            Place {
                identity: r#"{"server":"https://mallory.example"}"#,
                ..place()
            },
            // The same bytes, divided otherwise.
            Place {
                folder: Path::new("/home/alice/.local/state/countersign0"),
                name: "123.json",
                ..place()
            },
        ];
        for place in elsewhere {
            assert!(open(&good, &key(), place).is_none(), "{place:?}");
        }
    }

    #[test]
    fn another_key_opens_nothing() {
        let other = SealingKey::generate().unwrap();
        assert_ne!(other.id(), key().id());
        assert!(open(&sealed_elsewhere(), &other, place()).is_none());
    }

    #[test]
    fn the_first_bytes_tell_what_is_sealed_and_in_which_form() {
        assert_eq!(Form::of(b"{\"version\":1"), Form::Open);
        assert_eq!(Form::of(b"-----BEGIN PRIVATE KEY-----"), Form::Open);
        assert_eq!(Form::of(b""), Form::Open);
        assert_eq!(Form::of(b"countersign sealed 2\n01234567"), Form::Unknown);
        assert_eq!(Form::of(b"countersign sealed 1\n0123456"), Form::Unknown);
    }

    #[test]
    fn a_key_is_read_back_from_its_text_and_from_no_other() {
        let key = SealingKey::generate().unwrap();
        let text = key.to_text();
        assert_eq!(text.len(), 43);
        let back = SealingKey::from_text(text.as_bytes()).unwrap();
        assert_eq!(back.0, key.0);
        for bad in [
            "",
            "AAEC",
            &text[1..],
            &format!("{}A", *text),
            "not base64!",
        ] {
            assert!(SealingKey::from_text(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    // security.md 112
    #[test]
    fn a_key_is_in_no_debug_form() {
        let shown = format!("{:?}", key());
        assert_eq!(shown, "SealingKey(04b8320e419fbd72)");
    }
}
