//! Which certificate is named by this hash?

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::crypto;

/// A hash that names a certificate: SHA-1 (`x5t`, RFC 7515 §4.1.7) or SHA-256 (`x5t#S256`,
/// §4.1.8) of its DER.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Thumbprint {
    /// Finds a certificate, and is never a reason to trust one: SHA-1 collisions can be made.
    Sha1([u8; 20]),
    /// Names one certificate.
    Sha256([u8; 32]),
}

/// Why a text is not a thumbprint.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ThumbprintError {
    /// Neither 40 hexadecimal digits (SHA-1) nor 64 (SHA-256).
    Length {
        /// How many digits there are.
        digits: usize,
    },
    /// A character that is neither a digit nor a separator.
    Character {
        /// Byte offset in the text.
        at: usize,
        /// The character.
        found: char,
    },
}

impl Thumbprint {
    /// SHA-1 of a certificate's DER.
    pub fn sha1_of(der: &[u8]) -> Thumbprint {
        Thumbprint::Sha1(crypto::sha1(der))
    }

    /// SHA-256 of a certificate's DER.
    pub fn sha256_of(der: &[u8]) -> Thumbprint {
        Thumbprint::Sha256(crypto::sha256(der))
    }

    /// Reads what people paste: hexadecimal in any case, with colons, spaces, dashes or none,
    /// with the invisible characters that certificate dialogs add.
    ///
    /// # Errors
    ///
    /// When there is another character, or when the digits are not 40 or 64.
    pub fn parse(text: &str) -> Result<Thumbprint, ThumbprintError> {
        let mut digits = String::with_capacity(64);
        for (at, found) in text.char_indices() {
            match found {
                '0'..='9' | 'a'..='f' | 'A'..='F' => digits.push(found),
                _ if is_separator(found) || is_invisible(found) => {}
                _ => return Err(ThumbprintError::Character { at, found }),
            }
        }
        from_hex(&digits).ok_or(ThumbprintError::Length {
            digits: digits.len(),
        })
    }

    /// Reads a `kid` strictly as one of the forms of [`crate::assertion::KidForm`]: 40 or 64 hex
    /// digits of one case, or 27 or 43 canonical base64url characters. Anything else is `None`.
    pub fn from_kid(kid: &str) -> Option<Thumbprint> {
        match kid.len() {
            40 | 64 => {
                let lower = kid.bytes().any(|b| b.is_ascii_lowercase());
                let upper = kid.bytes().any(|b| b.is_ascii_uppercase());
                if lower && upper { None } else { from_hex(kid) }
            }
            27 | 43 => from_bytes(&URL_SAFE_NO_PAD.decode(kid).ok()?),
            _ => None,
        }
    }

    /// The digest.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Thumbprint::Sha1(digest) => digest,
            Thumbprint::Sha256(digest) => digest,
        }
    }

    /// Upper-case hexadecimal without separators: the default `kid`.
    pub fn to_hex(&self) -> String {
        self.as_bytes()
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|nibble| char::from(b"0123456789ABCDEF"[usize::from(nibble)]))
            .collect()
    }

    /// base64url without padding: the form of `x5t` and `x5t#S256`.
    pub fn to_base64url(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.as_bytes())
    }
}

/// Upper-case hexadecimal.
impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_hex())
    }
}

impl fmt::Display for ThumbprintError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ThumbprintError::Length { digits } => write!(
                f,
                "a thumbprint has 40 (SHA-1) or 64 (SHA-256) hexadecimal digits, this has {digits}"
            ),
            ThumbprintError::Character { at, found } => write!(
                f,
                "a thumbprint is hexadecimal, but byte {at} begins {found:?}"
            ),
        }
    }
}

impl std::error::Error for ThumbprintError {}

fn is_separator(c: char) -> bool {
    matches!(c, ':' | '-' | ' ' | '\t' | '\r' | '\n' | '\u{a0}')
}

/// Zero-width and direction characters. The certificate dialog of Windows puts U+200E in front.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn from_hex(digits: &str) -> Option<Thumbprint> {
    let nibbles = digits
        .chars()
        .map(|c| c.to_digit(16).and_then(|n| u8::try_from(n).ok()))
        .collect::<Option<Vec<u8>>>()?;
    if !nibbles.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Vec<u8> = nibbles
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect();
    from_bytes(&bytes)
}

fn from_bytes(bytes: &[u8]) -> Option<Thumbprint> {
    if let Ok(digest) = bytes.try_into() {
        return Some(Thumbprint::Sha1(digest));
    }
    bytes.try_into().ok().map(Thumbprint::Sha256)
}

#[cfg(test)]
mod tests {
    use super::*;

    // FIPS 180-4 example: SHA-1 and SHA-256 of "abc".
    const ABC_SHA1: &str = "A9993E364706816ABA3E25717850C26C9CD0D89D";
    const ABC_SHA256: &str = "BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD";

    #[test]
    fn the_digests_are_those_of_fips_180_4() {
        assert_eq!(Thumbprint::sha1_of(b"abc").to_hex(), ABC_SHA1);
        assert_eq!(Thumbprint::sha256_of(b"abc").to_hex(), ABC_SHA256);
        assert_eq!(
            Thumbprint::sha256_of(b"abc").to_base64url(),
            "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"
        );
    }

    // security.md B9: every spelling becomes the same bytes.
    #[test]
    fn every_pasted_form_is_the_same_thumbprint() {
        let expected = Thumbprint::sha1_of(b"abc");
        for text in [
            "A9993E364706816ABA3E25717850C26C9CD0D89D",
            "a9993e364706816aba3e25717850c26c9cd0d89d",
            "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D",
            "a9 99 3e 36 47 06 81 6a ba 3e 25 71 78 50 c2 6c 9c d0 d8 9d",
            "A9-99-3E-36-47-06-81-6A-BA-3E-25-71-78-50-C2-6C-9C-D0-D8-9D",
            "\u{200e}a9 99 3e 36 47 06 81 6a ba 3e 25 71 78 50 c2 6c 9c d0 d8 9d",
            "\u{feff}A9993E364706816ABA3E25717850C26C9CD0D89D\r\n",
            "A9993E36\t4706816A\u{200b}BA3E2571\u{a0}7850C26C 9CD0D89D\u{202c}",
        ] {
            assert_eq!(Thumbprint::parse(text), Ok(expected), "{text:?}");
        }
        assert_eq!(
            Thumbprint::parse(&ABC_SHA256.to_lowercase()),
            Ok(Thumbprint::sha256_of(b"abc"))
        );
    }

    // security.md B9
    #[test]
    fn a_truncated_thumbprint_or_a_letter_that_is_no_digit_is_refused() {
        assert_eq!(
            Thumbprint::parse(&ABC_SHA1[..38]),
            Err(ThumbprintError::Length { digits: 38 })
        );
        assert_eq!(
            Thumbprint::parse(&ABC_SHA1[..39]),
            Err(ThumbprintError::Length { digits: 39 })
        );
        assert_eq!(
            Thumbprint::parse(""),
            Err(ThumbprintError::Length { digits: 0 })
        );
        assert_eq!(
            Thumbprint::parse("A9 99 G"),
            Err(ThumbprintError::Character { at: 6, found: 'G' })
        );
        // A full-width digit is no digit.
        assert!(Thumbprint::parse(&ABC_SHA1.replace('9', "９")).is_err());
    }

    // security.md B9: a `kid` is read strictly, unlike what a person pastes.
    #[test]
    fn a_kid_is_a_thumbprint_in_its_exact_forms_only() {
        let (sha1, sha256) = (Thumbprint::sha1_of(b"abc"), Thumbprint::sha256_of(b"abc"));
        for kid in [
            ABC_SHA1,
            "a9993e364706816aba3e25717850c26c9cd0d89d",
            "qZk-NkcGgWq6PiVxeFDCbJzQ2J0",
        ] {
            assert_eq!(Thumbprint::from_kid(kid), Some(sha1), "{kid}");
        }
        assert_eq!(Thumbprint::from_kid(ABC_SHA256), Some(sha256));
        assert_eq!(
            Thumbprint::from_kid("ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0"),
            Some(sha256)
        );
        for kid in [
            "a9993E364706816ABA3E25717850C26C9CD0D89D",
            "A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D",
            " A9993E364706816ABA3E25717850C26C9CD0D89D",
            "qZk+NkcGgWq6PiVxeFDCbJzQ2J0",
            "qZk-NkcGgWq6PiVxeFDCbJzQ2J0=",
            // The same 20 bytes with a non-zero unused bit at the end.
            "qZk-NkcGgWq6PiVxeFDCbJzQ2J1",
            "",
            "key-1",
        ] {
            assert_eq!(Thumbprint::from_kid(kid), None, "{kid}");
        }
    }
}
