//! How are the few DER structures of keys and names read and written?
//!
//! Strict DER (X.690 §10): definite lengths in their shortest form, one-byte tags. Nothing here
//! recurses, allocates by a length from the input, or reads past it.

pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const NULL: u8 = 0x05;
pub(crate) const OBJECT_IDENTIFIER: u8 = 0x06;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// One tag, length and value.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Element<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// With tag and length.
    pub(crate) encoded: &'a [u8],
}

/// Reads elements one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(der: &'a [u8]) -> Reader<'a> {
        Reader(der)
    }

    /// A reader of the content of the one element that `der` is.
    pub(crate) fn inside(der: &'a [u8], tag: u8) -> Option<Reader<'a>> {
        let mut outer = Reader(der);
        let inner = Reader(outer.expect(tag)?);
        outer.end()?;
        Some(inner)
    }

    pub(crate) fn next(&mut self) -> Option<Element<'a>> {
        let (&tag, rest) = self.0.split_first()?;
        if tag & 0x1f == 0x1f {
            return None;
        }
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = digits.iter().try_fold(0_usize, |sum, &byte| {
                    sum.checked_mul(256)?.checked_add(usize::from(byte))
                })?;
                if digits[0] == 0 || length < 0x80 {
                    return None;
                }
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let encoded = &self.0[..self.0.len() - rest.len()];
        self.0 = rest;
        Some(Element {
            tag,
            content,
            encoded,
        })
    }

    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next()
            .filter(|element| element.tag == tag)
            .map(|element| element.content)
    }

    /// The next element when it has this tag; otherwise nothing is read.
    pub(crate) fn optional(&mut self, tag: u8) -> Option<&'a [u8]> {
        if self.peek() == Some(tag) {
            self.expect(tag)
        } else {
            None
        }
    }

    /// The magnitude of a non-negative INTEGER, without leading zeros (zero is empty).
    pub(crate) fn unsigned(&mut self) -> Option<&'a [u8]> {
        match self.expect(INTEGER)? {
            [] => None,
            [0] => Some(&[]),
            [0, second, ..] if *second < 0x80 => None,
            [0, magnitude @ ..] => Some(magnitude),
            [first, ..] if *first >= 0x80 => None,
            magnitude => Some(magnitude),
        }
    }

    /// The content of a BIT STRING of whole bytes.
    pub(crate) fn bit_string(&mut self) -> Option<&'a [u8]> {
        self.expect(BIT_STRING)?.strip_prefix(&[0])
    }

    pub(crate) fn peek(&self) -> Option<u8> {
        self.0.first().copied()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn end(&self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// Writes one element whose content is the concatenation of `parts`.
pub(crate) fn encode(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut der = Vec::with_capacity(length + 6);
    der.push(tag);
    match u8::try_from(length) {
        Ok(short @ 0..=0x7f) => der.push(short),
        _ => {
            let digits = length.to_be_bytes();
            let skip = digits.iter().take_while(|&&byte| byte == 0).count();
            der.push(0x80 | (digits.len() - skip) as u8);
            der.extend_from_slice(&digits[skip..]);
        }
    }
    for part in parts {
        der.extend_from_slice(part);
    }
    der
}

/// Writes a non-negative INTEGER from its magnitude without leading zeros.
pub(crate) fn encode_unsigned(magnitude: &[u8]) -> Vec<u8> {
    match magnitude.first() {
        Some(0..=0x7f) => encode(INTEGER, &[magnitude]),
        _ => encode(INTEGER, &[&[0], magnitude]),
    }
}

/// Reads the content of an OBJECT IDENTIFIER as dotted decimal.
pub(crate) fn dotted_oid(content: &[u8]) -> Option<String> {
    let mut arcs = Vec::new();
    let mut arc: u128 = 0;
    let mut inside = false;
    for &byte in content {
        if !inside && byte == 0x80 {
            return None;
        }
        arc = arc.checked_mul(128)? | u128::from(byte & 0x7f);
        inside = byte & 0x80 != 0;
        if !inside {
            arcs.push(arc);
            arc = 0;
        }
    }
    let (&first, rest) = arcs.split_first()?;
    if inside {
        return None;
    }
    let root = (first / 40).min(2);
    let mut text = format!("{root}.{}", first - root * 40);
    for arc in rest {
        text.push('.');
        text.push_str(&arc.to_string());
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    // security.md B12
    #[test]
    fn lengths_that_are_indefinite_long_or_beyond_the_end_are_refused() {
        for der in [
            &[0x30, 0x80, 0x00, 0x00][..],
            &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x88, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x30, 0x81, 0x01, 0x00],
            &[0x30, 0x82, 0x00, 0x80],
            &[0x30, 0x02, 0x00],
            &[0x30],
            &[0x1f, 0x81, 0x01, 0x00],
            &[],
        ] {
            assert!(Reader::new(der).next().is_none(), "{der:x?}");
        }
    }

    #[test]
    fn integers_are_unsigned_and_in_shortest_form() {
        for (der, expected) in [
            (&[2, 1, 0][..], Some(&[][..])),
            (&[2, 1, 5], Some(&[5])),
            (&[2, 2, 0, 0x80], Some(&[0x80])),
            (&[2, 2, 0, 5], None),
            (&[2, 1, 0x80], None),
            (&[2, 0], None),
        ] {
            assert_eq!(Reader::new(der).unsigned(), expected, "{der:x?}");
        }
        assert_eq!(encode_unsigned(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(encode_unsigned(&[5]), [2, 1, 5]);
    }

    #[test]
    fn object_identifiers_are_read_as_dotted_decimal() {
        // X.690 §8.19.5 and RFC 5280 App. A.
        assert_eq!(dotted_oid(&[0x88, 0x37, 3]).as_deref(), Some("2.999.3"));
        assert_eq!(dotted_oid(&[0x55, 4, 3]).as_deref(), Some("2.5.4.3"));
        assert_eq!(
            dotted_oid(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 1]).as_deref(),
            Some("1.2.840.113549.1.9.1")
        );
        for malformed in [&[][..], &[0x55, 0x84], &[0x80, 0x01], &[0xff; 40]] {
            assert_eq!(dotted_oid(malformed), None, "{malformed:x?}");
        }
    }

    #[test]
    fn long_content_gets_a_long_length() {
        let der = encode(OCTET_STRING, &[&[7; 300]]);
        assert_eq!(der[..4], [4, 0x82, 1, 44]);
        assert_eq!(Reader::new(&der).expect(OCTET_STRING), Some(&[7; 300][..]));
    }
}
