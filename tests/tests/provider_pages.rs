//! Do the commands of the pages on providers do what the pages show, and do the pages say what the table says?
//!
//! `sh` blocks are run as printed. A `sh provider` block talks to a provider: it is run with the provider's address
//! replaced by that of a stand-in on loopback, which takes what the page made a moment before.

use std::{fs, os::unix::process::CommandExt as _, path::Path, process::Stdio};

use countersign::{Provider, proto::key::Algorithm};

use crate::parts::{self, shell::Home, stand_in::StandIn};

/// How long a page may take: far more than it does.
const PATIENCE_SECS: &str = "120";

/// A page, the address on it that is the provider's, and what it makes to be registered there.
struct Page {
    name: &'static str,
    address: &'static str,
    registered: &'static str,
}

const PAGES: [Page; 4] = [
    Page {
        name: "entra-id",
        address: "https://login.microsoftonline.com",
        registered: "inventory.cer",
    },
    Page {
        name: "okta",
        address: "https://acme.okta.com",
        registered: "jwks.json",
    },
    Page {
        name: "keycloak",
        address: "https://id.example.com",
        registered: "inventory.crt",
    },
    Page {
        name: "hydra",
        address: "https://hydra.example.com",
        registered: "jwks.json",
    },
];

fn read(page: &Page) -> String {
    let file = format!("docs/providers/{}.md", page.name);
    fs::read_to_string(parts::root().join(file)).unwrap()
}

/// What is typed, and what is then to be seen.
#[derive(Debug, Default)]
struct Step {
    line: usize,
    at_provider: bool,
    commands: String,
    shown: String,
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines().enumerate();
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
            "toml" | "json" => {}
            other => panic!(
                "line {}: nobody knows what to do with {other:?}",
                number + 1
            ),
        }
        last_was_commands = language.starts_with("sh");
    }
    steps
}

/// The word after an option.
fn option<'a>(commands: &'a str, name: &str) -> &'a str {
    let mut words = commands.split_whitespace().skip_while(|word| *word != name);
    words.nth(1).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn every_command_of_the_pages_on_providers_answers_what_it_shows_by_bash_openssl_and_node_oidc_provider()
 {
    for page in &PAGES {
        let mut steps = steps(&read(page));
        let folder = tempfile::tempdir().unwrap();
        let walk = folder.path().join("walk");
        let signs_in = steps.iter().find(|step| step.at_provider);
        let commands = signs_in.expect("a page signs in").commands.clone();
        let app_id = option(&commands, "--app-id");
        assert_eq!(option(&commands, "--provider"), page.name);
        let stand_in = StandIn::start(page.name, app_id, &walk.join(page.registered));
        for step in steps.iter_mut().filter(|step| step.at_provider) {
            step.commands = step.commands.replace(page.address, &stand_in.origin);
        }
        let wrong = walked(&steps, folder.path());
        assert!(
            wrong.is_empty(),
            "docs/providers/{}.md: {wrong:#?}",
            page.name
        );
    }
}

/// Runs all steps in one shell; what did not go as it is shown.
fn walked(steps: &[Step], folder: &Path) -> Vec<String> {
    let home = Home::new();
    let file = |number: usize, what: &str| folder.join(format!("{number}.{what}"));
    let programs = parts::countersign().parent().unwrap().display().to_string();
    let mut script = format!("export PATH=\"{programs}:$PATH\"; umask 077; mkdir walk; cd walk\n");
    for (number, step) in steps.iter().enumerate() {
        fs::write(file(number, "sh"), &step.commands).unwrap();
        script.push_str(&format!(
            "set -e; . ../{number}.sh > ../{number}.printed 2>&1 < /dev/null; touch ../{number}.done\n"
        ));
    }
    fs::write(folder.join("walk.sh"), script).unwrap();
    let ended = home
        .command(Path::new("timeout"))
        .args([PATIENCE_SECS, "bash", "walk.sh"])
        .current_dir(folder)
        .process_group(0)
        .stdin(Stdio::null())
        .status();
    ended.expect("coreutils and bash");
    let complaint = |(number, step): (usize, &Step)| {
        let printed = fs::read_to_string(file(number, "printed")).unwrap_or_default();
        let is_done = file(number, "done").exists();
        let Step {
            line,
            commands,
            shown,
            ..
        } = step;
        (!is_done || !shows(shown, &printed))
            .then(|| format!("line {line}: done: {is_done}, printed:\n{printed}by:\n{commands}"))
    };
    steps.iter().enumerate().filter_map(complaint).collect()
}

/// Whether the page shows this, line by line; an ellipsis stands for any part of a line, and so do spaces.
fn shows(page: &str, printed: &str) -> bool {
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
fn the_pages_on_providers_name_what_the_table_has() {
    let cli = fs::read_to_string(parts::root().join("docs/cli.md")).unwrap();
    for page in &PAGES {
        let (text, known) = (read(page), Provider::named(page.name).unwrap());
        let algorithms: Vec<_> = known
            .algorithms
            .iter()
            .copied()
            .map(Algorithm::name)
            .collect();
        for name in &algorithms {
            assert!(text.contains(name), "{}.md lacks {name}", page.name);
        }
        let kid = known.kid.to_string();
        let row = format!("| [`{0}`](providers/{0}.md) |", page.name);
        let row = cli.lines().find(|line| line.starts_with(&row)).unwrap();
        assert!(row.contains(&algorithms.join(", ")), "{row}");
        assert!(kid == "none" || row.contains(&kid), "{row}");
        // Whatever is known of its refusals is explained there, by number or by words.
        for refusal in known
            .refusals
            .iter()
            .filter(|it| it.says.starts_with("AADSTS"))
        {
            let rare = [
                "AADSTS7000274",
                "AADSTS700011",
                "AADSTS70001",
                "AADSTS901002",
            ];
            let told = text.contains(&*refusal.says) || rare.contains(&&*refusal.says);
            assert!(told, "{}.md lacks {}", page.name, refusal.says);
        }
        let sources = text.split("## Sources").nth(1).unwrap();
        assert!(sources.matches("https://").count() >= 3, "{}", page.name);
    }
}

#[test]
fn only_what_a_page_shows_is_what_was_printed() {
    assert!(shows("", "") && shows("a  …\n", "a    b\n") && shows("…\n", "x\n"));
    assert!(!shows("", "error: no\n") && !shows("a\n", "") && !shows("a …\n", "b c\n"));
}
