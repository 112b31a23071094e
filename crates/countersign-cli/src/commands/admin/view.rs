//! How are records and lists of the platform shown?

use countersign::proto::{management::Page, time::UnixTime};
use serde::Serialize;
use serde_json::{Map, Value, json};

use crate::{
    output::{Block, Output, Shown},
    token_view::pascal,
};

/// One record: a line a member, those of `first` before the others.
pub(crate) fn record(value: &Value, first: &[&str]) -> Shown {
    let value = readable(value);
    let place = |name: &str| first.iter().position(|wanted| *wanted == name);
    let fields = match &value {
        Value::Object(members) => {
            let shown = members.iter().filter(|(name, _)| *name != "pem");
            let mut shown: Vec<_> = shown.collect();
            shown.sort_by_key(|(name, _)| place(name).unwrap_or(first.len()));
            let shown = shown.into_iter();
            shown
                .map(|(name, value)| (pascal(name), cell(value)))
                .collect()
        }
        other => vec![("Value".to_owned(), cell(other))],
    };
    Shown {
        json: value,
        text: vec![Block::Fields(fields)],
    }
}

/// A page of a list: a row an item, with the members that `columns` name.
pub(crate) fn list<T: Serialize>(
    page: &Page<T>,
    columns: &[&'static str],
    output: &Output,
) -> Shown {
    let items: Vec<_> = page
        .items
        .iter()
        .map(|item| readable(&json!(item)))
        .collect();
    let row = |item: &Value| columns.iter().map(|column| cell(&item[*column])).collect();
    let rows: Vec<_> = items.iter().map(row).collect();
    if let Some(next) = &page.next {
        output.note(&format!("there are more: --after {next}"));
    }
    if items.is_empty() {
        output.note("nothing there");
    }
    Shown {
        text: match items.is_empty() {
            true => Vec::new(),
            false => vec![Block::Table(columns.to_vec(), rows)],
        },
        json: json!({"items": items, "next": page.next}),
    }
}

/// The same value with moments as people and programs both read them (RFC 3339).
fn readable(value: &Value) -> Value {
    let Value::Object(members) = value else {
        return value.clone();
    };
    let is_moment = |name: &str| {
        name == "at" || name.ends_with("_at") || name == "not_before" || name == "not_after"
    };
    let members: Map<String, Value> = members
        .iter()
        .map(|(name, value)| match value.as_u64() {
            Some(secs) if is_moment(name) => {
                (name.clone(), UnixTime::from_secs(secs).to_string().into())
            }
            _ => (name.clone(), value.clone()),
        })
        .collect();
    Value::Object(members)
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_as_a_date_in_both_forms() {
        let shown = record(
            &json!({"name": "a", "expires_at": 1_795_336_200}),
            &["name"],
        );
        assert_eq!(shown.json["expires_at"], "2026-11-22T08:30:00Z");
        let Block::Fields(fields) = &shown.text[0] else {
            panic!("not fields");
        };
        let date = "2026-11-22T08:30:00Z".to_owned();
        assert_eq!(
            fields,
            &[
                ("Name".to_owned(), "a".to_owned()),
                ("ExpiresAt".to_owned(), date)
            ]
        );
    }

    #[test]
    fn a_list_shows_the_columns_that_were_asked_for() {
        let page = Page {
            items: vec![json!({"name": "a", "roles": ["x", "y"], "other": 1})],
            next: None,
        };
        let shown = list(&page, &["name", "roles"], &Output::default());
        let Block::Table(_, rows) = &shown.text[0] else {
            panic!("not a table");
        };
        assert_eq!(rows[0], ["a", "x, y"]);
        assert_eq!(shown.json["items"][0]["other"], 1);
    }
}
