//! Does sign-in work with every kind of key, from every form that openssl writes it in?

use countersign::{Credential, CredentialError, proto::token::TokenKind};
use countersign_testkit::TestPlatform;

use crate::{
    fixtures::{self, KINDS},
    parts,
    wire_form::{self, TOKEN},
};

/// Every form of one pair of files that openssl made: certificate, key, whether it is locked.
fn forms(kind: &str) -> Vec<(String, Option<String>, bool)> {
    let at = |ending: &str| format!("clients/{kind}/{kind}.{ending}");
    let mut forms = vec![
        (at("pem"), Some(at("key")), false),
        (at("pem"), None, false), // the key beside it
        (at("pair.pem"), None, false),
        (at("pem"), Some(at("encrypted.key")), true),
        (at("pem"), Some(at("scrypt.key")), true),
        (at("modern.p12"), None, true),
        (at("modern.nopassword.p12"), None, false),
        (at("legacy.p12"), None, true),
        (at("legacy.nopassword.p12"), None, false),
    ];
    if kind != "ed25519" {
        forms.push((at("pem"), Some(at("traditional.key")), false)); // PKCS#1, SEC1
    }
    forms
}

fn read(form: &(String, Option<String>, bool)) -> Result<Credential, CredentialError> {
    let (certificate, key, locked) = form;
    let password = locked.then(fixtures::password);
    Credential::from_files(
        &fixtures::path(certificate),
        key.as_deref().map(fixtures::path).as_deref(),
        password.as_ref(),
    )
}

// checklist T1 positive: kind 1 · checklist T5 positive: by file
#[tokio::test]
async fn every_key_type_signs_in_from_every_form_that_openssl_writes() {
    let platform = TestPlatform::new().await.unwrap();
    for kind in KINDS {
        let name = format!("app-{kind}");
        wire_form::registered(&platform, &name, fixtures::client(kind)).await;
        for form in forms(kind) {
            let credential = read(&form).unwrap_or_else(|error| panic!("{form:?}: {error:?}"));
            let client = platform.client(&name, credential).build().unwrap();
            let token = client
                .token()
                .await
                .unwrap_or_else(|error| panic!("{form:?}: {error}"));
            assert_eq!(token.kind, TokenKind::NonInteractive, "{form:?}");
            assert!(
                platform.is_active(&token.access_token).await.unwrap(),
                "{form:?}"
            );
        }
    }
}

// security.md 46, 48
#[tokio::test]
async fn kid_and_thumbprints_on_the_wire_are_what_openssl_computes() {
    for kind in KINDS {
        let platform = TestPlatform::new().await.unwrap();
        wire_form::registered(&platform, kind, fixtures::client(kind)).await;
        let client = platform
            .client(kind, fixtures::client(kind))
            .send_x5c()
            .build()
            .unwrap();
        client.token().await.unwrap();

        let request = platform.wire().sent_to(TOKEN).pop().unwrap();
        let (_, header, claims) = wire_form::assertion(&request);
        let file = format!("clients/{kind}/{kind}.pem");
        let openssl = fixtures::by_openssl(&file);
        assert_eq!(header["kid"], *openssl.sha1);
        assert_eq!(header["x5t"], *openssl.x5t);
        assert_eq!(header["x5t#S256"], *openssl.x5t_s256);
        assert_eq!(header["typ"], "client-authentication+jwt");
        let der = fixtures::base64_of_pem(&fixtures::text(&file));
        assert_eq!(header["x5c"], serde_json::json!([der]));

        assert_eq!(claims["iss"], *kind);
        assert_eq!(claims["sub"], *kind);
        assert_eq!(claims["aud"], "https://platform.test");
        let time = |claim: &str| claims[claim].as_u64().expect("an integer");
        assert_eq!(time("iat"), platform.clock().now().as_secs() - 5);
        assert_eq!((time("nbf"), time("exp")), (time("iat"), time("iat") + 60));
    }
}

#[tokio::test]
async fn the_chain_goes_out_leaf_first_as_standard_base64() {
    for kind in KINDS {
        let credential = Credential::from_files(
            &fixtures::path(&format!("signed/{kind}.chain.p12")),
            None,
            Some(&fixtures::password()),
        )
        .unwrap();
        let platform = TestPlatform::new().await.unwrap();
        wire_form::registered(&platform, "signed", credential.clone()).await;
        let client = platform
            .client("signed", credential)
            .send_x5c()
            .build()
            .unwrap();
        client
            .token()
            .await
            .unwrap_or_else(|error| panic!("{kind}: {error}"));

        let request = platform.wire().sent_to(TOKEN).pop().unwrap();
        let (_, header, _) = wire_form::assertion(&request);
        let leaf = fixtures::text(&format!("signed/{kind}.pem"));
        let authority = fixtures::text("authority/authority.pem");
        let expected = [leaf, authority].map(|pem| fixtures::base64_of_pem(&pem));
        assert_eq!(header["x5c"], serde_json::json!(expected), "{kind}");
    }
}

#[tokio::test]
async fn node_jose_believes_the_assertions_of_every_key_type() {
    let platform = TestPlatform::new().await.unwrap();
    let mut lines = String::new();
    for kind in KINDS {
        let client = wire_form::registered(&platform, kind, fixtures::client(kind)).await;
        client.token().await.unwrap();
        let request = platform.wire().sent_to(TOKEN).pop().unwrap();
        let (jwt, ..) = wire_form::assertion(&request);
        let certificate = fixtures::text(&format!("clients/{kind}/{kind}.pem"));
        let line = serde_json::json!({ "certificate": certificate, "jwt": jwt, "client_id": kind });
        lines.push_str(&format!("{line}\n"));
    }
    let now = platform.clock().now().as_secs().to_string();
    let answers = parts::node("jose-verify.mjs", &[platform.issuer(), &now], &lines);
    let answers: Vec<serde_json::Value> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), KINDS.len());
    for (kind, answer) in KINDS.iter().zip(&answers) {
        assert_eq!(answer["claims"]["sub"], *kind, "{answer}");
    }
}

#[tokio::test]
async fn a_certificate_that_openssl_makes_now_signs_in() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    parts::openssl(&[
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "36500",
        "-subj",
        "/CN=made now",
        "-addext",
        "keyUsage=digitalSignature",
        "-keyout",
        &at("now.key"),
        "-out",
        &at("now.pem"),
    ]);
    let sha1 = String::from_utf8(parts::openssl(&[
        "x509",
        "-in",
        &at("now.pem"),
        "-noout",
        "-fingerprint",
        "-sha1",
    ]))
    .unwrap();
    let sha1 = sha1.trim().rsplit('=').next().unwrap().replace(':', "");

    let clock = countersign_testkit::ManualClock::starting_now();
    let settings = TestPlatform::settings();
    let platform = TestPlatform::with_settings(settings, clock).await.unwrap();
    let credential = Credential::from_files(
        &folder.path().join("now.pem"),
        Some(&folder.path().join("now.key")),
        None,
    );
    let client = wire_form::registered(&platform, "now", credential.unwrap()).await;
    client.token().await.unwrap();
    let (_, header, _) = wire_form::assertion(&platform.wire().sent_to(TOKEN).pop().unwrap());
    assert_eq!(header["kid"], sha1);
}

#[test]
fn a_wrong_password_or_a_key_of_another_is_no_credential() {
    for kind in KINDS {
        for form in forms(kind).into_iter().filter(|(.., locked)| *locked) {
            let (certificate, key, _) = &form;
            let key = key.as_deref().map(fixtures::path);
            let wrong = countersign::certificate_store::Password::new("wrong".to_owned());
            for password in [None, Some(&wrong)] {
                let refused =
                    Credential::from_files(&fixtures::path(certificate), key.as_deref(), password);
                assert!(
                    matches!(refused, Err(CredentialError::File { .. })),
                    "{form:?}: {refused:?}"
                );
            }
        }
    }
    let refused = Credential::from_files(
        &fixtures::path("refused/key-of-another.pem"),
        Some(&fixtures::path("refused/key-of-another.key")),
        None,
    );
    let Err(CredentialError::File { problem, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert!(problem.contains("does not fit"), "{problem}");
}

// security.md 13, 52
#[test]
fn a_certificate_that_may_not_sign_is_no_credential() {
    for name in [
        "certificate-authority",
        "wrong-eku",
        "wrong-key-usage",
        "rsa1024",
    ] {
        let refused = Credential::from_files(
            &fixtures::path(&format!("refused/{name}.pem")),
            Some(&fixtures::path(&format!("refused/{name}.key"))),
            None,
        );
        assert!(refused.is_err(), "{name}");
    }
}
