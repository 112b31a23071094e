//! What must hold of JSON from outside?

use countersign::proto::json::{JsonError, Limits, object};
use serde_json::Value;

use super::rereading::{are_same, has_repeated_members, is_shown_safely, lenient};

/// Of JSON as it is.
pub fn hold(input: &[u8]) {
    for limits in [Limits::HEADER, Limits::CLAIMS, Limits::DOCUMENT] {
        against(input, &limits);
    }
}

fn against(input: &[u8], limits: &Limits) {
    let members = match object(input, limits) {
        Ok(members) => members,
        Err(why) => {
            is_shown_safely(&why);
            let is_readable = lenient(input).is_some();
            // What another reader takes for an object is refused for a rule of ours and nothing else.
            let is_a_rule = matches!(
                why,
                JsonError::TooLarge
                    | JsonError::TooDeep
                    | JsonError::TooManyMembers
                    | JsonError::StringTooLong
                    | JsonError::DuplicateMember(_)
            );
            assert!(!is_readable || is_a_rule, "{why:?}");
            if let JsonError::DuplicateMember(_) = why
                && is_readable
            {
                assert!(has_repeated_members(input));
            }
            return;
        }
    };
    assert!(input.len() <= limits.bytes);
    assert_eq!(Some(&members), lenient(input).as_ref());
    assert!(!has_repeated_members(input));
    let mut seen = Seen::default();
    seen.object(&members, 1);
    assert!(seen.depth <= limits.depth, "{}", seen.depth);
    assert!(seen.members <= limits.members, "{}", seen.members);
    assert!(seen.string <= limits.string, "{}", seen.string);

    let again = Value::Object(members.clone()).to_string();
    match object(again.as_bytes(), limits) {
        Ok(again) => assert!(are_same(&members, &again)),
        // 1e15 is written with all its digits.
        Err(why) => assert_eq!(why, JsonError::TooLarge),
    }
}

#[derive(Default)]
struct Seen {
    depth: usize,
    members: usize,
    string: usize,
}

impl Seen {
    fn object(&mut self, members: &serde_json::Map<String, Value>, depth: usize) {
        self.depth = self.depth.max(depth);
        self.members += members.len();
        for (name, value) in members {
            self.string = self.string.max(name.len());
            self.value(value, depth + 1);
        }
    }

    fn value(&mut self, value: &Value, depth: usize) {
        match value {
            Value::Object(members) => self.object(members, depth),
            Value::Array(values) => {
                self.depth = self.depth.max(depth);
                values.iter().for_each(|value| self.value(value, depth + 1));
            }
            Value::String(text) => self.string = self.string.max(text.len()),
            _ => {}
        }
    }
}
