//! Is this secret one that others can guess?
//!
//! Length is not enough: what stands in the examples of other software, or a short text that was
//! repeated until it was long enough, is tried first by whoever has one token.

use std::collections::BTreeSet;

use zeroize::Zeroizing;

/// Bytes that nobody else knows.
const BYTES_MIN: usize = 32;
/// Different ones among them.
const DIFFERENT_MIN: usize = 8;

/// What stands in examples and templates, as lower-case letters and digits. All of them are long
/// enough that a secret made by chance holds none.
const KNOWN: [&str; 21] = [
    "pleaseuseyourownsigningkeyhere",
    "astringsecretatleast256bitslong",
    "yoursigningkey",
    "your256bit",
    "your384bit",
    "your512bit",
    "yourownsigningkey",
    "signingkey",
    "changeme",
    "changeit",
    "changethis",
    "replaceme",
    "donotuse",
    "insecure",
    "secret",
    "password",
    "countersign",
    "0123456789",
    "1234567890",
    "abcdefghijklm",
    "qwertyuiop",
];

/// Why others can guess it; `None` when nothing speaks for that.
pub(super) fn weakness(secret: &str) -> Option<&'static str> {
    let bytes = secret.as_bytes();
    if different(bytes) < DIFFERENT_MIN {
        return Some("it has fewer than 8 different characters");
    }
    if (1..=bytes.len() / 2).any(|period| is_repeated(bytes, period)) {
        return Some("it is one text again and again");
    }
    let rest = without_known(secret);
    if rest.is_some_and(|rest| rest.len() < BYTES_MIN || different(&rest) < DIFFERENT_MIN) {
        return Some("much of it is a default that is known to everybody");
    }
    None
}

fn different(bytes: &[u8]) -> usize {
    bytes.iter().collect::<BTreeSet<_>>().len()
}

fn is_repeated(bytes: &[u8], period: usize) -> bool {
    bytes.iter().zip(&bytes[period..]).all(|(a, b)| a == b)
}

/// The letters and digits that are left without what is known; `None` when nothing is known.
fn without_known(secret: &str) -> Option<Zeroizing<Vec<u8>>> {
    // Of one allocation, which is wiped: growing would leave a copy behind.
    let mut plain = Zeroizing::new(String::with_capacity(secret.len()));
    let alphanumeric = secret.chars().filter(char::is_ascii_alphanumeric);
    plain.extend(alphanumeric.map(|it| it.to_ascii_lowercase()));
    let mut is_known = Zeroizing::new(vec![false; plain.len()]);
    for known in KNOWN {
        for (at, _) in plain.match_indices(known) {
            is_known[at..at + known.len()].fill(true);
        }
    }
    if !is_known.contains(&true) {
        return None;
    }
    let mut rest = Zeroizing::new(Vec::with_capacity(plain.len()));
    let unknown = plain.bytes().zip(is_known.iter()).filter(|(_, is)| !**is);
    rest.extend(unknown.map(|(byte, _)| byte));
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_found_alone_padded_repeated_and_written_otherwise() {
        for secret in [
            "PleaseUseYourOwnSigningKeyHere00",
            "PleaseUseYourOwnSigningKeyHerePleaseUseYourOwnSigningKeyHere",
            "please-use-your-own-signing-key-here-abcdefgh",
            "your-256-bit-secret-your-256-bit-secret",
            "your-256-bit-secret0000000000000000000000000",
            "a-string-secret-at-least-256-bits-long",
            "ChangeMe!ChangeMe?ChangeMe.ChangeMe",
            "secretSecretSECRETsecret-secret-secret",
            "secret____________________________________xyz",
            "changeme0000000000000000000000000000000000000000",
            "password1234567890password0987654321",
            "abcdefghijklmnopqrstuvwxyz0123456789",
        ] {
            assert!(weakness(secret).is_some(), "{secret}");
        }
    }

    #[test]
    fn what_is_short_and_was_repeated_or_has_no_variety_is_found() {
        assert!(weakness("K8vT2qZ7K8vT2qZ7K8vT2qZ7K8vT2qZ7K8").is_some());
        assert!(weakness("K8vT2qZ7wX4nB9mLK8vT2qZ7wX4nB9mL").is_some());
        assert!(weakness("01010101111000010101001101010110").is_some());
        assert!(weakness("abcdefgabcdefabcdeabcdabcabagfedcbag").is_some());
    }

    #[test]
    fn what_was_made_by_chance_is_not_found_weak() {
        for secret in [
            "k7Qw2ZpX9vRt4YbN6mLs8HdJ3fGc5Ae1",
            "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
            "X8fJ0kqRr4wB1nV6yZt3mLhC7uDpGs2aEoKxQi9TbWc",
            // Enough of it is unknown.
            "secret-X8fJ0kqRr4wB1nV6yZt3mLhC7uDpGs2aEoKxQi9TbWc",
            "~!q}K<7&w@Z{2^p)X:9%v$R=t?4+Y|b#N",
        ] {
            assert_eq!(weakness(secret), None, "{secret}");
        }
    }
}
