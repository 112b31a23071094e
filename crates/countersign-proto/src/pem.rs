//! How is a PEM text read and written (RFC 7468)?
//!
//! What is read may be a private key, so every buffer is wiped when it is dropped.

use base64::{Engine, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

/// One block between `-----BEGIN label-----` and `-----END label-----`.
pub(crate) struct Block<'a> {
    pub(crate) label: &'a str,
    /// Whether a `Proc-Type: 4,ENCRYPTED` header (RFC 1421 §4.6.1.1) stands in front.
    pub(crate) encrypted: bool,
    text: &'a str,
}

impl Block<'_> {
    /// The decoded content; `None` when it is not base64.
    pub(crate) fn der(&self) -> Option<Zeroizing<Vec<u8>>> {
        let mut base64 = Zeroizing::new(Vec::with_capacity(self.text.len()));
        base64.extend(self.text.bytes().filter(|byte| !byte.is_ascii_whitespace()));
        STANDARD.decode(&*base64).map(Zeroizing::new).ok()
    }
}

/// The blocks of a text, in order; explanatory text around them is passed over (RFC 7468 §2).
/// `None` when a block does not end as it began.
pub(crate) fn blocks(text: &str) -> Option<Vec<Block<'_>>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.find("-----BEGIN ") {
        let (label, body) = rest[begin + "-----BEGIN ".len()..].split_once("-----")?;
        if label.contains('\n') {
            return None;
        }
        let (body, after) = body.split_once("-----END ")?;
        rest = after.strip_prefix(label)?.strip_prefix("-----")?;
        found.push(block(label, body));
    }
    Some(found)
}

/// Writes one block, 64 characters a line. Whoever writes a private key wipes the text.
pub(crate) fn encode(label: &str, der: &[u8]) -> String {
    const BOUNDARIES: usize = "-----BEGIN -----\n\n-----END -----\n".len();
    let base64 = Zeroizing::new(STANDARD.encode(der));
    // Room for all of it at once: a text that grew would leave copies behind.
    let length = base64.len() + base64.len() / 64 + 2 * label.len() + BOUNDARIES;
    let mut text = String::with_capacity(length);
    for part in ["-----BEGIN ", label, "-----\n"] {
        text.push_str(part);
    }
    for (index, character) in base64.chars().enumerate() {
        if index > 0 && index % 64 == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    for part in ["\n-----END ", label, "-----\n"] {
        text.push_str(part);
    }
    text
}

/// Headers (RFC 1421) end with an empty line, and no base64 holds a colon.
fn block<'a>(label: &'a str, body: &'a str) -> Block<'a> {
    let mut text = body;
    let mut encrypted = false;
    if body.contains(':') {
        let mut read = 0;
        for line in body.split_inclusive('\n') {
            read += line.len();
            encrypted |= line.starts_with("Proc-Type:") && line.contains("ENCRYPTED");
            if line.trim().is_empty() && read > line.len() {
                break;
            }
        }
        text = &body[read..];
    }
    Block {
        label,
        encrypted,
        text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_around_blocks_and_carriage_returns_are_passed_over() {
        let text = "Bag Attributes\r\n    friendlyName: x\r\n-----BEGIN A-----\r\nAQID\r\n-----END A-----\r\n\
                    more\n-----BEGIN B C-----\nBAUG\nBw==\n-----END B C-----";
        let blocks = blocks(text).unwrap();
        assert_eq!(blocks.len(), 2);
        assert_eq!((blocks[0].label, blocks[1].label), ("A", "B C"));
        assert_eq!(*blocks[0].der().unwrap(), [1, 2, 3]);
        assert_eq!(*blocks[1].der().unwrap(), [4, 5, 6, 7]);
    }

    #[test]
    fn a_block_that_does_not_end_as_it_began_is_refused() {
        for text in [
            "-----BEGIN A-----\nAQID\n",
            "-----BEGIN A-----\nAQID\n-----END B-----\n",
            "-----BEGIN A\nAQID\n-----END A-----\n",
            "-----BEGIN A-----\nAQID\n-----END A\n",
        ] {
            assert!(blocks(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_headers_of_an_encrypted_key_are_seen() {
        let text = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\
                    DEK-Info: AES-128-CBC,00\n\nAQID\n-----END RSA PRIVATE KEY-----\n";
        let blocks = blocks(text).unwrap();
        assert!(blocks[0].encrypted);
        assert_eq!(*blocks[0].der().unwrap(), [1, 2, 3]);
    }

    #[test]
    fn what_is_written_is_read() {
        let der: Vec<u8> = (0..200).collect();
        let text = encode("CERTIFICATE", &der);
        assert!(text.lines().all(|line| line.len() <= 64));
        assert_eq!(*blocks(&text).unwrap()[0].der().unwrap(), der);
    }
}
