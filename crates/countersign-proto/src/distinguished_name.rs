//! What is a distinguished name, how is it written, and when are two the same?
//!
//! RFC 4514 for the text, RFC 5280 §7.1 for the comparison. Two names are compared as parsed
//! names, never as text.

/// A sequence of relative distinguished names, in the order of the certificate (RFC 5280 §4.1.2.4).
#[derive(Clone, Debug, PartialEq, Eq, Hash)] // PartialEq = RFC 5280 §7.1 comparison (values prepared: case, inner spaces)
pub struct DistinguishedName {/* rdns */}

/// Why a text or a DER value is not a distinguished name. Says where.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DistinguishedNameError {
    /** byte offset and what was expected */
    Syntax {
        at: usize,
        expected: &'static str,
    },
    UnknownAttribute(String),
    Empty,
    Der,
}

impl DistinguishedName {
    /// Parses RFC 4514 text: most specific RDN first, escapes, `+`, `#hex`, OIDs. `CN=Corellian`.
    pub fn parse(_text: &str) -> Result<DistinguishedName, DistinguishedNameError> {
        todo!()
    }
    /// Parses a DER `Name`.
    pub fn from_der(_der: &[u8]) -> Result<DistinguishedName, DistinguishedNameError> {
        todo!()
    }
    /// The value of the most specific `CN`, if any.
    pub fn common_name(&self) -> Option<&str> {
        todo!()
    }
    /// No RDN at all.
    pub fn is_empty(&self) -> bool {
        todo!()
    }
}

/// RFC 4514 text, escaped so that it parses back to the same name and cannot move a terminal's cursor.
impl std::fmt::Display for DistinguishedName {
    fn fmt(&self, _f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        todo!()
    }
}
