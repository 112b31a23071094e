//! What must hold of an answer to the question whether a token is still good (RFC 7662)?

use countersign::proto::introspection::Introspection;

use super::rereading::{has_repeated_members, lenient};

/// Of a body as it is.
pub fn hold(input: &[u8]) {
    if let Ok(active) = Introspection::active_from_json(input) {
        // Whatever else it says, nobody reads it as another answer.
        assert!(!has_repeated_members(input));
        assert_eq!(lenient(input).expect("a JSON object")["active"], active);
    }
}
