//! Which tokens stand in a table of another platform?

use std::path::Path;

use countersign::proto::{
    json::{self, Limits, Map, Value},
    management::{GrantedKind, ImportedToken},
    time::UnixTime,
};
use csv_core::{ReadRecordResult, Reader};
use zeroize::Zeroizing;

use super::terms::{self, Form};
use crate::{
    args::GrantedTerms,
    failure::Failure,
    times::day_or_moment,
    token_source::{bytes_of, text_of},
};

/// The tokens of a table with the line of each, counted from 1: CSV (RFC 4180) with a line of
/// headings, or one JSON object a line. Of what is wrong the line is named, and nothing of it shown.
pub(super) fn read(
    kind: GrantedKind,
    file: &Path,
    now: UnixTime,
) -> Result<Vec<(usize, ImportedToken)>, Failure> {
    let bytes = bytes_of(file)?;
    let file = file.display();
    let text = text_of(&bytes, &file.to_string())?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let rows = match text.trim_start().starts_with('{') {
        true => json_lines(text),
        false => csv(text),
    };
    let tokens = rows.and_then(|rows| {
        let tokens = rows.into_iter().map(|(line, row)| {
            let token = row
                .into_token(kind, now)
                .map_err(|problem| Wrong(line, problem))?;
            Ok((line, token))
        });
        tokens.collect()
    });
    tokens.map_err(|Wrong(line, problem)| {
        Failure::usage(format!("{file}:{line}: {problem}; nothing was imported"))
            .hint(format!("the columns are {}", COLUMNS.join(", ")))
    })
}

const COLUMNS: [&str; 8] = [
    "name",
    "token",
    "description",
    "owner",
    "roles",
    "scopes",
    "audience",
    "expires_at",
];

/// What is wrong in which line.
struct Wrong(usize, String);

/// One line. What is empty is absent.
#[derive(Default)]
struct Row {
    token: Zeroizing<String>,
    terms: GrantedTerms,
    expires_at: Option<String>,
}

impl Row {
    fn set(&mut self, column: &str, text: &str) -> Result<(), String> {
        let list = || {
            let items = text.split(';').map(str::trim);
            items
                .filter(|item| !item.is_empty())
                .map(str::to_owned)
                .collect()
        };
        let given = (!text.is_empty()).then(|| text.to_owned());
        match column {
            "token" => self.token = Zeroizing::new(text.to_owned()),
            "name" => self.terms.name = given,
            "description" => self.terms.description = given,
            "owner" => self.terms.owner = given,
            "audience" => self.terms.audience = given,
            "expires_at" => self.expires_at = given,
            "roles" => self.terms.roles = list(),
            "scopes" => self.terms.scopes = list(),
            _ => return Err("a column is none of those that are known".to_owned()),
        }
        Ok(())
    }

    fn into_token(self, kind: GrantedKind, now: UnixTime) -> Result<ImportedToken, String> {
        if self.token.is_empty() {
            return Err("there is no token".to_owned());
        }
        let said = |failure: Failure| failure.message().to_owned();
        let mut terms = terms::new_token(kind, Form::Imported, &self.terms, now).map_err(said)?;
        if let Some(text) = &self.expires_at {
            // Not repeated: in a table whose columns are mixed up it is a token.
            let end = day_or_moment("expires_at", text);
            terms.expires_at = Some(end.map_err(|_| "expires_at is no moment".to_owned())?);
            terms::check(&terms, now).map_err(said)?;
        }
        Ok(ImportedToken::new(&self.token, terms))
    }
}

fn csv(text: &str) -> Result<Vec<(usize, Row)>, Wrong> {
    let mut headings: Option<Vec<String>> = None;
    let mut rows = Vec::new();
    for (line, cells) in Records::of(text) {
        let Some(headings) = &headings else {
            let names = cells.iter().map(|cell| cell.trim().to_owned());
            let names: Vec<String> = names.collect();
            check_headings(&names).map_err(|problem| Wrong(line, problem))?;
            headings = Some(names);
            continue;
        };
        if cells.len() != headings.len() {
            let (cells, headings) = (cells.len(), headings.len());
            let problem = format!("there are {cells} cells under {headings} headings");
            return Err(Wrong(line, problem));
        }
        let mut row = Row::default();
        for (heading, cell) in headings.iter().zip(&cells) {
            row.set(heading, cell)
                .map_err(|problem| Wrong(line, problem))?;
        }
        rows.push((line, row));
    }
    Ok(rows)
}

/// A table without headings has secrets in its first line: what is not known is not repeated.
fn check_headings(names: &[String]) -> Result<(), String> {
    for (at, name) in names.iter().enumerate() {
        if !COLUMNS.contains(&name.as_str()) {
            return Err(format!("heading {} is not the name of a column", at + 1));
        }
        if names[..at].contains(name) {
            return Err(format!("the column {name} comes twice"));
        }
    }
    for name in ["name", "token"] {
        if !names.iter().any(|heading| heading == name) {
            return Err(format!("the column {name} is missing"));
        }
    }
    Ok(())
}

/// The records of a CSV text with the line of each; empty lines are none.
struct Records<'t> {
    reader: Reader,
    text: &'t str,
    at: usize,
}

impl<'t> Records<'t> {
    fn of(text: &'t str) -> Records<'t> {
        Records {
            reader: Reader::new(),
            text,
            at: 0,
        }
    }
}

impl Iterator for Records<'_> {
    type Item = (usize, Vec<Zeroizing<String>>);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = &self.text[self.at..];
        let begin = self.at + (rest.len() - rest.trim_start_matches(['\r', '\n']).len());
        let line = 1 + self.text[..begin].matches('\n').count();
        // Room for all of it at once: cells are never longer than their text.
        let mut cells = Zeroizing::new(vec![0; self.text.len() - self.at + 1]);
        let mut ends = vec![0; cells.len() + 1];
        let (mut filled, mut ended) = (0, 0);
        loop {
            let input = &self.text.as_bytes()[self.at..];
            let (result, read, written, more) =
                self.reader
                    .read_record(input, &mut cells[filled..], &mut ends[ended..]);
            (self.at, filled, ended) = (self.at + read, filled + written, ended + more);
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::Record => break,
                _ => return None,
            }
        }
        let begins = std::iter::once(0).chain(ends.iter().copied());
        let cells = begins.zip(&ends).take(ended).map(|(begin, end)| {
            let cell = cells.get(begin..*end).unwrap_or_default();
            Zeroizing::new(String::from_utf8_lossy(cell).into_owned())
        });
        Some((line, cells.collect()))
    }
}

fn json_lines(text: &str) -> Result<Vec<(usize, Row)>, Wrong> {
    let lines = text.lines().enumerate();
    let lines = lines.filter(|(_, line)| !line.trim().is_empty());
    let row = |(at, line): (usize, &str)| {
        let members = json::object(line.as_bytes(), &Limits::CLAIMS);
        let row = members.map_err(|error| shape(&error)).and_then(of_object);
        row.map(|row| (at + 1, row))
            .map_err(|problem| Wrong(at + 1, problem))
    };
    lines.map(row).collect()
}

/// An error that names a member could repeat a token that stands in its place.
fn shape(error: &json::JsonError) -> String {
    match error {
        json::JsonError::DuplicateMember(_) => "a member comes twice".to_owned(),
        other => other.to_string(),
    }
}

fn of_object(members: Map<String, Value>) -> Result<Row, String> {
    let mut row = Row::default();
    for (name, value) in members {
        match value {
            Value::String(text) => row.set(&name, &Zeroizing::new(text))?,
            Value::Null => row.set(&name, "")?,
            Value::Number(number) if name == "expires_at" => row.set(&name, &number.to_string())?,
            Value::Array(items) if name == "roles" || name == "scopes" => {
                let items = items.iter().map(|item| item.as_str().map(str::to_owned));
                let items = items.collect::<Option<Vec<String>>>();
                let items = items.ok_or_else(|| format!("{name} is no list of texts"))?;
                match name.as_str() {
                    "roles" => row.terms.roles = items,
                    _ => row.terms.scopes = items,
                }
            }
            _ if COLUMNS.contains(&name.as_str()) => return Err(format!("{name} is no text")),
            _ => row.set(&name, "")?,
        }
    }
    Ok(row)
}

#[cfg(test)]
mod tests;
