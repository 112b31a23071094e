//! Does every bad input get one clear line, a hint and its exit code?

use crate::world::{Home, Ran};

/// What was typed, the exit code, how the error begins.
const TABLE: &[(&str, i32, &str)] = &[
    ("", 2, "a verb is missing"),
    ("cert", 2, "a verb is missing"),
    ("tokn", 2, "unrecognized subcommand 'tokn'"),
    (
        "token --outptu json",
        2,
        "unexpected argument '--outptu' found",
    ),
    (
        "token --output xml",
        2,
        "invalid value 'xml' for '--output <FORMAT>'",
    ),
    (
        "whoami --output raw",
        2,
        "--output raw prints a token, and this verb prints none",
    ),
    ("token", 2, "no server is set"),
    ("refresh", 2, "no server is set"),
    ("whoami", 2, "no server is set"),
    ("logout", 2, "no server is set"),
    ("doctor", 2, "no server is set"),
    ("admin role list", 2, "no server is set"),
    ("use lab", 2, "no server is set"),
    (
        "login https://p.example",
        2,
        "there is no terminal to ask at who may sign in",
    ),
    (
        "login https://p.example --principal vader",
        2,
        "--principal belongs to a sign-in with a certificate, and none is named",
    ),
    (
        "login https://p.example --as vader --app-id a --cert good.pem",
        2,
        "--as belongs to a sign-in with a browser, and a certificate login needs none",
    ),
    (
        "login ftp://p.example --as vader",
        2,
        "server \"ftp://p.example\": ",
    ),
    (
        "login http://127.0.0.1:1 --as vader",
        13,
        "no connection to 127.0.0.1:1",
    ),
    (
        "admin principal set-password anna",
        2,
        "no password is given",
    ),
    (
        "admin principal set-password anna --password-file missing",
        2,
        "cannot read password file missing: ",
    ),
    (
        "admin principal create anna --password-file x --ask-password",
        2,
        "the argument '--password-file <FILE>' cannot be used with '--ask-password'",
    ),
    (
        "login https://p.example --app-id a",
        2,
        "no certificate is named",
    ),
    (
        "login https://p.example --cert good.pem",
        2,
        "no application is named",
    ),
    (
        "login ftp://p.example --app-id a --cert good.pem",
        2,
        "server \"ftp://p.example\": ",
    ),
    (
        "login http://p.example --app-id a --cert good.pem",
        2,
        "server \"http://p.example\": ",
    ),
    (
        "login https://p.example?x=y --app-id a --cert good.pem",
        2,
        "server \"https://p.example?x=y\": ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert good.pem",
        13,
        "no connection to 127.0.0.1:1",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert missing.pem",
        1,
        "missing.pem: ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert empty.pem",
        1,
        "no certificate can be used: ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert garbage.pem",
        1,
        "no certificate can be used: ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert keyless.pem",
        1,
        "no certificate can be used: ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert good.pem --key empty.pem",
        1,
        "no certificate can be used: ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert-subject CN --cert-store .",
        2,
        "--cert-subject \"CN\": ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert-thumbprint 12 --cert-store .",
        2,
        "--cert-thumbprint \"12\": ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert-serial x --cert-store .",
        2,
        "--cert-serial \"x\": ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert-subject CN=nobody --cert-store .",
        1,
        "no certificate can be used: ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert-store capi:x",
        2,
        "certificate store \"capi:x\"",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert-store pkcs11:x",
        2,
        "not a PKCS#11 URI that can be used: a part between ';' is not NAME=VALUE",
    ),
    (
        "cert list --cert-store pkcs11:token=x?pin-value=4711",
        2,
        "pin-value would put the PIN where others can read it",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert-store missing",
        1,
        "missing: ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert good.pem --kid x",
        2,
        "--kid \"x\": ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert good.pem --alg HS256",
        2,
        "--alg \"HS256\" ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert good.pem --ca-bundle missing.pem",
        2,
        "missing.pem",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert good.pem --password-file missing",
        2,
        "cannot read password file ",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --cert good.pem --profile a/b",
        2,
        "\"a/b\" cannot be the name of a profile",
    ),
    (
        "login http://127.0.0.1:1 --app-id a\u{7}b --cert good.pem",
        2,
        "the application id must have",
    ),
    (
        "login http://127.0.0.1:1 --as-platform --app-id a --cert good.pem",
        2,
        "the argument '--as-platform' cannot be used with",
    ),
    (
        "login http://127.0.0.1:1 --app-id a --key good.pem",
        2,
        "the following required arguments were not provided: --cert <FILE|URI>",
    ),
    (
        "platform-token http://127.0.0.1:1",
        2,
        "no certificate is named",
    ),
    ("cert show nonsense", 2, "\"nonsense\" is neither a subject"),
    (
        "cert show CN=nobody --cert-store .",
        1,
        "no certificate is meant by \"CN=nobody\"",
    ),
    (
        "cert explain CN=nobody --cert-store .",
        1,
        "no certificate is taken",
    ),
    ("cert list --cert-store missing", 1, "missing: "),
    ("cert new nonsense", 2, "subject \"nonsense\": "),
    (
        "cert new CN=a --out good.pem",
        1,
        "good.pem is already there",
    ),
    (
        "cert new CN=a --days 0",
        2,
        "invalid value '0' for '--days <DAYS>'",
    ),
    (
        "cert new CN=a --key-type rsa1024",
        2,
        "invalid value 'rsa1024' for '--key-type <TYPE>'",
    ),
    (
        "cert new CN=a --ca missing.pem",
        2,
        "cannot read missing.pem",
    ),
    (
        "cert new CN=a --ca keyless.pem",
        2,
        "there is no PKCS#8 private key in keyless.pem",
    ),
    (
        "cert import good.pem --name a/b",
        2,
        "\"a/b\" is not a plain file name",
    ),
    ("cert import missing.pem", 1, "missing.pem: "),
    (
        "cert import garbage.pem",
        1,
        "garbage.pem cannot be imported",
    ),
    (
        "dev --once --listen 0.0.0.0:0",
        2,
        "0.0.0.0:0 is not a loopback address",
    ),
    (
        "dev --once --listen nowhere",
        2,
        "invalid value 'nowhere' for '--listen <ADDR>'",
    ),
    (
        "dev --once --listen 127.0.0.1:0 --data good.pem",
        1,
        "cannot make ",
    ),
    (
        "serve",
        2,
        "the following required arguments were not provided: --config <FILE>",
    ),
    ("serve --config missing.toml", 2, "missing.toml: "),
    ("serve --config wrong.toml", 2, "wrong.toml"),
    ("completions cmd", 2, "invalid value 'cmd' for '<SHELL>'"),
    ("man /dev/null/x", 1, "cannot write to /dev/null/x"),
];

fn home() -> Home {
    let home = Home::new();
    home.run("cert new CN=good --out good.pem").ok();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    let good = std::fs::read_to_string(home.path().join("good.pem")).unwrap();
    write(
        "keyless.pem",
        good.split("-----BEGIN PRIVATE").next().unwrap(),
    );
    write("empty.pem", "");
    write(
        "garbage.pem",
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    );
    write(
        "wrong.toml",
        "issuer = \"http://127.0.0.1:1\"\nsurprise = 1\n",
    );
    home
}

#[track_caller]
fn check(line: &str, ran: &Ran, code: i32, begins: &str) {
    assert_eq!(ran.code, code, "countersign {line}: {ran:?}");
    let mut lines = ran
        .stderr
        .lines()
        .filter(|line| !line.starts_with("making "));
    let error = lines.next().unwrap_or_default();
    let message = error.strip_prefix("error: ").unwrap_or_default();
    // A relative path may be told as the absolute one that it became.
    let told = message.contains(begins);
    assert!(told, "countersign {line}: {begins:?} is not in {error:?}");
    assert!(
        message.starts_with(|c: char| !c.is_ascii_uppercase()),
        "{error:?}"
    );
    assert!(!message.ends_with('.'), "{error:?}");
    let hint = lines.next();
    assert!(
        hint.is_none_or(|hint| hint.starts_with("hint: ")),
        "countersign {line}: {ran:?}"
    );
    assert_eq!(
        lines.next(),
        None,
        "countersign {line}: more than two lines: {ran:?}"
    );
    assert!(
        !ran.stderr.contains("panicked"),
        "countersign {line}: {ran:?}"
    );
}

#[test]
fn every_bad_input_gets_one_clear_line_and_its_exit_code() {
    let home = home();
    for (line, code, begins) in TABLE {
        let ran = home.run(line);
        check(line, &ran, *code, begins);
        // What failed printed nothing that could be taken for an answer.
        if !line.starts_with("cert explain") {
            assert_eq!(ran.stdout, "", "countersign {line}");
        }
    }
}

#[test]
fn a_usage_error_always_has_a_hint() {
    let home = home();
    for (line, code, _) in TABLE.iter().filter(|(_, code, _)| *code == 2) {
        let ran = home.run(line);
        assert!(
            ran.stderr.contains("\nhint: "),
            "{code} countersign {line}: {ran:?}"
        );
    }
}

#[test]
fn a_wrong_settings_file_is_named_with_its_line_and_nothing_is_lost() {
    let home = home();
    let folder = home.path().join(".config/countersign");
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("config.toml");
    let text = "current = \"lab\"\n[profile.lab]\nserver = \"https://x\"\nappid = \"y\"\n";
    std::fs::write(&file, text).unwrap();
    for line in [
        "token",
        "login http://127.0.0.1:1 --app-id a --cert good.pem",
    ] {
        let ran = home.run(line);
        check(line, &ran, 2, "config.toml:4: unknown field `appid`");
    }
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);
}

#[test]
fn a_settings_file_that_is_no_text_is_a_usage_error() {
    let home = home();
    let folder = home.path().join(".config/countersign");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), b"current = \"\xff\"\n").unwrap();
    check(
        "token",
        &home.run("token"),
        2,
        "config.toml: it is not UTF-8",
    );
}

#[test]
fn without_a_home_there_is_one_clear_line() {
    let home = home();
    let mut command = home.command("login http://127.0.0.1:1 --app-id a --cert-subject CN=a");
    // An empty HOME falls back to the account's entry; a relative one leads nowhere.
    let ran = crate::world::ran(command.env("HOME", "nowhere"));
    check("login", &ran, 2, "no certificate store: HOME is not set");
}
