//! How does what a platform remembers move to a database?

use std::path::Path;

use countersign_server::{config::PostgresUrl, store};
use serde_json::{Map, Value, json};

use super::file;
use crate::{
    args::{Environment, StoreMigrate},
    failure::Failure,
    output::{Block, Output, Shown},
    session::block_on,
};

const ELSEWHERE: &str = "write it without one, and the password into a file for --password-file, or \
    the whole URL into COUNTERSIGN_STORE_URL";

pub(crate) fn run(
    command: &StoreMigrate,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let StoreMigrate {
        from,
        to,
        password_file,
    } = command;
    let from = file(from);
    let to = database(to.as_deref(), password_file.as_deref(), environment)?;
    let moved = block_on(async {
        let moved = store::migrate(&from, &to).await;
        moved.map_err(|error| Failure::other(error.to_string()))
    })?;
    output.show(&shown(&moved))?;
    output.note(&format!(
        "set store.url to {to}, keep the same secrets file, and do not serve {} any more",
        from.display()
    ));
    Ok(())
}

fn database(
    to: Option<&str>,
    password_file: Option<&Path>,
    environment: &Environment,
) -> Result<PostgresUrl, Failure> {
    let url = match (to, &environment.store_url) {
        (Some(text), _) => {
            let url = PostgresUrl::parse(text, Path::new(""))
                .map_err(|problem| Failure::usage(format!("--to {problem}")))?;
            if url.holds_password() {
                let problem = "--to holds a password, which others on this machine can see";
                return Err(Failure::usage(problem).hint(ELSEWHERE));
            }
            url
        }
        (None, Some(Ok(url))) => url.clone(),
        (None, Some(Err(problem))) => {
            return Err(Failure::usage(format!("COUNTERSIGN_STORE_URL {problem}")));
        }
        (None, None) => {
            return Err(Failure::usage("--to is missing").hint(
                "give --to postgres://USER@HOST/DATABASE, or the URL with its password in \
                 COUNTERSIGN_STORE_URL",
            ));
        }
    };
    match password_file {
        Some(_) if url.holds_password() => Err(Failure::usage(
            "--password-file is given, and COUNTERSIGN_STORE_URL holds a password; take one of them",
        )),
        Some(file) => Ok(url.with_password_file(file.to_owned())),
        None => Ok(url),
    }
}

fn shown(moved: &store::Moved) -> Shown {
    let tables: Map<String, Value> = moved
        .0
        .iter()
        .map(|(table, rows)| ((*table).to_owned(), json!(rows)))
        .collect();
    let rows = moved.0.iter();
    Shown {
        json: json!({ "rows": moved.rows(), "tables": tables }),
        text: vec![Block::Table(
            vec!["TABLE", "ROWS"],
            rows.map(|(table, rows)| vec![(*table).to_owned(), rows.to_string()])
                .collect(),
        )],
    }
}
