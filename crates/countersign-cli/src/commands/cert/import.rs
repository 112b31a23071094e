//! How does a certificate file get into the store?

use std::path::Path;

use countersign::{Clock, SystemClock, certificate_store::CertificateStore};
use serde_json::json;
use zeroize::Zeroizing;

use super::list;
use crate::{
    args::{Environment, StoreOptions},
    certificate_choice::{store_folder, store_password, unusable},
    commands::admin::view,
    failure::Failure,
    output::Output,
    private_file::{self, Existing},
};

/// Copies the file as it is: what is encrypted stays encrypted.
pub(crate) fn run(
    file: &Path,
    name: Option<&str>,
    options: &StoreOptions,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let password = store_password(options, environment)?;
    let opened = CertificateStore::open(file, password.clone()).map_err(unusable)?;
    let candidates = opened.candidates().map_err(unusable)?;
    let records: Vec<_> = candidates
        .iter()
        .map(|candidate| list::record(candidate, SystemClock.now()))
        .collect();
    let locked = |record: &&serde_json::Value| {
        record["subject"].is_null()
            && record["key"]
                .as_str()
                .is_some_and(|key| key.starts_with("locked"))
    };
    let readable = records.iter().find(|record| !record["subject"].is_null());
    let locked = records.iter().find(locked);
    if let (Some(record), true) = (locked, password.is_some()) {
        let why = record["key"].as_str().unwrap_or_default();
        return Err(
            Failure::other(format!("{} is not imported: {why}", file.display()))
                .hint("give the right password; or none, and the file is copied as it is"),
        );
    }
    let Some(record) = readable.or(locked) else {
        let why = records.first().and_then(|record| record["key"].as_str());
        let why = why.unwrap_or("there is no certificate in it");
        return Err(
            Failure::other(format!("{} cannot be imported: {why}", file.display()))
                .hint("it must be PEM, DER or PKCS#12; a password comes from --password-file"),
        );
    };
    let name = name
        .map(std::ffi::OsStr::new)
        .or(file.file_name())
        .ok_or_else(|| Failure::usage("the file has no name"))?;
    if Path::new(name).file_name() != Some(name) {
        return Err(Failure::usage(format!("{name:?} is not a plain file name"))
            .hint("--name takes a name alone; --cert-store says where it goes"));
    }
    let target = store_folder(options, environment)?.join(name);
    let content = std::fs::read(file)
        .map(Zeroizing::new)
        .map_err(|error| Failure::other(format!("cannot read {}: {error}", file.display())))?;
    private_file::write(&target, &content, Existing::Refuse)?;
    output.show(&view::record(
        &json!({
            "file": target.display().to_string(),
            "subject": record["subject"],
            "thumbprint": record["thumbprint"],
            "not_after": record["not_after"],
            "key": record["key"],
        }),
        &list::ORDER,
    ))
}
