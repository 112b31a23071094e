//! How is JSON from outside read without being fooled?
//!
//! Refuses duplicate member names at any depth, bytes after the value, invalid UTF-8, lone
//! surrogates, and anything past the limits, before a type is filled (RFC 7515 §4, §10.12).

use std::{
    cell::{Cell, RefCell},
    fmt, io,
    ops::Deref,
};

use serde::{
    Serialize,
    de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor},
};
pub use serde_json::{Map, Value};
use serde_json::{Number, map::Entry};
use zeroize::{Zeroize as _, Zeroizing};

/// How much JSON is read.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes of the whole text.
    pub bytes: usize,
    /// Objects and arrays inside one another; the outermost object counts as one.
    pub depth: usize,
    /// Members of all objects together.
    pub members: usize,
    /// Bytes of one string or member name, after its escapes are resolved.
    pub string: usize,
}

impl Limits {
    /// For a JOSE header: 2 KiB, depth 16, 64 members, strings of 4 KiB.
    pub const HEADER: Limits = Limits {
        bytes: 2 * 1024,
        depth: 16,
        members: 64,
        string: 4 * 1024,
    };
    /// For a JOSE header that carries certificates in `x5c`: 10 KiB, strings of 8 KiB.
    ///
    /// What such a header holds beside the certificates is held to [`Limits::HEADER`].
    pub const HEADER_WITH_CHAIN: Limits = Limits {
        bytes: 10 * 1024,
        depth: 16,
        members: 64,
        string: 8 * 1024,
    };
    /// For claims of a token: 16 KiB, depth 16, 64 members, strings of 4 KiB.
    pub const CLAIMS: Limits = Limits {
        bytes: 16 * 1024,
        depth: 16,
        members: 64,
        string: 4 * 1024,
    };
    /// For a document from a server (metadata, JWK set, token response): 1 MiB, depth 16,
    /// 4096 members, strings of 64 KiB.
    pub const DOCUMENT: Limits = Limits {
        bytes: 1024 * 1024,
        depth: 16,
        members: 4096,
        string: 64 * 1024,
    };
}

/// Why JSON was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum JsonError {
    /// More bytes than permitted.
    TooLarge,
    /// Nested deeper than permitted.
    TooDeep,
    /// More members than permitted.
    TooManyMembers,
    /// A string or a member name longer than permitted.
    StringTooLong,
    /// Not UTF-8.
    NotUtf8,
    /// One object has this member twice.
    DuplicateMember(String),
    /// Something follows the value.
    TrailingBytes,
    /// A value, but not an object.
    NotAnObject,
    /// A member that the document must have is absent or of another type.
    Member(&'static str),
    /// Not JSON (RFC 8259).
    Syntax,
}

/// Reads one JSON object, strictly.
///
/// # Errors
///
/// [`JsonError`] names the first thing that is wrong; nothing is returned of the rest.
pub fn object(bytes: &[u8], limits: &Limits) -> Result<Map<String, Value>, JsonError> {
    match value(bytes, limits)? {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError::NotAnObject),
    }
}

/// Reads one JSON value of any type, as strictly as [`object`].
pub(crate) fn value(bytes: &[u8], limits: &Limits) -> Result<Value, JsonError> {
    if bytes.len() > limits.bytes {
        return Err(JsonError::TooLarge);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    let reader = Reader {
        limits,
        members: Cell::new(0),
        refusal: RefCell::new(None),
    };
    let mut source = serde_json::Deserializer::from_str(text);
    let value = ValueAt {
        reader: &reader,
        depth: 1,
    }
    .deserialize(&mut source)
    .map_err(|_| reader.refusal.take().unwrap_or(JsonError::Syntax))?;
    source.end().map_err(|_| JsonError::TrailingBytes)?;
    Ok(value)
}

/// The members of an object that holds secrets: its strings are wiped on every way out.
pub(crate) struct Wiped(Map<String, Value>);

impl Wiped {
    pub(crate) fn new(members: Map<String, Value>) -> Wiped {
        Wiped(members)
    }

    /// Takes a member out. From then on its taker wipes it.
    pub(crate) fn take(&mut self, name: &str) -> Option<Value> {
        self.0.remove(name)
    }
}

impl Deref for Wiped {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        &self.0
    }
}

impl Drop for Wiped {
    fn drop(&mut self) {
        for (_, value) in &mut self.0 {
            if let Value::String(text) = value {
                text.zeroize();
            }
        }
    }
}

/// Writes what holds secrets. It is measured first: a text that grew would have left copies behind.
pub(crate) fn written_once(value: &impl Serialize) -> Zeroizing<Vec<u8>> {
    let mut length = Length(0);
    let mut json = Zeroizing::new(match serde_json::to_writer(&mut length, value) {
        Ok(()) => Vec::with_capacity(length.0),
        Err(_) => Vec::new(),
    });
    // Cannot fail: a `Vec` takes every byte. Were it to fail, nobody would take the text.
    if serde_json::to_writer(&mut *json, value).is_err() {
        json.clear();
    }
    json
}

/// Counts what is written, and keeps nothing of it.
struct Length(usize);

impl io::Write for Length {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Display for JsonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            JsonError::TooLarge => f.write_str("the JSON text is too large"),
            JsonError::TooDeep => f.write_str("the JSON is nested too deeply"),
            JsonError::TooManyMembers => f.write_str("the JSON has too many members"),
            JsonError::StringTooLong => f.write_str("the JSON holds a string that is too long"),
            JsonError::NotUtf8 => f.write_str("the JSON is not UTF-8"),
            JsonError::DuplicateMember(name) => {
                let shown: String = name.chars().take(64).collect();
                write!(
                    f,
                    "the JSON has the member \"{}\" twice",
                    shown.escape_debug()
                )
            }
            JsonError::TrailingBytes => f.write_str("bytes follow the JSON value"),
            JsonError::NotAnObject => f.write_str("the JSON value is not an object"),
            JsonError::Member(name) => {
                write!(f, "the member \"{name}\" is missing or of the wrong type")
            }
            JsonError::Syntax => f.write_str("the text is not JSON"),
        }
    }
}

impl std::error::Error for JsonError {}

/// What one reading has seen so far, and why it stopped.
struct Reader<'a> {
    limits: &'a Limits,
    members: Cell<usize>,
    refusal: RefCell<Option<JsonError>>,
}

impl Reader<'_> {
    fn refuse<E: serde::de::Error>(&self, why: JsonError) -> E {
        self.refusal.replace(Some(why));
        E::custom("refused")
    }

    fn string<E: serde::de::Error>(&self, text: &str) -> Result<(), E> {
        if text.len() > self.limits.string {
            return Err(self.refuse(JsonError::StringTooLong));
        }
        Ok(())
    }
}

/// A value that, if it is a container, is the `depth`th.
#[derive(Clone, Copy)]
struct ValueAt<'a> {
    reader: &'a Reader<'a>,
    depth: usize,
}

impl ValueAt<'_> {
    fn enter<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth > self.reader.limits.depth {
            return Err(self.reader.refuse(JsonError::TooDeep));
        }
        Ok(ValueAt {
            reader: self.reader,
            depth: self.depth + 1,
        })
    }
}

impl<'de> DeserializeSeed<'de> for ValueAt<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, source: D) -> Result<Value, D::Error> {
        source.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueAt<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| self.reader.refuse(JsonError::Syntax))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.reader.string(text)?;
        Ok(Value::String(text.to_owned()))
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<Value, E> {
        self.reader.string(&text)?;
        Ok(Value::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.enter()?;
        let mut values = Vec::new();
        while let Some(value) = items.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.enter()?;
        let mut members = Map::new();
        while let Some(name) = entries.next_key::<String>()? {
            let seen = self.reader.members.get() + 1;
            self.reader.members.set(seen);
            if seen > self.reader.limits.members {
                return Err(self.reader.refuse(JsonError::TooManyMembers));
            }
            self.reader.string(&name)?;
            match members.entry(name) {
                Entry::Occupied(first) => {
                    let name = first.key().clone();
                    return Err(self.reader.refuse(JsonError::DuplicateMember(name)));
                }
                Entry::Vacant(place) => {
                    place.insert(entries.next_value_seed(inner)?);
                }
            }
        }
        Ok(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> JsonError {
        object(text.as_bytes(), &Limits::CLAIMS).unwrap_err()
    }

    #[test]
    fn an_object_is_read_with_all_its_members() {
        let members = object(
            br#" { "a" : 1 , "b" : [ true, null, -2, 1.5, "x\u00e9\ud83d\ude00" ], "c": {} } "#,
            &Limits::CLAIMS,
        )
        .unwrap();
        assert_eq!(members.len(), 3);
        assert_eq!(members["a"], 1);
        assert_eq!(members["b"][4], "xé😀");
    }

    // security.md 5, attack A18
    #[test]
    fn a_member_that_comes_twice_is_refused_at_any_depth() {
        let twice = |name: &str| JsonError::DuplicateMember(name.to_owned());
        assert_eq!(refusal(r#"{"aud":"a","aud":"b"}"#), twice("aud"));
        assert_eq!(refusal(r#"{"aud":"a","aud":"a"}"#), twice("aud"));
        assert_eq!(refusal(r#"{"a":{"b":[{"c":1,"c":1}]}}"#), twice("c"));
        assert_eq!(
            refusal(r#"{"alg":"none","\u0061lg":"RS256"}"#),
            twice("alg")
        );
        assert_eq!(refusal(r#"{"":1,"":2}"#), twice(""));
    }

    #[test]
    fn the_same_name_in_two_objects_is_no_duplicate() {
        assert!(object(br#"{"a":{"x":1},"b":{"x":1},"x":1}"#, &Limits::CLAIMS).is_ok());
    }

    // security.md 6
    #[test]
    fn bytes_after_the_value_are_refused() {
        for text in ["{}x", "{}{}", "{} 1", "{}\0", "{},", "{}]"] {
            assert_eq!(refusal(text), JsonError::TrailingBytes, "{text:?}");
        }
    }

    // security.md 7
    #[test]
    fn a_value_that_is_no_object_is_refused() {
        for text in ["[]", "null", "1", "\"{}\"", "true", "[{}]"] {
            assert_eq!(refusal(text), JsonError::NotAnObject, "{text:?}");
        }
    }

    // security.md 4
    #[test]
    fn text_that_is_not_utf_8_is_refused() {
        let utf16: Vec<u8> = "{}".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf32: Vec<u8> = "{}"
            .chars()
            .flat_map(|c| (c as u32).to_be_bytes())
            .collect();
        for bytes in [
            &utf16[..],
            &utf32[..],
            b"\xef\xbb\xbf{}",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\xed\xa0\x80\"}",
            b"{\"a\":\"\xc0\xaf\"}",
            br#"{"a":"\ud800"}"#,
            br#"{"a":"\udc00"}"#,
            br#"{"a":"\ud800\u0041"}"#,
            br#"{"\ud800":1}"#,
        ] {
            assert!(object(bytes, &Limits::CLAIMS).is_err(), "{bytes:?}");
        }
    }

    #[test]
    fn what_only_looks_like_json_is_refused() {
        for text in [
            "",
            " ",
            "{",
            "}",
            "{a:1}",
            "{'a':1}",
            "{\"a\":1,}",
            "{\"a\":01}",
            "{\"a\":NaN}",
            "{\"a\":Infinity}",
            "{\"a\":1e999}",
            "{\"a\":+1}",
            "{\"a\":.5}",
            "{\"a\":\"\n\"}",
            "{\"a\":\"\\x\"}",
            "{/**/}",
            "\u{feff}{}",
            "\u{a0}{}",
            "{\"a\" 1}",
            "{1:1}",
        ] {
            assert_eq!(refusal(text), JsonError::Syntax, "{text:?}");
        }
    }

    // security.md 22, attack A19
    #[test]
    fn every_limit_holds_exactly() {
        let nested = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(nested(15).as_bytes(), &Limits::CLAIMS).is_ok());
        assert_eq!(refusal(&nested(16)), JsonError::TooDeep);
        assert_eq!(refusal(&"[".repeat(16_000)), JsonError::TooDeep);
        assert_eq!(refusal(&"{\"a\":".repeat(3_000)), JsonError::TooDeep);

        let wide = |members: usize| {
            let body: Vec<String> = (0..members).map(|n| format!("\"{n}\":0")).collect();
            format!("{{{}}}", body.join(","))
        };
        assert!(object(wide(64).as_bytes(), &Limits::CLAIMS).is_ok());
        assert_eq!(refusal(&wide(65)), JsonError::TooManyMembers);

        let long = |bytes: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(bytes));
        assert!(object(long(4096).as_bytes(), &Limits::CLAIMS).is_ok());
        assert_eq!(refusal(&long(4097)), JsonError::StringTooLong);
        assert_eq!(
            refusal(&format!("{{\"{}\":0}}", "x".repeat(4097))),
            JsonError::StringTooLong
        );

        let padded = |bytes: usize| format!("{{{}}}", " ".repeat(bytes - 2));
        assert!(object(padded(16 * 1024).as_bytes(), &Limits::CLAIMS).is_ok());
        assert_eq!(refusal(&padded(16 * 1024 + 1)), JsonError::TooLarge);
    }

    #[test]
    fn an_error_shows_no_control_characters_of_the_sender() {
        let shown = refusal("{\"a\\u001b[2J\":1,\"a\\u001b[2J\":1}").to_string();
        assert_eq!(shown, "the JSON has the member \"a\\u{1b}[2J\" twice");
    }

    proptest::proptest! {
        #![proptest_config(proptest::test_runner::Config {
            failure_persistence: None,
            ..Default::default()
        })]

        #[test]
        fn what_serde_json_writes_is_read_back(text in ".{0,64}", number: u32, quarters: i32) {
            let mut members = Map::new();
            members.insert(text.clone(), Value::from(number));
            members.insert(format!("{text}."), Value::from(vec![Value::from(text), Value::from(f64::from(quarters) / 4.0)]));
            let written = serde_json::to_vec(&members).unwrap();
            proptest::prop_assert_eq!(object(&written, &Limits::CLAIMS).unwrap(), members);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes: Vec<u8>) {
            let _ = object(&bytes, &Limits::HEADER);
        }
    }
}
