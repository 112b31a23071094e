//! What is a refresh token to its holder?

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

/// A refresh token may have at most so many bytes.
const MAX_BYTES: usize = 16 * 1024;

/// A refresh token: opaque to whoever holds it, wiped when dropped, never printed. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken {
    text: Arc<Zeroizing<String>>,
}

/// The text is empty, longer than 16 KiB, or holds a character that RFC 6749 App. A.17 does not
/// allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshTokenError;

impl RefreshToken {
    /// Takes a token in.
    ///
    /// # Errors
    ///
    /// It is no `1*VSCHAR` (RFC 6749 App. A.17), or it is too long.
    pub fn new(text: &str) -> Result<RefreshToken, RefreshTokenError> {
        let allowed = |byte: u8| (0x20..=0x7e).contains(&byte);
        if text.is_empty() || text.len() > MAX_BYTES || !text.bytes().all(allowed) {
            return Err(RefreshTokenError);
        }
        Ok(RefreshToken {
            text: Arc::new(Zeroizing::new(text.to_owned())),
        })
    }

    /// The token, to be sent to the token endpoint of its server and nowhere else.
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for RefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RefreshToken(..)")
    }
}

impl fmt::Display for RefreshTokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the refresh token is empty, too long or holds a character that none has")
    }
}

impl std::error::Error for RefreshTokenError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_token_is_text_of_one_line_and_is_never_shown() {
        for text in [
            "tGzv3JOkF0XG5Qx2TlKWIA",
            "a b",
            "~!\"\\",
            &"x".repeat(16 * 1024),
        ] {
            let token = RefreshToken::new(text).unwrap();
            assert_eq!(token.expose(), text);
            assert_eq!(format!("{token:?}"), "RefreshToken(..)");
        }
        for text in [
            "",
            "a\r\nX: y",
            "a\0",
            "é",
            "\u{7f}",
            &"x".repeat(16 * 1024 + 1),
        ] {
            assert_eq!(RefreshToken::new(text), Err(RefreshTokenError), "{text:?}");
        }
    }
}
