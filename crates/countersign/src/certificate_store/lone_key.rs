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
    use crate::certificate_store::fixture::{password, testdata};

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
