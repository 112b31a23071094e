//! Is every form of key read and written, published and kept to itself?

use std::os::unix::fs::PermissionsExt as _;

use super::*;

const TYPES: [(&str, &str); 10] = [
    ("p256", "ES256"),
    ("p384", "ES384"),
    ("p521", "ES512"),
    ("ed25519", "EdDSA"),
    ("rsa2048", "RS256"),
    ("rsa3072", "RS256"),
    ("rsa4096", "RS256"),
    ("hs256", "HS256"),
    ("hs384", "HS384"),
    ("hs512", "HS512"),
];

const ANY: &str = "--any-issuer --any-audience";

fn testdata(name: &str) -> String {
    format!("{}/../../testdata/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn read(home: &Home, name: &str) -> String {
    std::fs::read_to_string(home.path().join(name)).unwrap()
}

/// Signs by `signing`, verifies by `verifying`.
#[track_caller]
fn signs(home: &Home, signing: &str, verifying: &str) -> Value {
    let token = home.run(&format!("jwt sign {signing} --issuer i")).ok();
    let line = format!("jwt verify {verifying} {ANY} --output json");
    fed(home, &line, &token).json()
}

// checklist K10
#[test]
fn a_key_of_every_kind_is_made_signs_and_is_verified_in_every_form() {
    let home = Home::new();
    for (kind, algorithm) in TYPES {
        let made = home
            .run(&format!(
                "jwt keygen --type {kind} --form jwk --out {kind}.jwk --output json"
            ))
            .json();
        assert_eq!(made["algorithm"], algorithm, "{kind}");
        let mode = home.path().join(format!("{kind}.jwk")).metadata().unwrap();
        assert_eq!(mode.permissions().mode() & 0o7777, 0o600);
        let verified = signs(
            &home,
            &format!("--key {kind}.jwk"),
            &format!("--key {kind}.jwk"),
        );
        assert_eq!(verified["algorithm"], algorithm);
        assert_eq!(verified["kid"], made["kid"], "{kind}");
        if kind.starts_with("hs") {
            for form in ["hex", "base64url"] {
                home.run(&format!(
                    "jwt keygen --from {kind}.jwk --form {form} --out {kind}.{form}"
                ))
                .ok();
                let key = format!("--key {kind}.{form} --key-form {form}");
                assert_eq!(
                    signs(&home, &key, &format!("--key {kind}.jwk"))["kid"],
                    made["kid"]
                );
            }
            assert_eq!(made.get("public_jwk"), None);
        } else {
            home.run(&format!("jwt keygen --from {kind}.jwk --out {kind}.pem"))
                .ok();
            let key = format!("--key {kind}.pem");
            assert_eq!(
                signs(&home, &key, &format!("--key {kind}.jwk"))["kid"],
                made["kid"]
            );
            let set = home.run(&format!("jwt jwks {kind}.pem")).ok();
            std::fs::write(home.path().join("set.json"), set).unwrap();
            let trusted = signs(&home, &key, "--trust set.json");
            assert_eq!(trusted["kid"], made["kid"]);
        }
    }
}

// checklist K10: PKCS#12, encrypted PEM, traditional PEM, certificates
#[test]
fn keys_of_other_tools_sign_from_every_form() {
    let home = Home::new();
    std::fs::write(home.path().join("password"), "fixture-password\n").unwrap();
    let certificate = testdata("clients/p256/p256.pem");
    for (file, password) in [
        ("p256.key", ""),
        ("p256.traditional.key", ""),
        ("p256.pair.pem", ""),
        ("p256.encrypted.key", "--password-file password"),
        ("p256.modern.p12", "--password-file password"),
        ("p256.legacy.p12", "--password-file password"),
        ("p256.modern.nopassword.p12", ""),
    ] {
        let key = format!(
            "--key {} {password}",
            testdata(&format!("clients/p256/{file}"))
        );
        let verified = signs(&home, &key, &format!("--trust {certificate}"));
        assert_eq!(verified["algorithm"], "ES256", "{file}");
    }
    let locked = testdata("clients/p256/p256.encrypted.key");
    let refused = home.run(&format!("jwt sign --key {locked} --issuer i"));
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(
        refused.stderr.contains("hint: give --password-file"),
        "{refused:?}"
    );
    let opened = fed_with(
        &home,
        &format!("jwt sign --key {locked} --issuer i"),
        "",
        &[("COUNTERSIGN_KEY_PASSWORD", "fixture-password")],
    );
    opened.ok();
    // By a certificate of a store, and named by its thumbprint.
    let store = testdata("clients/p256");
    let line = format!(
        "jwt sign --cert {certificate} --cert-store {store} --kid sha1-hex --x5c --issuer i"
    );
    let token = home.run(&line).ok();
    let shown = fed(&home, "jwt inspect --output json", &token).json();
    assert_eq!(shown["kid"].as_str().unwrap().len(), 40);
    assert!(shown["header"]["x5c"].is_array());
    let line = format!("jwt verify --trust {certificate} {ANY}");
    fed(&home, &line, &token).ok();
}

#[test]
fn a_secret_comes_from_a_file_stdin_or_the_environment() {
    let home = with_secret();
    let form = "--key-form base64url";
    let file = home
        .run(&format!("jwt sign --key secret {form} --issuer i"))
        .ok();
    let stdin = fed(
        &home,
        &format!("jwt sign --key - {form} --issuer i"),
        SECRET,
    )
    .ok();
    let line = format!("jwt sign --key-env HMAC_KEY {form} --issuer i");
    let environment = fed_with(&home, &line, "", &[("HMAC_KEY", SECRET)]).ok();
    for token in [file, stdin, environment] {
        fed(
            &home,
            &format!("jwt verify --key secret {form} {ANY}"),
            &token,
        )
        .ok();
    }
    std::fs::write(
        home.path().join("passphrase"),
        "a passphrase of more than thirty-two bytes\r\n",
    )
    .unwrap();
    let key = "--key passphrase --key-form passphrase";
    let verified = signs(&home, key, key);
    assert_eq!(verified["algorithm"], "HS256");
    let both = fed(&home, &format!("jwt verify --key - {form} {ANY}"), "x");
    assert_eq!(both.code, 2);
    assert!(
        both.stderr.contains("cannot both come from stdin"),
        "{both:?}"
    );
}

// A mistake of checklist K: a random kid, so that no key set can be published.
#[test]
fn a_token_is_verified_by_the_set_that_was_published_before_it_was_signed() {
    let home = with_key();
    home.run("jwt keygen --type ed25519 --out next.pem").ok();
    let set = home.run("jwt jwks issuer.pem next.pem").ok();
    std::fs::write(home.path().join("jwks.json"), &set).unwrap();
    assert!(!set.contains("\"d\""), "{set}");
    for key in ["issuer.pem", "next.pem"] {
        let verified = signs(&home, &format!("--key {key}"), "--trust jwks.json");
        assert_eq!(verified["verified"], true);
        assert!(set.contains(verified["kid"].as_str().unwrap()));
    }
    assert_eq!(home.run("jwt jwks issuer.pem next.pem").ok(), set);
    home.run("jwt keygen --out stranger.pem").ok();
    let token = home.run("jwt sign --key stranger.pem --issuer i").ok();
    let refused = fed(
        &home,
        &format!("jwt verify --trust jwks.json {ANY}"),
        &token,
    );
    assert_eq!(refused.code, 1);
    assert!(
        refused.stderr.contains("which is not trusted"),
        "{refused:?}"
    );
}

// checklist K18: RFC 7638 §3.1
#[test]
fn the_thumbprint_of_the_rfc_is_printed() {
    let home = Home::new();
    let vectors = std::fs::read_to_string(testdata("vectors/jwt-rfc.json")).unwrap();
    let vectors: Value = serde_json::from_str(&vectors).unwrap();
    let rsa = vectors["keys"]
        .as_array()
        .unwrap()
        .iter()
        .find(|key| key["name"] == "rfc7517-a2-rsa");
    let rsa = rsa.unwrap()["jwk"].to_string();
    std::fs::write(home.path().join("rfc.jwk"), rsa).unwrap();
    let text = home.run("jwt jwks --thumbprints rfc.jwk").ok();
    assert!(
        text.contains("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs  RSA 2048"),
        "{text}"
    );
    let items = home
        .run("jwt jwks --thumbprints rfc.jwk --output json")
        .json();
    assert_eq!(
        items["items"][0]["thumbprint"],
        "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
    );
    // It keeps the name and the algorithm that its JWK gives it.
    let set: Value = serde_json::from_str(&home.run("jwt jwks rfc.jwk").ok()).unwrap();
    assert_eq!(set["keys"][0]["kid"], "2011-04-29");
    assert_eq!(set["keys"][0]["alg"], "RS256");
    assert_eq!(set["keys"][0].get("d"), None);
}

// checklist K25, K26
#[test]
fn a_private_jwk_becomes_a_certificate_and_the_certificate_a_jwk() {
    let home = Home::new();
    for kind in ["rsa2048", "p256", "p384", "ed25519"] {
        home.run(&format!(
            "jwt keygen --type {kind} --form jwk --out {kind}.jwk"
        ))
        .ok();
        home.run(&format!(
            "jwt keygen --from {kind}.jwk --certificate CN=client-jwt --days 30 --out {kind}.pem"
        ))
        .ok();
        let shown = home
            .run(&format!("cert show {kind}.pem --output json"))
            .json();
        assert_eq!(shown["subject"], "CN=client-jwt", "{kind}");
        assert_eq!(shown["issuer"], "CN=client-jwt");
        assert_eq!(shown["key"], "present");
        assert_eq!(shown["may_sign"], "yes");
        let set = home.run(&format!("jwt jwks {kind}.pem")).ok();
        std::fs::write(home.path().join("set.json"), &set).unwrap();
        let out = home.run("jwt jwks --certificates set.json").ok();
        assert!(
            read(&home, &format!("{kind}.pem")).starts_with(&out),
            "{kind}"
        );
        signs(&home, &format!("--key {kind}.jwk"), "--trust set.json");
        let back = format!("jwt keygen --from {kind}.pem --form jwk --out {kind}.again.jwk");
        home.run(&back).ok();
        assert_eq!(
            read(&home, &format!("{kind}.again.jwk")),
            read(&home, &format!("{kind}.jwk")),
            "{kind}"
        );
    }
}

// security.md 53, 55, 112, C4
#[test]
fn no_secret_is_printed_where_none_was_asked_for() {
    let home = with_secret();
    home.run("jwt keygen --out issuer.pem").ok();
    home.run("jwt keygen --from issuer.pem --form jwk --out issuer.jwk")
        .ok();
    let jwk: Value = serde_json::from_str(&read(&home, "issuer.jwk")).unwrap();
    let pem = read(&home, "issuer.pem");
    let canaries = [
        SECRET,
        jwk["d"].as_str().unwrap(),
        pem.lines().nth(1).unwrap(),
    ];
    let token = sign(&home, "");
    for (line, input) in [
        ("jwt keygen --from issuer.jwk --out 1.pem", ""),
        ("jwt keygen --from issuer.jwk --out 2.pem --output json", ""),
        (
            "jwt keygen --from secret --key-form base64url --out 3.jwk --output json",
            "",
        ),
        ("jwt jwks issuer.pem", ""),
        ("jwt jwks issuer.jwk", ""),
        ("jwt jwks --thumbprints issuer.jwk", ""),
        ("jwt sign --key issuer.jwk --issuer i --verbose", ""),
        (
            "jwt sign --key secret --key-form base64url --issuer i --output json",
            "",
        ),
        ("jwt sign --key secret --key-form hex --issuer i", ""),
        (
            "jwt sign --key secret --key-form base64url --alg ES256 --issuer i",
            "",
        ),
        (
            "jwt verify --key secret --key-form base64url --any-issuer",
            &token,
        ),
        ("jwt verify --key issuer.jwk --any-issuer", &token),
        (
            "jwt renew --key secret --key-form base64url --any-issuer",
            &token,
        ),
    ] {
        let environment = [("RUST_LOG", "trace"), ("RUST_BACKTRACE", "full")];
        let ran = fed_with(&home, line, input, &environment);
        for canary in canaries {
            assert!(!ran.stdout.contains(canary), "{line}: {ran:?}");
            assert!(!ran.stderr.contains(canary), "{line}: {ran:?}");
        }
        assert!(!ran.stderr.contains("eyJ"), "{line}: {ran:?}");
    }
    // To stdout only when that is where it is to go.
    let asked = home
        .run("jwt keygen --from issuer.jwk --form jwk --out -")
        .ok();
    assert!(asked.contains(canaries[1]));
}

// security.md C5
#[test]
fn a_key_file_that_others_can_read_is_warned_about_and_one_that_is_there_is_kept() {
    let home = with_key();
    let file = home.path().join("issuer.pem");
    let before = read(&home, "issuer.pem");
    let refused = home.run("jwt keygen --out issuer.pem");
    assert_eq!(refused.code, 1, "{refused:?}");
    assert_eq!(read(&home, "issuer.pem"), before);
    assert!(
        !home
            .run("jwt sign --key issuer.pem --issuer i")
            .stderr
            .contains("warning")
    );
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let warned = home.run("jwt sign --key issuer.pem --issuer i");
    assert!(
        warned
            .stderr
            .contains("warning: issuer.pem holds a key that other users can read"),
        "{warned:?}"
    );
    warned.ok();
}
