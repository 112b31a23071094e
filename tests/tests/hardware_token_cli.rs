//! Does the command line sign in by a key in a hardware token, with every verb that takes a certificate?

use std::{
    fs,
    io::{Read as _, Write as _},
    path::Path,
    process::{Output, Stdio},
};

use countersign_testkit::TestPlatform;

use crate::{
    hardware_token::{credential, platform},
    parts::{
        countersign,
        softhsm::{MODULE, PIN, SoftHsm, alone},
    },
};

/// Runs the command without a PIN in its environment.
async fn run(hsm: &SoftHsm, arguments: &[&str]) -> Output {
    let mut command = hsm.command(countersign());
    command
        .args(arguments)
        .env_remove("COUNTERSIGN_KEY_PASSWORD");
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

async fn ok(hsm: &SoftHsm, arguments: &[&str]) -> String {
    let output = run(hsm, arguments).await;
    assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    String::from_utf8(output.stdout).unwrap()
}

fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// A token with a key of each of two kinds, a PIN file, and a platform that believes both.
async fn scene(hsm: &SoftHsm) -> (TestPlatform, String) {
    let uri = hsm.token("one");
    hsm.token("two");
    for (label, id, kind) in [("rsa", "01", "rsa:2048"), ("ec", "02", "EC:prime256v1")] {
        hsm.key("one", label, id, kind);
        hsm.certificate("one", label, id, &format!("CN={label}"));
    }
    let mut credentials = Vec::new();
    for subject in ["CN=rsa", "CN=ec"] {
        credentials.push(credential(&uri, subject));
    }
    let platform = platform(&credentials[..1]).await;
    let application = platform
        .application("other")
        .credential(credentials.remove(1));
    application.register().await.unwrap();
    let file = hsm.path("pin");
    fs::write(&file, format!("{PIN}\n")).unwrap();
    let uri = format!("{uri}&pin-source=file:{}", file.display());
    (platform, uri)
}

#[test]
fn the_binary_signs_in_by_keys_in_a_softhsm_token_and_lists_what_is_in_it() {
    alone(
        "hardware_token_cli::the_binary_signs_in_by_keys_in_a_softhsm_token_and_lists_what_is_in_it",
        async |hsm| {
            let (platform, uri) = scene(hsm).await;
            for (app_id, subject) in [("service", "CN=rsa"), ("other", "CN=ec")] {
                let store = ["--cert-store", &uri, "--cert-subject", subject];
                let login = [
                    "login",
                    platform.issuer(),
                    "--app-id",
                    app_id,
                    "--profile",
                    app_id,
                ];
                ok(hsm, &[&login[..], &store].concat()).await;
                ok(hsm, &["refresh", "--profile", app_id]).await;
                let token = ok(
                    hsm,
                    &["token", "--profile", app_id, "--decode", "--output", "json"],
                )
                .await;
                let token: serde_json::Value = serde_json::from_str(&token).unwrap();
                assert_eq!(token["issue_cert_subject"], subject);
                let doctor = ok(hsm, &["doctor", "--profile", app_id]).await;
                assert!(doctor.contains("from pkcs11:token=one"), "{doctor}");
            }
            let of_one = ok(
                hsm,
                &["cert", "list", "--cert-store", &uri, "--output", "json"],
            )
            .await;
            let of_one: serde_json::Value = serde_json::from_str(&of_one).unwrap();
            let members = |name: &str| -> Vec<String> {
                let items = of_one["items"].as_array().unwrap().iter();
                items
                    .map(|item| item[name].as_str().unwrap().to_owned())
                    .collect()
            };
            assert_eq!(members("subject"), ["CN=rsa", "CN=ec"]);
            assert_eq!(members("key"), ["present", "present"]);
            let explained = ok(hsm, &["cert", "explain", "CN=ec", "--cert-store", &uri]).await;
            assert!(explained.contains("taken: valid, and its private key fits"));
            let by_uri = format!("pkcs11:token=one;object=ec?module-path={MODULE}");
            let shown = ok(hsm, &["cert", "show", &by_uri]).await;
            assert!(shown.contains("CN=ec"), "{shown}");
            // By `--cert` as well, without a word about the subject.
            let by_uri = uri.replace("token=one", "token=one;object=ec");
            let login = [
                "login",
                platform.issuer(),
                "--app-id",
                "other",
                "--cert",
                &by_uri,
            ];
            ok(hsm, &login).await;
        },
    );
}

#[test]
fn the_binary_says_what_is_wrong_with_a_softhsm_token_and_what_helps() {
    alone(
        "hardware_token_cli::the_binary_says_what_is_wrong_with_a_softhsm_token_and_what_helps",
        async |hsm| {
            let (platform, uri) = scene(hsm).await;
            let login = async |store: &str, more: &[&str]| {
                let words = [
                    "login",
                    platform.issuer(),
                    "--app-id",
                    "service",
                    "--cert-subject",
                    "CN=rsa",
                ];
                let output = run(hsm, &[&words[..], &["--cert-store", store], more].concat()).await;
                (output.status.code(), said(&output))
            };
            let bare = format!("pkcs11:token=one?module-path={MODULE}");
            let wrong = hsm.path("wrong").display().to_string();
            fs::write(&wrong, "sekrit-wrong").unwrap();
            for (store, more, code, problem, hint) in [
                (
                    bare.as_str(),
                    &[][..],
                    1,
                    "it needs its PIN and none was given",
                    "hint: the PIN is given by",
                ),
                (
                    &bare,
                    &["--password-file", &wrong],
                    1,
                    "the PIN is wrong; it is not tried again",
                    "hint: the PIN",
                ),
                (
                    &uri.replace("one", "three"),
                    &[],
                    1,
                    "there is no such token; is it put in?",
                    "--list-token-slots",
                ),
                (
                    "pkcs11:token=one?module-path=/nowhere.so",
                    &[],
                    1,
                    "PKCS#11 module /nowhere.so: no such file",
                    "hint: ",
                ),
                (
                    "pkcs11:token=one?pin-value=sekrit-typed",
                    &[],
                    2,
                    "pin-source=file:/PATH",
                    "change that PIN",
                ),
                (
                    "pkcs11:token=one;color=red",
                    &[],
                    2,
                    "color is no attribute of RFC 7512",
                    "hint: for example",
                ),
                (
                    "pkcs11:slot-id=0",
                    &[],
                    2,
                    "slot-id alone names no token",
                    "hint: for example",
                ),
                (
                    &format!("{bare}&pin-source=|/bin/ask"),
                    &[],
                    2,
                    "pin-source must be file:/PATH",
                    "hint: for example",
                ),
            ] {
                let (exit, said) = login(store, more).await;
                assert_eq!(exit, Some(code), "{store}: {said}");
                assert!(
                    said.contains(problem) && said.contains(hint),
                    "{store}: {said}"
                );
                assert!(!said.contains("sekrit"), "{said}");
            }
            let file = hsm.path("x.pem").display().to_string();
            let export = run(hsm, &["cert", "export", &bare, "--out", &file]).await;
            assert!(
                said(&export).contains("a key in a token does not leave it"),
                "{export:?}"
            );
            let import = [
                "cert",
                "import",
                &hsm.path("put.pem").display().to_string(),
                "--cert-store",
                &bare,
            ];
            assert!(
                said(&run(hsm, &import).await).contains("nothing is written into a hardware token")
            );
        },
    );
}

// security.md 112
#[test]
fn the_pin_of_a_softhsm_token_is_in_no_output_no_file_and_no_argument() {
    alone(
        "hardware_token_cli::the_pin_of_a_softhsm_token_is_in_no_output_no_file_and_no_argument",
        async |hsm| {
            let (platform, uri) = scene(hsm).await;
            let home = hsm.path("home");
            let mut told = String::new();
            for words in [
                vec![
                    "--verbose",
                    "login",
                    platform.issuer(),
                    "--app-id",
                    "service",
                    "--cert-store",
                    &uri,
                    "--cert-subject",
                    "CN=rsa",
                ],
                vec!["--verbose", "token", "--decode"],
                vec!["--verbose", "refresh"],
                vec!["--verbose", "cert", "list", "--cert-store", &uri],
                vec!["--verbose", "doctor"],
                vec!["profiles"],
            ] {
                let mut command = hsm.command(countersign());
                command
                    .args(&words)
                    .env("HOME", &home)
                    .env("RUST_LOG", "trace");
                command.env_remove("COUNTERSIGN_KEY_PASSWORD");
                let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await;
                let output = output.unwrap();
                assert!(output.status.success(), "{words:?}: {}", said(&output));
                told.push_str(&said(&output));
            }
            assert!(!told.contains(PIN));
            let mut files = 0;
            let mut folders = vec![home];
            while let Some(folder) = folders.pop() {
                for entry in fs::read_dir(folder).unwrap() {
                    let path = entry.unwrap().path();
                    if path.is_dir() {
                        folders.push(path);
                    } else {
                        files += 1;
                        assert!(!holds(&path, PIN), "{}", path.display());
                    }
                }
            }
            assert!(files >= 2, "the profile and the token are kept");
        },
    );
}

#[test]
fn the_pin_of_a_softhsm_token_is_asked_for_at_the_terminal_and_not_shown_there() {
    alone(
        "hardware_token_cli::the_pin_of_a_softhsm_token_is_asked_for_at_the_terminal_and_not_shown_there",
        async |hsm| {
            let uri = hsm.token("one");
            hsm.key("one", "k", "01", "EC:prime256v1");
            hsm.certificate("one", "k", "01", "CN=k");
            let line = format!(
                "{} cert list --ask-password --cert-store '{uri}'",
                countersign().display()
            );
            // A terminal, by `script` of util-linux.
            let mut command = hsm.command("timeout");
            command
                .args([
                    "60",
                    "script",
                    "--quiet",
                    "--return",
                    "--flush",
                    "--command",
                    &line,
                    "/dev/null",
                ])
                .env_remove("COUNTERSIGN_KEY_PASSWORD")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped());
            let mut running = command.spawn().unwrap();
            let mut stdout = running.stdout.take().unwrap();
            let mut shown = Vec::new();
            let mut byte = [0];
            while !shown.ends_with(b"PIN of the token: ") && stdout.read(&mut byte).unwrap() == 1 {
                shown.push(byte[0]);
            }
            let mut stdin = running.stdin.take().unwrap();
            stdin.write_all(format!("{PIN}\n").as_bytes()).unwrap();
            stdout.read_to_end(&mut shown).unwrap();
            drop(stdin);
            assert!(running.wait().unwrap().success());
            let shown = String::from_utf8_lossy(&shown);
            assert!(
                shown.contains("CN=k") && shown.contains("present"),
                "{shown}"
            );
            assert!(!shown.contains(PIN), "{shown}");
        },
    );
}

// What the environment has for keys in files is not shown to a token that has a PIN file.
#[test]
fn the_pin_file_in_the_uri_of_a_softhsm_token_wins_over_the_environment() {
    alone(
        "hardware_token_cli::the_pin_file_in_the_uri_of_a_softhsm_token_wins_over_the_environment",
        async |hsm| {
            let (_, uri) = scene(hsm).await;
            let list = |uri: &str, environment: &str, option: Option<&str>| {
                let mut command = hsm.command(countersign());
                command.args(["cert", "list", "--cert-store", uri]);
                command.args(
                    option
                        .map(|file| ["--password-file", file])
                        .iter()
                        .flatten(),
                );
                let output = command
                    .env("COUNTERSIGN_KEY_PASSWORD", environment)
                    .output();
                said(&output.unwrap())
            };
            let wrong = hsm.path("wrong").display().to_string();
            fs::write(&wrong, "sekrit-wrong").unwrap();
            assert!(list(&uri, "sekrit-other", None).contains("present"));
            let of_wrong = uri.replace(&hsm.path("pin").display().to_string(), &wrong);
            assert!(list(&of_wrong, PIN, None).contains("the PIN is wrong"));
            let right = hsm.path("pin").display().to_string();
            assert!(list(&of_wrong, "", Some(&right)).contains("present"));
            let bare = format!("pkcs11:token=one?module-path={MODULE}");
            assert!(list(&bare, PIN, None).contains("present"));
        },
    );
}

fn holds(file: &Path, text: &str) -> bool {
    let content = fs::read(file).unwrap();
    content
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}
