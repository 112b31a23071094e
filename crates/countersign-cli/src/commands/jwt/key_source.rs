//! Which key is meant, and in which of all forms is it written?

use std::{
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign::{
    Clock, SystemClock,
    certificate_store::{CertificateStore, KeyState},
    proto::{
        certificate::Certificate,
        jwt::{KeyRefusal, Kid, PrivateKey, Signer, SymmetricKey, SymmetricKeyError, TrustedKeys},
        key::{KeyError, PublicKey},
    },
};
use zeroize::Zeroizing;

use super::{algorithm, refused};
use crate::{
    args::{Environment, KeyForm, KeySource, SignerOptions, StoreOptions},
    certificate_choice::{Choice, store_password, unusable},
    failure::Failure,
    output::Output,
    token_source::{bytes_of, from_environment, from_stdin, is_stdin, text_of},
    typed_secret,
};

/// A key as it was read, in a form that is known.
pub(super) struct KeyText {
    bytes: Zeroizing<Vec<u8>>,
    form: KeyForm,
    /// What it is called in errors.
    name: String,
    /// Where it is read again, when it turns out to be encrypted.
    file: Option<PathBuf>,
}

/// What signs.
pub(super) fn signer(
    options: &SignerOptions,
    environment: &Environment,
    output: &Output,
) -> Result<Signer, Failure> {
    let (name, mut signer) = match &options.cert {
        Some(selector) => {
            let signer = of_certificate(selector, &options.store, environment, output)?;
            (selector.clone(), signer)
        }
        None => {
            let text = KeyText::read(&options.source)?.ok_or_else(no_key)?;
            let signer = text.signer(&options.store, environment)?;
            warn_of_open_file(text.file.as_deref(), output);
            (text.name, signer)
        }
    };
    if let Some(name_of_algorithm) = &options.alg {
        let wanted = algorithm(name_of_algorithm)?;
        signer = signer
            .with_algorithm(wanted)
            .map_err(|refusal| Failure::usage(format!("--alg {name_of_algorithm}: {refusal}")))?;
    }
    if let Some(kid) = &options.kid {
        signer = signer.with_kid(&kid_form(kid)?).map_err(refused(&name))?;
    }
    if options.x5c {
        signer = signer.with_x5c().map_err(refused(&name))?;
    }
    Ok(signer)
}

/// By what is believed: the one key of the options, and the keys of more files.
pub(super) fn trusted(
    source: &KeySource,
    more: &[PathBuf],
    environment: &Environment,
) -> Result<TrustedKeys, Failure> {
    let mut all = Vec::new();
    if let Some(text) = KeyText::read(source)? {
        all.push(text.trusted(environment)?);
    }
    for file in more {
        all.push(KeyText::of_file(file, None)?.trusted(environment)?);
    }
    if all.is_empty() {
        return Err(no_key());
    }
    TrustedKeys::together(&all).map_err(refused("the keys together"))
}

/// Reads the value of `--kid`.
pub(super) fn kid_form(text: &str) -> Result<Kid, Failure> {
    text.parse().map_err(|_| {
        Failure::usage(format!("--kid {text:?} is not a form of kid")).hint(
            "thumbprint, sha1-hex, sha256-hex, sha1-base64url, sha256-base64url, none or \
             literal:VALUE",
        )
    })
}

impl KeyText {
    /// What the options name; `None` when they name nothing.
    fn read(source: &KeySource) -> Result<Option<KeyText>, Failure> {
        if let Some(file) = &source.key {
            return KeyText::of_file(file, source.key_form).map(Some);
        }
        if let Some(name) = &source.key_env {
            let bytes = from_environment(name)?;
            return KeyText::new(bytes, source.key_form, name, None).map(Some);
        }
        if source.ask_key {
            let typed = typed_secret::ask("key: ")?;
            let bytes = Zeroizing::new(typed.as_bytes().to_vec());
            return KeyText::new(bytes, source.key_form, "the key", None).map(Some);
        }
        Ok(None)
    }

    /// A file, or stdin as `-`.
    pub(super) fn of_file(file: &Path, form: Option<KeyForm>) -> Result<KeyText, Failure> {
        if is_stdin(file) {
            return KeyText::new(from_stdin("key")?, form, "stdin", None);
        }
        let name = file.display().to_string();
        KeyText::new(bytes_of(file)?, form, &name, Some(file.to_owned()))
    }

    fn new(
        bytes: Zeroizing<Vec<u8>>,
        form: Option<KeyForm>,
        name: &str,
        file: Option<PathBuf>,
    ) -> Result<KeyText, Failure> {
        let form = form.or_else(|| told_by_itself(&bytes)).ok_or_else(|| {
            Failure::usage(format!("what kind of key is in {name} cannot be told"))
                .hint("say it with --key-form: hex, base64url or passphrase for a secret")
        })?;
        Ok(KeyText {
            bytes,
            form,
            name: name.to_owned(),
            file,
        })
    }

    /// The key as something that signs, with its certificate when that is in the same file.
    fn signer(&self, store: &StoreOptions, environment: &Environment) -> Result<Signer, Failure> {
        let signer = match self.form {
            KeyForm::Pem => match Signer::from_pem(self.text()?) {
                Err(KeyRefusal::Key(KeyError::Encrypted)) => {
                    return self.signer_of_store(store, environment);
                }
                signer => signer,
            },
            KeyForm::Jwk => Signer::from_jwk(&self.bytes),
            KeyForm::Der => return self.signer_of_store(store, environment),
            _ => self
                .secret()
                .map(Signer::symmetric)
                .map_err(KeyRefusal::from),
        };
        signer.map_err(refused(&self.name))
    }

    /// The key pair itself, to be written in another form; `Err` is the secret, when it is one.
    pub(super) fn private_key(
        &self,
        store: &StoreOptions,
        environment: &Environment,
    ) -> Result<Result<PrivateKey, SymmetricKey>, Failure> {
        let key = match self.form {
            KeyForm::Pem => match PrivateKey::from_pem(self.text()?) {
                Err(KeyError::Encrypted) => return self.private_key_of_store(store, environment),
                key => key.map_err(KeyRefusal::from),
            },
            KeyForm::Jwk => match PrivateKey::from_jwk(&self.bytes) {
                Err(KeyRefusal::Key(KeyError::Symmetric)) => {
                    let secret = SymmetricKey::from_jwk(&self.bytes);
                    return secret.map(Err).map_err(refused(&self.name));
                }
                key => key,
            },
            KeyForm::Der => return self.private_key_of_store(store, environment),
            _ => {
                let secret = self.secret().map_err(KeyRefusal::from);
                return secret.map(Err).map_err(refused(&self.name));
            }
        };
        key.map(Ok).map_err(refused(&self.name))
    }

    fn trusted(&self, environment: &Environment) -> Result<TrustedKeys, Failure> {
        let keys = match self.form {
            KeyForm::Pem => TrustedKeys::from_pem(self.text()?),
            KeyForm::Jwk if is_set(&self.bytes) => TrustedKeys::from_jwk_set(&self.bytes),
            KeyForm::Jwk => TrustedKeys::from_jwk(&self.bytes),
            KeyForm::Der => match Certificate::from_der(&self.bytes) {
                Ok(certificate) => Ok(TrustedKeys::certificate(&certificate)),
                Err(_) => match PublicKey::from_spki(&self.bytes) {
                    Ok(key) => Ok(TrustedKeys::public_key(key)),
                    Err(_) => {
                        let signer = self.signer_of_store(&StoreOptions::default(), environment)?;
                        let key = signer.public_key().cloned();
                        key.map(TrustedKeys::public_key).ok_or(KeyRefusal::NoKey)
                    }
                },
            },
            _ => self
                .secret()
                .map(TrustedKeys::symmetric)
                .map_err(KeyRefusal::from),
        };
        keys.map_err(refused(&self.name))
    }

    fn secret(&self) -> Result<SymmetricKey, SymmetricKeyError> {
        // A line end is not of the secret; anything else is.
        let text = self.bytes.strip_suffix(b"\n").unwrap_or(&self.bytes);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        match (self.form, std::str::from_utf8(text)) {
            (KeyForm::Hex, Ok(text)) => SymmetricKey::from_hex(text),
            (KeyForm::Hex, Err(_)) => Err(SymmetricKeyError::Hex),
            (KeyForm::Base64url, Ok(text)) => SymmetricKey::from_base64url(text),
            (KeyForm::Base64url, Err(_)) => Err(SymmetricKeyError::Base64url),
            _ => SymmetricKey::from_bytes(text),
        }
    }

    fn text(&self) -> Result<&str, Failure> {
        text_of(&self.bytes, &self.name)
    }

    /// What is encrypted, or in PKCS#12 or DER, is read by the certificate store.
    fn store(
        &self,
        options: &StoreOptions,
        environment: &Environment,
    ) -> Result<CertificateStore, Failure> {
        let file = self.file.as_ref().ok_or_else(|| {
            Failure::usage(format!(
                "{} is encrypted or no text, which is read from a file only",
                self.name
            ))
            .hint("name the file with --key FILE")
        })?;
        let password = store_password(options, environment)?;
        CertificateStore::open(file, password).map_err(unusable)
    }

    fn signer_of_store(
        &self,
        options: &StoreOptions,
        environment: &Environment,
    ) -> Result<Signer, Failure> {
        let store = self.store(options, environment)?;
        let candidates = store.candidates().map_err(unusable)?;
        for candidate in candidates {
            if let (KeyState::Present(key), Some(chain)) = (candidate.key, candidate.chain) {
                return Signer::key_pair(key)
                    .with_certificate(chain)
                    .map_err(refused(&self.name));
            }
        }
        let key = store
            .private_key()
            .map_err(|state| self.closed(&state))?
            .to_local_key()
            .map_err(|error| refused(&self.name)(error.into()))?;
        Ok(Signer::key_pair(Arc::new(key)))
    }

    fn private_key_of_store(
        &self,
        options: &StoreOptions,
        environment: &Environment,
    ) -> Result<Result<PrivateKey, SymmetricKey>, Failure> {
        let store = self.store(options, environment)?;
        let key = store.private_key().map_err(|state| self.closed(&state))?;
        Ok(Ok(key))
    }

    fn closed(&self, state: &KeyState) -> Failure {
        match state {
            KeyState::Locked(why) => Failure::other(format!("{}: {why}", self.name))
                .hint("give --password-file FILE, COUNTERSIGN_KEY_PASSWORD or --ask-password"),
            KeyState::Unusable(why) => Failure::other(format!("{}: {why}", self.name)),
            _ => Failure::other(format!("{} holds no private key", self.name)),
        }
    }
}

fn of_certificate(
    selector: &str,
    store: &StoreOptions,
    environment: &Environment,
    output: &Output,
) -> Result<Signer, Failure> {
    let choice = Choice::of_word(selector, store, environment)?;
    let candidates = choice.store.candidates().map_err(unusable)?;
    let selection = choice
        .selector
        .select(&candidates, SystemClock.now())
        .map_err(|error| {
            Failure::other(error.to_string())
                .hint(format!("see why: countersign cert explain {selector}"))
        })?;
    for note in &selection.notes {
        output.note(note);
    }
    Signer::key_pair(selection.credential.key().clone())
        .with_certificate(selection.credential.chain().clone())
        .map_err(refused(selector))
}

/// PEM, JWK and DER begin in ways of their own. A secret does not.
fn told_by_itself(bytes: &[u8]) -> Option<KeyForm> {
    let begin = b"-----BEGIN ";
    let first = bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if bytes.windows(begin.len()).any(|window| window == begin) {
        Some(KeyForm::Pem)
    } else if first == Some(&b'{') {
        Some(KeyForm::Jwk)
    } else if is_der(bytes) {
        Some(KeyForm::Der)
    } else {
        None
    }
}

/// A SEQUENCE that begins with an INTEGER or another one, and is as long as it says.
fn is_der(bytes: &[u8]) -> bool {
    match bytes {
        [0x30, length @ 0..=0x7f, rest @ ..] => {
            rest.len() == usize::from(*length) && matches!(rest, [0x02 | 0x30, ..])
        }
        [0x30, 0x81..=0x84, ..] => true,
        _ => false,
    }
}

/// Whether a JSON text is a set rather than a key.
pub(super) fn is_set(text: &[u8]) -> bool {
    let members =
        serde_json::from_slice::<std::collections::BTreeMap<String, serde::de::IgnoredAny>>(text);
    members.is_ok_and(|members| members.contains_key("keys"))
}

// security.md C5
fn warn_of_open_file(file: Option<&Path>, output: &Output) {
    let Some(file) = file else { return };
    let Ok(meta) = file.metadata() else { return };
    if meta.is_file() && meta.mode() & 0o044 != 0 {
        output.warn(&format!(
            "{} holds a key that other users can read; chmod 600 it",
            file.display()
        ));
    }
}

fn no_key() -> Failure {
    Failure::usage("no key is named").hint(
        "--key FILE, --key-env NAME or --ask-key; to sign also --cert SELECTOR, to verify also \
         --trust FILE",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kind_of_key_it_is_is_told_by_its_beginning_and_a_secret_is_not_guessed() {
        for (text, expected) in [
            ("-----BEGIN PRIVATE KEY-----", Some(KeyForm::Pem)),
            ("Bag Attributes\n-----BEGIN X-----", Some(KeyForm::Pem)),
            (" \n{\"kty\":\"oct\"}", Some(KeyForm::Jwk)),
            ("0123456789abcdef0123456789abcdef", None),
            ("correct horse battery staple", None),
            ("", None),
        ] {
            assert_eq!(told_by_itself(text.as_bytes()), expected, "{text:?}");
        }
        assert_eq!(told_by_itself(&[0x30, 0x82, 1, 2]), Some(KeyForm::Der));
        let failure = KeyText::new(Zeroizing::new(b"secret".to_vec()), None, "x", None);
        assert_eq!(failure.err().map(|failure| failure.code()), Some(2));
    }

    #[test]
    fn a_set_is_told_from_a_key() {
        assert!(is_set(b"{\"keys\":[]}"));
        assert!(!is_set(b"{\"kty\":\"oct\"}"));
        assert!(!is_set(b"[]"));
    }
}
