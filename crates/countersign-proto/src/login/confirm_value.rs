//! Which value releases a token when it comes from the browser to the terminal?

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::token::Binding;

/// Letters that are hard to confuse and make no words.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Letters of a code: 20^8 codes are 34.6 bits.
const CODE_LETTERS: usize = 8;

/// A confirm value: 256 bits that a browser carries over loopback, or eight letters that a person
/// types. Wiped when dropped, never printed.
#[derive(Clone)]
pub struct ConfirmValue {
    binding: Binding,
    text: Zeroizing<String>,
}

/// The text is no value of this binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConfirmValueError;

impl ConfirmValue {
    /// From 256 random bits, for the browser to carry.
    pub fn loopback(random: &[u8; 32]) -> ConfirmValue {
        let mut text = Zeroizing::new(String::with_capacity(43));
        URL_SAFE_NO_PAD.encode_string(random, &mut text);
        ConfirmValue {
            binding: Binding::Loopback,
            text,
        }
    }

    /// From 128 random bits, for a person to type. No code is likelier than another by more than
    /// one part in 2^93.
    pub fn code(random: &[u8; 16]) -> ConfirmValue {
        let mut number = u128::from_be_bytes(*random);
        let mut text = Zeroizing::new(String::with_capacity(CODE_LETTERS));
        for _ in 0..CODE_LETTERS {
            text.push(char::from(LETTERS[(number % 20) as usize]));
            number /= 20;
        }
        ConfirmValue {
            binding: Binding::Code,
            text,
        }
    }

    /// Reads what a person typed: case, spaces and dashes do not matter.
    ///
    /// # Errors
    ///
    /// It is not eight letters of a code.
    pub fn from_typed(typed: &str) -> Result<ConfirmValue, ConfirmValueError> {
        let mut text = Zeroizing::new(String::with_capacity(CODE_LETTERS));
        for letter in typed.chars() {
            match letter.to_ascii_uppercase() {
                '-' | '‐'..='―' => {}
                letter if letter.is_whitespace() => {}
                letter if is_code_letter(letter) && text.len() < CODE_LETTERS => text.push(letter),
                _ => return Err(ConfirmValueError),
            }
        }
        if text.len() != CODE_LETTERS {
            return Err(ConfirmValueError);
        }
        Ok(ConfirmValue {
            binding: Binding::Code,
            text,
        })
    }

    /// Reads a value as it is on the wire.
    ///
    /// # Errors
    ///
    /// It is not 43 characters of canonical base64url, or not eight letters of a code.
    pub fn parse(binding: Binding, text: &str) -> Result<ConfirmValue, ConfirmValueError> {
        let good = match binding {
            Binding::Loopback => {
                let mut bits = Zeroizing::new([0; 32]);
                text.len() == 43
                    && URL_SAFE_NO_PAD
                        .decode_slice(text, &mut *bits)
                        .is_ok_and(|length| length == 32)
            }
            Binding::Code => text.len() == CODE_LETTERS && text.chars().all(is_code_letter),
        };
        if !good {
            return Err(ConfirmValueError);
        }
        Ok(ConfirmValue {
            binding,
            text: Zeroizing::new(text.to_owned()),
        })
    }

    /// Which way it travels.
    pub fn binding(&self) -> Binding {
        self.binding
    }

    /// The value as it is on the wire, to be sent or digested and nowhere else.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The value for a person's eyes: a code as `XXXX-XXXX`.
    pub fn to_shown(&self) -> Zeroizing<String> {
        match (self.binding, self.text.split_at_checked(CODE_LETTERS / 2)) {
            (Binding::Code, Some((first, second))) => Zeroizing::new([first, "-", second].concat()),
            _ => self.text.clone(),
        }
    }
}

impl fmt::Debug for ConfirmValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ConfirmValue({}, ..)", self.binding)
    }
}

impl fmt::Display for ConfirmValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this is no code: a code has eight letters, as in BCDF-GHJK")
    }
}

impl std::error::Error for ConfirmValueError {}

fn is_code_letter(letter: char) -> bool {
    letter.is_ascii() && LETTERS.contains(&(letter as u8))
}
