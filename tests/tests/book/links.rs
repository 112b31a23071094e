//! Does every link of the documents lead to something that is there?

use std::{collections::BTreeSet, fs};

use super::written;
use crate::parts::root;

/// Documents that are not of the book.
const OUTSIDE: [&str; 5] = [
    "README.md",
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "CHANGELOG.md",
    "fuzz/README.md",
];

#[test]
fn every_relative_link_of_the_documents_leads_somewhere() {
    let docs = written().into_iter().map(|page| format!("docs/{page}"));
    let mut broken = Vec::new();
    for page in docs.chain(OUTSIDE.map(str::to_owned)) {
        let path = root().join(&page);
        for link in links(&fs::read_to_string(&path).unwrap()) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            let leads = match anchor {
                "" => target.exists(),
                anchor => {
                    fs::read_to_string(&target).is_ok_and(|text| anchors(&text).contains(anchor))
                }
            };
            if !leads {
                broken.push(format!("{page}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

/// Where the links of a page lead, but those to other sites. What stands in code is none.
fn links(page: &str) -> Vec<String> {
    prose(page)
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link.to_owned())
        .filter(|link| !link.contains("://"))
        .collect()
}

/// A page without its blocks of code, and without code within a line.
fn prose(page: &str) -> String {
    let outside = page
        .split("\n```")
        .step_by(2)
        .collect::<Vec<_>>()
        .join("\n");
    outside.split('`').step_by(2).collect()
}

/// What the headings of a page are called in links to them.
fn anchors(page: &str) -> BTreeSet<String> {
    page.lines()
        .filter(|line| line.starts_with('#'))
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            heading
                .chars()
                .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
                .map(|c| if c == ' ' { '-' } else { c })
                .collect()
        })
        .collect()
}

#[test]
fn links_in_prose_are_found_and_headings_are_named_as_readers_name_them() {
    let page = "See [a](a.md#one-two) and `x](no)` and [w](https://w.example/).\n\n```sh\nx](no)\n```\n[b](b.md)\n";
    assert_eq!(links(page), ["a.md#one-two", "b.md"]);
    assert_eq!(
        Vec::from_iter(anchors("# One, two!\ntext\n## `dev --once`\n")),
        ["dev---once", "one-two"]
    );
}
