//! Which private key is in one file, whether or not a certificate is with it?

use std::path::Path;

use countersign_proto::{jwt::PrivateKey, key::KeyError};
use pkcs8::SecretDocument;

use super::{
    KeyState, Password,
    contents::{Form, closed_state, form},
    encrypted_key, file, pem, pkcs12,
};

/// The first private key of a file of any of the forms. The error says why there is none, and is
/// never [`KeyState::Present`].
pub(super) fn read(path: &Path, password: Option<&Password>) -> Result<PrivateKey, KeyState> {
    let read = file::read(path).map_err(KeyState::Unusable)?;
    if read.bytes.first() == Some(&0x30) {
        return from_der(&read.bytes, password, path);
    }
    match std::str::from_utf8(&read.bytes) {
        Ok(text) => from_pem(text, password, path),
        Err(_) => Err(KeyState::Unusable("is not text".to_owned())),
    }
}

fn from_der(der: &[u8], password: Option<&Password>, path: &Path) -> Result<PrivateKey, KeyState> {
    match form(der) {
        Some(Form::Pkcs12) => {
            let archive = pkcs12::open(der, password, path).map_err(closed_state)?;
            let key = archive.keys.first().ok_or(KeyState::Absent)?;
            PrivateKey::from_pkcs8(key.key.as_der()).map_err(refused)
        }
        Some(Form::EncryptedPkcs8) => decrypted(der, password, path),
        Some(Form::Pkcs8) => PrivateKey::from_pkcs8(der).map_err(refused),
        Some(Form::Pkcs1) => PrivateKey::from_pkcs1(der).map_err(refused),
        Some(Form::Sec1) => PrivateKey::from_sec1(der).map_err(refused),
        Some(Form::Certificate) => Err(KeyState::Absent),
        None => Err(KeyState::Unusable(
            "is cut off, or no certificate or key in DER".to_owned(),
        )),
    }
}

fn from_pem(text: &str, password: Option<&Password>, path: &Path) -> Result<PrivateKey, KeyState> {
    let blocks = pem::blocks(text).map_err(KeyState::Unusable)?;
    let block = blocks
        .into_iter()
        .find(|block| block.label.ends_with("PRIVATE KEY"))
        .ok_or(KeyState::Absent)?;
    if block.is_traditionally_encrypted() {
        return Err(KeyState::Unusable(encrypted_key::traditional(path)));
    }
    if block.label != "ENCRYPTED PRIVATE KEY" {
        return PrivateKey::from_pem(block.text).map_err(refused);
    }
    match ::pem::parse(block.text) {
        Ok(parsed) => decrypted(parsed.contents(), password, path),
        Err(_) => Err(KeyState::Unusable(
            "the private key block is damaged".to_owned(),
        )),
    }
}

fn decrypted(der: &[u8], password: Option<&Password>, path: &Path) -> Result<PrivateKey, KeyState> {
    let plain: SecretDocument =
        encrypted_key::decrypt(der, password, path).map_err(closed_state)?;
    PrivateKey::from_pkcs8(plain.as_bytes()).map_err(refused)
}

#[expect(clippy::needless_pass_by_value, reason = "shaped for map_err")]
fn refused(error: KeyError) -> KeyState {
    KeyState::Unusable(format!("the private key is refused: {error}"))
}

#[cfg(test)]
mod tests {
    use countersign_proto::{
        certificate::Certificate,
        key::{LocalKey, SigningKey as _},
    };

    use super::*;
    use crate::certificate_store::{
        CertificateStore, ToPkcs12Error,
        fixture::{password, testdata},
        to_pkcs12,
    };

    const KINDS: [&str; 6] = ["rsa2048", "rsa3072", "p256", "p384", "p521", "ed25519"];

    fn refusal(path: &Path, password: Option<&Password>) -> KeyState {
        read(path, password).map(|_| ()).unwrap_err()
    }

    // checklist K27
    #[test]
    fn the_key_of_a_certificate_is_read_from_every_form_that_openssl_writes() {
        for kind in KINDS {
            let file = |ending: &str| testdata(&format!("clients/{kind}/{kind}.{ending}"));
            let certificate = std::fs::read_to_string(file("pem")).unwrap();
            let certificate = Certificate::all_from_pem(&certificate).unwrap().remove(0);
            let mut endings = vec![
                "key",
                "pair.pem",
                "encrypted.key",
                "scrypt.key",
                "modern.p12",
                "legacy.p12",
                "modern.nopassword.p12",
            ];
            if kind != "ed25519" {
                endings.push("traditional.key");
            }
            for ending in endings {
                let key = read(&file(ending), password().as_ref()).expect(ending);
                assert_eq!(
                    key.public_key(),
                    certificate.public_key(),
                    "{kind} {ending}"
                );
                let key = key.to_local_key().unwrap();
                let algorithm = key.public_key().algorithms()[0];
                let signature = key.sign(algorithm, b"m").unwrap();
                let verified = certificate.public_key().verify(algorithm, b"m", &signature);
                assert!(verified.is_ok(), "{kind} {ending}");
            }
        }
    }

    // checklist K27
    #[test]
    fn what_is_written_as_pkcs12_is_read_back_and_only_with_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.p12");
        for kind in ["p256", "rsa2048", "ed25519"] {
            let pair = testdata(&format!("clients/{kind}/{kind}.pair.pem"));
            let store = CertificateStore::open(&pair, None).unwrap();
            let chain = store.candidates().unwrap().remove(0).chain.unwrap();
            let key = store.private_key().unwrap();
            let password = Password::new("a new pass\u{e9}".to_owned());
            let written = to_pkcs12(&chain, &key, &password).unwrap();
            std::fs::write(&path, &written[..]).unwrap();
            let read = CertificateStore::open(&path, Some(password.clone())).unwrap();
            let candidate = read.candidates().unwrap().remove(0);
            assert_eq!(candidate.chain.unwrap().leaf(), chain.leaf(), "{kind}");
            assert!(matches!(candidate.key, KeyState::Present(_)), "{kind}");
            assert_eq!(read.private_key().unwrap().public_key(), key.public_key());
            for wrong in [None, Some(Password::new("wrong".to_owned()))] {
                let refusal = refusal(&path, wrong.as_ref());
                assert!(matches!(refusal, KeyState::Locked(_)), "{kind} {refusal:?}");
            }
            let other = PrivateKey::generate(countersign_proto::key::KeyType::P256).unwrap();
            assert_eq!(
                to_pkcs12(&chain, &other, &password).err(),
                Some(ToPkcs12Error::KeyOfAnother)
            );
            for impossible in ["", "\u{1f511}"] {
                let password = Password::new(impossible.to_owned());
                assert_eq!(
                    to_pkcs12(&chain, &key, &password).err(),
                    Some(ToPkcs12Error::Password)
                );
            }
        }
    }

    #[test]
    fn the_der_of_a_key_is_read_without_its_frame() {
        let folder = tempfile::tempdir().unwrap();
        for kind in ["p256", "rsa2048"] {
            for ending in ["key", "traditional.key", "encrypted.key"] {
                let pem = testdata(&format!("clients/{kind}/{kind}.{ending}"));
                let pem = std::fs::read_to_string(pem).unwrap();
                let der = folder.path().join(format!("{kind}.{ending}.der"));
                let block = pem::blocks(&pem).unwrap();
                let block = block
                    .iter()
                    .find(|block| block.label.ends_with("PRIVATE KEY"));
                let contents = ::pem::parse(block.unwrap().text).unwrap();
                std::fs::write(&der, contents.contents()).unwrap();
                let key = read(&der, password().as_ref()).expect(ending);
                let plain = testdata(&format!("clients/{kind}/{kind}.key"));
                let plain = std::fs::read_to_string(plain).unwrap();
                let plain = LocalKey::from_pem(&plain).unwrap();
                assert_eq!(key.public_key(), plain.public_key());
            }
        }
    }

    #[test]
    fn what_is_locked_absent_or_damaged_is_refused_with_the_reason() {
        let file = |name: &str| testdata(&format!("clients/p256/p256.{name}"));
        for name in ["encrypted.key", "modern.p12"] {
            let refusal = refusal(&file(name), None);
            assert!(
                matches!(refusal, KeyState::Locked(_)),
                "{name}: {refusal:?}"
            );
            let wrong = Password::new("wrong".to_owned());
            let refusal = self::refusal(&file(name), Some(&wrong));
            assert!(
                matches!(refusal, KeyState::Locked(_)),
                "{name}: {refusal:?}"
            );
        }
        assert!(matches!(refusal(&file("pem"), None), KeyState::Absent));
        let missing = refusal(&testdata("missing.key"), None);
        assert!(matches!(missing, KeyState::Unusable(why) if why == "no such file or folder"));
        let weak = refusal(&testdata("refused/rsa1024.key"), None);
        assert!(matches!(weak, KeyState::Unusable(why) if why.contains("1024 bits")));
        let folder = tempfile::tempdir().unwrap();
        for content in [
            &b"\x30\x82"[..],
            b"\xff\xfe",
            b"",
            b"-----BEGIN PRIVATE KEY-----",
        ] {
            let path = folder.path().join("damaged");
            std::fs::write(&path, content).unwrap();
            let refusal = refusal(&path, None);
            let refused = matches!(refusal, KeyState::Unusable(_) | KeyState::Absent);
            assert!(refused, "{content:?}: {refusal:?}");
        }
    }
}
