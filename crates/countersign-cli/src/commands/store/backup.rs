//! How is what a platform remembers copied, while it goes on?

use std::path::PathBuf;

use countersign_server::{
    Clock as _, SystemClock,
    config::{Settings, StoreUrl},
    store,
};
use serde_json::json;

use super::file;
use crate::{
    args::StoreBackup,
    commands::serve::wrong_settings,
    failure::Failure,
    output::{Block, Output, Shown},
    session::block_on,
};

pub(crate) fn run(command: &StoreBackup, output: &Output) -> Result<(), Failure> {
    let (from, secrets) = source(command)?;
    let taken = block_on(async {
        let taken = store::backup(&from, &command.to, SystemClock.now()).await;
        taken.map_err(|error| Failure::other(error.to_string()))
    })?;
    let to = command.to.display();
    output.show(&Shown {
        json: json!({
            "backup": to.to_string(),
            "taken_at": taken.taken_at.to_string(),
            "bytes": taken.bytes,
            "last_audit": taken.last_audit,
        }),
        text: vec![Block::Fields(vec![
            ("Backup".to_owned(), to.to_string()),
            ("TakenAt".to_owned(), taken.taken_at.to_string()),
            ("Bytes".to_owned(), taken.bytes.to_string()),
        ])],
    })?;
    let secrets = secrets.map_or_else(
        || "the secrets file of its platform".to_owned(),
        |secrets| secrets.display().to_string(),
    );
    output.note(&format!(
        "it is as secret as the store, and worth nothing without {secrets}; keep a copy of that \
         in another place"
    ));
    Ok(())
}

/// The file of the store, and its secrets file where that is known.
fn source(command: &StoreBackup) -> Result<(PathBuf, Option<PathBuf>), Failure> {
    if let Some(from) = &command.from {
        if from
            .to_str()
            .is_some_and(|text| text.starts_with("postgres"))
        {
            return Err(database());
        }
        return Ok((file(from), None));
    }
    let Some(config) = &command.config else {
        return Err(Failure::usage("--config is missing"));
    };
    let settings = Settings::read(config).map_err(wrong_settings)?;
    match settings.store {
        StoreUrl::Sqlite(path) => Ok((path, settings.secrets_file)),
        StoreUrl::Memory => Err(Failure::usage(
            "store.url is memory:, of which there is nothing to copy",
        )
        .hint("give the platform a store in a file: store.url = \"sqlite:FILE\"")),
        _ => Err(database()),
    }
}

fn database() -> Failure {
    Failure::usage("the store is a PostgreSQL database, which is copied by its own tools").hint(
        "pg_dump --format=custom --file=FILE DATABASE; docs/how-to/back-up.md says what to do \
         after pg_restore",
    )
}
