//! What is a distinguished name, how is it written, and when are two the same?
//!
//! RFC 4514 for the text, RFC 5280 §7.1 for the comparison. Two names are compared as parsed
//! names, never as text.

mod attribute;
mod text;

use std::{
    fmt,
    hash::{Hash, Hasher},
};

use self::attribute::{Attribute, Value};
use crate::der::{self, Reader};

/// A sequence of relative distinguished names, in the order of the certificate (RFC 5280
/// §4.1.2.4). The text of RFC 4514 has the reverse order.
///
/// Two names are equal when they have the same relative names in the same order, and each of
/// those the same attributes in any order. Values of the attributes of RFC 5280 and RFC 4519 are
/// equal when they differ only in the case of letters and in the number of spaces (RFC 5280 §7.1,
/// RFC 4518); `DC` and `E` only in the case of ASCII letters (RFC 5280 §7.3, §4.1.2.6); values of
/// other attributes, and those that are not strings, only when they are identical. How a string
/// is encoded does not matter.
///
/// Stricter than RFC 4518 on purpose: full-width letters are not ASCII letters, and invisible
/// characters count.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct DistinguishedName(Vec<RelativeName>);

/// Why a text or a DER value is not a distinguished name.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DistinguishedNameError {
    /// The text is not of the form of RFC 4514.
    Syntax {
        /// Byte offset in the text.
        at: usize,
        /// What was expected there.
        expected: &'static str,
    },
    /// A short name of an attribute that is not known. Its identifier can be written instead.
    UnknownAttribute(String),
    /// The text has no name at all.
    Empty,
    /// The DER is not a `Name`.
    Der,
}

/// As [`DistinguishedName::parse`] does.
impl std::str::FromStr for DistinguishedName {
    type Err = DistinguishedNameError;

    fn from_str(text: &str) -> Result<DistinguishedName, DistinguishedNameError> {
        DistinguishedName::parse(text)
    }
}

impl fmt::Display for DistinguishedNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DistinguishedNameError::Syntax { at, expected } => write!(
                f,
                "the distinguished name is not understood at byte {at}: expected {expected}"
            ),
            DistinguishedNameError::UnknownAttribute(name) => write!(
                f,
                "the distinguished name has the unknown attribute {name:?}; write its object identifier, for example 2.5.4.3 for CN"
            ),
            DistinguishedNameError::Empty => {
                f.write_str("the distinguished name is empty; write for example CN=Corellian")
            }
            DistinguishedNameError::Der => {
                f.write_str("this is not the DER of a distinguished name")
            }
        }
    }
}

impl std::error::Error for DistinguishedNameError {}

impl DistinguishedName {
    /// Parses RFC 4514 text: most specific RDN first, escapes, `+`, `#hex`, OIDs. `CN=Corellian`.
    ///
    /// Spaces around `,`, `+` and `=` are passed over and a value may stand in quotation marks, as
    /// common tools print it. Short names are read in any case.
    ///
    /// # Errors
    ///
    /// When the text is not of this form (the form `/CN=…/O=…` is not), is empty, or names an
    /// unknown attribute.
    pub fn parse(text: &str) -> Result<DistinguishedName, DistinguishedNameError> {
        let mut names = text::parse(text)?;
        names.reverse();
        Ok(DistinguishedName(
            names.into_iter().map(RelativeName::new).collect(),
        ))
    }

    /// Parses a DER `Name`.
    ///
    /// # Errors
    ///
    /// When it is not one, or when a string has bytes that its type does not have.
    pub fn from_der(der: &[u8]) -> Result<DistinguishedName, DistinguishedNameError> {
        read_name(der).ok_or(DistinguishedNameError::Der)
    }

    /// The value of the most specific `CN`, if any.
    pub fn common_name(&self) -> Option<&str> {
        self.0
            .iter()
            .rev()
            .flat_map(|name| &name.attributes)
            .find(|attribute| attribute.is_common_name())
            .and_then(|attribute| match attribute.value() {
                Value::Text(text) => Some(text.as_str()),
                Value::Der(_) => None,
            })
    }

    /// No RDN at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `other` has every relative name of this one, in any order and perhaps more.
    ///
    /// For hints only ("write the whole name"): a certificate is never chosen by a part of its
    /// name.
    pub fn is_contained_in(&self, other: &DistinguishedName) -> bool {
        self.0.iter().all(|name| other.0.contains(name))
    }
}

/// RFC 4514 text, escaped so that it parses back to the same name and cannot move a terminal's
/// cursor or hide a character.
impl fmt::Display for DistinguishedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.0.iter().rev().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            for (index, attribute) in name.attributes.iter().enumerate() {
                if index > 0 {
                    f.write_str("+")?;
                }
                text::write_attribute(f, attribute)?;
            }
        }
        Ok(())
    }
}

/// Attributes that belong to one step of the name. A set: their order says nothing.
#[derive(Clone, Debug)]
struct RelativeName {
    attributes: Vec<Attribute>,
    /// Positions of `attributes`, sorted by what is compared.
    sorted: Vec<usize>,
}

impl RelativeName {
    fn new(attributes: Vec<Attribute>) -> RelativeName {
        let mut sorted: Vec<usize> = (0..attributes.len()).collect();
        sorted.sort_by_key(|&at| attributes[at].compared());
        RelativeName { attributes, sorted }
    }

    fn compared(&self) -> impl Iterator<Item = attribute::Compared<'_>> {
        self.sorted.iter().map(|&at| self.attributes[at].compared())
    }
}

impl PartialEq for RelativeName {
    fn eq(&self, other: &Self) -> bool {
        self.compared().eq(other.compared())
    }
}

impl Eq for RelativeName {}

impl Hash for RelativeName {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.sorted.len().hash(state);
        for compared in self.compared() {
            compared.hash(state);
        }
    }
}

fn read_name(der: &[u8]) -> Option<DistinguishedName> {
    let mut sequence = Reader::inside(der, der::SEQUENCE)?;
    let mut names = Vec::new();
    while !sequence.is_empty() {
        let mut set = Reader::new(sequence.expect(der::SET)?);
        let mut attributes = Vec::new();
        while !set.is_empty() {
            let mut attribute = Reader::new(set.expect(der::SEQUENCE)?);
            let oid = der::dotted_oid(attribute.expect(der::OBJECT_IDENTIFIER)?)?;
            let value = Value::from_element(attribute.next()?)?;
            attribute.end()?;
            attributes.push(Attribute::new(oid, value));
        }
        if attributes.is_empty() {
            return None;
        }
        names.push(RelativeName::new(attributes));
    }
    Some(DistinguishedName(names))
}

#[cfg(test)]
mod tests;
