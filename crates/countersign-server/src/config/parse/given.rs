//! How is one value of the file read, and what is said when it is wrong?

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use toml::{
    Spanned,
    de::{DeArray, DeTable, DeValue},
};

use super::super::{Permitted, SettingsError, keys};

/// What stands in the file: every key is known, and its value has not been looked at.
pub(super) struct Given<'t> {
    text: &'t str,
    file: &'t Path,
    values: BTreeMap<&'static str, Spanned<DeValue<'t>>>,
    /// Each `[[trusted_issuer]]`, apart from the others.
    trusted: Vec<Given<'t>>,
}

impl<'t> Given<'t> {
    pub(super) fn read(text: &'t str, file: &'t Path) -> Result<Given<'t>, SettingsError> {
        let mut given = Given::nothing(text, file);
        let table = DeTable::parse(text).map_err(|error| {
            let line = error.span().map(|span| line_of(text, span.start));
            given.error(line, "", one_line(error.message()), None)
        })?;
        given.collect("", table.into_inner())?;
        Ok(given)
    }

    fn nothing(text: &'t str, file: &'t Path) -> Given<'t> {
        Given {
            text,
            file,
            values: BTreeMap::new(),
            trusted: Vec::new(),
        }
    }

    /// What stands in each `[[trusted_issuer]]`.
    pub(super) fn trusted(&self) -> &[Given<'t>] {
        &self.trusted
    }

    /// Tables of one name, each read as if it were alone.
    fn collect_each(&mut self, line: usize, value: DeValue<'t>) -> Result<(), SettingsError> {
        let not_tables = |given: &Given<'t>, found: &DeValue<'_>| {
            given.error(
                Some(line),
                keys::REPEATED,
                format!("is {}, not tables that may be repeated", kind(found)),
                Some(format!("write [[{}]] and its keys below", keys::REPEATED)),
            )
        };
        let DeValue::Array(items) = value else {
            return Err(not_tables(self, &value));
        };
        for item in items {
            let DeValue::Table(table) = item.into_inner() else {
                return Err(not_tables(self, &DeValue::Array(DeArray::new())));
            };
            let mut one = Given::nothing(self.text, self.file);
            one.collect(keys::REPEATED, table)?;
            self.trusted.push(one);
        }
        Ok(())
    }

    fn collect(&mut self, prefix: &str, table: DeTable<'t>) -> Result<(), SettingsError> {
        for (key, value) in table {
            let line = line_of(self.text, key.span().start);
            let name = match prefix {
                "" => key.get_ref().to_string(),
                _ => format!("{prefix}.{}", key.get_ref()),
            };
            if name == keys::REPEATED {
                self.collect_each(line, value.into_inner())?;
                continue;
            }
            if let Some(known) = keys::find(&name) {
                self.values.insert(known.name, value);
                continue;
            }
            let is_section = keys::KEYS.iter().any(|known| {
                known
                    .name
                    .strip_prefix(&name)
                    .is_some_and(|rest| rest.starts_with('.'))
            });
            match value.into_inner() {
                DeValue::Table(inner) if is_section => self.collect(&name, inner)?,
                other if is_section => {
                    return Err(self.error(
                        Some(line),
                        &name,
                        format!("is a table, not {}", kind(&other)),
                        Some(format!("write [{name}] and its keys below")),
                    ));
                }
                _ => {
                    let hint = match keys::nearest(&name) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => "docs/settings.md lists every key".to_owned(),
                    };
                    return Err(self.error(
                        Some(line),
                        &name,
                        "there is no such setting".to_owned(),
                        Some(hint),
                    ));
                }
            }
        }
        Ok(())
    }

    pub(super) fn text(&self, key: &'static str) -> Result<Option<&str>, SettingsError> {
        let Some(value) = self.values.get(key) else {
            return Ok(None);
        };
        let DeValue::String(text) = value.get_ref() else {
            return Err(self.wrong_kind(key, value.get_ref()));
        };
        let text = text.as_ref();
        if text.is_empty() {
            return Err(self.wrong(
                key,
                text,
                &format!("is empty; permitted: {}", permitted(key)),
            ));
        }
        if text.chars().any(char::is_control) {
            return Err(self.wrong(key, text, "holds a control character"));
        }
        if let Some(Permitted::OneOf(names)) = keys::find(key).map(|key| key.permitted)
            && !names.contains(&text)
        {
            return Err(self.wrong(
                key,
                text,
                &format!("is not permitted; use one of {}", permitted(key)),
            ));
        }
        Ok(Some(text))
    }

    /// The same for a text that may hold a secret: nothing of it is repeated.
    pub(super) fn secret_text(&self, key: &'static str) -> Result<Option<&str>, SettingsError> {
        match self.values.get(key).map(Spanned::get_ref) {
            Some(DeValue::String(text)) if text.chars().any(char::is_control) => {
                let problem = "holds a control character".to_owned();
                Err(self.error(self.line(key), key, problem, None))
            }
            _ => self.text(key),
        }
    }

    pub(super) fn path(&self, key: &'static str) -> Result<Option<PathBuf>, SettingsError> {
        Ok(self.text(key)?.map(|text| self.beside(text)))
    }

    /// A list of strings, each as [`Given::text`] would take it.
    pub(super) fn list(&self, key: &'static str) -> Result<Option<Vec<String>>, SettingsError> {
        let items = match self.values.get(key).map(Spanned::get_ref) {
            None => return Ok(None),
            Some(DeValue::Array(items)) => items,
            Some(other) => return Err(self.wrong_kind(key, other)),
        };
        let text = |item: &Spanned<DeValue<'_>>| match item.get_ref() {
            DeValue::String(text) if !text.is_empty() && !text.chars().any(char::is_control) => {
                Ok(text.to_string())
            }
            DeValue::String(text) => {
                Err(self.wrong(key, text, "is empty or holds a control character"))
            }
            other => {
                let problem = format!("holds {}; permitted: {}", kind(other), permitted(key));
                Err(self.error(self.line(key), key, problem, None))
            }
        };
        items.iter().map(text).collect::<Result<_, _>>().map(Some)
    }

    /// Whether the key stands in the file.
    pub(super) fn holds(&self, key: &str) -> bool {
        self.values.contains_key(key)
    }

    pub(super) fn flag(&self, key: &'static str) -> Result<Option<bool>, SettingsError> {
        match self.values.get(key).map(Spanned::get_ref) {
            None => Ok(None),
            Some(DeValue::Boolean(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.wrong_kind(key, other)),
        }
    }

    pub(super) fn seconds(&self, key: &'static str) -> Result<Option<Duration>, SettingsError> {
        Ok(self.number(key)?.map(Duration::from_secs))
    }

    pub(super) fn number(&self, key: &'static str) -> Result<Option<u64>, SettingsError> {
        let Some(value) = self.values.get(key) else {
            return Ok(None);
        };
        let DeValue::Integer(digits) = value.get_ref() else {
            return Err(self.wrong_kind(key, value.get_ref()));
        };
        let (min, max) = match keys::find(key).map(|key| key.permitted) {
            Some(Permitted::Number { min, max, .. }) => (min, max),
            _ => (0, u64::MAX),
        };
        match u64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(number) if (min..=max).contains(&number) => Ok(Some(number)),
            _ => Err(self.wrong(
                key,
                digits.as_str(),
                &format!("is out of range; permitted: {}", permitted(key)),
            )),
        }
    }

    /// A path beside the settings file, unless it is absolute.
    pub(super) fn beside(&self, path: &str) -> PathBuf {
        self.file.parent().unwrap_or(Path::new("")).join(path)
    }

    pub(super) fn wrong_kind(&self, key: &'static str, value: &DeValue<'_>) -> SettingsError {
        let problem = format!("is {}; permitted: {}", kind(value), permitted(key));
        self.error(self.line(key), key, problem, None)
    }

    pub(super) fn wrong(&self, key: &'static str, value: &str, problem: &str) -> SettingsError {
        let problem = format!("`{}` {problem}", value.escape_debug());
        self.error(self.line(key), key, problem, None)
    }

    pub(super) fn line(&self, key: &str) -> Option<usize> {
        self.values
            .get(key)
            .map(|value| line_of(self.text, value.span().start))
    }

    pub(super) fn error(
        &self,
        line: Option<usize>,
        key: &str,
        problem: String,
        hint: Option<String>,
    ) -> SettingsError {
        SettingsError {
            file: self.file.to_owned(),
            line,
            key: key.to_owned(),
            problem,
            hint,
        }
    }
}

fn permitted(key: &str) -> String {
    keys::find(key).map_or_else(String::new, |key| key.permitted.words())
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn line_of(text: &str, at: usize) -> usize {
    1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count()
}

fn one_line(message: &str) -> String {
    format!("is no TOML: {}", message.replace('\n', " "))
}
