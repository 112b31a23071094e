//! Do the examples run, each as a person would run it?

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::parts;

/// An example that the test command has built.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a test has a file");
    let program = test
        .ancestors()
        .nth(2)
        .expect("a test lives in target/PROFILE/deps")
        .join("examples")
        .join(name);
    assert!(
        program.exists(),
        "{name} is not built; run scripts/test or cargo build --examples"
    );
    program
}

/// Runs an example. Answers what it printed.
fn run(name: &str) -> String {
    let program = example(name);
    let home = tempfile::tempdir().unwrap();
    let output = parts::command(program)
        .env("HOME", home.path())
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{name}: {}", text(&output.stderr));
    text(&output.stdout)
}

#[test]
fn the_service_calls_its_api_with_a_token() {
    assert_eq!(run("call_an_api"), "the api says: hello invoices-service\n");
}

#[test]
fn the_component_gets_a_platform_token() {
    assert_eq!(
        run("platform_token"),
        "type 2, principal platform, lives 300 s\n"
    );
}

#[test]
fn the_service_signs_in_by_a_key_of_a_signing_service_and_outlives_its_outage() {
    assert_eq!(
        run("remote_signer"),
        "signed in as remote-service\n\
         kept the token while the signing service was away\n\
         signed in again\n"
    );
}

#[test]
fn the_service_under_test_is_tested() {
    assert_eq!(
        run("service_under_test"),
        "the service kept its token while the platform was away\n"
    );
}

/// Starts the API in a folder, and ends it when it listens.
fn start_and_stop_the_protected_api(folder: &Path) {
    let mut api = parts::command(example("protected-api"))
        .args(["--listen", "127.0.0.1:0", "--data", "data"])
        .current_dir(folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut address = String::new();
    let mut printed = BufReader::new(api.stdout.take().unwrap());
    printed.read_line(&mut address).unwrap();
    assert!(address.starts_with("https://127.0.0.1:"), "{address}");
    api.kill().unwrap();
    api.wait().unwrap();
}

// security.md 112
#[test]
fn the_protected_api_keeps_its_secrets_for_its_owner_and_from_start_to_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    start_and_stop_the_protected_api(folder.path());
    assert_eq!(mode(&data), 0o700);
    let secrets = ["netrc", "signing-key.jwk", "users"].map(|name| data.join(name));
    for secret in &secrets {
        assert_eq!(mode(secret), 0o600, "{}", secret.display());
    }
    let read = || secrets.each_ref().map(|secret| fs::read(secret).unwrap());
    let (kept, certificate) = (read(), fs::read(data.join("certificate.pem")).unwrap());
    let users = String::from_utf8_lossy(&kept[2]).into_owned();
    assert!(users.starts_with("admin:$argon2id$v=19$m=19456,t=2,p=1$"));

    start_and_stop_the_protected_api(folder.path());
    assert_eq!(read(), kept);
    assert_ne!(fs::read(data.join("certificate.pem")).unwrap(), certificate);
}
