//! Does docs/cli.md say what `--help` says?

use std::collections::BTreeSet;

use crate::world::Home;

fn document() -> String {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/cli.md");
    std::fs::read_to_string(file).unwrap()
}

/// Every verb with its words before it, and every long option of any of them.
fn grammar(home: &Home, verb: &str, verbs: &mut BTreeSet<String>, options: &mut BTreeSet<String>) {
    let help = home.run(&format!("{verb} -h")).ok();
    options.extend(help.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line
            .split_once(", ")
            .map_or(line, |(short, long)| match short {
                "-h" | "-V" | "-q" | "-v" => long,
                _ => line,
            });
        let option = line.strip_prefix("--")?;
        let end = option.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        Some(format!("--{}", &option[..end.unwrap_or(option.len())]))
    }));
    let Some((_, commands)) = help.split_once("\nCommands:\n") else {
        verbs.insert(verb.trim().to_owned());
        return;
    };
    let commands = commands.lines().take_while(|line| !line.is_empty());
    for name in commands.filter_map(|line| line.split_whitespace().next()) {
        if name != "help" {
            grammar(home, &format!("{verb} {name}"), verbs, options);
        }
    }
}

#[test]
fn every_verb_and_every_option_is_in_the_document_and_no_other() {
    let (mut verbs, mut options) = (BTreeSet::new(), BTreeSet::new());
    grammar(&Home::new(), "", &mut verbs, &mut options);
    assert!(
        verbs.len() > 30 && options.len() > 40,
        "{verbs:?} {options:?}"
    );

    let document = document();
    let told = |words: &str| {
        document
            .split(words)
            .skip(1)
            .any(|rest| rest.starts_with(|c: char| !c.is_ascii_alphanumeric() && c != '-'))
    };
    for verb in &verbs {
        assert!(
            told(&format!("`countersign {verb}")),
            "docs/cli.md lacks {verb}"
        );
    }
    for option in &options {
        assert!(told(&format!("`{option}")), "docs/cli.md lacks {option}");
    }
    for rest in document.split("`--").skip(1) {
        let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        let option = format!("--{}", &rest[..end.unwrap()]);
        assert!(
            options.contains(&option),
            "docs/cli.md has {option}, and no verb has"
        );
    }
    for rest in document.split("`countersign ").skip(1) {
        let words = rest.split('`').next().unwrap();
        let known = words.starts_with("help ")
            || verbs
                .iter()
                .any(|verb| words == verb || words.starts_with(&format!("{verb} ")));
        assert!(known, "docs/cli.md has {words}, and help has not");
    }
}

#[test]
fn the_expression_for_scanners_is_in_the_document() {
    let home = Home::new();
    let pattern = home.run("token-string pattern").ok();
    assert!(document().contains(&pattern), "{pattern}");
    let own = home.run("token-string pattern --prefix acme").ok();
    assert_eq!(own, pattern.replace("csn", "acme"));
}

#[test]
fn the_exit_codes_of_the_document_are_those_of_help() {
    let help = Home::new().run("--help").ok();
    let (_, codes) = help.split_once("Exit codes:\n").unwrap();
    let codes: Vec<_> = codes.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(codes.len(), 11);
    for line in codes {
        let (code, meaning) = line.trim().split_once(' ').unwrap();
        let row = format!("| {code} | {} |", meaning.trim());
        assert!(document().contains(&row), "docs/cli.md lacks {row}");
    }
}

#[test]
fn every_verb_has_its_manual_page_and_is_completed_by_every_shell() {
    let home = Home::new();
    let (mut verbs, mut options) = (BTreeSet::new(), BTreeSet::new());
    grammar(&home, "", &mut verbs, &mut options);
    home.run("man pages").ok();
    for verb in &verbs {
        let name = format!("countersign-{}", verb.replace(' ', "-"));
        let page = home.path().join(format!("pages/{name}.1"));
        let page = std::fs::read_to_string(&page).expect(&name);
        assert!(page.contains(".SH DESCRIPTION"), "{name}");
    }
    assert!(home.path().join("pages/countersign.1").exists());

    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(&format!("completions {shell}")).ok();
        let words: BTreeSet<_> = script
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .collect();
        for word in verbs.iter().flat_map(|verb| verb.split(' ')) {
            assert!(words.contains(word), "{shell}: {word}");
        }
        assert!(script.contains("cert-thumbprint"), "{shell}");
    }
    let script = home.run("completions bash").ok();
    std::fs::write(home.path().join("words.bash"), script).unwrap();
    let checked = std::process::Command::new("bash")
        .arg("-n")
        .arg(home.path().join("words.bash"))
        .status()
        .unwrap();
    assert!(checked.success());
}
