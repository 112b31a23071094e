//! What is done with all that a platform remembers?

mod backup;

mod migrate;

mod restore;

use std::path::{Path, PathBuf};

use crate::{
    args::{Environment, StoreCommand},
    failure::Failure,
    output::Output,
};

pub(crate) fn run(
    command: &StoreCommand,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        StoreCommand::Backup(backup) => backup::run(backup, output),
        StoreCommand::Restore(restore) => restore::run(restore, output),
        StoreCommand::Migrate(migrate) => migrate::run(migrate, environment, output),
    }
}

/// As it is typed, or as it stands in `store.url`.
fn file(from: &Path) -> PathBuf {
    let named = from.to_str().and_then(|text| text.strip_prefix("sqlite:"));
    named.map_or_else(|| from.to_owned(), PathBuf::from)
}
