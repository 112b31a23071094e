//! What does another reader make of the same bytes, and what does a person see?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign::proto::jwt;
use serde_json::{Map, Value};

/// As serde_json reads it by itself: the last of several members of a name stands for all.
pub(super) fn lenient(json: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(json) {
        Ok(Value::Object(members)) => Some(members),
        _ => None,
    }
}

/// Whether a member is there twice, at any depth, as the reader of `jwt inspect` sees it.
pub(super) fn has_repeated_members(json: &[u8]) -> bool {
    let text = format!("e30.{}.", URL_SAFE_NO_PAD.encode(json));
    jwt::inspect(&text).is_ok_and(|seen| !seen.repeated().is_empty())
}

/// The same value. The last digit of a fraction may have been lost in its text.
pub(super) fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len()
                && one
                    .iter()
                    .zip(other)
                    .all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => are_same(one, other),
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= one.abs() * 1e-15 + f64::MIN_POSITIVE
        }
        (one, other) => one == other,
    }
}

/// The same members with the same values.
pub(super) fn are_same(one: &Map<String, Value>, other: &Map<String, Value>) -> bool {
    let in_other = |(name, value): (&String, &Value)| {
        other.get(name).is_some_and(|found| is_same(value, found))
    };
    one.len() == other.len() && one.iter().all(in_other)
}

/// An error is shown to people: nothing of the sender in it moves a cursor, and it comes to an end.
pub(super) fn is_shown_safely(error: &impl std::fmt::Display) {
    let text = error.to_string();
    assert!(
        !text.is_empty() && !text.chars().any(char::is_control),
        "{text:?}"
    );
    assert!(text.chars().count() <= 4096, "{text:?}");
}
