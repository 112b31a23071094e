//! What is asked for, and what is granted (RFC 6749 §3.3)?

use std::{collections::BTreeSet, fmt};

/// A set of scope tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope(BTreeSet<String>);

/// A scope token holds a character outside `%x21 / %x23-5B / %x5D-7E`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopeError;

impl Scope {
    /// Parses space-delimited tokens; empty text is the empty scope. Order and repetition mean
    /// nothing.
    ///
    /// # Errors
    ///
    /// A token holds a character that RFC 6749 §3.3 does not allow.
    pub fn parse(text: &str) -> Result<Scope, ScopeError> {
        text.split(' ')
            .filter(|token| !token.is_empty())
            .map(|token| {
                if token.bytes().all(is_scope_byte) {
                    Ok(token.to_owned())
                } else {
                    Err(ScopeError)
                }
            })
            .collect::<Result<_, _>>()
            .map(Scope)
    }

    /// Whether [`Scope::parse`] would take a text, without keeping anything of it.
    pub fn is_valid(text: &str) -> bool {
        text.bytes().all(|byte| byte == b' ' || is_scope_byte(byte))
    }

    /// Whether there is no token in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this token is in it, compared exactly.
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    /// Whether every token of this is in `other`.
    pub fn is_subset(&self, other: &Scope) -> bool {
        self.0.is_subset(&other.0)
    }

    /// The tokens that are in both.
    #[must_use]
    pub fn intersection(&self, other: &Scope) -> Scope {
        Scope(self.0.intersection(&other.0).cloned().collect())
    }

    /// The tokens, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Space-delimited and sorted.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for token in &self.0 {
            write!(f, "{separator}{token}")?;
            separator = " ";
        }
        Ok(())
    }
}

impl fmt::Display for ScopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a scope token holds a character that is not allowed there")
    }
}

impl std::error::Error for ScopeError {}

fn is_scope_byte(byte: u8) -> bool {
    matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope(text: &str) -> Scope {
        Scope::parse(text).unwrap()
    }

    #[test]
    fn order_and_repetition_mean_nothing() {
        assert_eq!(scope("write read read"), scope("read write"));
        assert_eq!(scope(" read  write ").to_string(), "read write");
        assert!(scope("").is_empty());
        assert_eq!(scope("").to_string(), "");
    }

    #[test]
    fn tokens_compare_exactly() {
        assert!(scope("read").contains("read"));
        assert!(!scope("read").contains("Read"));
        assert!(!scope("read:all").contains("read"));
        assert!(scope("a").is_subset(&scope("a b")));
        assert!(!scope("a c").is_subset(&scope("a b")));
        assert_eq!(scope("a c").intersection(&scope("a b")), scope("a"));
    }

    #[test]
    fn characters_outside_the_grammar_are_refused() {
        for text in [
            "a\"b",
            "a\\b",
            "a\tb",
            "a\nb",
            "a\0",
            "é",
            "a\u{202e}b",
            "\u{7f}",
        ] {
            assert_eq!(Scope::parse(text), Err(ScopeError), "{text:?}");
            assert!(!Scope::is_valid(text), "{text:?}");
        }
        assert!(Scope::is_valid("") && Scope::is_valid("read  write"));
        assert!(Scope::parse("!#[]~https://api.example/.default").is_ok());
    }
}
