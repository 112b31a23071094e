//! Is no secret in anything that is printed?

use crate::world::{Home, Platform, ran};

/// Lines of a private key file that are the key itself.
pub(crate) fn key_lines(pem: &str) -> Vec<String> {
    let key = pem.split("-----BEGIN PRIVATE KEY-----").nth(1).unwrap();
    let key = key.split("-----END").next().unwrap();
    key.lines()
        .filter(|line| line.len() > 16)
        .map(str::to_owned)
        .collect()
}

/// Whether something in it has the form of a signed token, whoever it was made for.
pub(crate) fn holds_a_token(text: &str) -> bool {
    let of_a_token = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    text.split(|c| !of_a_token(c)).any(|word| {
        let parts: Vec<_> = word.split('.').collect();
        // "eyJ" is what every JSON object that begins with a member looks like in base64url.
        parts.len() == 3 && parts[..2].iter().all(|part| part.starts_with("eyJ"))
    })
}

// security.md 112, C4
#[test]
fn neither_keys_nor_passwords_nor_tokens_are_in_any_output_that_did_not_ask_for_them() {
    let platform = Platform::start();
    let store = platform.home.certificates();
    let mut canaries = vec!["canary-password".to_owned()];
    for file in [
        "inventory-service.pem",
        "administrator.pem",
        "platform-component.pem",
    ] {
        canaries.extend(key_lines(
            &std::fs::read_to_string(store.join(file)).unwrap(),
        ));
    }
    let token = platform.run("token").ok();
    canaries.push(token.trim().to_owned());
    let signature = token.trim().rsplit('.').next().unwrap();
    canaries.push(signature.to_owned());
    assert!(canaries.len() > 6);

    let (issuer, store) = (&platform.issuer, store.display());
    // With the code of the first run: a command that fails early has no secret to print.
    let lines = [
        (0, "token --decode".to_owned()),
        (0, "refresh".to_owned()),
        (0, "refresh --output json".to_owned()),
        (0, "whoami".to_owned()),
        (0, "profiles --output json".to_owned()),
        (0, "doctor --profile dev".to_owned()),
        (0, format!("cert list --cert-store {store}")),
        (0, format!("cert list --cert-store {store} --output json")),
        (0, format!("cert show {store}/administrator.pem")),
        (0, format!("cert explain {store}/administrator.pem")),
        (
            0,
            "admin certificate list --profile dev-admin --output json".to_owned(),
        ),
        (
            0,
            "admin audit --limit 500 --profile dev-admin --output json".to_owned(),
        ),
        (
            14,
            format!("login {issuer} --app-id wrong --cert {store}/administrator.pem --profile x"),
        ),
        (
            14,
            format!(
                "login {issuer} --app-id wrong --cert {store}/administrator.pem --kid literal:x --profile x"
            ),
        ),
        (
            14,
            format!("platform-token {issuer} --cert {store}/administrator.pem"),
        ),
        (
            0,
            format!("cert import {store}/administrator.pem --cert-store copies"),
        ),
        (0, "logout --profile dev".to_owned()),
        (0, "dev --once --listen 127.0.0.1:0".to_owned()),
    ];
    for (code, line) in lines {
        for (volume, code) in [(" --verbose", Some(code)), ("", None)] {
            let mut command = platform.home.command(&format!("{line}{volume}"));
            command
                .env("COUNTERSIGN_KEY_PASSWORD", "canary-password")
                .env("RUST_LOG", "trace")
                .env("RUST_BACKTRACE", "full");
            let ran = ran(&mut command);
            if let Some(code) = code {
                assert_eq!(ran.code, code, "countersign {line}: {ran:?}");
            }
            for said in [&ran.stdout, &ran.stderr] {
                // The tokens of these commands are others than the one from before.
                assert!(
                    !holds_a_token(said),
                    "countersign {line}{volume} printed a token"
                );
                for canary in &canaries {
                    assert!(
                        !said.contains(canary),
                        "countersign {line}{volume} printed a secret"
                    );
                }
            }
        }
    }
}

// security.md C4
#[test]
fn the_canary_scan_sees_a_token_that_is_printed() {
    let platform = Platform::start();
    let token = platform.run("token").ok();
    assert!(
        platform
            .run("token --output json")
            .ok()
            .contains(token.trim())
    );
    assert!(holds_a_token(&platform.run("token --output header").ok()));
}

// security.md 112
#[test]
fn a_password_in_an_address_is_refused_and_not_repeated() {
    let home = Home::new();
    home.run("cert new CN=a --out a.pem").ok();
    for line in [
        "login https://u:canary-password@h --app-id a --cert a.pem",
        "login u:canary-password@h --app-id a --cert a.pem",
        "login https://u:canary-password@h",
        "platform-token https://u:canary-password@h --cert a.pem",
        "doctor https://u:canary-password@h",
    ] {
        let ran = home.run(line);
        assert_eq!(ran.code, 2, "{line}: {ran:?}");
        let said = ran.stdout + &ran.stderr;
        assert!(said.contains("@h"), "{line}: {said}");
        assert!(!said.contains("canary"), "{line}: {said}");
    }
}

// security.md C5
#[test]
fn a_key_that_others_can_read_is_warned_about_without_a_byte_of_it() {
    use std::os::unix::fs::PermissionsExt;
    let home = Home::new();
    home.run("cert new CN=open --out open.pem").ok();
    let file = home.path().join("open.pem");
    for (mode, said) in [
        (0o644, "may be read by everybody on this machine"),
        (0o640, "holds a private key that other users can read"),
    ] {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let ran = home.run("login http://127.0.0.1:1 --app-id a --cert open.pem");
        assert!(ran.stderr.contains(said), "{mode:o}: {ran:?}");
        assert_eq!(
            ran.stderr.matches("open.pem").count(),
            1,
            "said once: {ran:?}"
        );
        for line in key_lines(&std::fs::read_to_string(&file).unwrap()) {
            assert!(!ran.stderr.contains(&line));
        }
    }
}

// security.md 112
#[test]
fn no_core_is_written_and_nobody_may_attach() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let home = Home::new();
    home.run("cert new CN=a --out a.pem").ok();
    let address = listener.local_addr().unwrap();
    let mut process = home
        .command(&format!("login http://{address} --app-id a --cert a.pem"))
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let connection = listener.accept().unwrap(); // it is past its start, and waits for an answer
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", process.id())).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"))
        .unwrap();
    let words: Vec<_> = core.split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{core}");
    drop(connection);
    let _ = process.kill();
    process.wait().unwrap();
}
