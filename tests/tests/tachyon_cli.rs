//! Does the command line sign in to a server of the Tachyon dialect, and say what that is worth?

use std::{os::unix::fs::PermissionsExt as _, path::Path, process::Output};

use countersign::{
    proto::{
        certificate::Certificate,
        key::{LocalKey, SigningKey as _},
        tachyon::TachyonAssertion,
        time::UnixTime,
    },
    tachyon::Generation,
};
use countersign_testkit::{Instead, Step, TachyonServer};
use serde_json::Value;

use crate::parts::{browser::Browser, command, openssl, shell::Home};

const APP: &str = "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5";
const BOTH: [Generation; 2] = [Generation::WebSocket, Generation::Poll];

/// A certificate and its key by openssl, in one file.
fn corellian(folder: &Path) -> String {
    let (key, certificate) = (folder.join("k.pem"), folder.join("c.pem"));
    openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "30",
        "-subj",
        "/CN=Corellian",
        "-keyout",
        key.to_str().unwrap(),
        "-out",
        certificate.to_str().unwrap(),
    ]);
    let both = folder.join("both.pem");
    let text = |file: &Path| std::fs::read_to_string(file).unwrap();
    std::fs::write(&both, text(&certificate) + &text(&key)).unwrap();
    std::fs::set_permissions(&both, std::fs::Permissions::from_mode(0o600)).unwrap();
    both.to_str().unwrap().to_owned()
}

fn leaf(file: &str) -> Certificate {
    let pem = std::fs::read_to_string(file).unwrap();
    Certificate::all_from_pem(&pem).unwrap().remove(0)
}

async fn server(generation: Generation, file: &str) -> TachyonServer {
    let server = TachyonServer::start(generation).await.unwrap();
    server.register_certificate(APP, &leaf(file));
    server
}

fn said(output: &Output) -> (i32, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        output.status.code().unwrap_or(-1),
        text(&output.stdout),
        text(&output.stderr),
    )
}

#[track_caller]
fn fine(output: &Output) -> String {
    let (code, stdout, stderr) = said(output);
    assert_eq!(code, 0, "{stdout}{stderr}");
    stdout
}

#[test]
fn openssl_believes_the_assertion_and_names_the_certificate_as_its_kid_does() {
    let folder = tempfile::tempdir().unwrap();
    let file = corellian(folder.path());
    let key =
        LocalKey::from_pem(&std::fs::read_to_string(folder.path().join("k.pem")).unwrap()).unwrap();
    let now = UnixTime::from_secs(1_795_336_200);
    let claimed = TachyonAssertion::new(APP, "https://login.example/token");
    let input = claimed.signing_input(&leaf(&file), now, "0123456789abcdef");
    let signature = key
        .sign(TachyonAssertion::ALGORITHM, input.as_bytes())
        .unwrap();
    let at = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("input"), input.as_bytes()).unwrap();
    std::fs::write(at("signature"), signature).unwrap();
    let public = openssl(&["x509", "-in", &file, "-noout", "-pubkey"]);
    std::fs::write(at("public.pem"), public).unwrap();
    let verified = openssl(&[
        "dgst",
        "-sha256",
        "-verify",
        &at("public.pem"),
        "-signature",
        &at("signature"),
        &at("input"),
    ]);
    assert_eq!(verified, b"Verified OK\n");

    let header = std::fs::read_to_string(at("input")).unwrap();
    let header = header
        .split('.')
        .next()
        .unwrap()
        .replace('-', "+")
        .replace('_', "/");
    let header = format!("{header}{}", &"==="[..(4 - header.len() % 4) % 4]);
    std::fs::write(at("header"), header).unwrap();
    let header = openssl(&["base64", "-d", "-A", "-in", &at("header")]);
    let header: Value = serde_json::from_slice(&header).unwrap();
    openssl(&["x509", "-in", &file, "-outform", "der", "-out", &at("der")]);
    let digest = openssl(&["dgst", "-sha1", "-binary", &at("der")]);
    std::fs::write(at("digest"), digest).unwrap();
    let thumbprint = String::from_utf8(openssl(&["base64", "-A", "-in", &at("digest")])).unwrap();
    let thumbprint = thumbprint
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    assert_eq!(header["kid"], thumbprint.as_str());
    assert_eq!(header["x5t"], thumbprint.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn countersign_signs_in_with_an_openssl_certificate_and_remembers_how() {
    let folder = tempfile::tempdir().unwrap();
    let file = corellian(folder.path());
    for generation in BOTH {
        let server = server(generation, &file).await;
        let home = Home::new();
        let login = [
            "login",
            server.url(),
            "--dialect",
            "tachyon",
            "--consumer",
            "Patch Insights",
            "--app-id",
            APP,
            "--cert",
            &file,
            "--output",
            "json",
        ];
        let output = home.run(&login).await;
        let signed: Value = serde_json::from_str(&fine(&output)).unwrap();
        assert_eq!(
            (&signed["type"], &signed["principal"]),
            (&1.into(), &"URTH\\vader".into())
        );
        assert_eq!(signed["issue_app_id"], APP);
        assert!(said(&output).2.contains("--audience"), "{output:?}");

        let raw = fine(&home.run(&["token"]).await);
        let lines = fine(&home.run(&["token", "--output", "header"]).await);
        assert_eq!(
            lines,
            format!("X-Tachyon-Authenticate: {raw}X-Tachyon-Consumer: Patch Insights\n"),
            "the same token, from the cache"
        );
        let env = fine(&home.run(&["token", "--output", "env"]).await);
        assert_eq!(env, format!("export COUNTERSIGN_TOKEN='{}'\n", raw.trim()));
        let decoded = fine(&home.run(&["token", "--decode", "--output", "json"]).await);
        let decoded: Value = serde_json::from_str(&decoded).unwrap();
        assert_eq!(decoded["header"]["Principal"], "URTH\\vader");

        let renewed = fine(&home.run(&["refresh", "--output", "json"]).await);
        assert!(renewed.contains("\"type\": 1"), "{renewed}");
        assert_ne!(fine(&home.run(&["token"]).await), raw);
        let output = home.run(&["whoami"]).await;
        assert!(fine(&output).contains("URTH\\vader"));
        assert!(said(&output).2.contains("is not asked"), "{output:?}");
        let doctor = fine(&home.run(&["doctor"]).await);
        assert!(
            doctor.contains(&format!(
                "Tachyon, signs people in by {}",
                generation.name()
            )),
            "{doctor}"
        );
        let (code, _, why) = said(&home.run(&["admin", "role", "list"]).await);
        assert_eq!(code, 12, "{why}");
        assert!(fine(&home.run(&["logout"]).await).contains("was revoked"));
        let asked = server.asked();
        assert!(
            asked.last().unwrap().ends_with("/Authentication/Logout"),
            "{asked:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn countersign_signs_a_person_in_over_both_generations_and_has_no_refresh() {
    for generation in BOTH {
        let server = TachyonServer::start(generation).await.unwrap();
        server.set(|knobs| {
            knobs.frame_bytes = Some(1);
            knobs.token = Some("o'paque|token~".repeat(100));
            knobs.lifetime = None;
        });
        let home = Home::new();
        let mut login = home.start(&[
            "login",
            server.url(),
            "--dialect",
            "tachyon",
            "--no-browser",
            "--output",
            "json",
        ]);
        let begun = login.prints("}\n").await.to_owned();
        let begun: Value = serde_json::from_str(&begun).unwrap();
        assert_eq!(
            (&begun["event"], &begun["generation"]),
            (&"begun".into(), &generation.name().into())
        );
        open(begun["url"].as_str().unwrap());
        let (code, printed) = login.ends().await;
        assert_eq!(code, Some(0), "{printed}");
        assert!(printed.contains("\"event\":\"result\""), "{printed}");
        assert!(
            !printed.contains("paque"),
            "no token is in an event: {printed}"
        );

        let raw = fine(&home.run(&["token"]).await);
        assert_eq!(raw.trim(), "o'paque|token~".repeat(100));
        let env = fine(&home.run(&["token", "--output", "env"]).await);
        assert!(
            env.starts_with("export COUNTERSIGN_TOKEN='o'\\''paque|token~"),
            "{env}"
        );
        let (code, _, why) = said(&home.run(&["refresh"]).await);
        assert_eq!(code, 15, "{why}");
        assert!(
            why.contains("not public") && why.contains("hint: sign in again: countersign login"),
            "{why}"
        );
        assert!(why.contains("--dialect tachyon"), "{why}");
        assert_eq!(
            fine(&home.run(&["token"]).await),
            raw,
            "what there is stays"
        );
        assert!(fine(&home.run(&["logout"]).await).contains("was revoked"));
    }
}

/// What a person does.
fn open(address: &str) {
    let output = command("curl").args(["-sS", address]).output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn countersign_opens_the_program_that_browser_names_and_warns_once() {
    let server = TachyonServer::start(Generation::Poll).await.unwrap();
    let home = Home::new();
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("browser");
    std::fs::write(&script, "#!/bin/sh\nexec curl -sS -o /dev/null \"$1\"\n").unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut command = home.command(&crate::parts::countersign());
    command
        .args(["login", server.url(), "--dialect", "tachyon"])
        .env("BROWSER", &script);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    let (code, stdout, stderr) = said(&output);
    assert_eq!(code, 0, "{stdout}{stderr}");
    assert_eq!(
        stderr
            .matches("does not tie the browser to this terminal")
            .count(),
        1,
        "{stderr}"
    );
    assert!(
        stderr.contains(&format!("sign in at: {}/idp/", server.url())),
        "{stderr}"
    );
    assert!(!stderr.contains("the page is one of"), "{stderr}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_in_chromium_signs_a_terminal_in_that_waits_by_polling() {
    let server = TachyonServer::start(Generation::Poll).await.unwrap();
    let home = Home::new();
    let mut login = home.start(&[
        "login",
        server.url(),
        "--dialect",
        "tachyon",
        "--no-browser",
        "--output",
        "json",
    ]);
    let begun: Value = serde_json::from_str(login.prints("}\n").await).unwrap();
    let browser = Browser::start().await;
    browser.open(begun["url"].as_str().unwrap()).await;
    browser.read("Go back to your terminal").await;
    let (code, printed) = login.ends().await;
    assert_eq!(code, Some(0), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_is_moved_to_the_dialect_where_there_is_nothing_else_and_a_program_is_only_told() {
    let folder = tempfile::tempdir().unwrap();
    let file = corellian(folder.path());
    let server = server(Generation::WebSocket, &file).await;
    let home = Home::new();
    let mut login = home.start_at_terminal(&["login", server.url(), "--no-browser"]);
    let beginning = format!("sign in at: {}/idp/sign-in/", server.url());
    let printed = login.prints(&format!("{beginning}1")).await.to_owned();
    assert!(
        printed.contains("offers nothing but the Tachyon dialect"),
        "{printed}"
    );
    assert!(printed.contains("does not tie the browser"), "{printed}");
    open(&format!("{}/idp/sign-in/1", server.url()));
    let (code, printed) = login.ends().await;
    assert_eq!(code, Some(0), "{printed}");

    let words = [
        "login",
        server.url(),
        "--app-id",
        APP,
        "--cert",
        &file,
        "--profile",
        "p",
    ];
    let (code, _, why) = said(&home.run(&words).await);
    assert_eq!(code, 1, "{why}");
    assert!(
        why.contains("hint: the server speaks the Tachyon dialect: add --dialect tachyon"),
        "{why}"
    );
    let asked = server.asked();
    assert!(
        !asked
            .iter()
            .any(|line| line.ends_with("RequestJwtAuthentication")),
        "{asked:?}"
    );
    // Without a terminal there is nobody to be told.
    let (code, _, why) = said(&home.run(&["login", server.url(), "--profile", "q"]).await);
    assert_eq!(code, 2, "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_of_the_dialect_does_wrong_has_its_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let file = corellian(folder.path());
    let server = server(Generation::Poll, &file).await;
    let home = Home::new();
    let login = [
        "login",
        server.url(),
        "--dialect",
        "tachyon",
        "--app-id",
        APP,
        "--cert",
        &file,
    ];
    for (step, instead, expected, words) in [
        (
            Step::Exchange,
            Instead::Status(401),
            14,
            "refused (status 401): as the test wants it",
        ),
        (
            Step::Exchange,
            Instead::Body(b"<html>".to_vec()),
            1,
            "is no token",
        ),
        (
            Step::MetadataEndpoint,
            Instead::Body(b"file:///etc/passwd".to_vec()),
            1,
            "neither https nor http",
        ),
        (
            Step::Information,
            Instead::Status(404),
            1,
            "is no server of the Tachyon dialect",
        ),
    ] {
        server.set(|knobs| {
            knobs.instead.clear();
            knobs.instead.insert(step, instead);
        });
        let (code, _, why) = said(&home.run(&login).await);
        assert_eq!(code, expected, "{why}");
        assert!(why.contains(words), "{why}");
    }
    server.set(|knobs| knobs.instead.clear());
    let pinned: Vec<&str> = login
        .into_iter()
        .chain(["--audience", "https://login.example/token"])
        .collect();
    let (code, _, why) = said(&home.run(&pinned).await);
    assert_eq!(code, 12, "{why}");
    let (code, _, _) = said(&home.run(&["token"]).await);
    assert_eq!(code, 2, "nothing is remembered of a sign-in that failed");
}
