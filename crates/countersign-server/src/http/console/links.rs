//! What do lists, forms and ways between pages have in common?

use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded::byte_serialize;

use super::{
    Cell, Posted, Section, Shell, Visitor,
    form::{Choice, Field, Form},
    table::{AFTER, Action, Pages, ROWS, Weight},
};
use crate::http::api::PageQuery;

/// A name as one segment of a path (RFC 3986 §3.3).
pub(super) fn segment(name: &str) -> String {
    // A form writes a space as `+`, and `+` as `%2B`.
    byte_serialize(name.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// The page of one thing of a section, by its name: as a link for whoever may see it.
pub(super) fn cell(visitor: &Visitor, section: Section, name: &str) -> Cell {
    if section.is_seen_by(visitor) {
        let page = format!("{}/{}", section.page(), segment(name));
        Cell::link(name, visitor.path(&page))
    } else {
        Cell::text(name)
    }
}

pub(super) fn action(href: String, text: &'static str, weight: Weight) -> Action {
    Action { href, text, weight }
}

/// A form as most are: it asks for something, and goes to the first of these or back to the second.
pub(super) fn form(
    visitor: &Visitor,
    section: Section,
    title: &str,
    fields: Vec<Field>,
    [action, back]: [String; 2],
) -> Form {
    Form {
        shell: Shell::of(visitor, Some(section)),
        title: countersign_proto::showable::showable(title, 300),
        about: Vec::new(),
        action,
        fields,
        problem: None,
        submit: "Create",
        is_grave: false,
        back,
    }
}

/// The part of a sorted list that was asked for, and the ways to the others.
pub(super) fn page<T: Clone>(
    visitor: &Visitor,
    section: Section,
    narrowed_by: &[&str],
    sorted: &[T],
    key: impl Fn(&T) -> &str,
) -> (Vec<T>, Pages) {
    let asked = PageQuery {
        limit: ROWS as usize,
        after: visitor.asked(AFTER),
    };
    let page = asked.of(sorted, key, T::clone);
    let pages = Pages::of(visitor, section.page(), narrowed_by, page.next.as_deref());
    (page.items, pages)
}

/// What stands in the place of rows.
pub(super) fn nothing(visitor: &Visitor, narrowed_by: &[&str]) -> &'static str {
    if narrowed_by.iter().any(|name| visitor.asked(name).is_some()) {
        "Nothing fits."
    } else {
        "There is none yet."
    }
}

/// One of the words that a filter of the API knows; a word that it does not know asks for nothing.
pub(super) fn word<T: DeserializeOwned>(visitor: &Visitor, name: &str) -> Option<T> {
    serde_json::from_value(Value::String(visitor.asked(name)?)).ok()
}

/// Yes or no; neither when something else is asked for.
pub(super) fn yes_or_no(visitor: &Visitor, name: &str) -> Option<bool> {
    visitor.asked(name)?.parse().ok()
}

/// A line to narrow a list by.
pub(super) fn line(visitor: &Visitor, name: &'static str, label: &'static str) -> Field {
    Field::line(name, label, &visitor.asked(name).unwrap_or_default())
}

/// A choice to narrow a list by, of words and what they mean.
pub(super) fn choice(
    visitor: &Visitor,
    name: &'static str,
    label: &'static str,
    words: &[(&str, &str)],
) -> Field {
    let mut choices = vec![Choice::new("", "any")];
    choices.extend(words.iter().map(|(word, text)| Choice::new(word, text)));
    Field::one(
        name,
        label,
        choices,
        &visitor.asked(name).unwrap_or_default(),
    )
}

/// Words that stand apart by spaces or on lines of their own.
pub(super) fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A whole number that may be left empty; what was there before, and what to say, when it is none.
pub(super) fn number(
    posted: &Posted,
    name: &str,
    before: Option<u64>,
) -> (Option<u64>, Option<String>) {
    match posted.given(name).map(str::parse).transpose() {
        Ok(number) => (number, None),
        Err(_) => {
            let problem = format!("`{}` is no whole number.", posted.text(name).trim());
            (
                before,
                Some(countersign_proto::showable::showable(&problem, 300)),
            )
        }
    }
}
