//! Does `docs/checklist.md` name a positive and a negative test for every row, and are these tests there?

use std::{collections::BTreeMap, path::Path};

use crate::parts;

/// The rows of the certificate toolkit.
const ROWS: [&str; 15] = [
    "T1", "T2", "T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T11", "T12", "T13", "T14", "T15",
];

#[test]
fn every_row_of_the_checklist_names_tests_that_exist() {
    let root = parts::root();
    let mut source = String::new();
    for folder in ["crates", "tests/tests", "examples"] {
        collect(&root.join(folder), &mut source);
    }
    let table = std::fs::read_to_string(root.join("docs/checklist.md")).expect("docs/checklist.md");
    let rows = rows(&table);
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

/// `| T4 | what | tests | tests |`, the tests in backticks.
fn rows(table: &str) -> BTreeMap<String, (Vec<String>, Vec<String>)> {
    let quoted = |cell: &str| -> Vec<String> {
        cell.split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    };
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
