//! What opens an encrypted key, without ever being seen?

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

/// A password for an encrypted key or PKCS#12 file: wiped when the last clone is dropped, never
/// printed.
#[derive(Clone)]
pub struct Password {
    text: Arc<Zeroizing<String>>,
}

impl Password {
    /// Takes the text over. What the caller copied it from is the caller's to wipe.
    pub fn new(text: String) -> Password {
        Password {
            text: Arc::new(Zeroizing::new(text)),
        }
    }

    pub(super) fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}
