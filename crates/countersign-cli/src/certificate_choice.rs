//! Which certificate does a person mean, and where is it looked for?

pub(crate) mod token;

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use countersign::{
    CertificateSelector, Clock, CredentialSource, SystemClock,
    certificate_store::{CertificateStore, Password, StoreError},
    proto::{distinguished_name::DistinguishedName, thumbprint::Thumbprint},
};
use zeroize::Zeroizing;

use crate::{
    args::{Environment, StoreOptions, shell_word},
    failure::Failure,
    output::Output,
    profile::{Profile, store_path},
    typed_secret,
};

/// A place to look in, opened, and what to look for.
pub(crate) struct Choice {
    pub(crate) store: CertificateStore,
    pub(crate) selector: CertificateSelector,
}

impl Choice {
    /// What a profile means.
    pub(crate) fn of_profile(
        profile: &Profile,
        environment: &Environment,
    ) -> Result<Choice, Failure> {
        let mut selector = CertificateSelector::default();
        selector.strict = profile.strict;
        selector.subject = parsed("--cert-subject", profile.cert_subject.as_deref(), name)?;
        selector.issuer = parsed("--cert-issuer", profile.cert_issuer.as_deref(), name)?;
        selector.thumbprint = parsed(
            "--cert-thumbprint",
            profile.cert_thumbprint.as_deref(),
            thumbprint,
        )?;
        selector.serial = parsed("--cert-serial", profile.cert_serial.as_deref(), serial)?;
        let default;
        let place = match (&profile.cert, &profile.cert_store) {
            (Some(place), _) | (None, Some(place)) => place,
            (None, None) => {
                default = default_place(environment)?;
                &default
            }
        };
        let password = password(
            place,
            profile.password_file.as_deref(),
            profile.ask_password,
            environment,
        )?;
        let store = open(place, password, environment)?;
        let store = match (&profile.cert, &profile.key) {
            (Some(_), Some(key)) => store.with_key_file(key),
            _ => store,
        };
        Ok(Choice { store, selector })
    }

    /// What one word means: a file, a token, a thumbprint, or a subject.
    pub(crate) fn of_word(
        word: &str,
        options: &StoreOptions,
        environment: &Environment,
    ) -> Result<Choice, Failure> {
        let mut selector = CertificateSelector::default();
        if Path::new(word).is_file() || token::is_token(Path::new(word)) {
            let store = open_with(Path::new(word), options, environment)?;
            return Ok(Choice { store, selector });
        }
        if word.contains('=') {
            selector.subject = parsed("the subject", Some(word), name)?;
        } else if let Ok(found) = Thumbprint::parse(word) {
            selector.thumbprint = Some(found);
        } else {
            return Err(Failure::usage(format!(
                "{word:?} is neither a subject, nor a thumbprint, nor a file"
            ))
            .hint("for example CN=inventory, 40 or 64 hexadecimal digits, client.pem, or pkcs11:token=LABEL"));
        }
        Ok(Choice {
            store: store(options, environment)?,
            selector,
        })
    }

    /// The source for a client. Says what a person should know about the choice.
    pub(crate) fn into_source(self, output: &Output) -> Result<CredentialSource, Failure> {
        let now = SystemClock.now();
        let candidates = self.store.candidates().map_err(unusable)?;
        let selection = self.selector.select(&candidates, now).map_err(|error| {
            let message = error.to_string();
            let hint = selection_hint(&message, self.store.path());
            Failure::other(message).hint(hint)
        })?;
        for note in &selection.notes {
            output.note(note);
        }
        let subject = selection.credential.chain().leaf().subject();
        let source = selection.source.display();
        output.detail(&format!("certificate {subject} from {source}"));
        let leaf = selection.credential.chain().leaf();
        if now >= leaf.renew_from() {
            output.warn(&format!(
                "the certificate {subject} in {source} ends at {}; renew it",
                leaf.not_after()
            ));
        }
        warn_of_open_key(&selection.source, output);
        Ok(CredentialSource::store(self.store, self.selector))
    }
}

/// The store that options or environment name.
pub(crate) fn store(
    options: &StoreOptions,
    environment: &Environment,
) -> Result<CertificateStore, Failure> {
    let place = store_place(options, environment)?;
    open_with(&place, options, environment)
}

/// A place that was named, by the options about its password.
pub(crate) fn open_with(
    place: &Path,
    options: &StoreOptions,
    environment: &Environment,
) -> Result<CertificateStore, Failure> {
    let password = password(
        place,
        options.password_file.as_deref(),
        options.ask_password,
        environment,
    )?;
    open(place, password, environment)
}

/// The folder of the store, where something is to be written into it.
pub(crate) fn store_folder(
    options: &StoreOptions,
    environment: &Environment,
) -> Result<PathBuf, Failure> {
    let place = store_place(options, environment)?;
    match token::is_token(&place) {
        false => Ok(place),
        true => Err(
            Failure::usage("nothing is written into a hardware token from here").hint(
                "name a folder with --cert-store; pkcs11-tool --write-object puts a certificate into a token",
            ),
        ),
    }
}

/// Its path, whether or not anything is there.
pub(crate) fn store_place(
    options: &StoreOptions,
    environment: &Environment,
) -> Result<PathBuf, Failure> {
    match (&options.cert_store, &environment.cert_store) {
        (Some(place), _) => store_path(place),
        (None, Some(place)) => Ok(place.clone()),
        (None, None) => default_place(environment),
    }
}

pub(crate) fn store_password(
    options: &StoreOptions,
    environment: &Environment,
) -> Result<Option<Password>, Failure> {
    password(
        Path::new(""),
        options.password_file.as_deref(),
        options.ask_password,
        environment,
    )
}

fn default_place(environment: &Environment) -> Result<PathBuf, Failure> {
    let data = environment.data.as_ref().ok_or_else(|| {
        Failure::usage("no certificate store: HOME is not set")
            .hint("name one with --cert-store or COUNTERSIGN_CERT_STORE")
    })?;
    Ok(data.join("certificates"))
}

fn open(
    place: &Path,
    password: Option<Password>,
    environment: &Environment,
) -> Result<CertificateStore, Failure> {
    match token::is_token(place) {
        true => token::open(place, password, environment),
        false => CertificateStore::open(place, password).map_err(unusable),
    }
}

/// The failure for a store that cannot be read.
#[allow(clippy::needless_pass_by_value)] // for map_err
pub(crate) fn unusable(error: StoreError) -> Failure {
    let hint = match &error {
        StoreError::Token(..) => {
            "pkcs11-tool --module PATH --list-token-slots shows which tokens a module sees"
        }
        _ => {
            "name a file with --cert, a folder with --cert-store, or make a certificate with: \
             countersign cert new CN=NAME"
        }
    };
    Failure::other(error.to_string()).hint(hint)
}

/// From a file, the environment, or a prompt; never from an argument. Where the URI of a token says
/// where its PIN is, what the environment has for keys is not shown to it.
fn password(
    place: &Path,
    file: Option<&Path>,
    ask: bool,
    environment: &Environment,
) -> Result<Option<Password>, Failure> {
    if let Some(file) = file {
        let text = typed_secret::from_file(file)?;
        return Ok(Some(Password::new(text.to_string())));
    }
    if ask {
        let question = match token::is_token(place) {
            true => "PIN of the token: ",
            false => "password of the private key: ",
        };
        let text = typed_secret::ask(question)?;
        return Ok(Some(Password::typed(text.to_string())));
    }
    let from_environment = environment.key_password.clone();
    Ok(from_environment.filter(|_| !token::has_pin_source(place)))
}

/// What helps when no certificate was taken.
fn selection_hint(problem: &str, store: &Path) -> String {
    if problem.contains("not valid before") {
        return "is the clock of this machine right? countersign doctor SERVER compares it"
            .to_owned();
    }
    let see = format!(
        "see each with: countersign cert list --cert-store {}",
        shell_word(&store.display().to_string())
    );
    if problem.contains("PIN") {
        let sources = "--password-file, COUNTERSIGN_KEY_PASSWORD, --ask-password, \
                       or pin-source=file:/PATH in the URI";
        return format!("the PIN is given by {sources}");
    }
    if problem.contains("encrypted") || problem.contains("password") {
        format!("give --password-file, COUNTERSIGN_KEY_PASSWORD or --ask-password; {see}")
    } else {
        see
    }
}

// security.md C5
fn warn_of_open_key(file: &Path, output: &Output) {
    let beside = file.with_extension("key");
    for file in [file, &beside] {
        let Ok(meta) = file.metadata() else { continue };
        // What everybody may read is among the notes of the selection already.
        if meta.mode() & 0o044 == 0o040 && holds_key(file) {
            output.warn(&format!(
                "{} holds a private key that other users can read; chmod 600 it",
                file.display()
            ));
        }
    }
}

fn holds_key(file: &Path) -> bool {
    let Ok(content) = std::fs::read(file).map(Zeroizing::new) else {
        return false;
    };
    let marker = b"PRIVATE KEY-----";
    content.windows(marker.len()).any(|window| window == marker)
}

fn parsed<T>(
    option: &str,
    text: Option<&str>,
    parse: impl FnOnce(&str) -> Result<T, String>,
) -> Result<Option<T>, Failure> {
    text.map(|text| {
        parse(text).map_err(|problem| {
            Failure::usage(format!("{option} {text:?}: {problem}")).hint(match option {
                "--cert-thumbprint" => "40 or 64 hexadecimal digits, with or without separators",
                "--cert-serial" => "hexadecimal digits, with or without separators",
                _ => "for example CN=inventory,O=Example",
            })
        })
    })
    .transpose()
}

fn name(text: &str) -> Result<DistinguishedName, String> {
    DistinguishedName::parse(text).map_err(|error| error.to_string())
}

fn thumbprint(text: &str) -> Result<Thumbprint, String> {
    Thumbprint::parse(text).map_err(|error| error.to_string())
}

/// Hexadecimal as people paste it; big-endian without leading zeros.
fn serial(text: &str) -> Result<Vec<u8>, String> {
    let digits = text
        .chars()
        .filter(|c| !c.is_whitespace() && !":-".contains(*c));
    let mut nibbles = Vec::new();
    for c in digits {
        let digit = c
            .to_digit(16)
            .ok_or_else(|| format!("{c:?} is not a hexadecimal digit"))?;
        nibbles.push(u8::try_from(digit).unwrap_or_default());
    }
    if nibbles.is_empty() {
        return Err("there is no digit".to_owned());
    }
    if nibbles.len() % 2 == 1 {
        nibbles.insert(0, 0);
    }
    let bytes = nibbles
        .chunks(2)
        .map(|pair| pair.iter().fold(0, |byte, nibble| byte << 4 | nibble));
    Ok(bytes.skip_while(|byte| *byte == 0).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_is_read_as_people_paste_it() {
        assert_eq!(serial("0A:ff 01").unwrap(), [0x0a, 0xff, 0x01]);
        assert_eq!(serial("00000abc").unwrap(), [0x0a, 0xbc]);
        assert_eq!(serial("g").unwrap_err(), "'g' is not a hexadecimal digit");
        assert_eq!(serial(" ").unwrap_err(), "there is no digit");
    }

    #[test]
    fn a_wrong_selector_names_its_option_and_its_value() {
        let profile = Profile {
            cert_thumbprint: Some("xyz".to_owned()),
            ..Profile::default()
        };
        let environment = Environment::default();
        let failure = Choice::of_profile(&profile, &environment).err().unwrap();
        assert!(
            failure.message().starts_with("--cert-thumbprint \"xyz\": "),
            "{failure:?}"
        );
        assert_eq!(failure.code(), 2);
    }
}
