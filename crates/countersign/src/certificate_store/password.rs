//! What opens an encrypted key, without ever being seen?

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use zeroize::Zeroizing;

/// A password for an encrypted key or PKCS#12 file: wiped when the last clone is dropped, never
/// printed.
#[derive(Clone)]
pub struct Password {
    text: Arc<Zeroizing<String>>,
    /// Whether a person typed it, and it was shown to no token since: shared by the clones.
    typed: Arc<AtomicBool>,
}

impl Password {
    /// Takes the text over. What the caller copied it from is the caller's to wipe.
    pub fn new(text: String) -> Password {
        Password {
            text: Arc::new(Zeroizing::new(text)),
            typed: Arc::default(),
        }
    }

    /// One that a person typed just now. Only such a one may spend the last try of a token that
    /// locks after too many wrong PINs, and only at the first login for which it is taken.
    pub fn typed(text: String) -> Password {
        Password {
            typed: Arc::new(AtomicBool::new(true)),
            ..Password::new(text)
        }
    }

    /// Whether it is a [`Password::typed`] one that is taken for its first login. That is said once
    /// of it and all its clones: what was typed when a process started is not typed just now for
    /// ever.
    pub fn take_typed(&self) -> bool {
        self.typed.swap(false, Ordering::SeqCst)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_typed_once_whichever_of_its_clones_is_taken_first() {
        let typed = || Password::typed("4711".to_owned());
        let kept = || Password::new("4711".to_owned());
        for (password, first) in [(typed(), true), (kept(), false)] {
            let clone = password.clone();
            let of_clone = clone.clone();
            assert_eq!(clone.take_typed(), first);
            for later in [&password, &clone, &of_clone, &password.clone()] {
                assert!(!later.take_typed());
            }
            // Whoever typed it, and whether or not it was taken.
            assert!(password == typed() && password == kept());
        }
        // One that is typed anew is another one.
        assert!(typed().take_typed());
    }
}
