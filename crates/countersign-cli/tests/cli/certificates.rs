//! Are certificates asked for, looked into and carried elsewhere as other tools understand it?

mod verified;

use std::os::unix::fs::PermissionsExt as _;

use serde_json::json;

use crate::world::{Home, ran};

fn testdata(name: &str) -> String {
    format!("{}/../../testdata/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn openssl(home: &Home, line: &str) -> String {
    let mut command = std::process::Command::new("openssl");
    command
        .args(line.split_whitespace())
        .current_dir(home.path())
        .stdin(std::process::Stdio::null());
    let ran = ran(&mut command);
    assert_eq!(ran.code, 0, "openssl {line}: {ran:?}");
    ran.stdout + &ran.stderr
}

// checklist K28
#[test]
fn a_request_for_a_certificate_is_signed_by_its_key_and_openssl_makes_a_certificate_of_it() {
    let home = Home::new();
    for kind in ["p256", "p384", "ed25519", "rsa2048"] {
        let line = format!(
            "cert request CN={kind},O=Example --key-type {kind} --key-out {kind}.key --out {kind}.csr"
        );
        home.run(&line).ok();
        let mode = home.path().join(format!("{kind}.key")).metadata().unwrap();
        assert_eq!(mode.permissions().mode() & 0o7777, 0o600);
        let seen = openssl(
            &home,
            &format!("req -in {kind}.csr -noout -verify -subject -nameopt RFC2253"),
        );
        assert!(seen.contains("verify OK"), "{seen}");
        assert!(
            seen.contains(&format!("subject=CN={kind},O=Example")),
            "{seen}"
        );
        openssl(
            &home,
            &format!(
                "x509 -req -in {kind}.csr -signkey {kind}.key -days 30 -out {kind}.pem -extfile /dev/null"
            ),
        );
        let again = home
            .run(&format!(
                "cert request CN={kind},O=Example --key {kind}.key"
            ))
            .ok();
        assert!(
            again.starts_with("-----BEGIN CERTIFICATE REQUEST-----\n"),
            "{again}"
        );
        assert!(!again.contains("PRIVATE"));
    }
    let before = std::fs::read(home.path().join("p256.key")).unwrap();
    for (line, code) in [
        ("cert request CN=x --key-out p256.key", 1),
        ("cert request CN=x", 2),
        ("cert request nonsense --key-out new.key", 2),
        ("cert request CN=x --key missing.key", 1),
        ("cert request CN=x --key p256.csr", 1),
    ] {
        let ran = home.run(line);
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert_eq!(ran.stdout, "", "{line}");
    }
    assert_eq!(std::fs::read(home.path().join("p256.key")).unwrap(), before);
    assert!(!home.path().join("new.key").exists());
}

// checklist K27
#[test]
fn a_certificate_and_its_key_go_from_pem_to_pkcs12_and_back_and_openssl_reads_both() {
    let home = Home::new();
    let write = |name: &str, text: &str| std::fs::write(home.path().join(name), text).unwrap();
    write("new", "a new password\n");
    write("old", "fixture-password\n");
    for kind in ["p256", "rsa2048", "ed25519"] {
        let pair = testdata(&format!("clients/{kind}/{kind}.pair.pem"));
        home.run(&format!(
            "cert export {pair} --form pkcs12 --new-password-file new --out {kind}.p12"
        ))
        .ok();
        let seen = openssl(
            &home,
            &format!("pkcs12 -in {kind}.p12 -passin file:new -nodes"),
        );
        assert!(seen.contains("BEGIN PRIVATE KEY"), "{kind}");
        assert!(seen.contains("BEGIN CERTIFICATE"), "{kind}");
        home.run(&format!(
            "cert export {kind}.p12 --password-file new --out {kind}.pem"
        ))
        .ok();
        let shown = home
            .run(&format!("cert show {kind}.pem --output json"))
            .json();
        let before = home.run(&format!("cert show {pair} --output json")).json();
        assert_eq!(
            shown["thumbprint_sha256"], before["thumbprint_sha256"],
            "{kind}"
        );
        assert_eq!(shown["key"], "present");
        let mode = home.path().join(format!("{kind}.pem")).metadata().unwrap();
        assert_eq!(mode.permissions().mode() & 0o7777, 0o600);
    }
    // What other tools wrote, old and new, and a key in a file of its own.
    for (file, more) in [
        ("p256.legacy.p12", "--password-file old"),
        ("p256.modern.p12", "--password-file old"),
        (
            "p256.pem",
            &format!("--key {}", testdata("clients/p256/p256.encrypted.key")),
        ),
    ] {
        let file = testdata(&format!("clients/p256/{file}"));
        let line = format!("cert export {file} --password-file old --out out.pem {more}");
        let line = line.replacen(
            " --password-file old",
            "",
            usize::from(more.contains("old")),
        );
        home.run(&line).ok();
        std::fs::remove_file(home.path().join("out.pem")).unwrap();
    }
}

#[test]
fn a_certificate_is_not_exported_without_its_key_or_a_password() {
    let home = Home::new();
    std::fs::write(home.path().join("empty"), "").unwrap();
    let p256 = testdata("clients/p256/p256");
    let other = testdata("clients/p384/p384.key");
    for (line, code, said) in [
        (
            format!("cert export {p256}.pair.pem --form pkcs12 --out x"),
            2,
            "a PKCS#12 file needs a password",
        ),
        (
            format!("cert export {p256}.pair.pem --form pkcs12 --new-password-file empty --out x"),
            1,
            "the password is empty",
        ),
        (
            format!("cert export {p256}.modern.p12 --out x"),
            1,
            "no password was given",
        ),
        (
            format!("cert export {p256}.pem --key {other} --out x"),
            1,
            "holds no certificate of the key",
        ),
        (
            format!("cert export {p256}.pem --out x"),
            1,
            "holds no private key",
        ),
        ("cert export missing --out x".to_owned(), 1, "missing"),
    ] {
        let ran = home.run(&line);
        assert_eq!(ran.code, code, "{line}: {ran:?}");
        assert!(ran.stderr.contains(said), "{line}: {ran:?}");
    }
    assert!(!home.path().join("x").exists());
}

// checklist K30
#[test]
fn what_a_certificate_is_for_is_shown_and_whether_it_may_sign() {
    let home = Home::new();
    let show = |name: &str| {
        let file = testdata(name);
        home.run(&format!("cert show {file} --output json")).json()
    };
    let good = show("clients/p256/p256.pem");
    assert_eq!(good["may_sign"], "yes");
    let wrong = show("refused/wrong-eku.pem");
    assert_eq!(wrong["purposes"], json!(["codeSigning"]));
    assert_eq!(
        wrong["may_sign"],
        "no: the extended key usage of the certificate does not have clientAuth"
    );
    let usage = show("refused/wrong-key-usage.pem");
    assert!(
        !usage["key_usages"]
            .as_array()
            .unwrap()
            .contains(&json!("digitalSignature"))
    );
    assert_eq!(
        usage["may_sign"],
        "no: the key usage of the certificate does not have digitalSignature"
    );
}

// checklist K29
#[test]
fn a_certificate_is_judged_by_its_time_its_key_and_its_purposes_with_the_reason() {
    let home = Home::new();
    let explain = |name: &str| {
        let file = testdata(name);
        home.run(&format!("cert explain {file} --output json"))
            .stdout
    };
    for (name, reason) in [
        ("refused/expired.pem", "expired"),
        ("refused/not-yet-valid.pem", "not valid before"),
        ("refused/rsa1024.pem", "1024 bits"),
        ("refused/wrong-eku.pem", "clientAuth"),
        ("refused/wrong-key-usage.pem", "digitalSignature"),
        ("refused/certificate-authority.pem", "digitalSignature"),
        ("refused/not-pem.pem", "no certificate"),
    ] {
        let said = explain(name);
        assert!(said.contains(reason), "{name}: {said}");
        assert!(said.contains("\"taken\": false"), "{name}: {said}");
    }
    assert!(explain("clients/p256/p256.pair.pem").contains("\"taken\": true"));
}
