//! Is an encrypted key opened by the right password, wherever that comes from, and by no other?

use std::path::PathBuf;

use crate::world::{Home, Ran, ran};

/// The password of the fixtures, which openssl made.
const PASSWORD: &str = "fixture-password";

fn fixture(name: &str) -> String {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/clients/p256");
    folder.join(name).display().to_string()
}

fn home() -> Home {
    let home = Home::new();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("right", &format!("{PASSWORD}\r\n"));
    write("wrong", "guess\n");
    home
}

/// A sign-in that ends at the network, with nobody there, has signed its assertion before.
fn login(home: &Home, certificate: &str, password: &str, environment: Option<&str>) -> Ran {
    let mut command = home.command(&format!(
        "login http://127.0.0.1:1 --app-id a {certificate} {password}"
    ));
    if let Some(password) = environment {
        command.env("COUNTERSIGN_KEY_PASSWORD", password);
    }
    ran(&mut command)
}

#[test]
fn a_key_is_opened_by_a_password_file_or_by_the_environment() {
    let home = home();
    let beside = format!(
        "--cert {} --key {}",
        fixture("p256.pem"),
        fixture("p256.encrypted.key")
    );
    let modern = format!("--cert {}", fixture("p256.modern.p12"));
    let legacy = format!("--cert {}", fixture("p256.legacy.p12"));
    for (certificate, password, environment) in [
        (&beside, "--password-file right", None),
        (&beside, "", Some(PASSWORD)),
        (&modern, "--password-file right", Some("guess")),
        (&legacy, "--password-file right", None),
    ] {
        let ran = login(&home, certificate, password, environment);
        assert_eq!(ran.code, 13, "{certificate} {password}: {ran:?}");
    }
}

#[test]
fn without_the_right_password_it_is_said_how_to_give_one() {
    let home = home();
    for certificate in [
        format!(
            "--cert {} --key {}",
            fixture("p256.pem"),
            fixture("p256.encrypted.key")
        ),
        format!("--cert {}", fixture("p256.modern.p12")),
    ] {
        for (password, environment) in [
            ("", None),
            ("--password-file wrong", None),
            ("--password-file wrong", Some(PASSWORD)),
        ] {
            let ran = login(&home, &certificate, password, environment);
            assert_eq!(ran.code, 1, "{certificate} {password}: {ran:?}");
            assert!(ran.stderr.contains("hint: give --password-file"), "{ran:?}");
            assert!(!ran.stderr.contains("guess"), "{ran:?}");
        }
    }
}

#[test]
fn a_pkcs12_file_is_imported_as_it_is_and_opened_when_it_is_used() {
    let home = home();
    let file = fixture("p256.modern.p12");
    let imported = home
        .run(&format!(
            "cert import {file} --password-file right --output json"
        ))
        .json();
    assert_eq!(imported["subject"], "CN=client p256,O=Countersign Fixtures");
    let copy = imported["file"].as_str().unwrap();
    assert_eq!(std::fs::read(copy).unwrap(), std::fs::read(&file).unwrap());

    let list = home
        .run("cert list --password-file right --output json")
        .json();
    assert_eq!(list["items"][0]["key"], "present");
    let mut command = home.command("login http://127.0.0.1:1 --app-id a --password-file right");
    command.args(["--cert-subject", "CN=client p256,O=Countersign Fixtures"]);
    assert_eq!(ran(&mut command).code, 13);
}

#[test]
fn a_pkcs12_file_without_a_password_is_copied_and_with_a_wrong_one_it_is_not() {
    let home = home();
    let file = fixture("p256.modern.p12");
    let copy = home
        .path()
        .join(".local/share/countersign/certificates/p256.modern.p12");
    let ran = home.run(&format!("cert import {file} --password-file wrong"));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("does not open"), "{ran:?}");
    assert!(
        ran.stderr.contains("hint: give the right password"),
        "{ran:?}"
    );
    assert!(!copy.exists());

    home.run(&format!("cert import {file}")).ok();
    assert!(copy.exists());
    let again = home.run(&format!("cert import {file}"));
    assert_eq!(again.code, 1);
    assert!(again.stderr.contains("is already there"), "{again:?}");
}
