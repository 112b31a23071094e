//! What must hold of a text that somebody calls the URI of a token (RFC 7512)?

use countersign::{Pkcs11Uri, Pkcs11UriError};

/// What is taken is written in the characters of a URI and read back as it was; what is refused is
/// refused without its values, among which may be a PIN.
pub fn hold(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    match text.parse::<Pkcs11Uri>() {
        Ok(uri) => {
            let written = uri.to_string();
            assert!(written.bytes().all(|byte| byte.is_ascii_graphic()));
            assert!(Pkcs11Uri::is_meant_by(&written));
            assert_eq!(written.parse(), Ok(uri));
        }
        Err(error) => {
            let told = error.to_string();
            assert!(!told.contains(char::is_control));
            if let Some((_, pin)) = text.split_once("pin-value=")
                && error == Pkcs11UriError::PinValue
                && pin.len() > 20
            {
                assert!(!told.contains(pin));
            }
        }
    }
}
