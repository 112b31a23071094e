//! How does a person get a key and a certificate to try things with?

use std::{path::PathBuf, time::Duration};

use countersign::{
    Clock, SystemClock,
    proto::{certificate::Certificate, distinguished_name::DistinguishedName},
};
use serde_json::json;
use zeroize::Zeroizing;

use super::list;
use crate::{
    args::{CertNew, Environment, StoreOptions},
    certificate_choice::store_folder,
    commands::admin::view,
    failure::Failure,
    new_certificate::{self, BACK_DATED, CertificateRole, Made, Wanted},
    output::Output,
    private_file::{self, Existing},
};

const DAY: u64 = 24 * 60 * 60;

pub(crate) fn run(
    args: &CertNew,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let file = match &args.out {
        Some(file) => file.clone(),
        None => place_in_store(&args.subject, environment)?,
    };
    let authority = args.ca.as_ref().map(|_| read_authority(args)).transpose()?;
    let now = SystemClock.now();
    let wanted = Wanted {
        subject: &args.subject,
        key: args.key_type,
        role: match args.authority {
            true => CertificateRole::Authority,
            false => CertificateRole::Leaf,
        },
        not_before: now.minus(BACK_DATED),
        not_after: now.plus(Duration::from_secs(u64::from(args.days) * DAY)),
    };
    let made = new_certificate::make(&wanted, authority.as_ref())?;
    let issuers = authority
        .as_ref()
        .map_or("", |authority| &authority.certificate);
    private_file::write(&file, made.bundle(issuers).as_bytes(), Existing::Refuse)?;

    let certificate = Certificate::all_from_pem(&made.certificate).ok();
    let certificate = certificate.and_then(|all| all.into_iter().next());
    let certificate =
        certificate.ok_or_else(|| Failure::other("the new certificate is unreadable"))?;
    output.show(&view::record(
        &json!({
            "file": file.display().to_string(),
            "subject": certificate.subject().to_string(),
            "thumbprint": certificate.sha1().to_hex(),
            "thumbprint_sha256": certificate.sha256().to_hex(),
            "not_after": certificate.not_after().to_string(),
            "key_type": certificate.public_key().key_type().to_string(),
        }),
        &list::ORDER,
    ))
}

/// `inventory.pem` for `CN=inventory,…`.
fn place_in_store(subject: &str, environment: &Environment) -> Result<PathBuf, Failure> {
    let name = DistinguishedName::parse(subject).map_err(|error| {
        Failure::usage(format!("subject {subject:?}: {error}"))
            .hint("for example CN=inventory,O=Example")
    })?;
    let name = name.common_name().ok_or_else(|| {
        Failure::usage(format!(
            "subject {subject:?} has no CN to name a file after"
        ))
        .hint("for example CN=inventory,O=Example; or name the file with --out")
    })?;
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-_".contains(c) {
            c
        } else {
            '-'
        }
    };
    let name: String = name.chars().map(plain).collect();
    let store = store_folder(&StoreOptions::default(), environment)?;
    Ok(store.join(format!("{name}.pem")))
}

fn read_authority(args: &CertNew) -> Result<Made, Failure> {
    let read = |file: &PathBuf| {
        std::fs::read_to_string(file)
            .map(Zeroizing::new)
            .map_err(|error| {
                Failure::usage(format!("cannot read {}: {error}", file.display()))
                    .hint("--ca takes a PEM file; its key is in there too, or in --ca-key")
            })
    };
    let file = args
        .ca
        .as_ref()
        .ok_or_else(|| Failure::usage("--ca is missing"))?;
    let text = read(file)?;
    let key_text = match &args.ca_key {
        Some(key) => read(key)?,
        None => text.clone(),
    };
    let missing = |what: &str| {
        Failure::usage(format!("there is no {what} in {}", file.display()))
            .hint("--ca takes a PEM file; its key is in there too, or in --ca-key")
    };
    Ok(Made {
        certificate: block(&text, "CERTIFICATE")
            .ok_or_else(|| missing("certificate"))?
            .to_owned()
            + "\n",
        key: Zeroizing::new(
            block(&key_text, "PRIVATE KEY")
                .ok_or_else(|| missing("PKCS#8 private key"))?
                .to_owned(),
        ),
    })
}

/// The first PEM block of a kind.
fn block<'a>(text: &'a str, kind: &str) -> Option<&'a str> {
    let start = text.find(&format!("-----BEGIN {kind}-----"))?;
    let marker = format!("-----END {kind}-----");
    let length = text.get(start..)?.find(&marker)? + marker.len();
    text.get(start..start + length)
}
