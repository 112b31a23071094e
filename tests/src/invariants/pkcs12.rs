//! What must hold of a file that somebody calls a certificate store (RFC 7292, RFC 5958, RFC 7468)?

use std::io::Write as _;

use countersign::certificate_store::{CertificateStore, KeyState, Password};

use super::rereading::is_shown_safely;

/// What every encrypted fixture is locked with.
const PASSWORD: &str = "fixture-password";

/// Of a file as it is, with the right password and without one.
pub fn hold(input: &[u8]) {
    let mut file = tempfile::Builder::new()
        .suffix(".p12")
        .tempfile()
        .expect("a file");
    file.write_all(input).expect("a disk with room");
    for password in [None, Some(Password::new(PASSWORD.to_owned()))] {
        let Ok(store) = CertificateStore::open(file.path(), password) else {
            continue;
        };
        let Ok(candidates) = store.candidates() else {
            continue;
        };
        for candidate in candidates {
            assert_eq!(candidate.source, file.path());
            match (&candidate.chain, &candidate.key) {
                (Some(chain), KeyState::Present(key)) => {
                    assert_eq!(key.public_key(), chain.leaf().public_key());
                }
                (None, KeyState::Present(_)) => panic!("a key without a certificate"),
                (_, KeyState::Locked(why) | KeyState::Unusable(why)) => {
                    is_shown_safely(why);
                    assert!(!why.contains(PASSWORD), "{why}");
                }
                _ => {}
            }
        }
    }
}
