//! Does whatever may be wrong with new files leave the old ones in use, and is it said once?

use super::*;
use crate::{certificate_store::Password, credential::logged::Log};

/// A way in which new files are no pair to sign with, and what is said about it.
type Anomaly = (&'static str, fn(&Files), &'static str);

const ANOMALIES: [Anomaly; 11] = [
    (
        "the certificate is there and its key is not yet",
        |files| files.certificate(&valid("second").certificate_pem),
        "the private key does not fit",
    ),
    (
        "the key is there and its certificate is not yet",
        |files| files.key(&valid("second").key_pem),
        "the private key does not fit",
    ),
    (
        "a certificate without a key",
        |files| fs::remove_file(files.path("tls.key")).unwrap(),
        "tls.key: no such file",
    ),
    (
        "a key without a certificate",
        |files| fs::remove_file(files.path("tls.crt")).unwrap(),
        "tls.crt: no such file",
    ),
    (
        "a certificate that ended",
        |files| files.pair(&made(&[(DnType::CommonName, "s")], day(-9), day(-1))),
        "expired at",
    ),
    (
        "a certificate that has not begun",
        |files| files.pair(&made(&[(DnType::CommonName, "s")], day(1), day(9))),
        "is not valid before",
    ),
    (
        "a half-written certificate",
        |files| {
            let text = valid("second").certificate_pem;
            files.certificate(&text[..text.len() / 2]);
        },
        "tls.crt",
    ),
    ("an empty file", |files| files.key(""), "tls.key: is empty"),
    (
        "a key under a password that is not known",
        |files| {
            let key = fs::read_to_string(testdata("clients/p256/p256.encrypted.key")).unwrap();
            files.key(&key);
        },
        "password",
    ),
    (
        "a file that cannot be read",
        |files| {
            fs::remove_file(files.path("tls.key")).unwrap();
            fs::create_dir(files.path("tls.key")).unwrap();
        },
        "is a folder where a file is wanted",
    ),
    (
        "a folder that is gone",
        |files| fs::remove_dir_all(files.folder.path()).unwrap(),
        "no such file",
    ),
];

#[test]
fn each_anomaly_leaves_the_old_pair_in_use_and_is_said_in_one_line() {
    let log = Log::begin();
    for (what, happen, says) in ANOMALIES {
        let first = valid("first");
        let mut files = Files::new(&first);
        files.next().unwrap();
        log.take();
        happen(&files);
        for _ in 0..5 {
            let kept = files.next().unwrap();
            assert_eq!(thumbprint(&kept), first.certificate().sha256(), "{what}");
        }
        let lines = log.take();
        let [line] = lines.as_slice() else {
            panic!("{what}: {lines:?}");
        };
        assert!(line.contains(says), "{what}: {line}");
        assert!(line.contains("the last good certificate is kept"), "{line}");
    }
}

#[test]
fn a_wrong_password_leaves_the_old_pair_in_use_and_is_said_in_one_line() {
    let log = Log::begin();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("service.p12");
    let archive = testdata("clients/p256/p256.modern.p12");
    fs::copy(&archive, &file).unwrap();
    let source = CredentialSource::files(&file, None, password());
    let now = |second| UnixTime::from_secs(NOW.as_secs() + second);
    let first = thumbprint(&source.current(now(0), Reload::IfDue).unwrap());
    log.take();
    // An archive that the other password opens.
    let made = {
        let store = CertificateStore::open(&testdata("clients/p256/p256.pair.pem"), None).unwrap();
        let chain = store.candidates().unwrap().remove(0).chain.unwrap();
        let other = Password::new("another".to_owned());
        crate::certificate_store::to_pkcs12(&chain, &store.private_key().unwrap(), &other).unwrap()
    };
    fs::write(&file, &made[..]).unwrap();
    for second in 1..4 {
        let kept = source.current(now(second), Reload::IfDue).unwrap();
        assert_eq!(thumbprint(&kept), first);
    }
    let lines = log.take();
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("password"), "{lines:?}");
}

#[test]
fn every_prefix_of_every_file_leaves_the_old_pair_in_use() {
    let (first, second) = (valid("first"), valid("second"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pair.pem");
    fs::write(&path, first.both()).unwrap();
    let source = CredentialSource::files(&path, None, None);
    source.current(NOW, Reload::Now).unwrap();
    // Key first or certificate first: of each the beginning may be there alone.
    let orders = [
        second.both(),
        format!("{}{}", second.key_pem, second.certificate_pem),
    ];
    for whole in orders {
        let whole = whole.trim_end();
        for at in 0..whole.len() {
            fs::write(&path, &whole[..at]).unwrap();
            let kept = source.current(NOW, Reload::Now).unwrap();
            let leaf = first.certificate().sha256();
            assert_eq!(thumbprint(&kept), leaf, "cut at {at}");
            assert!(kept.kept_because.is_some(), "cut at {at}");
        }
    }
    fs::write(&path, second.both()).unwrap();
    let current = source.current(NOW, Reload::Now).unwrap();
    assert_eq!(thumbprint(&current), second.certificate().sha256());
}

#[test]
fn what_has_ended_is_not_used_while_somebody_else_looks() {
    let short = made(&[(DnType::CommonName, "short")], day(-1), day(1));
    let next = made(&[(DnType::CommonName, "next")], day(-1), day(9));
    for _ in 0..50 {
        let files = Files::new(&short);
        files.source.current(NOW, Reload::IfDue).unwrap();
        files.pair(&next);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let current = files.source.current(day(2), Reload::IfDue).unwrap();
                    assert_eq!(thumbprint(&current), next.certificate().sha256());
                });
            }
        });
    }
}
