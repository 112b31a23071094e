//! What can be wrong on this machine?

use std::time::Duration;

use countersign::{
    CertificateSelector, Clock, SystemClock,
    cache_file::CacheFolder,
    certificate_store::{Candidate, KeyState},
    login::browser::{Availability, availability},
    proto::certificate::Validity,
};

use super::Check;
use crate::{
    args::{Environment, surroundings},
    certificate_choice::{Choice, token},
    failure::Exit,
    profile::Profile,
    sealing::{self, Sealing},
};

/// A certificate that ends sooner than this is worth a word.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

pub(crate) fn checks(profile: &Profile, environment: &Environment) -> Vec<Check> {
    let mut checks = vec![cache(environment), browser(profile)];
    checks.extend(certificate(profile, environment));
    checks
}

fn cache(environment: &Environment) -> Check {
    let name = "token cache";
    match &environment.state {
        None => Check::doubtful(name, "HOME is not set", "set HOME or XDG_STATE_HOME"),
        Some(path) => match sealing::folder(path, environment) {
            Ok(Ok(folder)) => sealed(name, &folder, environment),
            Ok(Err(error)) => Check::doubtful(
                name,
                error.to_string(),
                "tokens work without it, but each command asks for a new one",
            ),
            Err(failure) => Check::failed(name, &failure, ""),
        },
    }
}

/// What keeps it from whoever gets at its files, and why no more than that.
fn sealed(name: &'static str, folder: &CacheFolder, environment: &Environment) -> Check {
    let path = folder.path().display();
    let problem = match folder.keyring() {
        Ok(found) => {
            let program = found.program.as_deref().unwrap_or("the session bus");
            let from = match found.has_key {
                true => "",
                false => " from the next token on",
            };
            let collection = found.collection;
            let detail = format!("{path}, sealed by the keyring {collection:?} of {program}{from}");
            return Check::good(name, detail);
        }
        Err(problem) => problem,
    };
    let hint = sealing::what_helps(&problem);
    let detail = format!("{path}, files for their owner alone, not sealed: {problem}");
    match (Sealing::said(environment), sealing::is_usual(&problem)) {
        (Ok(Sealing::Keyring), _) => {
            let detail = format!("{path}: the keyring is demanded, and {problem}");
            Check::bad(name, Exit::Failure, detail, hint)
        }
        (_, true) => Check::good(name, detail),
        (_, false) => Check::doubtful(name, detail, hint),
    }
}

/// Only a person needs one.
fn browser(profile: &Profile) -> Check {
    let name = "browser";
    let missing = match availability(&surroundings()) {
        Availability::Here => return Check::good(name, "is opened on this machine"),
        Availability::Ssh => "is where you sit: you are here by ssh",
        Availability::Container => "is not in this container",
        Availability::Wsl => "is on Windows, which is not reached from here",
        _ => "has no display on this machine",
    };
    let is_needed = profile.browser || !says_which(profile);
    match is_needed {
        true => Check::doubtful(
            name,
            missing,
            "a sign-in shows the address to be opened elsewhere, and how the browser gets back here",
        ),
        false => Check::skipped(name, "a certificate needs none"),
    }
}

fn says_which(profile: &Profile) -> bool {
    profile.cert.is_some()
        || profile.cert_store.is_some()
        || profile.cert_subject.is_some()
        || profile.cert_thumbprint.is_some()
}

fn certificate(profile: &Profile, environment: &Environment) -> Vec<Check> {
    let (certificate, key) = ("certificate", "private key");
    if profile.browser {
        return vec![Check::skipped(certificate, "a person signs in")];
    }
    if !says_which(profile) {
        return vec![Check::skipped(certificate, "no profile says which")];
    }
    let choice = match Choice::of_profile(profile, environment) {
        Ok(choice) => choice,
        Err(failure) => return vec![Check::failed(certificate, &failure, "")],
    };
    let candidates = match choice.store.candidates() {
        Ok(candidates) => candidates,
        Err(error) => {
            let hint = match token::is_token(choice.store.path()) {
                true => {
                    "put the token in; pkcs11-tool --module PATH --list-token-slots shows which a module sees"
                }
                false => "look whether the folder or file is there and may be read",
            };
            return vec![Check::bad(
                certificate,
                Exit::Failure,
                error.to_string(),
                hint,
            )];
        }
    };
    let now = SystemClock.now();
    match choice.selector.select(&candidates, now) {
        Ok(selection) => {
            let leaf = selection.credential.chain().leaf();
            let detail = format!(
                "{} from {}, valid until {}",
                leaf.subject(),
                selection.source.display(),
                leaf.not_after()
            );
            vec![
                match leaf.validity(now.plus(SOON)) {
                    Validity::Valid => Check::good(certificate, detail),
                    _ => Check::doubtful(certificate, detail, "it ends soon; get a new one"),
                },
                Check::good(key, "fits the certificate"),
            ]
        }
        Err(error) => {
            let hint = "countersign cert explain says why each certificate is not taken";
            let mut checks = vec![Check::bad(
                certificate,
                Exit::Failure,
                error.to_string(),
                hint,
            )];
            let meant = candidates
                .iter()
                .filter(|candidate| is_meant(candidate, &choice.selector));
            checks.extend(meant.filter_map(|candidate| {
                let detail = |what: &str| format!("{}: {what}", candidate.source.display());
                let bad = |what: &str, hint: &str| {
                    Some(Check::bad(key, Exit::Failure, detail(what), hint))
                };
                match &candidate.key {
                    KeyState::Absent => bad(
                        "there is no key for it",
                        match token::is_token(&candidate.source) {
                            true => "the key must have the ID of the certificate, and be seen after the PIN",
                            false => {
                                "put the key beside it (the same name with .key), or give --key FILE"
                            }
                        },
                    ),
                    KeyState::DoesNotFit => bad(
                        "the key does not fit",
                        "put the key that was made with the certificate beside it",
                    ),
                    KeyState::Locked(why) => bad(
                        why,
                        "give --password-file, COUNTERSIGN_KEY_PASSWORD or --ask-password",
                    ),
                    _ => None,
                }
            }));
            checks
        }
    }
}

/// Whether a candidate is one that the selector speaks of; what could not be read may be.
fn is_meant(candidate: &Candidate, selector: &CertificateSelector) -> bool {
    let Some(chain) = &candidate.chain else {
        return true;
    };
    let leaf = chain.leaf();
    match (&selector.thumbprint, &selector.subject) {
        (Some(thumbprint), _) => leaf.has_thumbprint(thumbprint),
        (None, Some(subject)) => leaf.subject() == subject,
        (None, None) => true,
    }
}
