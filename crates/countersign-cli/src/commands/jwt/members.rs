//! How does a person write a claim or a member of a header?

use std::path::Path;

use countersign::proto::json::{self, Limits, Map, Value};

use crate::{failure::Failure, token_source::bytes_of};

/// `NAME=TEXT` of one option and `NAME=JSON` of another, in their order.
pub(super) fn members(
    (text_option, texts): (&str, &[String]),
    (json_option, jsons): (&str, &[String]),
) -> Result<Vec<(String, Value)>, Failure> {
    let texts = texts.iter().map(|word| {
        let (name, text) = parted(text_option, word)?;
        Ok((name.to_owned(), Value::from(text)))
    });
    let jsons = jsons.iter().map(|word| {
        let (name, text) = parted(json_option, word)?;
        // Read as a member of an object, so that the same rules hold as for a token.
        let object = format!("{{\"value\":{text}}}");
        let mut read = json::object(object.as_bytes(), &Limits::CLAIMS).map_err(|error| {
            Failure::usage(format!("{json_option} {name}: {error}"))
                .hint("a text in JSON has quotation marks, which a shell takes away: '\"text\"'")
        })?;
        let value = read.remove("value").filter(|_| read.is_empty());
        let value = value.ok_or_else(|| {
            Failure::usage(format!("{json_option} {name}: this is more than one value"))
        })?;
        Ok((name.to_owned(), value))
    });
    texts.chain(jsons).collect()
}

/// A file that is one JSON object.
pub(super) fn of_file(option: &str, file: &Path) -> Result<Map<String, Value>, Failure> {
    json::object(&bytes_of(file)?, &Limits::CLAIMS)
        .map_err(|error| Failure::usage(format!("{option} {}: {error}", file.display())))
}

fn parted<'a>(option: &str, word: &'a str) -> Result<(&'a str, &'a str), Failure> {
    word.split_once('=')
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(|| {
            Failure::usage(format!("{option} {word:?} has no name"))
                .hint(format!("for example {option} role=reader"))
        })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(texts: &[&str], jsons: &[&str]) -> Result<Vec<(String, Value)>, Failure> {
        let owned = |words: &[&str]| -> Vec<String> {
            words.iter().map(|word| (*word).to_owned()).collect()
        };
        members(("--claim", &owned(texts)), ("--claim-json", &owned(jsons)))
    }

    #[test]
    fn a_text_stays_one_and_json_is_read() {
        let found = read(&["a=1", "b=x=y", "c="], &["d=1", "e=[\"x\",{\"y\":null}]"]).unwrap();
        let expected = [
            ("a", json!("1")),
            ("b", json!("x=y")),
            ("c", json!("")),
            ("d", json!(1)),
            ("e", json!(["x", {"y": null}])),
        ];
        let expected = expected.map(|(name, value)| (name.to_owned(), value));
        assert_eq!(found, expected);
    }

    #[test]
    fn what_has_no_name_or_is_not_json_is_refused() {
        for (text, json) in [
            ("a", "a=1"),
            ("=a", "a=1"),
            ("a=1", "a"),
            ("a=1", "a=text"),
            ("a=1", "a=1,\"b\":2"),
            ("a=1", "a={\"x\":1,\"x\":2}"),
            ("a=1", "a="),
        ] {
            let failure = read(&[text], &[json]).unwrap_err();
            assert_eq!(failure.code(), 2, "{text} {json}");
        }
    }
}
