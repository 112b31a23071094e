//! Does a replaced certificate come into use whole, and a bad one not at all?

use std::{
    fs,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use countersign_proto::{thumbprint::Thumbprint, time::UnixTime};
use rcgen::DnType;
use tempfile::TempDir;

use super::*;
use crate::{
    CertificateSelector,
    certificate_store::fixture::{Made, NOW, PASSWORD, day, made, password, testdata, valid},
};

mod anomalies;

/// A certificate file and a key file that are replaced by hand.
struct Files {
    folder: TempDir,
    source: CredentialSource,
    second: u64,
}

impl Files {
    fn new(first: &Made) -> Files {
        let folder = tempfile::tempdir().unwrap();
        let source = CredentialSource::files(
            &folder.path().join("tls.crt"),
            Some(&folder.path().join("tls.key")),
            None,
        );
        let files = Files {
            folder,
            source,
            second: 0,
        };
        files.certificate(&first.certificate_pem);
        files.key(&first.key_pem);
        files
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn certificate(&self, text: &str) {
        fs::write(self.path("tls.crt"), text).unwrap();
    }

    fn key(&self, text: &str) {
        fs::write(self.path("tls.key"), text).unwrap();
    }

    fn pair(&self, made: &Made) {
        self.certificate(&made.certificate_pem);
        self.key(&made.key_pem);
    }

    /// A second later.
    fn next(&mut self) -> Result<Current, CredentialError> {
        self.second += 1;
        self.source.current(self.now(), Reload::IfDue)
    }

    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW.as_secs() + self.second)
    }
}

fn thumbprint(current: &Current) -> Thumbprint {
    current.credential.chain().leaf().sha256()
}

fn problem(error: &CredentialError) -> String {
    error.to_string()
}

#[test]
fn a_replaced_pair_is_used_a_second_later_and_not_before() {
    let (first, second) = (valid("first"), valid("second"));
    let mut files = Files::new(&first);
    assert_eq!(
        thumbprint(&files.next().unwrap()),
        first.certificate().sha256()
    );
    files.certificate(&second.certificate_pem);
    files.key(&second.key_pem);
    let at_once = files.source.current(files.now(), Reload::IfDue).unwrap();
    assert_eq!(thumbprint(&at_once), first.certificate().sha256());
    let later = files.next().unwrap();
    assert_eq!(thumbprint(&later), second.certificate().sha256());
    assert!(later.kept_because.is_none());
}

#[test]
fn asked_to_reload_now_it_does_within_the_same_second() {
    let (first, second) = (valid("first"), valid("second"));
    let mut files = Files::new(&first);
    files.next().unwrap();
    files.certificate(&second.certificate_pem);
    files.key(&second.key_pem);
    let reloaded = files.source.current(files.now(), Reload::Now).unwrap();
    assert_eq!(thumbprint(&reloaded), second.certificate().sha256());
}

#[test]
fn a_half_written_pair_never_replaces_a_good_one_and_says_why() {
    let (first, second) = (valid("first"), valid("second"));
    let mut files = Files::new(&first);
    files.next().unwrap();

    files.certificate(&second.certificate_pem);
    let half = files.next().unwrap();
    assert_eq!(thumbprint(&half), first.certificate().sha256());
    assert!(problem(&half.kept_because.unwrap()).contains("the private key does not fit"));

    files.key(&second.key_pem);
    let whole = files.next().unwrap();
    assert_eq!(thumbprint(&whole), second.certificate().sha256());
    assert!(whole.kept_because.is_none());
}

#[test]
fn a_file_cut_at_any_place_never_replaces_a_good_one() {
    let (first, second) = (valid("first"), valid("second"));
    let mut files = Files::new(&first);
    files.next().unwrap();
    files.key(&second.key_pem);
    let whole = second.certificate_pem.trim_end();
    for at in (0..whole.len()).step_by(7) {
        files.certificate(&whole[..at]);
        let kept = files.next().unwrap();
        assert_eq!(
            thumbprint(&kept),
            first.certificate().sha256(),
            "cut at {at}"
        );
        assert!(kept.kept_because.is_some());
    }
    files.certificate(&second.certificate_pem);
    for at in (0..second.key_pem.trim_end().len()).step_by(7) {
        files.key(&second.key_pem[..at]);
        let kept = files.next().unwrap();
        assert_eq!(
            thumbprint(&kept),
            first.certificate().sha256(),
            "key cut at {at}"
        );
    }
}

#[test]
fn a_file_rewritten_so_soon_that_its_dates_are_the_same_is_noticed_a_second_later() {
    let pairs = [valid("a"), valid("b")];
    let longest = pairs.each_ref().map(|pair| pair.both().len());
    // Equal lengths, so that only the dates could tell.
    let text = |at: usize| {
        let padding = longest.iter().max().unwrap() - longest[at];
        format!("{}{}", pairs[at].both(), "\n".repeat(padding))
    };
    for round in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pair.pem");
        fs::write(&path, text(0)).unwrap();
        let source = CredentialSource::files(&path, None, None);
        source.current(NOW, Reload::IfDue).unwrap();
        fs::write(&path, text(1)).unwrap();
        let later = UnixTime::from_secs(NOW.as_secs() + 1);
        let current = source.current(later, Reload::IfDue).unwrap();
        assert_eq!(
            thumbprint(&current),
            pairs[1].certificate().sha256(),
            "round {round}"
        );
    }
}

#[test]
fn files_that_vanish_leave_the_last_good_one() {
    let first = valid("first");
    let mut files = Files::new(&first);
    files.next().unwrap();
    fs::remove_file(files.path("tls.crt")).unwrap();
    let kept = files.next().unwrap();
    assert_eq!(thumbprint(&kept), first.certificate().sha256());
    assert!(problem(&kept.kept_because.unwrap()).contains("no such file"));
}

// security.md 51
#[test]
fn an_expired_replacement_and_one_of_tomorrow_do_not_replace_a_good_one() {
    let first = valid("first");
    for (from, to, says) in [(-9, -1, "expired at"), (1, 9, "is not valid before")] {
        let other = made(&[(DnType::CommonName, "other")], day(from), day(to));
        let mut files = Files::new(&first);
        files.next().unwrap();
        files.certificate(&other.certificate_pem);
        files.key(&other.key_pem);
        let kept = files.next().unwrap();
        assert_eq!(thumbprint(&kept), first.certificate().sha256());
        assert!(problem(&kept.kept_because.unwrap()).contains(says));
    }
}

#[test]
fn a_replacement_of_tomorrow_is_used_tomorrow_though_no_file_changes() {
    let first = valid("first");
    let tomorrow = made(&[(DnType::CommonName, "tomorrow")], day(1), day(9));
    let mut files = Files::new(&first);
    files.next().unwrap();
    files.certificate(&tomorrow.certificate_pem);
    files.key(&tomorrow.key_pem);
    for _ in 0..3 {
        assert_eq!(
            thumbprint(&files.next().unwrap()),
            first.certificate().sha256()
        );
    }
    let current = files.source.current(day(1), Reload::IfDue).unwrap();
    assert_eq!(thumbprint(&current), tomorrow.certificate().sha256());
}

// security.md 51
#[test]
fn when_the_certificate_in_use_ends_and_nothing_came_that_is_an_error_with_the_reason() {
    let short = made(&[(DnType::CommonName, "short")], day(-1), day(1));
    let mut files = Files::new(&short);
    files.next().unwrap();
    assert!(files.source.current(day(1), Reload::IfDue).is_ok());
    let past = UnixTime::from_secs(day(1).as_secs() + 1);
    let error = files.source.current(past, Reload::IfDue).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the certificate of \"CN=short\" expired at 2027-01-16T08:00:00Z"
    );
    let fixed = CredentialSource::fixed(
        Credential::from_files(&files.path("tls.crt"), None, None).unwrap(),
    );
    assert!(fixed.current(day(1), Reload::Now).is_ok());
    assert!(fixed.current(past, Reload::IfDue).is_err());
}

#[test]
fn in_a_store_the_next_certificate_is_taken_when_it_begins_and_when_the_first_ends() {
    let folder = tempfile::tempdir().unwrap();
    let old = made(&[(DnType::CommonName, "s")], day(-1), day(5));
    let next = made(&[(DnType::CommonName, "s")], day(2), day(9));
    fs::write(folder.path().join("1.pem"), old.both()).unwrap();
    fs::write(folder.path().join("2.pem"), next.both()).unwrap();
    let source = CredentialSource::store(
        CertificateStore::open(folder.path(), None).unwrap(),
        CertificateSelector::default(),
    );
    let at = |time| thumbprint(&source.current(time, Reload::IfDue).unwrap());
    assert_eq!(at(NOW), old.certificate().sha256());
    assert_eq!(at(day(1)), old.certificate().sha256());
    assert_eq!(at(day(2)), next.certificate().sha256());
    // A clock that was set back is followed too.
    assert_eq!(at(day(1)), old.certificate().sha256());
}

#[test]
fn a_renewed_certificate_that_is_added_to_a_store_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let old = made(&[(DnType::CommonName, "s")], day(-5), day(5));
    let new = made(&[(DnType::CommonName, "s")], day(-1), day(9));
    fs::write(folder.path().join("1.pem"), old.both()).unwrap();
    let source = CredentialSource::store(
        CertificateStore::open(folder.path(), None).unwrap(),
        CertificateSelector::default(),
    );
    let at = |second| {
        let now = UnixTime::from_secs(NOW.as_secs() + second);
        thumbprint(&source.current(now, Reload::IfDue).unwrap())
    };
    assert_eq!(at(0), old.certificate().sha256());
    assert_eq!(at(1), old.certificate().sha256());
    assert_eq!(at(2), old.certificate().sha256());
    fs::write(folder.path().join("2.pem"), new.both()).unwrap();
    assert_eq!(at(3), new.certificate().sha256());
}

#[test]
fn in_a_store_the_one_before_the_newest_is_known_if_it_has_the_same_name() {
    let folder = tempfile::tempdir().unwrap();
    let put = |file: &str, name: &str, from| {
        let made = made(&[(DnType::CommonName, name)], day(from), day(9));
        fs::write(folder.path().join(file), made.both()).unwrap();
        made.certificate().sha256()
    };
    let before = put("1.pem", "service", -5);
    put("2.pem", "of another name", -2);
    put("3.pem", "service", -1);
    let source = CredentialSource::store(
        CertificateStore::open(folder.path(), None).unwrap(),
        CertificateSelector::default(),
    );
    let predecessor = source.current(NOW, Reload::IfDue).unwrap().predecessor;
    assert_eq!(predecessor.unwrap().chain().leaf().sha256(), before);
    fs::remove_file(folder.path().join("1.pem")).unwrap();
    let alone = source.current(NOW, Reload::Now).unwrap();
    assert!(alone.predecessor.is_none());
}

#[test]
fn nothing_there_yet_is_an_error_until_something_is() {
    let made = valid("late");
    let mut files = Files::new(&made);
    fs::remove_file(files.path("tls.key")).unwrap();
    let error = files.next().unwrap_err();
    assert!(problem(&error).contains("tls.key: no such file"), "{error}");
    files.key(&made.key_pem);
    assert!(files.next().is_ok());
}

#[cfg(unix)]
#[test]
fn a_mounted_secret_is_followed_when_its_link_is_turned() {
    use std::os::unix::fs::symlink;

    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let (first, second) = (valid("first"), valid("second"));
    for (name, made) in [("..1", &first), ("..2", &second)] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("tls.crt"), &made.certificate_pem).unwrap();
        fs::write(at(name).join("tls.key"), &made.key_pem).unwrap();
    }
    symlink("..1", at("..data")).unwrap();
    symlink("..data/tls.crt", at("tls.crt")).unwrap();
    symlink("..data/tls.key", at("tls.key")).unwrap();

    let files = CredentialSource::files(&at("tls.crt"), None, None);
    let store = CredentialSource::store(
        CertificateStore::open(folder.path(), None).unwrap(),
        CertificateSelector::default(),
    );
    for source in [&files, &store] {
        let current = source.current(NOW, Reload::IfDue).unwrap();
        assert_eq!(thumbprint(&current), first.certificate().sha256());
    }
    symlink("..2", at("..new")).unwrap();
    fs::rename(at("..new"), at("..data")).unwrap();
    for source in [&files, &store] {
        let later = UnixTime::from_secs(NOW.as_secs() + 1);
        let current = source.current(later, Reload::IfDue).unwrap();
        assert_eq!(thumbprint(&current), second.certificate().sha256());
    }
}

#[test]
fn a_reader_beside_a_writer_only_ever_sees_pairs_that_fit() {
    let pairs = [valid("a"), valid("b")];
    let files = Files::new(&pairs[0]);
    let known = pairs.each_ref().map(|pair| pair.certificate().sha256());
    files.source.current(NOW, Reload::Now).unwrap();
    let done = Arc::new(AtomicBool::new(false));
    let reader = {
        let (source, done) = (files.source.clone(), Arc::clone(&done));
        thread::spawn(move || {
            let mut seen = 0_u32;
            while !done.load(Ordering::Relaxed) {
                let current = source.current(NOW, Reload::Now).unwrap();
                let credential = &current.credential;
                assert!(known.contains(&thumbprint(&current)));
                let leaf = credential.chain().leaf();
                assert_eq!(credential.key().public_key(), leaf.public_key());
                seen += 1;
            }
            seen
        })
    };
    for round in 0..300 {
        let next = &pairs[(round + 1) % 2];
        if round % 3 == 0 {
            files.certificate(&next.certificate_pem);
            files.key(&next.key_pem);
        } else {
            for (name, text) in [
                ("tls.key", &next.key_pem),
                ("tls.crt", &next.certificate_pem),
            ] {
                fs::write(files.path("new"), text).unwrap();
                fs::rename(files.path("new"), files.path(name)).unwrap();
            }
        }
    }
    done.store(true, Ordering::Relaxed);
    assert!(reader.join().unwrap() > 0);
    let last = files.source.current(NOW, Reload::Now).unwrap();
    assert_eq!(thumbprint(&last), pairs[0].certificate().sha256());
}

#[test]
fn it_is_due_once_a_second_and_a_fixed_one_never() {
    let made = valid("due");
    let mut files = Files::new(&made);
    assert!(files.source.is_due(NOW));
    files.next().unwrap();
    assert!(!files.source.is_due(files.now()));
    assert!(
        files
            .source
            .is_due(UnixTime::from_secs(files.now().as_secs() + 1))
    );
    let fixed = CredentialSource::fixed(files.next().unwrap().credential);
    assert!(!fixed.is_due(NOW));
}

#[test]
fn a_credential_is_read_from_files_of_each_form() {
    for (certificate, key) in [
        ("clients/p256/p256.pem", None),
        (
            "clients/p256/p256.pem",
            Some("clients/p256/p256.encrypted.key"),
        ),
        ("clients/p256/p256.pair.pem", None),
        ("clients/p256/p256.modern.p12", None),
        ("clients/p256/p256.legacy.p12", None),
    ] {
        let key = key.map(testdata);
        Credential::from_files(&testdata(certificate), key.as_deref(), password().as_ref())
            .unwrap();
    }
}

#[test]
fn a_file_that_gives_no_credential_says_why() {
    let error = |certificate: &str, key: Option<&str>| {
        let key = key.map(testdata);
        let read = Credential::from_files(&testdata(certificate), key.as_deref(), None);
        read.unwrap_err().to_string()
    };
    for (certificate, key, expected) in [
        ("absent.pem", None, "no such file or folder"),
        (
            "refused/not-pem.pem",
            None,
            "holds no certificate and no private key",
        ),
        (
            "refused/key-of-another.pem",
            None,
            "the private key does not fit",
        ),
        ("refused/rsa1024.pem", None, "1024"),
        ("refused/wrong-eku.pem", None, "may not sign"),
        ("authority/authority.pem", None, "may not sign"),
        (
            "clients/p256/p256.modern.p12",
            None,
            "no password was given",
        ),
        ("clients/p256/p256.key", None, "holds no certificate"),
        ("stores/no-key.p12", None, "no password was given"),
        ("signed/p256.chain.p12", None, "no password was given"),
        (
            "clients/p256/p256.pem",
            Some("stores/pbes1.key"),
            "openssl pkcs8 -topk8",
        ),
        (
            "clients/p256/p256.pem",
            Some("absent.key"),
            "no such file or folder",
        ),
    ] {
        let text = error(certificate, key);
        assert!(text.contains(expected), "{certificate}: {text}");
        assert!(!text.contains(PASSWORD));
    }
}
