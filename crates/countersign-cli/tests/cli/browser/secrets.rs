//! Is no secret of a sign-in in anything that is printed, logged or seen by others?

use super::place::{Place, address, address_of, ended};
use crate::{
    person::Person,
    secrets::{holds_a_token, key_lines},
    typist::Typist,
};

/// Whether something in it has the form of a refresh token.
fn holds_a_refresh_token(text: &str) -> bool {
    text.contains("csn_rt_")
}

// security.md 112, C4
#[test]
fn neither_tokens_nor_codes_nor_values_nor_passwords_are_in_any_output() {
    let mut place = Place::with("[session]\nbinding = \"code\"\n[log]\nfilter = \"trace\"\n");
    let mut said = Vec::new();
    let mut canaries = vec![place.password.clone()];

    // By a code, with everything that a person may type.
    let line = format!("login {} --verbose", place.issuer);
    let mut command = place.home.command(&line);
    command
        .env("RUST_LOG", "trace")
        .env("RUST_BACKTRACE", "full");
    let mut typist = Typist::sit(&command, 100);
    let url = address(&mut typist);
    let (mut person, review) = place.person_at(&url);
    let code = person.gets_a_code(&review);
    typist.wait_for("code that the browser shows: ");
    let cmdline = std::fs::read(format!("/proc/{}/cmdline", typist.process_id())).unwrap();
    typist.types(&format!("{code}\n"));
    typist.wait_for("[y/N] ");
    typist.types("y\n");
    let ran = typist.end();
    // The terminal itself shows what is typed there.
    said.push(ran.stderr.replacen(&code, "", 1));
    said.push(ran.stdout.clone());
    said.push(String::from_utf8_lossy(&cmdline).into_owned());
    ran.ok();
    canaries.push(code);
    let addresses = |person: &Person| {
        let urls = person.history.iter().map(ToString::to_string);
        urls.collect::<Vec<_>>().join("\n")
    };
    said.push(addresses(&person));

    // Over loopback, read by a program.
    let mut process = place.logs_in_unseen("--as dev --output json --verbose");
    let url = address_of(&mut process);
    let (mut person, review) = place.person_at(&url);
    let loopback = person.allows(&review);
    let value = loopback
        .query()
        .unwrap()
        .strip_prefix("value=")
        .unwrap()
        .to_owned();
    person.goes_to(&loopback);
    let ran = ended(process);
    assert_eq!(ran.code, 0);
    said.extend([ran.stdout, ran.stderr]);
    canaries.push(value);

    for line in [
        "refresh --verbose",
        "refresh --output json",
        "token --decode",
        "whoami --verbose",
        "profiles --output json",
        "doctor --profile default --output json",
        "admin session list --output json --profile dev-admin",
        "admin audit --limit 500 --output json --profile dev-admin",
        "logout --verbose",
    ] {
        // Before it is gone.
        if let Ok(vault) = std::fs::read_dir(place.home.state()) {
            for file in vault.map(|file| file.unwrap().path()) {
                let text = std::fs::read_to_string(&file).unwrap_or_default();
                if let Ok(serde_json::Value::Object(members)) = serde_json::from_str(&text) {
                    for name in ["token", "refresh_token"] {
                        let secret = members.get(name).and_then(|secret| secret.as_str());
                        canaries.extend(secret.map(str::to_owned));
                    }
                } else if text.contains("PRIVATE KEY") {
                    canaries.extend(key_lines(&text));
                }
            }
        }
        let ran = place.run(line);
        said.extend([ran.stdout.clone(), ran.stderr.clone()]);
        ran.ok();
    }
    let log = place.stops();
    assert!(log.contains("/login/"), "the log was read");
    said.push(log);
    assert!(canaries.len() > 8, "{}", canaries.len());
    for text in &said {
        assert!(!holds_a_token(text), "a token was told: {text}");
        assert!(
            !holds_a_refresh_token(text),
            "a refresh token was told: {text}"
        );
        for canary in &canaries {
            assert!(!text.contains(canary.as_str()), "{canary} was told: {text}");
        }
    }
}

// security.md 111
#[test]
fn what_a_sign_in_leaves_is_its_owners_alone() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::new();
    place.is_signed_in("");
    let mut files = 0;
    for entry in std::fs::read_dir(place.home.state()).unwrap() {
        let meta = entry.unwrap().metadata().unwrap();
        assert_eq!(meta.mode() & 0o077, 0);
        files += 1;
    }
    assert!(files >= 4, "token, key, lock and link: {files}");
}
