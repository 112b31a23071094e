//! Is the certificate taken that was meant, and is it said why not the others?

use std::path::Path;

use countersign::{
    CertificateSelector, CredentialSource, SelectError,
    certificate_store::CertificateStore,
    proto::{distinguished_name::DistinguishedName, thumbprint::Thumbprint, time::UnixTime},
};
use countersign_testkit::TestPlatform;

use crate::{
    fixtures::{self, KINDS},
    wire_form::{self, TOKEN},
};

/// A folder with one pair of files for each kind of key, and everything that must be refused.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copy = |from: &str| {
        let from = fixtures::path(from);
        std::fs::copy(&from, folder.path().join(from.file_name().unwrap())).unwrap();
    };
    for kind in KINDS {
        copy(&format!("clients/{kind}/{kind}.pem"));
        copy(&format!("clients/{kind}/{kind}.key"));
    }
    for name in [
        "expired",
        "not-yet-valid",
        "certificate-authority",
        "wrong-eku",
        "rsa1024",
        "key-of-another",
    ] {
        copy(&format!("refused/{name}.pem"));
        copy(&format!("refused/{name}.key"));
    }
    copy("refused/not-pem.pem");
    for n in ["1", "2"] {
        let to = |ending: &str| folder.path().join(format!("rotated-{n}.{ending}"));
        std::fs::copy(fixtures::path(&format!("rotation/{n}.pem")), to("pem")).unwrap();
        std::fs::copy(fixtures::path(&format!("rotation/{n}.key")), to("key")).unwrap();
    }
    folder
}

fn open(folder: &Path) -> CertificateStore {
    CertificateStore::open(folder, None).unwrap()
}

fn by_subject(subject: &str) -> CertificateSelector {
    let mut selector = CertificateSelector::default();
    selector.subject = Some(DistinguishedName::parse(subject).unwrap());
    selector
}

fn by_thumbprint(text: &str) -> CertificateSelector {
    let mut selector = CertificateSelector::default();
    selector.thumbprint = Some(Thumbprint::parse(text).unwrap());
    selector
}

fn now() -> UnixTime {
    countersign_testkit::ManualClock::default().now()
}

// checklist T5 positive
#[tokio::test]
async fn every_key_type_signs_in_by_subject_by_thumbprint_and_by_file() {
    let folder = folder();
    let store = open(folder.path());
    for kind in KINDS {
        let platform = TestPlatform::new().await.unwrap();
        wire_form::registered(&platform, kind, fixtures::client(kind)).await;
        let openssl = fixtures::by_openssl(&format!("clients/{kind}/{kind}.pem"));
        let colons: Vec<&str> = (0..20)
            .map(|at| &openssl.sha1[2 * at..2 * at + 2])
            .collect();
        // What a certificate dialog gives: lower case, spaces, an invisible mark in front.
        let pasted = format!("\u{200e}{}", colons.join(" ").to_lowercase());
        let mut by_file = CertificateSelector::default();
        by_file.file = Some(folder.path().join(format!("{kind}.pem")));
        let selectors = [
            by_subject(&openssl.subject),
            by_subject(&format!("cn=CLIENT   {kind}, o=countersign fixtures")),
            by_thumbprint(&openssl.sha1),
            by_thumbprint(&openssl.sha256),
            by_thumbprint(&colons.join(":")),
            by_thumbprint(&pasted),
            by_file,
        ];
        for selector in selectors {
            let source = CredentialSource::store(store.clone(), selector.clone());
            let client = platform.client(kind, source).build().unwrap();
            let token = client
                .token()
                .await
                .unwrap_or_else(|error| panic!("{selector:?}: {error}"));
            assert_eq!(token.issue_cert_subject, openssl.subject);
            let request = platform.wire().sent_to(TOKEN).pop().unwrap();
            assert_eq!(wire_form::assertion(&request).1["kid"], *openssl.sha1);
        }
    }
}

// checklist T5 positive: the thumbprint wins · security.md 49
#[test]
fn a_thumbprint_wins_over_a_subject_and_that_is_said() {
    let folder = folder();
    let rsa = fixtures::by_openssl("clients/rsa2048/rsa2048.pem");
    let mut both = by_thumbprint(&rsa.sha1);
    both.subject = Some(DistinguishedName::parse("CN=client p256,O=Countersign Fixtures").unwrap());
    let candidates = open(folder.path()).candidates().unwrap();
    let taken = both.select(&candidates, now()).unwrap();
    assert_eq!(taken.credential.chain().leaf().sha1().to_hex(), rsa.sha1);
    assert!(
        taken.notes.iter().any(|note| note.contains("subject")),
        "{:?}",
        taken.notes
    );
}

// checklist T5 negative
#[test]
fn a_thumbprint_of_no_certificate_is_not_replaced_by_the_subject() {
    let folder = folder();
    let mut both = by_thumbprint("0000000000000000000000000000000000000000");
    both.subject = Some(DistinguishedName::parse("CN=client p256,O=Countersign Fixtures").unwrap());
    let candidates = open(folder.path()).candidates().unwrap();
    let refused = both.select(&candidates, now());
    assert!(
        matches!(refused, Err(SelectError::NoneUsable(_))),
        "{refused:?}"
    );
}

// security.md 49
#[test]
fn of_two_certificates_of_one_subject_the_newest_is_taken_and_strict_mode_refuses() {
    let folder = folder();
    let candidates = open(folder.path()).candidates().unwrap();
    let mut selector = by_subject("CN=rotated,O=Countersign Fixtures");
    let taken = selector.select(&candidates, now()).unwrap();
    let newest = fixtures::by_openssl("rotation/2.pem");
    assert_eq!(taken.credential.chain().leaf().sha1().to_hex(), newest.sha1);
    assert!(!taken.notes.is_empty());

    selector.strict = true;
    let Err(SelectError::Several(verdicts)) = selector.select(&candidates, now()) else {
        panic!("two certificates fit");
    };
    let older = fixtures::by_openssl("rotation/1.pem");
    for row in [newest, older] {
        let thumbprint = Thumbprint::parse(&row.sha256).unwrap();
        let sha1 = Thumbprint::parse(&row.sha1).unwrap();
        assert!(
            verdicts
                .iter()
                .any(|verdict| [Some(thumbprint), Some(sha1)].contains(&verdict.thumbprint)),
            "{verdicts:?}"
        );
    }
}

// security.md 51, 52
#[test]
fn certificates_that_cannot_sign_now_are_passed_over_and_explained() {
    let folder = folder();
    let candidates = open(folder.path()).candidates().unwrap();
    for (name, word) in [
        ("expired", "expired"),
        ("not-yet-valid", "valid"),
        ("certificate-authority", "authority"),
        ("wrong-eku", "usage"),
        ("key-of-another", "key"),
    ] {
        let selector = by_subject(&format!("CN=refused {name},O=Countersign Fixtures"));
        let Err(SelectError::NoneUsable(_)) = selector.select(&candidates, now()) else {
            panic!("{name} must not be taken");
        };
        let verdicts = selector.explain(&candidates, now());
        let verdict = verdicts
            .iter()
            .find(|verdict| verdict.source.ends_with(format!("{name}.pem")))
            .unwrap_or_else(|| panic!("{name} is not explained: {verdicts:?}"));
        assert!(!verdict.taken);
        assert!(verdict.reason.contains(word), "{name}: {}", verdict.reason);
    }
}

#[test]
fn a_subject_is_compared_as_a_name_and_never_as_text() {
    let folder = folder();
    let candidates = open(folder.path()).candidates().unwrap();
    for other in [
        "O=Countersign Fixtures,CN=client p256", // another order is another name
        "CN=client p256",                        // not the whole name
        "CN=client p256\\,O=Countersign Fixtures", // one value with a comma in it
        "CN=client p256+O=Countersign Fixtures", // one set of two
    ] {
        let refused = by_subject(other).select(&candidates, now());
        assert!(
            matches!(refused, Err(SelectError::NoneUsable(_))),
            "{other}: {refused:?}"
        );
    }
}
