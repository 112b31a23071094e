//! Do the commands of a page of the documents do what the page shows, as they are printed?
//!
//! A page is walked in one shell, block by block. What a block prints, on stdout and stderr, is what the
//! `text` block right after it shows, and nothing where there is none. An ellipsis stands for any part
//! of a line.

use std::{
    fs,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{
    examples::example,
    parts::{self, shell::Home},
};

/// How long a page may take: far more than it does.
const PATIENCE_SECS: &str = "300";

/// What is typed, and what is then to be seen.
#[derive(Debug, Default, PartialEq, Eq)]
struct Step {
    line: usize,
    commands: String,
    shown: String,
}

#[test]
fn every_command_of_the_page_on_protecting_an_api_answers_what_it_shows_by_bash_and_curl() {
    let page = fs::read_to_string(parts::root().join("docs/protected-api.md")).unwrap();
    let (install, steps) = steps(&page);
    assert_eq!(
        install,
        "cargo build --workspace --bin countersign --example protected-api\n\
         export PATH=\"$PWD/target/debug:$PWD/target/debug/examples:$PATH\"\n\
         cd \"$(mktemp -d)\" && umask 077\n",
        "walk() does by other means what this block does"
    );
    let wrong: Vec<String> = walk(&steps)
        .into_iter()
        .zip(&steps)
        .filter_map(|(printed, step)| {
            let complaint = match printed {
                None => "was not reached or failed:".to_owned(),
                Some(printed) if shows(&step.shown, &printed) => return None,
                Some(printed) => format!("printed:\n{printed}instead of:\n{}by:", step.shown),
            };
            Some(format!(
                "line {}: {complaint}\n{}",
                step.line, step.commands
            ))
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs all steps in one shell until one fails; what each printed that did not.
fn walk(steps: &[Step]) -> Vec<Option<String>> {
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    let file = |number: usize, what: &str| folder.path().join(format!("{number}.{what}"));
    // What the page leaves running is of the group of this shell, and ends with it.
    let mut script = format!(
        "export PATH=\"{}:$PATH\"; umask 077; mkdir walk; cd walk\n",
        programs()
    );
    for (number, step) in steps.iter().enumerate() {
        fs::write(file(number, "sh"), &step.commands).unwrap();
        script.push_str(&format!(
            ". ../{number}.sh > ../{number}.printed 2>&1 < /dev/null || kill 0\n\
             touch ../{number}.done\n"
        ));
    }
    script.push_str("kill 0\n");
    fs::write(folder.path().join("walk.sh"), script).unwrap();
    let ended = home
        .command(Path::new("timeout"))
        .args([PATIENCE_SECS, "bash", "walk.sh"])
        .current_dir(folder.path())
        .process_group(0)
        .stdin(Stdio::null())
        .status();
    ended.expect("coreutils and bash");
    let printed = |number| {
        let text = fs::read_to_string(file(number, "printed")).unwrap_or_default();
        if file(number, "done").exists() {
            return Some(text);
        }
        eprint!("{text}");
        None
    };
    (0..steps.len()).map(printed).collect()
}

/// Where the programs are that the page names, as the test command built them.
fn programs() -> String {
    let folder = |program: PathBuf| program.parent().unwrap().display().to_string();
    let of_the_example = folder(example("protected-api"));
    format!("{}:{of_the_example}", folder(parts::countersign()))
}

/// The one block that is not run, since it only makes the programs, and the steps.
fn steps(page: &str) -> (String, Vec<Step>) {
    let mut install = String::new();
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines().enumerate();
    // Where a `text` block belongs, if one comes.
    let mut last_was_commands = false;
    while let Some((number, line)) = lines.next() {
        let Some(language) = line.strip_prefix("```") else {
            continue;
        };
        let block: String = lines
            .by_ref()
            .map_while(|(_, line)| (line != "```").then(|| format!("{line}\n")))
            .collect();
        match language {
            "sh" => steps.push(Step {
                line: number + 1,
                commands: block,
                shown: String::new(),
            }),
            "text" if last_was_commands => steps.last_mut().unwrap().shown = block,
            "sh install" if install.is_empty() => install = block,
            other => panic!(
                "line {}: nobody knows what to do with {other:?}",
                number + 1
            ),
        }
        last_was_commands = language == "sh";
    }
    (install, steps)
}

/// Whether the page shows this, line by line; spaces at either end of a line do not count.
fn shows(page: &str, printed: &str) -> bool {
    let mut lines = page.lines().zip(printed.lines());
    page.lines().count() == printed.lines().count()
        && lines.all(|(shown, line)| shows_line(shown.trim(), line.trim()))
}

fn shows_line(shown: &str, line: &str) -> bool {
    let Some((beginning, rest)) = shown.split_once('…') else {
        return shown == line;
    };
    line.strip_prefix(beginning).is_some_and(|line| {
        let mut rests = line.char_indices().map(|(at, _)| &line[at..]);
        rests.any(|line| shows_line(rest, line)) || shows_line(rest, "")
    })
}

#[test]
fn a_page_is_read_into_its_commands_and_what_they_show() {
    let page = "```sh install\nmake\n```\n\n```sh\none\n\ntwo\n```\nand\n```text\nthree\n```\n```sh\nfour\n```\n";
    let step = |line, commands: &str, shown: &str| Step {
        line,
        commands: commands.to_owned(),
        shown: shown.to_owned(),
    };
    assert_eq!(
        steps(page),
        (
            "make\n".to_owned(),
            vec![step(5, "one\n\ntwo\n", "three\n"), step(14, "four\n", "")]
        )
    );
}

#[test]
fn only_what_is_shown_is_what_was_printed() {
    assert!(shows("", ""));
    assert!(shows("a\n  b: …\n", "a\n  b: 7\n"));
    assert!(shows(
        "{\"t\":\"…\",\"e\":\"…Z\"} [200]\n",
        "{\"t\":\"x\",\"e\":\"20Z\"} [200] \n"
    ));
    assert!(!shows("", "error: no\n"));
    assert!(!shows("a\n", ""));
    assert!(!shows("a\n", "a\nb\n"));
    assert!(!shows("a … [200]\n", "a b [401]\n"));
    assert!(!shows("a…\n", "b\n"));
}
