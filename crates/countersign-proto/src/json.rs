//! How is JSON from outside read without being fooled?
//!
//! Refuses duplicate member names at any depth, bytes after the value, invalid UTF-8, lone
//! surrogates, and anything past the limits, before a type is filled (RFC 7515 §4, §10.12).

pub use serde_json::{Map, Value};

/// How much JSON is read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /** bytes of the whole text */
    pub bytes: usize,
    /** nesting */
    pub depth: usize,
    /** members in all */
    pub members: usize,
    /** bytes of one string */
    pub string: usize,
}

impl Limits {
    /// For a JOSE header: 2 KiB, depth 16, 64 members, strings of 4 KiB.
    pub const HEADER: Limits = Limits {
        bytes: 2 * 1024,
        depth: 16,
        members: 64,
        string: 4 * 1024,
    };
    /// For claims of a token: 16 KiB, depth 16, 64 members, strings of 4 KiB.
    pub const CLAIMS: Limits = Limits {
        bytes: 16 * 1024,
        depth: 16,
        members: 64,
        string: 4 * 1024,
    };
    /// For a document from a server (metadata, JWK set, token response): 1 MiB, depth 16, 4096 members, strings of 64 KiB.
    pub const DOCUMENT: Limits = Limits {
        bytes: 1024 * 1024,
        depth: 16,
        members: 4096,
        string: 64 * 1024,
    };
}

/// Why JSON was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    TooLarge,
    TooDeep,
    TooManyMembers,
    StringTooLong,
    NotUtf8,
    DuplicateMember(String),
    TrailingBytes,
    NotAnObject,
    Syntax,
}

/// Reads one JSON object, strictly.
pub fn object(_bytes: &[u8], _limits: &Limits) -> Result<Map<String, Value>, JsonError> {
    todo!()
}
