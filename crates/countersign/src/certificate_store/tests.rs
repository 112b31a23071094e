//! Is every form of certificate and key read, and every bad one refused with its reason?

use std::{fs, path::Path};

use countersign_proto::key::SigningKey;

use super::{
    fixture::{PASSWORD, password, testdata, valid},
    *,
};

const KINDS: [&str; 6] = ["rsa2048", "rsa3072", "p256", "p384", "p521", "ed25519"];

fn candidates(path: &Path) -> Vec<Candidate> {
    CertificateStore::at(path, None, password())
        .candidates()
        .unwrap()
}

fn one(path: &Path) -> Candidate {
    let mut found = candidates(path);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn with_key(certificate: &Path, key: &Path, password: Option<Password>) -> Candidate {
    let store = CertificateStore::at(certificate, Some(key), password);
    store.candidates().unwrap().remove(0)
}

fn key_of(candidate: &Candidate) -> &Arc<dyn SigningKey> {
    match &candidate.key {
        KeyState::Present(key) => key,
        state => panic!("{}: {state:?}", candidate.source.display()),
    }
}

fn reason(candidate: &Candidate) -> &str {
    match &candidate.key {
        KeyState::Locked(reason) | KeyState::Unusable(reason) => reason,
        state => panic!("{state:?}"),
    }
}

/// The SHA-1 thumbprint as openssl computed it.
fn thumbprint_by_openssl(file: &str) -> String {
    let list = fs::read_to_string(testdata("thumbprints.txt")).unwrap();
    let line = list
        .lines()
        .find(|line| line.split('|').next() == Some(file))
        .unwrap();
    line.split('|').nth(1).unwrap().to_owned()
}

// checklist T5
#[test]
fn keys_and_certificates_of_every_kind_are_read_in_every_form_that_openssl_writes() {
    for kind in KINDS {
        let file = |ending: &str| testdata(&format!("clients/{kind}/{kind}.{ending}"));
        let mut found = vec![one(&file("pem")), one(&file("pair.pem"))];
        let keys = ["key", "encrypted.key", "scrypt.key", "traditional.key"];
        for key in keys.map(file).iter().filter(|key| key.exists()) {
            found.push(with_key(&file("pem"), key, password()));
        }
        for store in ["modern.p12", "legacy.p12"] {
            found.push(one(&file(store)));
            let open = CertificateStore::at(&file(&store.replace('.', ".nopassword.")), None, None);
            found.push(open.candidates().unwrap().remove(0));
        }
        let expected = thumbprint_by_openssl(&format!("clients/{kind}/{kind}.pem"));
        assert!(found.len() >= 9, "{kind}");
        for candidate in &found {
            let leaf = candidate.chain.as_ref().unwrap().leaf();
            assert_eq!(leaf.sha1().to_hex(), expected);
            assert_eq!(key_of(candidate).public_key(), leaf.public_key());
        }
    }
}

#[test]
fn a_chain_is_taken_from_pem_and_from_pkcs12_and_the_issuer_is_no_candidate_of_its_own() {
    for file in ["signed/p384.chain.pem", "signed/p384.chain.p12"] {
        let store = CertificateStore::at(
            &testdata(file),
            file.ends_with("pem")
                .then(|| testdata("signed/p384.key"))
                .as_deref(),
            password(),
        );
        let found = store.candidates().unwrap();
        assert_eq!(found.len(), 1, "{found:?}");
        let chain = found[0].chain.as_ref().unwrap();
        assert_eq!(chain.issuers().len(), 1, "{file}");
        assert_eq!(chain.issuers()[0].subject(), chain.leaf().issuer());
        key_of(&found[0]);
    }
}

#[test]
fn a_leaf_that_stands_after_its_issuer_is_still_the_leaf() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.pem");
    let parts = [
        "authority/authority.pem",
        "signed/p256.pem",
        "signed/p256.key",
    ];
    let text: String = parts
        .map(|part| fs::read_to_string(testdata(part)).unwrap())
        .concat();
    fs::write(&path, text).unwrap();
    let found = one(&path);
    let leaf = found.chain.as_ref().unwrap().leaf();
    assert_eq!(
        leaf.sha1().to_hex(),
        thumbprint_by_openssl("signed/p256.pem")
    );
    key_of(&found);
}

#[test]
fn encrypted_keys_of_all_ciphers_and_pseudo_random_functions_are_opened() {
    let certificate = testdata("clients/p256/p256.pem");
    for name in ["aes128", "aes192", "des3", "sha1", "sha512"] {
        let key = testdata(&format!("stores/{name}.key"));
        key_of(&with_key(&certificate, &key, password()));
    }
    for name in ["des3", "plain-certificate", "no-mac"] {
        key_of(&one(&testdata(&format!("stores/{name}.p12"))));
    }
}

// security.md B13
#[test]
fn a_password_beyond_ascii_opens_what_openssl_encrypted_with_it() {
    let password = || Some(Password::new("pässwörd€".to_owned()));
    let certificate = testdata("clients/p256/p256.pem");
    key_of(&with_key(
        &certificate,
        &testdata("stores/not-ascii.key"),
        password(),
    ));
    let store = CertificateStore::at(&testdata("stores/not-ascii.p12"), None, password());
    key_of(&store.candidates().unwrap()[0]);
}

// security.md B13
#[test]
fn a_password_of_surrogate_pairs_or_without_end_is_a_wrong_password_and_no_panic() {
    for text in ["\u{1f511}".to_owned(), "x".repeat(100_000), "\0".to_owned()] {
        for file in ["stores/not-ascii.p12", "clients/p256/p256.legacy.p12"] {
            let password = Some(Password::new(text.clone()));
            let store = CertificateStore::at(&testdata(file), None, password);
            let found = store.candidates().unwrap();
            assert!(matches!(found[0].key, KeyState::Locked(_)), "{found:?}");
        }
    }
}

#[test]
fn a_missing_password_and_a_wrong_one_are_told_apart() {
    let certificate = testdata("clients/p256/p256.pem");
    let wrong = || Some(Password::new("wrong".to_owned()));
    for key in [
        "clients/p256/p256.encrypted.key",
        "clients/p256/p256.scrypt.key",
    ] {
        let without = with_key(&certificate, &testdata(key), None);
        assert!(matches!(without.key, KeyState::Locked(_)));
        assert!(reason(&without).ends_with("encrypted and no password was given"));
        let with = with_key(&certificate, &testdata(key), wrong());
        assert!(matches!(with.key, KeyState::Locked(_)));
        assert!(reason(&with).contains("the password does not open"));
    }
    for store in [
        "clients/p256/p256.modern.p12",
        "clients/p256/p256.legacy.p12",
    ] {
        let ask = |password| {
            let store = CertificateStore::at(&testdata(store), None, password);
            store.candidates().unwrap().remove(0)
        };
        assert!(reason(&ask(None)).ends_with("encrypted and no password was given"));
        assert!(reason(&ask(wrong())).contains("the password does not open"));
    }
}

#[test]
fn a_password_that_nothing_needs_does_no_harm() {
    key_of(&one(&testdata("clients/p256/p256.modern.nopassword.p12")));
    key_of(&one(&testdata("clients/p256/p256.pair.pem")));
}

#[test]
fn old_encryptions_are_refused_with_the_line_that_converts_them() {
    let certificate = testdata("clients/p256/p256.pem");
    for name in ["pbes1", "pbes1-3des", "traditional-ec", "traditional-rsa"] {
        let key = testdata(&format!("stores/{name}.key"));
        let found = with_key(&certificate, &key, password());
        assert!(matches!(found.key, KeyState::Unusable(_)), "{found:?}");
        let line = format!(
            "openssl pkcs8 -topk8 -v2 aes-256-cbc -in {0} -out {0}.new",
            key.display()
        );
        assert!(reason(&found).ends_with(&line), "{}", reason(&found));
    }
}

// security.md B13: the file asks for 2^31-1 iterations, which would be minutes
#[test]
fn iteration_bombs_are_refused_before_the_first_iteration() {
    for (file, expected) in [
        ("bomb.p12", "asks for 2147483647 iterations"),
        ("iterations.p12", "asks for 1000001 iterations"),
        ("iterations-legacy.p12", "asks for 1000001 iterations"),
        ("iterations-in-all.p12", "iterations of its password in all"),
    ] {
        let found = one(&testdata(&format!("stores/{file}")));
        assert!(found.chain.is_none());
        assert!(reason(&found).contains(expected), "{}", reason(&found));
    }
    let certificate = testdata("clients/p256/p256.pem");
    let found = with_key(&certificate, &testdata("stores/iterations.key"), password());
    assert!(reason(&found).contains("asks for 1000001 iterations"));
}

// security.md B13
#[test]
fn a_key_that_asks_scrypt_for_more_memory_than_is_given_is_refused() {
    let pem = fs::read_to_string(testdata("clients/p256/p256.scrypt.key")).unwrap();
    let mut der = ::pem::parse(pem).unwrap().into_contents();
    // N = 16384, r = 8, p = 1 as openssl writes them; then r = 127: 254 MiB; then N is doubled.
    let at = der
        .windows(10)
        .position(|window| window == [2, 2, 0x40, 0, 2, 1, 8, 2, 1, 1])
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scrypt.key");
    der[at + 6] = 127;
    der[at + 9] = 5;
    fs::write(&path, &der).unwrap();
    let found = with_key(&testdata("clients/p256/p256.pem"), &path, password());
    assert!(
        reason(&found).contains("memory or work of scrypt"),
        "{found:?}"
    );
}

// security.md B12, B13
#[test]
fn damaged_files_are_refused_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    for (file, step) in [
        ("clients/ed25519/ed25519.modern.p12", 23),
        ("clients/ed25519/ed25519.legacy.p12", 23),
        ("stores/plain-certificate.p12", 31),
        ("clients/p256/p256.pem", 11),
    ] {
        let whole = fs::read(testdata(file)).unwrap();
        let whole = whole.strip_suffix(b"\n").unwrap_or(&whole).to_vec();
        let path = folder.path().join("damaged");
        for at in (0..whole.len()).step_by(step) {
            fs::write(&path, &whole[..at]).unwrap();
            let cut = candidates(&path);
            assert!(
                cut.iter().all(|found| found.chain.is_none()),
                "{file} cut at {at}"
            );
            let mut flipped = whole.clone();
            flipped[at] ^= 0x81;
            fs::write(&path, &flipped).unwrap();
            candidates(&path);
        }
    }
}

#[test]
fn a_pair_file_cut_anywhere_gives_no_certificate_with_a_key() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pair.pem");
    let whole = valid("pair").both();
    for at in 0..whole.trim_end().len() {
        fs::write(&path, &whole[..at]).unwrap();
        for found in candidates(&path) {
            assert!(!matches!(found.key, KeyState::Present(_)), "cut at {at}");
        }
    }
}

#[test]
fn certificates_and_keys_in_der_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let der = |file: &str| {
        let text = fs::read_to_string(testdata(file)).unwrap();
        let blocks = pem::blocks(&text).unwrap();
        let block = blocks
            .iter()
            .find(|block| !block.label.contains("PARAM"))
            .unwrap();
        ::pem::parse(block.text).unwrap().into_contents()
    };
    for kind in ["p256", "rsa2048"] {
        let certificate = folder.path().join("client.cer");
        fs::write(&certificate, der(&format!("clients/{kind}/{kind}.pem"))).unwrap();
        for form in ["key", "traditional.key", "encrypted.key"] {
            let key = folder.path().join("client.key");
            fs::write(&key, der(&format!("clients/{kind}/{kind}.{form}"))).unwrap();
            key_of(&one(&certificate));
        }
    }
}

#[test]
fn the_key_beside_a_certificate_is_found_by_its_usual_names() {
    let made = valid("beside");
    for (certificate, key) in [
        ("client.pem", "client.key"),
        ("client.crt", "client.pem"),
        ("client.pem", "client-key.pem"),
        ("client.pem", "client.pem.key"),
        ("client-cert.pem", "client-key.pem"),
        ("tls.crt", "tls.key"),
        ("fullchain.pem", "privkey.pem"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let certificate = folder.path().join(certificate);
        fs::write(&certificate, &made.certificate_pem).unwrap();
        assert!(matches!(one(&certificate).key, KeyState::Absent));
        fs::write(folder.path().join(key), &made.key_pem).unwrap();
        key_of(&one(&certificate));
    }
}

#[test]
fn in_a_folder_any_key_that_fits_is_found_and_one_that_does_not_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let (one, two) = (valid("one"), valid("two"));
    write("a.pem", &one.certificate_pem);
    write("z.key", &one.key_pem);
    write("b.pem", &two.certificate_pem);
    write("b.key", &one.key_pem);
    write("notes.txt", "passed over");
    write(".hidden.pem", "passed over");
    let found = candidates(folder.path());
    assert_eq!(found.len(), 2, "{found:?}");
    key_of(&found[0]);
    assert!(matches!(found[1].key, KeyState::DoesNotFit));
}

#[test]
fn in_a_folder_the_issuer_is_taken_from_another_file() {
    let folder = tempfile::tempdir().unwrap();
    for (from, to) in [
        ("signed/p256.pem", "client.pem"),
        ("signed/p256.key", "client.key"),
        ("authority/authority.pem", "ca.crt"),
    ] {
        fs::copy(testdata(from), folder.path().join(to)).unwrap();
    }
    let found = candidates(folder.path());
    let client = found
        .iter()
        .find(|found| found.source.ends_with("client.pem"));
    assert_eq!(client.unwrap().chain.as_ref().unwrap().issuers().len(), 1);
}

#[test]
fn a_locked_key_of_a_folder_is_told_to_the_certificate_without_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(
        testdata("clients/p256/p256.pem"),
        folder.path().join("a.pem"),
    )
    .unwrap();
    let locked = testdata("clients/p256/p256.encrypted.key");
    fs::copy(locked, folder.path().join("secret.key")).unwrap();
    let store = CertificateStore::open(folder.path(), None).unwrap();
    let found = store.candidates().unwrap();
    assert_eq!(found.len(), 1);
    assert!(reason(&found[0]).contains("secret.key: the private key is encrypted"));
}

#[test]
fn a_file_that_is_no_certificate_is_a_candidate_with_its_problem() {
    assert_eq!(
        reason(&one(&testdata("refused/not-pem.pem"))),
        "holds no certificate and no private key"
    );
    let weak = one(&testdata("refused/rsa1024.pem"));
    assert!(reason(&weak).contains("1024"), "{}", reason(&weak));
    let absent = CertificateStore::open(&testdata("absent"), None);
    assert!(
        absent
            .unwrap_err()
            .to_string()
            .ends_with("absent: no such file or folder")
    );
}

#[test]
fn a_folder_may_hold_a_thousand_files_and_not_one_more() {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..1000 {
        fs::write(folder.path().join(format!("{number}.pem")), "").unwrap();
    }
    assert_eq!(candidates(folder.path()).len(), 1000);
    fs::write(folder.path().join("one-more.pem"), "").unwrap();
    let store = CertificateStore::open(folder.path(), None).unwrap();
    assert_eq!(
        store.candidates().unwrap_err(),
        StoreError::TooManyFiles(folder.path().to_owned(), 1000)
    );
}

#[test]
fn text_between_the_blocks_may_be_in_any_encoding() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("latin.pem");
    let mut bytes = b"friendlyName: Gesch\xe4ft\r\n".to_vec();
    bytes.extend(valid("latin").both().replace('\n', "\r\n").bytes());
    fs::write(&path, bytes).unwrap();
    key_of(&one(&path));
}

// security.md C5
#[cfg(unix)]
#[test]
fn a_key_file_that_everybody_may_read_is_used_with_a_warning() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("client.pem");
    fs::write(&path, valid("open").both()).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o604)).unwrap();
    let found = one(&path);
    key_of(&found);
    assert_eq!(found.warnings.len(), 1);
    assert!(found.warnings[0].contains("(mode 0604): chmod 600"));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(one(&path).warnings.is_empty());
}

// security.md 53, C5
#[test]
fn no_message_and_no_debug_text_has_the_password_or_bytes_of_a_key() {
    let mut texts = vec![format!("{:?}", password())];
    for folder in [
        "clients/p256",
        "clients/rsa2048",
        "stores",
        "refused",
        "signed",
    ] {
        for password in [
            password(),
            Some(Password::new("another-password".to_owned())),
        ] {
            let store = CertificateStore::open(&testdata(folder), password).unwrap();
            texts.push(format!("{store:?} {:?}", store.candidates().unwrap()));
        }
    }
    let all = texts.concat();
    assert!(!all.contains(PASSWORD) && !all.contains("another-password"));
    for file in [
        "clients/p256/p256.key",
        "clients/rsa2048/rsa2048.key",
        "stores/aes128.key",
    ] {
        let pem = fs::read_to_string(testdata(file)).unwrap();
        for line in pem
            .lines()
            .filter(|line| !line.starts_with('-') && line.len() >= 16)
        {
            assert!(!all.contains(line));
        }
        let der = ::pem::parse(pem).unwrap().into_contents();
        let hex: String = der.iter().map(|byte| format!("{byte:02x}")).collect();
        let decimal = format!("{:?}", &der[40..48]);
        assert!(!all.to_lowercase().contains(&hex[80..112]));
        assert!(!all.contains(decimal.trim_matches(['[', ']'])));
    }
}
