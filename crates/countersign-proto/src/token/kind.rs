//! How was a token got?

use std::fmt;

/// How a token was got. On the wire 0 to 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// A person signed in with a browser.
    Interactive,
    /// An application signed in with its certificate.
    NonInteractive,
    /// A component of the platform signed in with its certificate.
    Platform,
    /// A person granted it to a program of his own.
    PersonalAccess,
    /// It was granted to an identity, for an API.
    App,
    /// It was granted to no identity.
    System,
}

impl TokenKind {
    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            TokenKind::Interactive => 0,
            TokenKind::NonInteractive => 1,
            TokenKind::Platform => 2,
            TokenKind::PersonalAccess => 3,
            TokenKind::App => 4,
            TokenKind::System => 5,
        }
    }

    /// Whether somebody granted it: nobody signed in for it.
    pub const fn is_granted(self) -> bool {
        matches!(
            self,
            TokenKind::PersonalAccess | TokenKind::App | TokenKind::System
        )
    }

    /// Reads the number on the wire.
    pub fn from_number(n: u64) -> Option<TokenKind> {
        match n {
            0 => Some(TokenKind::Interactive),
            1 => Some(TokenKind::NonInteractive),
            2 => Some(TokenKind::Platform),
            3 => Some(TokenKind::PersonalAccess),
            4 => Some(TokenKind::App),
            5 => Some(TokenKind::System),
            _ => None,
        }
    }
}

impl fmt::Display for TokenKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            TokenKind::Interactive => "interactive",
            TokenKind::NonInteractive => "non-interactive",
            TokenKind::Platform => "platform",
            TokenKind::PersonalAccess => "personal access",
            TokenKind::App => "app",
            TokenKind::System => "system",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // checklist T1
    #[test]
    fn there_are_six_kinds() {
        for (number, kind) in [
            (0, TokenKind::Interactive),
            (1, TokenKind::NonInteractive),
            (2, TokenKind::Platform),
            (3, TokenKind::PersonalAccess),
            (4, TokenKind::App),
            (5, TokenKind::System),
        ] {
            assert_eq!(kind.number(), number);
            assert_eq!(TokenKind::from_number(number.into()), Some(kind));
            assert_eq!(kind.is_granted(), number > 2);
        }
        assert_eq!(TokenKind::from_number(6), None);
        assert_eq!(TokenKind::from_number(256), None);
    }
}
