//! What is asked for, and what is granted (RFC 6749 §3.3)?

use std::collections::BTreeSet;

/// A set of scope tokens.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Scope(BTreeSet<String>);

/// A scope token holds a character outside `%x21 / %x23-5B / %x5D-7E`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScopeError;

impl Scope {
    /// Parses space-delimited tokens; empty text is the empty scope.
    pub fn parse(_text: &str) -> Result<Scope, ScopeError> {
        todo!()
    }
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    pub fn contains(&self, token: &str) -> bool {
        self.0.contains(token)
    }
    pub fn is_subset(&self, other: &Scope) -> bool {
        self.0.is_subset(&other.0)
    }
    pub fn intersection(&self, other: &Scope) -> Scope {
        Scope(self.0.intersection(&other.0).cloned().collect())
    }
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}
// Display: space-delimited, sorted
