//! Which certificates are in the store?

use countersign::{
    Clock, SystemClock,
    certificate_store::{Candidate, KeyState},
    proto::{certificate::Validity, time::UnixTime},
};
use serde_json::{Value, json};

use crate::{
    args::{Environment, StoreOptions},
    certificate_choice::{store, unusable},
    failure::Failure,
    output::{Block, Output, Shown},
};

pub(crate) fn run(
    options: &StoreOptions,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let store = store(options, environment)?;
    let candidates = store.candidates().map_err(unusable)?;
    if candidates.is_empty() {
        output.note(&format!("no certificates in {}", store.path().display()));
    }
    let now = SystemClock.now();
    let items: Vec<_> = candidates
        .iter()
        .map(|candidate| record(candidate, now))
        .collect();
    let text = |item: &Value, member: &str| item[member].as_str().unwrap_or_default().to_owned();
    let columns = [
        "subject",
        "thumbprint",
        "not_after",
        "validity",
        "key",
        "source",
    ];
    let rows = items
        .iter()
        .map(|item| columns.iter().map(|column| text(item, column)).collect());
    output.show(&Shown {
        text: match items.is_empty() {
            true => Vec::new(),
            false => vec![Block::Table(
                vec!["SUBJECT", "SHA-1", "NOT AFTER", "VALIDITY", "KEY", "FILE"],
                rows.collect(),
            )],
        },
        json: json!({ "items": items }),
    })
}

/// What a person looks for first.
pub(crate) const ORDER: [&str; 7] = [
    "subject",
    "thumbprint",
    "thumbprint_sha256",
    "not_before",
    "not_after",
    "validity",
    "key",
];

/// Everything about one certificate of a store.
pub(crate) fn record(candidate: &Candidate, now: UnixTime) -> Value {
    let key = key_state(&candidate.key);
    let source = candidate.source.display().to_string();
    let Some(chain) = &candidate.chain else {
        return json!({"source": source, "key": key});
    };
    let leaf = chain.leaf();
    json!({
        "subject": leaf.subject().to_string(),
        "issuer": leaf.issuer().to_string(),
        "serial": leaf.serial().iter().map(|byte| format!("{byte:02x}")).collect::<String>(),
        "not_before": leaf.not_before().to_string(),
        "not_after": leaf.not_after().to_string(),
        "validity": match leaf.validity(now) {
            Validity::NotYet { .. } => "not yet valid",
            Validity::Valid => "valid",
            Validity::Expired { .. } => "expired",
        },
        "thumbprint": leaf.sha1().to_hex(),
        "thumbprint_sha256": leaf.sha256().to_hex(),
        "key_type": leaf.public_key().key_type().to_string(),
        "key": key,
        "may_sign": match leaf.leaf_policy() {
            Ok(()) => "yes".to_owned(),
            Err(reason) => format!("no: {reason}"),
        },
        "key_usages": leaf.key_usages(),
        "purposes": leaf
            .extended_key_usages()
            .map(|purposes| purposes.iter().map(|oid| purpose(oid)).collect::<Vec<_>>()),
        "issuers": chain.issuers().iter().map(|c| c.subject().to_string()).collect::<Vec<_>>(),
        "source": source,
    })
}

/// The name of a purpose (RFC 5280 §4.2.1.12), or its identifier.
fn purpose(oid: &str) -> &str {
    match oid {
        "1.3.6.1.5.5.7.3.1" => "serverAuth",
        "1.3.6.1.5.5.7.3.2" => "clientAuth",
        "1.3.6.1.5.5.7.3.3" => "codeSigning",
        "1.3.6.1.5.5.7.3.4" => "emailProtection",
        "1.3.6.1.5.5.7.3.8" => "timeStamping",
        "1.3.6.1.5.5.7.3.9" => "OCSPSigning",
        "2.5.29.37.0" => "anyExtendedKeyUsage",
        other => other,
    }
}

fn key_state(key: &KeyState) -> String {
    match key {
        KeyState::Present(_) => "present".to_owned(),
        KeyState::Absent => "absent".to_owned(),
        KeyState::DoesNotFit => "does not fit".to_owned(),
        KeyState::Locked(why) => format!("locked: {why}"),
        KeyState::Unusable(why) => format!("unusable: {why}"),
        _ => "unknown".to_owned(),
    }
}
