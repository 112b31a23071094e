//! How is a name read from and written as the text of RFC 4514?

use std::fmt::{self, Write};

use super::{
    DistinguishedNameError,
    attribute::{Attribute, Value, oid_of},
};
use crate::der::Reader;

/// The relative names in the order of the text: the most specific one first.
pub(super) fn parse(text: &str) -> Result<Vec<Vec<Attribute>>, DistinguishedNameError> {
    let mut parser = Parser { text, at: 0 };
    parser.skip_spaces();
    match parser.peek() {
        None => return Err(DistinguishedNameError::Empty),
        Some('/') => {
            return parser.expected("the form CN=Corellian,O=Example, not /O=Example/CN=Corellian");
        }
        Some(_) => {}
    }
    let mut names = vec![vec![parser.attribute()?]];
    loop {
        match parser.peek() {
            None => return Ok(names),
            Some(',') => {
                parser.at += 1;
                names.push(vec![parser.attribute()?]);
            }
            Some('+') => {
                parser.at += 1;
                let attribute = parser.attribute()?;
                if let Some(name) = names.last_mut() {
                    name.push(attribute);
                }
            }
            Some(_) => return parser.expected("',' or '+' or the end"),
        }
    }
}

/// `CN=value`, escaped. Attributes without a short name are written as `oid=#hex` (RFC 4514 §2.4).
pub(super) fn write_attribute(f: &mut fmt::Formatter<'_>, attribute: &Attribute) -> fmt::Result {
    match (attribute.short_name(), attribute.value()) {
        (Some(name), Value::Text(text)) => {
            write!(f, "{name}=")?;
            write_text(f, text)
        }
        (name, value) => {
            write!(f, "{}=#", name.unwrap_or(attribute.oid()))?;
            value
                .to_der()
                .iter()
                .try_for_each(|byte| write!(f, "{byte:02X}"))
        }
    }
}

fn write_text(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let last = text.char_indices().last().map_or(0, |(at, _)| at);
    for (at, c) in text.char_indices() {
        match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => write!(f, "\\{c}")?,
            '#' if at == 0 => f.write_str("\\#")?,
            ' ' if at == 0 || at == last => f.write_str("\\ ")?,
            _ if is_shown(c) => f.write_char(c)?,
            _ => c
                .encode_utf8(&mut [0; 4])
                .bytes()
                .try_for_each(|byte| write!(f, "\\{byte:02X}"))?,
        }
    }
    Ok(())
}

/// Whether a terminal shows the character where it stands, and only it. Letters and digits of
/// every script are; controls, direction marks, joiners and spaces other than U+0020 are not.
fn is_shown(c: char) -> bool {
    c == ' ' || c.is_ascii_graphic() || (!c.is_ascii() && c.is_alphanumeric())
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    /// `type = value`, with the spaces around.
    fn attribute(&mut self) -> Result<Attribute, DistinguishedNameError> {
        self.skip_spaces();
        let oid = self.attribute_type()?;
        self.skip_spaces();
        if self.peek() != Some('=') {
            return self.expected("'=' after the attribute type");
        }
        self.at += 1;
        self.skip_spaces();
        let value = match self.peek() {
            Some('#') => self.hex_value()?,
            Some('"') => Value::Text(self.quoted()?),
            _ => Value::Text(self.string()?),
        };
        self.skip_spaces();
        Ok(Attribute::new(oid, value))
    }

    fn attribute_type(&mut self) -> Result<String, DistinguishedNameError> {
        let rest = self.rest();
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-')))
            .unwrap_or(rest.len());
        let name = &rest[..length];
        let number = match name.get(..4) {
            Some(prefix) if prefix.eq_ignore_ascii_case("oid.") => &name[4..],
            _ => name,
        };
        if is_dotted_oid(number) {
            let number = number.to_owned();
            self.at += length;
            return Ok(number);
        }
        if !name.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return self.expected("an attribute type, such as CN or 2.5.4.3");
        }
        match oid_of(name) {
            Some(oid) => {
                self.at += length;
                Ok(oid.to_owned())
            }
            None if !rest[length..].trim_start_matches(' ').starts_with('=') => {
                self.at += length;
                self.expected("'=' after the attribute type")
            }
            None => Err(DistinguishedNameError::UnknownAttribute(name.to_owned())),
        }
    }

    /// `#` and the BER of the value in hexadecimal.
    fn hex_value(&mut self) -> Result<Value, DistinguishedNameError> {
        const EXPECTED: &str = "the DER of a value in hexadecimal after '#'";
        let digits: Vec<u8> = self.rest()[1..]
            .bytes()
            .map_while(|byte| char::from(byte).to_digit(16))
            .map(|digit| digit as u8)
            .collect();
        let der: Vec<u8> = digits
            .chunks(2)
            .map(|p| p[0] << 4 | p[p.len() - 1])
            .collect();
        let mut reader = Reader::new(&der);
        let value = reader
            .next()
            .filter(|_| digits.len().is_multiple_of(2) && reader.is_empty())
            .and_then(Value::from_element);
        match value {
            Some(value) => {
                self.at += 1 + digits.len();
                Ok(value)
            }
            None => self.expected(EXPECTED),
        }
    }

    /// Up to an unescaped separator. Spaces at the end are not part of it unless escaped.
    fn string(&mut self) -> Result<String, DistinguishedNameError> {
        let start = self.at;
        let mut bytes = Vec::new();
        let mut kept = 0;
        while let Some(c) = self.peek() {
            match c {
                ',' | '+' => break,
                '"' | ';' | '<' | '>' => {
                    return self.expected("a backslash in front of this character");
                }
                '\0' => return self.expected("\\00 for this character"),
                '\\' => {
                    self.escaped(&mut bytes)?;
                    kept = bytes.len();
                }
                _ => {
                    self.at += c.len_utf8();
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    if c != ' ' {
                        kept = bytes.len();
                    }
                }
            }
        }
        bytes.truncate(kept);
        self.utf8(bytes, start)
    }

    /// `"…"`, as RFC 2253 §4 and some tools have it.
    fn quoted(&mut self) -> Result<String, DistinguishedNameError> {
        let start = self.at;
        let mut bytes = Vec::new();
        self.at += 1;
        loop {
            match self.peek() {
                None => return self.expected("a closing quotation mark"),
                Some('\0') => return self.expected("\\00 for this character"),
                Some('"') => {
                    self.at += 1;
                    return self.utf8(bytes, start);
                }
                Some('\\') => self.escaped(&mut bytes)?,
                Some(c) => {
                    self.at += c.len_utf8();
                    bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                }
            }
        }
    }

    /// A backslash with a special character or with two hexadecimal digits.
    fn escaped(&mut self, bytes: &mut Vec<u8>) -> Result<(), DistinguishedNameError> {
        let rest = self.rest().as_bytes();
        match rest {
            [
                _,
                special @ (b'"' | b'+' | b',' | b';' | b'<' | b'>' | b' ' | b'#' | b'=' | b'\\'),
                ..,
            ] => {
                bytes.push(*special);
                self.at += 2;
                Ok(())
            }
            [_, high, low, ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digit = |byte: &u8| char::from(*byte).to_digit(16).unwrap_or(0) as u8;
                bytes.push(digit(high) << 4 | digit(low));
                self.at += 3;
                Ok(())
            }
            _ => self.expected("a special character or two hexadecimal digits after '\\'"),
        }
    }

    fn utf8(&self, bytes: Vec<u8>, start: usize) -> Result<String, DistinguishedNameError> {
        String::from_utf8(bytes).map_err(|_| DistinguishedNameError::Syntax {
            at: start,
            expected: "UTF-8 in the escaped bytes",
        })
    }

    fn skip_spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches(' ').len();
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn expected<T>(&self, expected: &'static str) -> Result<T, DistinguishedNameError> {
        Err(DistinguishedNameError::Syntax {
            at: self.at,
            expected,
        })
    }
}

/// `numericoid` of RFC 4512 §1.4: at least two numbers, none with leading zeros.
fn is_dotted_oid(text: &str) -> bool {
    text.contains('.')
        && text.split('.').all(|number| {
            number.bytes().all(|byte| byte.is_ascii_digit())
                && !number.is_empty()
                && (number == "0" || !number.starts_with('0'))
        })
}
