//! What is one attribute of a name, and which of its differences count?

use crate::der::{self, Element};

/// An attribute type and its value.
#[derive(Clone, Debug)]
pub(super) struct Attribute {
    /// Dotted decimal.
    oid: String,
    value: Value,
    /// The value, prepared for comparison.
    prepared: Value,
}

/// What is compared of an attribute.
pub(super) type Compared<'a> = (&'a str, &'a Value);

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Value {
    /// A string of any of the string types.
    Text(String),
    /// The DER of anything else.
    Der(Vec<u8>),
}

const COMMON_NAME: &str = "2.5.4.3";

/// Short names: those of RFC 4514 §3 first, then RFC 4519, RFC 5280, RFC 2985 and what tools
/// print. The first name of an identifier is the one that is written.
const SHORT_NAMES: [(&str, &str, Matching); 36] = {
    use Matching::{AsciiCase, CaseAndSpaces};
    [
        ("CN", COMMON_NAME, CaseAndSpaces),
        ("L", "2.5.4.7", CaseAndSpaces),
        ("ST", "2.5.4.8", CaseAndSpaces),
        ("O", "2.5.4.10", CaseAndSpaces),
        ("OU", "2.5.4.11", CaseAndSpaces),
        ("C", "2.5.4.6", CaseAndSpaces),
        ("STREET", "2.5.4.9", CaseAndSpaces),
        ("DC", "0.9.2342.19200300.100.1.25", AsciiCase),
        ("UID", "0.9.2342.19200300.100.1.1", CaseAndSpaces),
        ("E", "1.2.840.113549.1.9.1", AsciiCase),
        ("emailAddress", "1.2.840.113549.1.9.1", AsciiCase),
        ("SN", "2.5.4.4", CaseAndSpaces),
        ("surname", "2.5.4.4", CaseAndSpaces),
        ("SERIALNUMBER", "2.5.4.5", CaseAndSpaces),
        ("GN", "2.5.4.42", CaseAndSpaces),
        ("G", "2.5.4.42", CaseAndSpaces),
        ("givenName", "2.5.4.42", CaseAndSpaces),
        ("T", "2.5.4.12", CaseAndSpaces),
        ("title", "2.5.4.12", CaseAndSpaces),
        ("S", "2.5.4.8", CaseAndSpaces),
        ("commonName", COMMON_NAME, CaseAndSpaces),
        ("organizationName", "2.5.4.10", CaseAndSpaces),
        ("organizationalUnitName", "2.5.4.11", CaseAndSpaces),
        ("description", "2.5.4.13", CaseAndSpaces),
        ("businessCategory", "2.5.4.15", CaseAndSpaces),
        ("postalCode", "2.5.4.17", CaseAndSpaces),
        ("name", "2.5.4.41", CaseAndSpaces),
        ("initials", "2.5.4.43", CaseAndSpaces),
        ("generationQualifier", "2.5.4.44", CaseAndSpaces),
        ("dnQualifier", "2.5.4.46", CaseAndSpaces),
        ("pseudonym", "2.5.4.65", CaseAndSpaces),
        ("organizationIdentifier", "2.5.4.97", CaseAndSpaces),
        ("unstructuredName", "1.2.840.113549.1.9.2", CaseAndSpaces),
        ("jurisdictionL", "1.3.6.1.4.1.311.60.2.1.1", CaseAndSpaces),
        ("jurisdictionST", "1.3.6.1.4.1.311.60.2.1.2", CaseAndSpaces),
        ("jurisdictionC", "1.3.6.1.4.1.311.60.2.1.3", CaseAndSpaces),
    ]
};

/// Which differences of two strings do not count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Matching {
    /// The case of letters, and how many spaces stand where (`caseIgnoreMatch`, RFC 4517 §4.2.11).
    CaseAndSpaces,
    /// The case of ASCII letters (RFC 5280 §7.3).
    AsciiCase,
    /// None.
    Exact,
}

impl Attribute {
    pub(super) fn new(oid: String, value: Value) -> Attribute {
        let matching = SHORT_NAMES
            .iter()
            .find(|(_, known, _)| *known == oid)
            .map_or(Matching::Exact, |(.., matching)| *matching);
        let prepared = match &value {
            Value::Text(text) => Value::Text(matching.prepare(text)),
            Value::Der(der) => Value::Der(der.clone()),
        };
        Attribute {
            oid,
            value,
            prepared,
        }
    }

    pub(super) fn value(&self) -> &Value {
        &self.value
    }

    pub(super) fn compared(&self) -> Compared<'_> {
        (&self.oid, &self.prepared)
    }

    pub(super) fn is_common_name(&self) -> bool {
        self.oid == COMMON_NAME
    }

    /// Dotted decimal.
    pub(super) fn oid(&self) -> &str {
        &self.oid
    }

    pub(super) fn short_name(&self) -> Option<&'static str> {
        SHORT_NAMES
            .iter()
            .find(|(_, oid, _)| *oid == self.oid)
            .map(|(name, ..)| *name)
    }
}

/// The identifier of a short name, which is read in any case (RFC 4514 §2.3).
pub(super) fn oid_of(short_name: &str) -> Option<&'static str> {
    SHORT_NAMES
        .iter()
        .find(|(name, ..)| name.eq_ignore_ascii_case(short_name))
        .map(|(_, oid, _)| *oid)
}

impl Matching {
    fn prepare(self, text: &str) -> String {
        match self {
            Matching::Exact => text.to_owned(),
            Matching::AsciiCase => text.to_ascii_lowercase(),
            Matching::CaseAndSpaces => {
                let words: Vec<&str> = text
                    .split(is_space)
                    .filter(|word| !word.is_empty())
                    .collect();
                words.join(" ").to_lowercase()
            }
        }
    }
}

/// What RFC 4518 §2.2 maps to a space: some controls and the separators of Unicode.
fn is_space(c: char) -> bool {
    c.is_whitespace()
}

impl Value {
    /// Reads one of the string types, or keeps the DER. `None` when a string has bytes that its
    /// type does not have.
    pub(super) fn from_element(element: Element<'_>) -> Option<Value> {
        const UTF8: u8 = 0x0c;
        const NUMERIC: u8 = 0x12;
        const PRINTABLE: u8 = 0x13;
        const TELETEX: u8 = 0x14;
        const IA5: u8 = 0x16;
        const VISIBLE: u8 = 0x1a;
        const UNIVERSAL: u8 = 0x1c;
        const BMP: u8 = 0x1e;
        let bytes = element.content;
        let text = match element.tag {
            UTF8 => String::from_utf8(bytes.to_vec()).ok()?,
            NUMERIC | PRINTABLE | IA5 | VISIBLE => {
                if !bytes.is_ascii() {
                    return None;
                }
                String::from_utf8(bytes.to_vec()).ok()?
            }
            // T.61 proper is not written any more: what is found in the field is ISO 8859-1.
            TELETEX => bytes.iter().map(|&byte| char::from(byte)).collect(),
            BMP => {
                let units = bytes.chunks_exact(2);
                if !units.remainder().is_empty() {
                    return None;
                }
                let units: Vec<u16> = units.map(|c| u16::from_be_bytes([c[0], c[1]])).collect();
                String::from_utf16(&units).ok()?
            }
            UNIVERSAL => {
                let units = bytes.chunks_exact(4);
                if !units.remainder().is_empty() {
                    return None;
                }
                units
                    .map(|c| char::from_u32(u32::from_be_bytes([c[0], c[1], c[2], c[3]])))
                    .collect::<Option<String>>()?
            }
            _ => return Some(Value::Der(element.encoded.to_vec())),
        };
        Some(Value::Text(text))
    }

    /// The DER; of a string as `UTF8String`.
    pub(super) fn to_der(&self) -> Vec<u8> {
        const UTF8: u8 = 0x0c;
        match self {
            Value::Text(text) => der::encode(UTF8, &[text.as_bytes()]),
            Value::Der(der) => der.clone(),
        }
    }
}
