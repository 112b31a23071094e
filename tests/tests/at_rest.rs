//! Does somebody who copies the store hold anything that signs in?

use std::{fs, path::Path, sync::Arc};

use countersign_server::config::StoreUrl;
use countersign_testkit::{ManualClock, TestPlatform, fixtures};

use crate::wire_form;

/// DER of `AlgorithmIdentifier` for P-256 with the version of a PKCS#8 key before it (RFC 5208 §5):
/// what the issuer's key would begin with, were it stored in the clear.
const PKCS8_P256: &[u8] = &[
    0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01,
];

// security.md 72
#[tokio::test]
async fn a_copy_of_the_store_holds_no_token_no_assertion_and_no_key() {
    let folder = tempfile::tempdir().unwrap();
    let mut settings = TestPlatform::settings();
    settings.store = StoreUrl::Sqlite(folder.path().join("platform.db"));
    settings.secrets_file = Some(folder.path().join("secrets"));
    let platform = TestPlatform::with_settings(settings, ManualClock::default())
        .await
        .unwrap();
    platform.application("service").register().await.unwrap();
    let assertion = wire_form::mint(&platform, "service", &fixtures::service(), "kept at rest");
    let request = wire_form::client_credentials(&platform, "service", &assertion);
    let wire: Arc<dyn countersign::Transport> = wire_form::wire(&platform);
    let answer = wire_form::exchange(&*wire, request).await.unwrap();
    platform.platform().close().await.unwrap();

    let stored = store_files(folder.path());
    // The search finds what is there.
    assert!(contains(&stored, b"service"), "the audit names the client");
    assert!(contains(&stored, b"-----BEGIN CERTIFICATE-----"));
    for secret in [answer["access_token"].as_str().unwrap(), assertion.expose()] {
        let (_, signature) = secret.rsplit_once('.').unwrap();
        assert!(!contains(&stored, secret.as_bytes()));
        assert!(!contains(&stored, signature.as_bytes()));
    }
    assert!(!contains(&stored, b"eyJ"), "nothing that looks like a JWT");
    assert!(!contains(&stored, b"PRIVATE KEY"));
    assert!(!contains(&stored, PKCS8_P256));
}

/// The database and what SQLite keeps beside it.
fn store_files(folder: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path
            .file_name()
            .unwrap()
            .to_string_lossy()
            .starts_with("platform.db")
        {
            bytes.extend(fs::read(path).unwrap());
        }
    }
    bytes
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}
