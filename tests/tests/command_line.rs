//! Does `countersign login` sign in to our platform and to one that nobody here wrote?

use std::{path::Path, process::Output};

use countersign_testkit::{ManualClock, TestPlatform};

use crate::{
    fixtures,
    parts::{self, OpenidProvider, Profile, Tls},
};

/// Runs `countersign` for somebody whose home is `home`, while this process serves.
async fn countersign(home: &Path, arguments: &[&str]) -> Output {
    let mut command = parts::command(parts::countersign());
    command
        .args(arguments)
        .env("HOME", home)
        .env("NO_COLOR", "1");
    for name in [
        "XDG_CONFIG_HOME",
        "XDG_STATE_HOME",
        "XDG_DATA_HOME",
        "XDG_CACHE_HOME",
        "COUNTERSIGN_CERT_STORE",
    ] {
        command.env_remove(name);
    }
    tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn file(kind: &str, ending: &str) -> String {
    fixtures::path(&format!("clients/{kind}/{kind}.{ending}"))
        .display()
        .to_string()
}

async fn platform() -> TestPlatform {
    let platform = TestPlatform::on_loopback(ManualClock::starting_now())
        .await
        .unwrap();
    platform
        .application("service")
        .credential(fixtures::client("p256"))
        .principal("alice", &[])
        .register()
        .await
        .unwrap();
    platform
}

// checklist T14 positive · checklist T9 positive
#[tokio::test(flavor = "multi_thread")]
async fn login_sets_the_server_and_every_other_verb_then_knows_it() {
    let platform = platform().await;
    let home = tempfile::tempdir().unwrap();
    let (certificate, key) = (file("p256", "pem"), file("p256", "key"));
    let login = [
        "login",
        platform.issuer(),
        "--app-id",
        "service",
        "--cert",
        &certificate,
        "--key",
        &key,
    ];
    let output = countersign(home.path(), &login).await;
    assert!(output.status.success(), "{}", text(&output.stderr));

    let output = countersign(home.path(), &["token", "--decode", "--output", "json"]).await;
    assert!(output.status.success(), "{}", text(&output.stderr));
    let object: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&object["type"], &object["principal"]),
        (&1.into(), &"alice".into()),
        "{object}"
    );
    assert_eq!(object["issue_app_id"], "service");
    assert_eq!(
        object["issue_cert_subject"],
        "CN=client p256,O=Countersign Fixtures"
    );
    let openssl = fixtures::by_openssl("clients/p256/p256.pem");
    assert_eq!(
        object["issue_cert_thumbprint"],
        *openssl.sha256.to_uppercase()
    );
    assert_eq!(object["claims"]["principal"], "alice");
}

// checklist T14 negative
#[tokio::test(flavor = "multi_thread")]
async fn no_verb_works_before_a_server_is_set_and_each_says_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    for verb in ["token", "whoami", "refresh"] {
        let output = countersign(home.path(), &[verb]).await;
        let said = text(&output.stderr);
        assert!(
            !output.status.success() && output.stdout.is_empty(),
            "{verb}"
        );
        assert!(
            said.contains("error:") && said.contains("hint:"),
            "{verb}: {said}"
        );
    }
}

// checklist T14 negative
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_answer_is_not_set() {
    let home = tempfile::tempdir().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let server = format!("http://{nobody}");
    let (certificate, key) = (file("p256", "pem"), file("p256", "key"));
    let login = [
        "login",
        &server,
        "--app-id",
        "service",
        "--cert",
        &certificate,
        "--key",
        &key,
    ];
    let output = countersign(home.path(), &login).await;
    assert_eq!(output.status.code(), Some(13), "{}", text(&output.stderr));
    assert!(!countersign(home.path(), &["token"]).await.status.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn login_gets_a_token_from_node_oidc_provider_by_certificate() {
    let certificates =
        ["rsa2048", "p256"].map(|kind| fixtures::path(&format!("clients/{kind}/{kind}.pem")));
    let provider = OpenidProvider::start(Profile::Default, &certificates, Tls::Off);
    for (kind, algorithm) in [
        ("rsa2048", "RS256"),
        ("rsa2048", "PS256"),
        ("p256", "ES256"),
    ] {
        let home = tempfile::tempdir().unwrap();
        let (certificate, key) = (file(kind, "pem"), file(kind, "key"));
        let login = [
            "login",
            &provider.issuer,
            "--app-id",
            "service",
            "--cert",
            &certificate,
            "--key",
            &key,
            "--alg",
            algorithm,
        ];
        let output = countersign(home.path(), &login).await;
        assert!(
            output.status.success(),
            "{algorithm}: {}",
            text(&output.stderr)
        );
        let output = countersign(home.path(), &["token", "--output", "raw"]).await;
        assert!(
            output.status.success(),
            "{algorithm}: {}",
            text(&output.stderr)
        );
        assert!(!text(&output.stdout).trim().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn login_gets_a_bound_token_from_node_oidc_provider_with_fapi_2_and_does_not_store_it() {
    let certificates =
        ["rsa2048", "p256"].map(|kind| fixtures::path(&format!("clients/{kind}/{kind}.pem")));
    let provider = OpenidProvider::start(Profile::Fapi2, &certificates, Tls::Off);
    for (kind, algorithm) in [("rsa2048", "PS256"), ("p256", "ES256")] {
        let home = tempfile::tempdir().unwrap();
        let (certificate, key) = (file(kind, "pem"), file(kind, "key"));
        let login = [
            "login",
            &provider.issuer,
            "--app-id",
            "service-dpop",
            "--cert",
            &certificate,
            "--key",
            &key,
            "--alg",
            algorithm,
        ];
        // Without a proof the provider says no, and nothing is remembered.
        let output = countersign(home.path(), &login).await;
        let said = text(&output.stderr);
        assert!(
            !output.status.success() && said.contains("error:"),
            "{said}"
        );
        assert!(!home.path().join(".config/countersign/config.toml").exists());

        let output = countersign(home.path(), &[&login[..], &["--dpop"]].concat()).await;
        let said = text(&output.stderr);
        assert!(output.status.success(), "{algorithm}: {said}");
        assert!(said.contains("not kept: it is bound to a key"), "{said}");
        let state = home.path().join(".local/state/countersign");
        let tokens = std::fs::read_dir(state).map_or(0, |files| {
            let json = |file: &std::fs::DirEntry| file.path().extension() == Some("json".as_ref());
            files.filter_map(Result::ok).filter(json).count()
        });
        assert_eq!(tokens, 0);
        let output = countersign(home.path(), &["token", "--output", "header"]).await;
        assert!(
            text(&output.stdout).starts_with("Authorization: DPoP "),
            "{algorithm}"
        );
    }
}
