//! How is it said that a setting is wrong?

use std::{fmt, path::PathBuf};

/// Why the settings are refused: where, which key, what was found, what is permitted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SettingsError {
    /// The file, as it was named.
    pub file: PathBuf,
    /// The line, from 1; absent when something is missing from the whole file.
    pub line: Option<usize>,
    /// The key with its table, as in `listen.address`; empty when the file is no TOML at all.
    pub key: String,
    /// What is wrong, with the value and what is permitted.
    pub problem: String,
    /// What to do.
    pub hint: Option<String>,
}

/// One line: `countersign.toml:3: listen.address: … (hint)`.
impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        if !self.key.is_empty() {
            write!(f, ": {}", self.key)?;
        }
        write!(f, ": {}", self.problem)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SettingsError {}
