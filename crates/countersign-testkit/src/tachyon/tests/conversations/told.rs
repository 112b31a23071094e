//! What stands for each `{name}` of a conversation?

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;

/// The texts that are known so far; clones know the same.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<BTreeMap<String, String>>>);

/// So many letters for `{20000}`; any other text is itself.
pub(super) fn letters(text: &str) -> String {
    let count = text
        .strip_prefix('{')
        .and_then(|rest| rest.strip_suffix('}'));
    match count.and_then(|count| count.parse().ok()) {
        Some(count) => "x".repeat(count),
        None => text.to_owned(),
    }
}

impl Told {
    /// What a server says that says whatever stands in the conversation.
    pub(super) fn by_the_book(_: &Value) -> Told {
        let told = Told::default();
        told.learn("state", "an opaque/state+of=1");
        told.learn("token", "eyJhIjoxfQ==.dG9rZW4.c2ln");
        told.learn("any", "whatever");
        told
    }

    /// What the test server is known to say.
    pub(super) fn of_server(url: &str, token_endpoint: &str) -> Told {
        let told = Told::default();
        told.learn("server", url);
        told.learn("token_endpoint", token_endpoint);
        told
    }

    pub(super) fn learn(&self, name: &str, text: &str) {
        self.0
            .lock()
            .unwrap()
            .insert(name.to_owned(), text.to_owned());
    }

    pub(super) fn known(&self, name: &str) -> Option<String> {
        self.0.lock().unwrap().get(name).cloned()
    }

    /// A text with all names filled in that are known.
    pub(super) fn filled(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let name = after.split_once('}').map(|(name, _)| name);
            let known = name.and_then(|name| {
                let is_name = !name.is_empty()
                    && name
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                let text = letters(&format!("{{{name}}}"));
                let is_letters = !text.starts_with('{');
                let known = self.known(name).or(is_letters.then_some(text))?;
                is_name.then_some((name.len(), known))
            });
            match known {
                Some((length, known)) => {
                    filled.push_str(&known);
                    rest = &after[length + 1..];
                }
                None => {
                    filled.push('{');
                    rest = after;
                }
            }
        }
        filled.push_str(rest);
        filled
    }

    /// Whether `found` is what stands in the conversation; what is not known yet is learnt.
    #[track_caller]
    pub(super) fn fits(&self, template: &str, found: &str, what: &str) {
        if let (Ok(template), Ok(found)) = (
            serde_json::from_str::<Value>(template),
            serde_json::from_str::<Value>(found),
        ) {
            self.value_fits(&template, &found, what);
        } else {
            self.text_fits(template, found, what);
        }
    }

    #[track_caller]
    fn value_fits(&self, template: &Value, found: &Value, what: &str) {
        match (template, found) {
            (Value::String(template), Value::String(found)) => {
                self.text_fits(template, found, what);
            }
            (Value::Array(template), Value::Array(found)) => {
                assert_eq!(template.len(), found.len(), "{what}");
                for (template, found) in template.iter().zip(found) {
                    self.value_fits(template, found, what);
                }
            }
            (Value::Object(template), Value::Object(found)) => {
                let names = |object: &serde_json::Map<_, _>| {
                    object.keys().cloned().collect::<Vec<String>>()
                };
                assert_eq!(names(template), names(found), "{what}");
                for (template, found) in template.values().zip(found.values()) {
                    self.value_fits(template, found, what);
                }
            }
            _ => assert_eq!(template, found, "{what}"),
        }
    }

    #[track_caller]
    pub(super) fn text_fits(&self, template: &str, found: &str, what: &str) {
        if template == "{any}" {
            return;
        }
        let filled = self.filled(template);
        // One name that is not known yet, with what stands around it.
        if let Some((before, rest)) = filled.split_once('{')
            && let Some((name, after)) = rest.split_once('}')
            && !name.contains(['"', ' '])
            && let Some(middle) = found.strip_prefix(before)
            && let Some(middle) = middle.strip_suffix(after)
        {
            self.learn(name, middle);
            return;
        }
        assert_eq!(filled, found, "{what}");
    }
}
