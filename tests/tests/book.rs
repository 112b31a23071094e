//! Does every command of the book do what its page shows, as it is printed?
//!
//! A page is walked in one shell, block by block. What a block prints, on stdout and stderr, is what the
//! `text` block right after it shows, and nothing where there is none.

use std::{collections::BTreeSet, fs, path::Path};

use crate::parts;

mod links;

mod page;

mod providers;

mod walk;

use self::{
    page::{Step, shows, steps},
    walk::{Loopback, Walk},
};

#[test]
fn every_command_of_the_tutorial_on_a_first_sign_in_answers_what_it_shows() {
    walks("tutorial/first-sign-in.md");
}

#[test]
fn every_command_of_the_page_on_protecting_an_api_answers_what_it_shows_by_bash_and_curl() {
    walks("protected-api.md");
}

#[test]
fn every_command_of_the_page_on_the_management_api_answers_what_it_shows() {
    walks("api.md");
}

#[test]
fn every_command_of_the_page_on_the_command_line_answers_what_it_shows() {
    walks("cli.md");
}

#[test]
fn every_command_of_the_page_on_signing_keys_answers_what_it_shows() {
    walks("keys.md");
}

#[test]
fn every_command_of_the_page_on_granted_tokens_answers_what_it_shows() {
    walks("tokens.md");
}

#[test]
fn every_command_of_the_guide_to_keys_in_hardware_answers_what_it_shows_on_softhsm() {
    walks("how-to/hardware-keys.md");
}

#[test]
fn every_command_of_the_guide_to_the_agent_answers_what_it_shows_by_curl() {
    walks("how-to/agent.md");
}

#[test]
fn every_command_of_the_guide_to_other_programs_answers_what_it_shows() {
    walks("how-to/other-programs.md");
}

#[test]
fn every_command_of_the_guide_to_renewing_a_certificate_answers_what_it_shows() {
    walks("how-to/renew-a-certificate.md");
}

#[test]
fn every_command_of_the_guide_to_where_tokens_wait_answers_what_it_shows_with_gnome_keyring() {
    walks("how-to/token-cache.md");
}

#[test]
fn every_command_of_the_guide_to_a_tachyon_platform_answers_what_it_shows() {
    walks("how-to/tachyon.md");
}

#[test]
fn every_command_of_the_guide_to_deploying_answers_what_it_shows() {
    walks("how-to/deploy.md");
}

#[test]
fn every_command_of_the_guide_to_backing_up_answers_what_it_shows() {
    walks("how-to/back-up.md");
}

#[test]
fn every_command_of_the_guide_to_upgrading_answers_what_it_shows() {
    walks("how-to/upgrade.md");
}

fn walks(path: &str) {
    let (_, steps) = steps(&text(path));
    let printed = Walk::new().take(&steps, Loopback::Own);
    assert_shown(path, &steps, &printed);
}

/// Every step did what its page shows.
fn assert_shown(path: &str, steps: &[Step], printed: &[Option<String>]) {
    let wrong: Vec<String> = printed
        .iter()
        .zip(steps)
        .filter_map(|(printed, step)| {
            let complaint = match printed {
                None => "was not reached or failed:".to_owned(),
                Some(printed) if shows(&step.shown, printed) => return None,
                Some(printed) => format!("printed:\n{printed}instead of:\n{}by:", step.shown),
            };
            Some(format!(
                "docs/{path}:{}: {complaint}\n{}",
                step.line, step.commands
            ))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn text(path: &str) -> String {
    fs::read_to_string(parts::root().join("docs").join(path)).unwrap()
}

#[test]
fn every_page_that_has_commands_is_walked() {
    let tests = include_str!("book.rs");
    for path in written() {
        let has_commands = !steps(&text(&path)).1.is_empty();
        let is_walked = tests.contains(&format!("    walks(\"{path}\");"))
            || providers::pages().any(|page| page == path);
        assert_eq!(is_walked, has_commands, "docs/{path}");
    }
}

#[test]
fn what_a_page_installs_is_what_the_walk_takes_for_granted() {
    for path in written() {
        let (install, _) = steps(&text(&path));
        if !install.is_empty() {
            assert_eq!(
                install,
                "cargo build --workspace --bin countersign --example protected-api\n\
                 export PATH=\"$PWD/target/debug:$PWD/target/debug/examples:$PATH\"\n\
                 cd \"$(mktemp -d)\" && umask 077\n",
                "docs/{path}: the walk does by other means what this block does"
            );
        }
    }
}

#[test]
fn every_page_is_in_the_table_of_contents_once() {
    let contents = text("SUMMARY.md");
    let mut listed: Vec<String> = contents
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(path, _)| path.to_owned())
        .collect();
    listed.sort();
    assert_eq!(listed, Vec::from_iter(written()));
}

/// Every page under `docs`, by its path from there, but the table of contents.
fn written() -> BTreeSet<String> {
    fn below(folder: &Path, from: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                below(&path, from, found);
            } else if path.extension().is_some_and(|ending| ending == "md") {
                found.insert(path.strip_prefix(from).unwrap().display().to_string());
            }
        }
    }
    let docs = parts::root().join("docs");
    let mut found = BTreeSet::new();
    below(&docs, &docs, &mut found);
    assert!(
        found.remove("SUMMARY.md"),
        "the book has a table of contents"
    );
    found
}
