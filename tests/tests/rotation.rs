//! Is a certificate replaced under load without losing a call?

use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use countersign::{
    CredentialSource,
    proto::management::{CertificateUsage, NewCertificate, NewMapping},
};
use countersign_testkit::TestPlatform;

use crate::{
    fixtures,
    wire_form::{self, TOKEN},
};

mod anomalies;

mod orders;

mod pair;

const CALLERS: usize = 8;

/// Writes what `rotation/N` has into `folder` as `service.pem` or `service.key`.
fn write(folder: &Path, n: u8, ending: &str) {
    let to = folder.join(format!("service.{ending}"));
    std::fs::copy(fixtures::path(&format!("rotation/{n}.{ending}")), to).unwrap();
}

/// A platform where `service` has both certificates.
async fn platform() -> TestPlatform {
    let platform = TestPlatform::new().await.unwrap();
    wire_form::registered(&platform, "service", fixtures::credential("rotation/1")).await;
    let admin = platform.admin().unwrap();
    let second = admin
        .register_certificate(&NewCertificate {
            pem: fixtures::text("rotation/2.pem"),
            client_id: Some("service".to_owned()),
            usage: CertificateUsage::Client,
            kid_alias: None,
        })
        .await
        .unwrap();
    admin
        .create_mapping(&NewMapping {
            certificate: second.sha256,
            client_id: "service".to_owned(),
            principal: "service".to_owned(),
            is_default: false,
        })
        .await
        .unwrap();
    platform
}

fn kids(platform: &TestPlatform) -> Vec<String> {
    platform
        .wire()
        .sent_to(TOKEN)
        .iter()
        .map(|request| {
            wire_form::assertion(request).1["kid"]
                .as_str()
                .unwrap()
                .to_owned()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_certificate_replaced_under_load_loses_no_call() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1, "pem");
    write(folder.path(), 1, "key");
    let platform = platform().await;
    let source = CredentialSource::files(
        &folder.path().join("service.pem"),
        Some(&folder.path().join("service.key")),
        None,
    );
    let client = platform.client("service", source).build().unwrap();

    let stop = Arc::new(AtomicBool::new(false));
    let calls = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..CALLERS)
        .map(|_| {
            let (client, stop, calls) = (client.clone(), stop.clone(), calls.clone());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    client.renew().await.expect("no call is lost");
                    calls.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let some_calls = async || {
        let enough = calls.load(Ordering::SeqCst) + 20;
        while calls.load(Ordering::SeqCst) < enough
            && callers.iter().all(|caller| !caller.is_finished())
        {
            tokio::task::yield_now().await;
        }
    };

    some_calls().await;
    // For a while the pair on disk does not fit: the old one stays in use.
    write(folder.path(), 2, "key");
    platform.clock().advance(Duration::from_secs(2));
    some_calls().await;
    write(folder.path(), 2, "pem");
    platform.clock().advance(Duration::from_secs(2));
    some_calls().await;
    // The old one is revoked: whoever still signs with it reads the files again.
    let old = fixtures::by_openssl("rotation/1.pem");
    platform
        .admin()
        .unwrap()
        .revoke_certificate(&old.sha256, "rotated")
        .await
        .unwrap();
    some_calls().await;
    stop.store(true, Ordering::SeqCst);
    for caller in callers {
        caller.await.unwrap();
    }

    let kids = kids(&platform);
    assert_eq!(kids.first(), Some(&old.sha1));
    assert_eq!(
        kids.last(),
        Some(&fixtures::by_openssl("rotation/2.pem").sha1)
    );
}

#[tokio::test]
async fn a_certificate_that_the_server_refuses_is_read_again_once_and_the_call_succeeds() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1, "pem");
    write(folder.path(), 1, "key");
    let platform = platform().await;
    let source = CredentialSource::files(
        &folder.path().join("service.pem"),
        Some(&folder.path().join("service.key")),
        None,
    );
    let client = platform.client("service", source).build().unwrap();
    let before = client.token().await.unwrap();
    // Replaced and revoked within the same second: the clock has not moved, so nobody looked.
    write(folder.path(), 2, "key");
    write(folder.path(), 2, "pem");
    let old = fixtures::by_openssl("rotation/1.pem");
    platform
        .admin()
        .unwrap()
        .revoke_certificate(&old.sha256, "rotated")
        .await
        .unwrap();
    let after = client.renew().await.unwrap();
    assert_ne!(before.access_token, after.access_token);
    let new = fixtures::by_openssl("rotation/2.pem");
    assert_eq!(kids(&platform), [old.sha1.clone(), old.sha1, new.sha1]);
}

#[tokio::test]
async fn a_token_of_a_replaced_certificate_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), 1, "pem");
    write(folder.path(), 1, "key");
    let platform = platform().await;
    let source = CredentialSource::files(
        &folder.path().join("service.pem"),
        Some(&folder.path().join("service.key")),
        None,
    );
    let client = platform.client("service", source).build().unwrap();
    let before = client.token().await.unwrap();
    write(folder.path(), 2, "key");
    write(folder.path(), 2, "pem");
    platform.clock().advance(Duration::from_secs(2));
    let after = client.token().await.unwrap();
    assert_ne!(before.access_token, after.access_token);
    assert_ne!(before.issue_cert_thumbprint, after.issue_cert_thumbprint);
}
