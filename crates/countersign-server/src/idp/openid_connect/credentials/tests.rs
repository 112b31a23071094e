//! Does the platform authenticate to a provider as the specification says, and name the file that is wrong?

use std::{collections::HashMap, fs, path::PathBuf};

use countersign_proto::{
    assertion::{Expectation, Purpose, UnverifiedAssertion},
    key::PublicKey,
};

use super::*;

const ISSUER: &str = "https://id.example.com";
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

fn description(auth_methods: &[&str], auth_algorithms: &[&str]) -> Description {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Description {
        authorization_endpoint: None,
        token_endpoint: "https://id.example.com/token".parse().unwrap(),
        jwks_uri: None,
        promises_iss: false,
        auth_methods: owned(auth_methods),
        auth_algorithms: owned(auth_algorithms),
        challenge_methods: None,
    }
}

fn testdata(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../testdata/clients")
        .join(name)
}

fn secret_file(content: &str) -> (tempfile::TempDir, ClientAuthentication) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("secret");
    fs::write(&file, content).unwrap();
    (folder, ClientAuthentication::SecretFile(file))
}

async fn form(
    client_id: &str,
    files: &ClientAuthentication,
    description: &Description,
) -> Result<(HashMap<String, String>, Option<String>), String> {
    let credentials = Credentials::new(ISSUER, client_id, files)?;
    let parameters = [("grant_type", "authorization_code"), ("code", "a&b=c")];
    let form = credentials.form(&parameters, description, NOW).await?;
    let shown = form
        .authorization
        .map(|value| value.to_str().unwrap().to_owned());
    let members = form_urlencoded::parse(form.body.as_bytes());
    Ok((members.into_owned().collect(), shown))
}

#[tokio::test]
async fn a_public_client_only_says_who_it_is() {
    let found = form(
        "platform-7",
        &ClientAuthentication::Public,
        &description(&[], &[]),
    )
    .await;
    let (members, authorization) = found.unwrap();
    assert_eq!(members["client_id"], "platform-7");
    assert_eq!(members["code"], "a&b=c");
    assert_eq!(members.len(), 3);
    assert_eq!(authorization, None);
}

#[tokio::test]
async fn a_secret_goes_into_the_header_where_the_provider_takes_that() {
    // The example of RFC 6749 §2.3.1.
    let (_folder, files) = secret_file("gX1fBat3bV\n");
    let both = description(&["client_secret_post", "client_secret_basic"], &[]);
    let (members, authorization) = form("s6BhdRkqt3", &files, &both).await.unwrap();
    assert_eq!(
        authorization.as_deref(),
        Some("Basic czZCaGRSa3F0MzpnWDFmQmF0M2JW")
    );
    assert!(!members.contains_key("client_secret") && !members.contains_key("client_id"));

    let post = description(&["client_secret_post"], &[]);
    let (members, authorization) = form("s6BhdRkqt3", &files, &post).await.unwrap();
    assert_eq!(authorization, None);
    assert_eq!(members["client_id"], "s6BhdRkqt3");
    assert_eq!(members["client_secret"], "gX1fBat3bV");

    let neither = description(&["private_key_jwt"], &[]);
    assert!(form("s6BhdRkqt3", &files, &neither).await.is_err());
}

#[tokio::test]
async fn what_is_special_in_a_header_is_encoded_first() {
    let (_folder, files) = secret_file("p+ss:wörd %");
    let basic = description(&["client_secret_basic"], &[]);
    let (_, authorization) = form("a:b", &files, &basic).await.unwrap();
    // python: b64encode(b"a%3Ab:p%2Bss%3Aw%C3%B6rd+%25")
    assert_eq!(
        authorization.as_deref(),
        Some("Basic YSUzQWI6cCUyQnNzJTNBdyVDMyVCNnJkKyUyNQ==")
    );
}

#[tokio::test]
async fn a_certificate_signs_an_assertion_for_the_provider() {
    for (name, listed, algorithm) in [
        ("p256", &["RS256", "ES256"][..], Algorithm::ES256),
        ("rsa2048", &["RS256", "PS256"][..], Algorithm::PS256),
        ("rsa2048", &["RS256"][..], Algorithm::RS256),
        ("rsa2048", &[][..], Algorithm::RS256),
        ("ed25519", &[][..], Algorithm::EdDSA),
    ] {
        let files = ClientAuthentication::Certificate {
            certificate: testdata(&format!("{name}/{name}.pem")),
            key: testdata(&format!("{name}/{name}.key")),
        };
        let offered = description(&["private_key_jwt"], listed);
        let (members, authorization) = form("platform-7", &files, &offered).await.unwrap();
        assert_eq!(authorization, None);
        assert_eq!(members["client_id"], "platform-7");
        assert_eq!(members["client_assertion_type"], JWT_BEARER_ASSERTION_TYPE);
        let assertion = UnverifiedAssertion::parse(&members["client_assertion"]).unwrap();
        assert_eq!(assertion.algorithm(), algorithm);
        let pem = fs::read_to_string(testdata(&format!("{name}/{name}.pem"))).unwrap();
        let leaf = Certificate::all_from_pem(&pem).unwrap().remove(0);
        assert_eq!(assertion.kid(), Some(leaf.sha1().to_hex().as_str()));
        let key: &PublicKey = leaf.public_key();
        let expectation = Expectation {
            purpose: Purpose::Client,
            client_id: "platform-7",
            audiences: &[ISSUER],
            lifetime_max: std::time::Duration::from_secs(60),
            now: NOW,
        };
        assert!(assertion.verify(key, &[algorithm], &expectation).is_ok());
    }
}

#[tokio::test]
async fn every_assertion_has_an_id_of_its_own() {
    let files = ClientAuthentication::Certificate {
        certificate: testdata("p256/p256.pem"),
        key: testdata("p256/p256.key"),
    };
    let offered = description(&["private_key_jwt"], &[]);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let (members, _) = form("platform-7", &files, &offered).await.unwrap();
        assert!(seen.insert(members["client_assertion"].clone()));
    }
}

#[tokio::test]
async fn a_secret_is_replaced_without_a_stop() {
    let (folder, files) = secret_file("first");
    let post = description(&["client_secret_post"], &[]);
    let credentials = Credentials::new(ISSUER, "platform-7", &files).unwrap();
    fs::write(folder.path().join("secret"), "second\r\n").unwrap();
    let form = credentials.form(&[], &post, NOW).await.unwrap();
    assert!(form.body.contains("client_secret=second"));
    assert!(!form.body.ends_with("%0D"));
}

#[test]
fn files_that_cannot_be_used_are_named_at_the_start_and_their_content_is_not() {
    let (folder, _) = secret_file("");
    let at = |name: &str| folder.path().join(name);
    for (name, content) in [
        ("empty", "\n"),
        ("two-lines", "s3cret\ns3cret"),
        ("long", ""),
    ] {
        fs::write(at(name), content).unwrap();
    }
    fs::write(at("long"), "s3cret".repeat(20_000)).unwrap();
    fs::write(at("binary"), b"s3cret\xff").unwrap();
    let secrets = ["empty", "two-lines", "long", "binary", "missing"]
        .map(|name| (at(name), ClientAuthentication::SecretFile(at(name))));
    let p256 = testdata("p256/p256.key");
    let pairs = [
        (
            testdata("p256/p256.pem"),
            testdata("p384/p384.key"),
            "p384.key",
        ),
        (
            testdata("p256/p256.pem"),
            testdata("p256/p256.encrypted.key"),
            "encrypted",
        ),
        (
            testdata("p256/p256.pem"),
            testdata("p256/p256.pem"),
            "p256.pem",
        ),
        (p256.clone(), p256, "p256.key"),
    ]
    .map(|(certificate, key, named)| {
        (
            named.into(),
            ClientAuthentication::Certificate { certificate, key },
        )
    });
    for (named, files) in secrets.into_iter().chain(pairs) {
        let problem = Credentials::new(ISSUER, "platform-7", &files)
            .err()
            .unwrap();
        assert!(problem.contains(named.to_str().unwrap()), "{problem}");
        assert!(!problem.contains("s3cret"), "{problem}");
    }
}
