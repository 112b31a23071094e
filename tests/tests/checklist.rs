//! Do the checklists name a positive and a negative test for every row, and are these tests there?

use std::{collections::BTreeMap, path::Path};

use crate::parts;

/// The rows of the certificate toolkit.
const ROWS: [&str; 15] = [
    "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "T13", "T14", "T15",
];

/// The rows of app tokens and of personal access tokens, but for those that are left out on purpose.
fn token_rows() -> Vec<String> {
    let app = (1..=24).filter(|row| ![10, 14].contains(row));
    let personal = (1..=25).filter(|row| *row != 22);
    app.map(|row| format!("P{row}"))
        .chain(personal.map(|row| format!("I{row}")))
        .collect()
}

/// The rows of the toolkit for JWTs, but for those that are left out on purpose, and the mistakes that are easy to make
/// in it.
fn jwt_rows() -> Vec<String> {
    let toolkit = (1..=30).filter(|row| ![11, 23].contains(row));
    toolkit
        .map(|row| format!("K{row}"))
        .chain((1..=9).map(|mistake| format!("M{mistake}")))
        .collect()
}

#[test]
fn every_row_of_the_checklist_names_tests_that_exist() {
    let source = source();
    let rows = rows(&table("checklist.md"));
    for row in ROWS {
        let (positive, negative) = rows.get(row).unwrap_or_else(|| panic!("{row} has no row"));
        for (what, tests) in [("positive", positive), ("negative", negative)] {
            assert!(!tests.is_empty(), "{row} names no {what} test");
            for test in tests {
                assert!(
                    source.contains(&format!("fn {test}(")),
                    "{row}: there is no test {test}"
                );
            }
        }
    }
}

#[test]
fn every_row_about_granted_tokens_names_tests_that_exist() {
    assert_shown("checklist-tokens.md", &token_rows());
}

#[test]
fn every_row_about_jwts_by_hand_names_tests_that_exist() {
    assert_shown("checklist-jwt.md", &jwt_rows());
}

fn assert_shown(table_of: &str, rows: &[String]) {
    let source = source();
    let document = table(table_of);
    let shown = cells(&document);
    let missing: Vec<&String> = rows
        .iter()
        .filter(|row| !shown.contains_key(row.as_str()))
        .collect();
    assert!(missing.is_empty(), "these rows are missing: {missing:?}");
    for (row, cells) in &shown {
        for cell in &cells[1..] {
            let tests = quoted(cell);
            assert!(!tests.is_empty(), "{row}: {cell}");
            for test in tests {
                let is_there = source.contains(&format!("fn {test}("));
                assert!(is_there, "{row}: there is no test {test}");
            }
        }
    }
}

fn source() -> String {
    let mut source = String::new();
    for folder in ["crates", "tests/tests", "examples"] {
        collect(&parts::root().join(folder), &mut source);
    }
    source
}

fn table(name: &str) -> String {
    std::fs::read_to_string(parts::root().join("docs").join(name)).expect("a checklist")
}

/// What stands after the name of a row, by that name.
fn cells(table: &str) -> BTreeMap<&str, Vec<&str>> {
    table
        .lines()
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells.len() > 3 && !["row", "---"].contains(&cells[1]))
        .map(|cells| (cells[1], cells[2..cells.len() - 1].to_vec()))
        .collect()
}

/// What stands in backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// `| T4 | what | tests | tests |`, the tests in backticks.
fn rows(table: &str) -> BTreeMap<String, (Vec<String>, Vec<String>)> {
    table
        .lines()
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|cells| cells.len() == 6 && cells[1].starts_with('T'))
        .map(|cells| (cells[1].to_owned(), (quoted(cells[3]), quoted(cells[4]))))
        .collect()
}

fn collect(folder: &Path, source: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder of the repository") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, source);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            source.push_str(&std::fs::read_to_string(&path).expect("a source file"));
        }
    }
}
