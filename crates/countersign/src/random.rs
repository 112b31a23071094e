//! Where does chance come from?

use crate::{Error, ErrorKind};

/// A new `jti`: 128 bits from the crypto library's generator, in hexadecimal (RFC 7519 §4.1.7).
pub(crate) fn jti() -> Result<String, Error> {
    use std::fmt::Write as _;

    let bytes: [u8; 16] = bytes()?;
    let mut text = String::with_capacity(32);
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Ok(text)
}

/// So many random bytes, for whatever is kept secret or told apart by them.
pub(crate) fn bytes<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0_u8; N];
    aws_lc_rs::rand::fill(&mut bytes).map_err(|_| {
        Error::new(
            ErrorKind::Signing,
            "the operating system gives no random numbers",
        )
    })?;
    Ok(bytes)
}

/// A number that is any `u32` with equal chance, to spread moments by.
///
/// Without a generator it is the middle: spreading is a courtesy, not a safeguard.
pub(crate) fn fraction() -> u32 {
    let mut bytes = [0_u8; 4];
    match aws_lc_rs::rand::fill(&mut bytes) {
        Ok(()) => u32::from_ne_bytes(bytes),
        Err(_) => u32::MAX / 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // security.md 37
    #[test]
    fn every_jti_is_new_and_has_128_bits() {
        let drawn: std::collections::HashSet<String> = (0..1000).map(|_| jti().unwrap()).collect();
        assert_eq!(drawn.len(), 1000);
        assert!(drawn.iter().all(|jti| jti.len() == 32));
    }
}
