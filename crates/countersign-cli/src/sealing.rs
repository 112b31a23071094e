//! How is the token cache to be sealed, and what helps where it cannot be?

use std::path::Path;

use countersign::{
    Keyring, KeyringProblem,
    cache_file::{CacheFolder, Seal},
};
use serde::{Deserialize, Serialize};

use crate::{args::Environment, failure::Failure, output::Output, profile::Profiles};

/// What is said of the token cache in the settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CacheSettings {
    /// How it is sealed; [`Sealing::Auto`] unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seal: Option<Sealing>,
}

/// How it is sealed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Sealing {
    /// By the keyring where there is one.
    #[default]
    Auto,
    /// By the keyring, or not at all: without it nothing is kept.
    Keyring,
    /// Not: the files are their owner's alone, and that is all.
    File,
}

/// The variable that wins over the settings.
pub(crate) const VARIABLE: &str = "COUNTERSIGN_CACHE_SEAL";

impl CacheSettings {
    pub(crate) fn is_default(&self) -> bool {
        *self == CacheSettings::default()
    }
}

impl Sealing {
    /// What was said: by the variable, else in the settings.
    pub(crate) fn said(environment: &Environment) -> Result<Sealing, Failure> {
        match environment.cache_seal.as_deref() {
            None => Ok(Profiles::read(environment)?.cache.seal.unwrap_or_default()),
            Some("auto") => Ok(Sealing::Auto),
            Some("keyring") => Ok(Sealing::Keyring),
            Some("file") => Ok(Sealing::File),
            Some(other) => Err(Failure::usage(format!(
                "{VARIABLE} is {other:?}, which is no way to seal"
            ))
            .hint("auto, keyring or file")),
        }
    }
}

/// The folder of the token cache, to be sealed as was said.
pub(crate) fn folder(
    path: &Path,
    environment: &Environment,
) -> Result<Result<CacheFolder, countersign::cache_file::CacheFileError>, Failure> {
    let sealing = Sealing::said(environment)?;
    let keyring = Keyring::at(environment.bus.as_deref());
    let seal = match sealing {
        Sealing::Auto => Seal::Auto(keyring),
        Sealing::Keyring => Seal::Keyring(keyring),
        Sealing::File => Seal::File,
    };
    Ok(CacheFolder::open(path).map(|folder| folder.sealed(seal)))
}

/// Says that something was written unsealed although there is a keyring. Where there is none, that
/// is how it is, and not worth a word each time.
pub(crate) fn say_what_is_open(folder: &CacheFolder, output: &Output) {
    let Some(problem) = folder.keyring_problem() else {
        return;
    };
    let text = format!("not sealed, in a file for its owner alone: {problem}");
    match is_usual(&problem) {
        true => output.detail(&format!("what is kept is {text}")),
        false => output.warn(&format!("what is kept is {text}; {}", what_helps(&problem))),
    }
}

/// Whether there is just no keyring here, as on most servers.
pub(crate) fn is_usual(problem: &KeyringProblem) -> bool {
    matches!(
        problem,
        KeyringProblem::SwitchedOff
            | KeyringProblem::NotBuilt
            | KeyringProblem::NoBus
            | KeyringProblem::NoService
            | KeyringProblem::NoCollection
    )
}

/// What a person can do.
pub(crate) fn what_helps(problem: &KeyringProblem) -> &'static str {
    match problem {
        KeyringProblem::SwitchedOff => "set cache.seal to \"auto\" to use it",
        KeyringProblem::NotBuilt => "use a build with the feature keyring",
        KeyringProblem::Locked => {
            "unlock it, as by signing in to the desktop, or set cache.seal to \"file\""
        }
        KeyringProblem::NoAnswer => {
            "see what holds it up: does it ask something? Or set cache.seal to \"file\""
        }
        KeyringProblem::NoCollection => "make a default keyring, or set cache.seal to \"file\"",
        _ => "work in the session that has the keyring, or set cache.seal to \"file\"",
    }
}
