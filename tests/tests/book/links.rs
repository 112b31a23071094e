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

/// How a page of the book names a file that is not in it, so that the link holds wherever the book is read.
const REPOSITORY: &str = "https://github.com/countersign/countersign/blob/main/";

#[test]
fn every_link_within_the_documents_leads_somewhere() {
    let docs = written().into_iter().map(|page| format!("docs/{page}"));
    let mut broken = Vec::new();
    for page in docs.chain(OUTSIDE.map(str::to_owned)) {
        let path = root().join(&page);
        for link in links(&fs::read_to_string(&path).unwrap()) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match (file, file.strip_prefix(REPOSITORY)) {
                ("", _) => path.clone(),
                (_, Some(file)) => root().join(file),
                (file, None) => path.parent().unwrap().join(file),
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

#[test]
fn no_page_of_the_book_leads_out_of_it_by_a_relative_link() {
    for page in written() {
        let depth = page.matches('/').count();
        let text = fs::read_to_string(root().join("docs").join(&page)).unwrap();
        let out = links(&text)
            .into_iter()
            .find(|link| link.matches("../").count() > depth);
        assert_eq!(out, None, "docs/{page}: name it by {REPOSITORY}");
    }
}

/// Where the links of a page lead, but those to other sites. What stands in code is none.
fn links(page: &str) -> Vec<String> {
    prose(page)
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(link, _)| link.to_owned())
        .filter(|link| !link.contains("://") || link.starts_with(REPOSITORY))
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
