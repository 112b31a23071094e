//! Does every bad input about granted tokens get one line, a hint and its exit code, before anything
//! is sent?

use crate::world::Home;

/// What was typed, how the error begins. Each is a matter of usage.
const TABLE: &[(&str, &str)] = &[
    ("pat", "a verb is missing"),
    ("pat create", "the token has no name"),
    ("pat create --name a", "no server is set"),
    (
        "pat create --name a --lifetime soon",
        "--lifetime \"soon\" is no length of time",
    ),
    (
        "pat create --name a --expires soon",
        "--expires \"soon\" is no moment",
    ),
    (
        "pat create --name a --expires 2020-01-01",
        "its end, 2020-01-01T00:00:00Z, is over",
    ),
    (
        "pat create --name a --never --lifetime 1d",
        "the argument '--never' cannot be used with '--lifetime <DURATION>'",
    ),
    (
        "pat create --name a --jwt",
        "only an app token can be a JWT",
    ),
    (
        "app-token create --name a --jwt --label",
        "the argument '--jwt' cannot be used with '--label'",
    ),
    (
        "system-token create --name a",
        "a system token has only the roles that are named",
    ),
    (
        "system-token create --name a --role b --owner anna",
        "a system token has no owner",
    ),
    (
        "pat show",
        "the following required arguments were not provided: <ID>",
    ),
    (
        "pat rename x",
        "the following required arguments were not provided: --name <TEXT>",
    ),
    (
        "pat rotate",
        "the following required arguments were not provided: <ID>",
    ),
    (
        "pat rotate x --confirm y",
        "the argument '[ID]' cannot be used with '--confirm <ID>'",
    ),
    (
        "pat rotate x --grace 1w",
        "--grace \"1w\" is no length of time",
    ),
    (
        "pat revoke x",
        "the following required arguments were not provided: --reason <TEXT>",
    ),
    (
        "pat list --state good",
        "invalid value 'good' for '--state <STATE>'",
    ),
    ("pat import --name a", "there is no token"),
    (
        "pat import --table t.csv --owner anna",
        "the argument '--table <FILE>' cannot be used with '--owner <NAME>'",
    ),
    (
        "pat import --table bad.csv",
        "bad.csv:2: there is no token; nothing was imported",
    ),
    (
        "pat import --table empty.csv",
        "empty.csv has no line to import",
    ),
    (
        "admin token revoke --reason x",
        "the following required arguments were not provided: ",
    ),
    (
        "admin token revoke --reason x --owner a --application b",
        "the argument '--owner <NAME>' cannot be used with '--application <ID>'",
    ),
    (
        "whoami --server https://p.example",
        "--server is given, and no granted token",
    ),
    (
        "whoami --server ftp://p.example",
        "server \"ftp://p.example\": ",
    ),
    (
        "whoami --server https://p.example --profile a",
        "the argument '--server <URL>' cannot be used with '--profile <NAME>'",
    ),
    ("whoami --token-file token", "no server is set"),
    (
        "token-string check --prefix A_b",
        "--prefix \"A_b\" is no prefix",
    ),
];

#[test]
fn a_wrong_word_about_granted_tokens_is_one_line_and_a_hint() {
    let home = Home::new();
    for (file, content) in [
        ("bad.csv", "name,token\na,\n"),
        ("empty.csv", "name,token\n"),
        ("token", "x\n"),
    ] {
        std::fs::write(home.path().join(file), content).unwrap();
    }
    for (line, error) in TABLE {
        let ran = home.run(line);
        assert_eq!(ran.code, 2, "{line}: {ran:?}");
        assert_eq!(ran.stdout, "", "{line}");
        let lines: Vec<_> = ran.stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{line}: {ran:?}");
        assert!(
            lines[0].starts_with(&format!("error: {error}")),
            "{line}: {ran:?}"
        );
        assert!(lines[1].starts_with("hint: "), "{line}: {ran:?}");
    }
}

#[test]
fn a_granted_token_in_the_environment_alone_names_no_server() {
    let home = Home::new();
    let mut command = home.command("whoami");
    let ran = crate::world::ran(command.env("COUNTERSIGN_TOKEN", "x"));
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.starts_with("error: no server is set"), "{ran:?}");
}
