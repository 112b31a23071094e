//! What is a password, between the page that took it and the function that hashes it?

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

/// A password as it was typed: UTF-8, compared byte for byte. It is not normalized, so that a
/// password typed with other code points on another keyboard is another password. Wiped when
/// dropped, never printed. Clones share one copy.
#[derive(Clone)]
pub(crate) struct Password(Arc<Zeroizing<String>>);

/// Bytes of the shortest and of the longest password.
const LENGTHS: std::ops::RangeInclusive<usize> = 8..=1024;

/// Why a password cannot be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password has 8 to 1024 bytes")]
pub(crate) struct PasswordLength;

impl Password {
    /// As somebody typed it to sign in, whatever it is: one that cannot be right is not told from
    /// one that is wrong.
    pub(crate) fn typed(text: Zeroizing<String>) -> Password {
        Password(Arc::new(text))
    }

    /// As it is to be from now on.
    ///
    /// # Errors
    /// [`PasswordLength`] when it has fewer than 8 or more than 1024 bytes.
    pub(crate) fn chosen(text: Zeroizing<String>) -> Result<Password, PasswordLength> {
        if LENGTHS.contains(&text.len()) {
            Ok(Password::typed(text))
        } else {
            Err(PasswordLength)
        }
    }

    /// Its bytes, to be hashed and nothing else.
    pub(super) fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(text: &str) -> Result<Password, PasswordLength> {
        Password::chosen(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn a_password_has_8_to_1024_bytes() {
        assert!(chosen("1234567").is_err());
        assert!(chosen("12345678").is_ok());
        assert!(chosen("ääää").is_ok(), "four letters of two bytes");
        assert!(chosen(&"x".repeat(1024)).is_ok());
        assert!(chosen(&"x".repeat(1025)).is_err());
    }

    // security.md 112
    #[test]
    fn a_password_is_never_printed() {
        let password = chosen("correct horse").unwrap();
        assert_eq!(format!("{password:?}"), "Password(..)");
    }
}
