//! What must hold of a distinguished name, as text and as DER?

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use countersign::proto::distinguished_name::{DistinguishedName, DistinguishedNameError};

use super::rereading::is_shown_safely;

/// Of text or DER as it is.
pub fn hold(input: &[u8]) {
    of_der(input);
    if let Ok(text) = std::str::from_utf8(input) {
        let read = DistinguishedName::parse(text);
        if let Err(why) = &read {
            is_shown_safely(why);
        }
        match read {
            Ok(name) => {
                assert!(!name.is_empty());
                is_written_and_read(&name);
            }
            Err(DistinguishedNameError::Syntax { at, .. }) => assert!(text.is_char_boundary(at)),
            Err(_) => {}
        }
    }
}

pub(super) fn of_der(input: &[u8]) {
    if let Ok(name) = DistinguishedName::from_der(input) {
        is_written_and_read(&name);
    }
}

/// What is shown of a name reads as that name, and nothing in it plays with its reader.
pub(super) fn is_written_and_read(name: &DistinguishedName) {
    let text = name.to_string();
    assert!(!text.chars().any(char::is_control), "{text:?}");
    if name.is_empty() {
        assert_eq!(text, "");
        return;
    }
    let again = DistinguishedName::parse(&text).unwrap_or_else(|why| panic!("{text:?}: {why:?}"));
    assert_eq!(&again, name, "{text:?}");
    assert_eq!(again.to_string(), text);
    assert_eq!(hash(&again), hash(name), "{text:?}");
    assert_eq!(again.common_name(), name.common_name());
    assert!(name.is_contained_in(&again));
}

fn hash(name: &DistinguishedName) -> u64 {
    let mut state = DefaultHasher::new();
    name.hash(&mut state);
    state.finish()
}
