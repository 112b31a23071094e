//! What does a page of the book let its reader type, and what does it show then?

/// What is typed, and what is then to be seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) line: usize,
    /// It talks to somebody else's server, and needs one that stands in.
    pub(super) at_provider: bool,
    pub(super) commands: String,
    pub(super) shown: String,
}

/// Blocks that nobody types: what a file or an answer looks like.
const NOT_TYPED: [&str; 15] = [
    "conf",
    "console",
    "http",
    "ini",
    "js",
    "json",
    "nginx",
    "python",
    "rust",
    "rust,no_run",
    "sql",
    "systemd",
    "text",
    "toml",
    "yaml",
];

/// The one block that is not run, since it only makes the programs, and the steps.
pub(super) fn steps(page: &str) -> (String, Vec<Step>) {
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
            "sh" | "sh provider" => steps.push(Step {
                line: number + 1,
                at_provider: language != "sh",
                commands: block,
                shown: String::new(),
            }),
            "text" if last_was_commands => steps.last_mut().unwrap().shown = block,
            "sh install" if install.is_empty() => install = block,
            other if NOT_TYPED.contains(&other) => {}
            other => panic!(
                "line {}: nobody knows what to do with {other:?}",
                number + 1
            ),
        }
        last_was_commands = matches!(language, "sh" | "sh provider");
    }
    (install, steps)
}

/// Whether the page shows this, line by line. How many spaces stand between two words does not count, since
/// columns are as wide as what is in them. An ellipsis stands for any part of a line.
pub(super) fn shows(page: &str, printed: &str) -> bool {
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lines = page.lines().zip(printed.lines());
    page.lines().count() == printed.lines().count()
        && lines.all(|(shown, line)| shows_line(&words(shown), &words(line)))
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
    let page = "```sh install\nmake\n```\n\n```sh\none\n\ntwo\n```\nand\n```text\nthree\n```\n\
                ```toml\nkey = 1\n```\n```sh\nfour\n```\n```sh provider\nfive\n```\n";
    let step = |line, commands: &str, shown: &str| Step {
        line,
        at_provider: line == 20,
        commands: commands.to_owned(),
        shown: shown.to_owned(),
    };
    assert_eq!(
        steps(page),
        (
            "make\n".to_owned(),
            vec![
                step(5, "one\n\ntwo\n", "three\n"),
                step(17, "four\n", ""),
                step(20, "five\n", "")
            ]
        )
    );
}

#[test]
#[should_panic(expected = "line 1: nobody knows what to do with \"bash\"")]
fn a_block_that_would_not_be_run_by_mistake_is_refused() {
    steps("```bash\nmake\n```\n");
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
    assert!(shows("a  …\n", "a    b\n"));
    assert!(!shows("a …\n", "b c\n"));
    assert!(!shows("a\n", "a\nb\n"));
    assert!(!shows("a … [200]\n", "a b [401]\n"));
    assert!(!shows("a…\n", "b\n"));
}
