//! How are bits written with letters and digits alone?
//!
//! As one big-endian number, with as many characters as the largest such number needs. The
//! characters ascend as in ASCII, so that texts sort as their numbers do.

use super::OpaqueError;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Fills `text`. The time that it takes depends on the lengths only.
pub(super) fn encode<const N: usize>(bytes: &[u8; N], text: &mut [u8]) {
    let mut number = zeroize::Zeroizing::new(*bytes);
    for character in text.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in number.iter_mut() {
            let value = remainder << 8 | u32::from(*byte);
            *byte = (value / 62) as u8;
            remainder = value % 62;
        }
        *character = ALPHABET[remainder as usize];
    }
}

/// Reads what [`encode`] wrote; there is one text for each number.
pub(super) fn decode<const N: usize>(text: &[u8]) -> Result<[u8; N], OpaqueError> {
    let mut number = zeroize::Zeroizing::new([0_u8; N]);
    for character in text {
        let mut carry = u32::from(digit(*character).ok_or(OpaqueError::Character)?);
        for byte in number.iter_mut().rev() {
            let value = u32::from(*byte) * 62 + carry;
            *byte = value as u8;
            carry = value >> 8;
        }
        if carry != 0 {
            return Err(OpaqueError::Range);
        }
    }
    Ok(*number)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'A'..=b'Z' => Some(character - b'A' + 10),
        b'a'..=b'z' => Some(character - b'a' + 36),
        _ => None,
    }
}
