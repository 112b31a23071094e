//! Which public keys are published, and which certificates are in a published set?

use std::path::Path;

use countersign::{
    certificate_store::{CertificateStore, KeyState},
    proto::{
        certificate::CertificateChain,
        jwk,
        jwt::{PublishedKey, certificates_in, key_set},
        key::{KeyError, PublicKey},
    },
};
use serde_json::{Value, json};

use super::refused;
use crate::{
    args::{Environment, JwtJwks, StoreOptions},
    certificate_choice::{store_password, unusable},
    failure::Failure,
    output::{Block, Output, Shown},
    token_source::bytes_of,
};

pub(super) fn run(
    args: &JwtJwks,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    if args.certificates {
        return certificates(args, output);
    }
    let mut keys = Vec::new();
    for file in &args.files {
        for key in published(file, &args.store, environment)? {
            keys.push((file, key));
        }
    }
    if args.thumbprints {
        return output.show(&thumbprints(&keys));
    }
    let keys: Vec<PublishedKey> = keys.into_iter().map(|(_, key)| key).collect();
    let set = key_set(&keys).map_err(refused("the keys together"))?;
    output.data(format!("{set:#}\n").as_bytes())
}

/// The public keys of a file of any form.
fn published(
    file: &Path,
    options: &StoreOptions,
    environment: &Environment,
) -> Result<Vec<PublishedKey>, Failure> {
    let name = file.display().to_string();
    let bytes = bytes_of(file)?;
    if bytes.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'{') {
        return PublishedKey::all_from_jwks(&bytes).map_err(refused(&name));
    }
    if let Ok(key) = PublicKey::from_spki(&bytes) {
        return Ok(vec![PublishedKey::of_key(&key)]);
    }
    let store = CertificateStore::open(file, store_password(options, environment)?);
    let store = store.map_err(unusable)?;
    // Where there are certificates, these are what is published, each with its issuers.
    let candidates = store.candidates().map_err(unusable)?;
    let chains: Vec<CertificateChain> = candidates
        .into_iter()
        .filter_map(|candidate| candidate.chain)
        .collect();
    if !chains.is_empty() {
        return Ok(chains.iter().map(PublishedKey::of_certificate).collect());
    }
    match std::str::from_utf8(&bytes).map(PublishedKey::all_from_pem) {
        Ok(Ok(keys)) => return Ok(keys),
        Ok(Err(countersign::proto::jwt::KeyRefusal::Key(KeyError::Encrypted))) | Err(_) => {}
        Ok(Err(refusal)) => return Err(refused(&name)(refusal)),
    }
    match store.private_key() {
        Ok(key) => Ok(vec![PublishedKey::of_key(key.public_key())]),
        Err(KeyState::Locked(why)) => Err(Failure::other(format!("{name}: {why}"))
            .hint("give --password-file FILE, COUNTERSIGN_KEY_PASSWORD or --ask-password")),
        Err(KeyState::Unusable(why)) => Err(Failure::other(format!("{name}: {why}"))),
        Err(_) => Err(Failure::other(format!("{name} holds no key"))),
    }
}

fn certificates(args: &JwtJwks, output: &Output) -> Result<(), Failure> {
    let mut text = String::new();
    for file in &args.files {
        let name = file.display().to_string();
        let chains = certificates_in(&bytes_of(file)?).map_err(refused(&name))?;
        for chain in chains {
            text.push_str(&chain.leaf().to_pem());
            for issuer in chain.issuers() {
                text.push_str(&issuer.to_pem());
            }
        }
    }
    if text.is_empty() {
        return Err(Failure::other("no key brings a certificate along (x5c)")
            .hint("countersign jwt keygen --from FILE --certificate CN=NAME makes one of a private key"));
    }
    output.data(text.as_bytes())
}

fn thumbprints(keys: &[(&std::path::PathBuf, PublishedKey)]) -> Shown {
    let items: Vec<Value> = keys
        .iter()
        .map(|(file, key)| {
            json!({
                "thumbprint": jwk::thumbprint(key.key()),
                "key": key.key().key_type().to_string(),
                "kid": key.kid(),
                "file": file.display().to_string(),
            })
        })
        .collect();
    let cell = |item: &Value, name: &str| item[name].as_str().unwrap_or_default().to_owned();
    let rows = items.iter().map(|item| {
        ["thumbprint", "key", "file"]
            .map(|name| cell(item, name))
            .to_vec()
    });
    Shown {
        text: vec![Block::Table(
            vec!["THUMBPRINT", "KEY", "FILE"],
            rows.collect(),
        )],
        json: json!({"items": items}),
    }
}
