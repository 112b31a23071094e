//! What opens an encrypted key, without ever being seen?

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

/// A password for an encrypted key or PKCS#12 file: wiped when the last clone is dropped, never
/// printed.
#[derive(Clone)]
pub struct Password {
    text: Arc<Zeroizing<String>>,
    typed: bool,
}

impl Password {
    /// Takes the text over. What the caller copied it from is the caller's to wipe.
    pub fn new(text: String) -> Password {
        Password {
            text: Arc::new(Zeroizing::new(text)),
            typed: false,
        }
    }

    /// One that a person typed just now. Only such a one may spend the last try of a token that
    /// locks after too many wrong PINs.
    pub fn typed(text: String) -> Password {
        Password {
            typed: true,
            ..Password::new(text)
        }
    }

    /// Whether it is a [`Password::typed`] one.
    pub fn is_typed(&self) -> bool {
        self.typed
    }

    pub(crate) fn expose(&self) -> &str {
        &self.text
    }
}

/// Equal by what is in it, whoever typed it.
impl PartialEq for Password {
    fn eq(&self, other: &Password) -> bool {
        self.text == other.text
    }
}

impl Eq for Password {}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
