//! How do the keys in the store go on from state to state, once, however many nodes try?

use countersign_proto::{
    jwk,
    key::{Algorithm, KeyType, LocalKey, SigningKey as _},
    management::SigningKeyState,
    time::UnixTime,
};

use super::life_cycle::{ACTIVATE, ANNOUNCE, Plan, Wanted, due};
use crate::{
    StartError, audit,
    config::SigningRules,
    secrets::Secrets,
    store::{KeyChange, NewAuditEntry, Store, StoreError, StoredKey, StoredKeys},
};

/// How often it is tried again when another node was first. Each time that one has made a step.
const TRIES: u32 = 16;

/// Does what is due by the clock: the keys as they are then.
pub(crate) async fn turn(
    store: &dyn Store,
    secrets: &Secrets,
    rules: &SigningRules,
    now: UnixTime,
) -> Result<StoredKeys, StartError> {
    for _ in 0..TRIES {
        let stored = store.issuer_keys().await.map_err(StartError::Store)?;
        let plan = due(&stored.keys, rules, now);
        if plan.is_empty() {
            return Ok(stored);
        }
        let entry = |action, kid: &str| audit::by_system(action, kid, now);
        let (change, _) = carry_out(plan, stored.version, secrets, rules, now, entry).await?;
        store
            .change_issuer_keys(change)
            .await
            .map_err(StartError::Store)?;
    }
    Err(failed("other nodes change the keys all the time"))
}

/// The change that a plan is, with the key that it makes, if it makes one.
pub(crate) async fn carry_out(
    plan: Plan,
    version: u64,
    secrets: &Secrets,
    rules: &SigningRules,
    now: UnixTime,
    entry: impl Fn(&'static str, &str) -> NewAuditEntry,
) -> Result<(KeyChange, Option<StoredKey>), StartError> {
    let mut change = KeyChange {
        version,
        keys: Vec::new(),
        audit: Vec::new(),
    };
    let made = match plan.wanted {
        Some(wanted) => Some(make(secrets, rules.algorithm, wanted, now).await?),
        None => None,
    };
    if let Some((key, action)) = &made {
        change.audit.push(entry(action, &key.kid));
        change.keys.push(key.clone());
    }
    for (key, action) in plan.changed {
        change.audit.push(entry(action, &key.kid));
        change.keys.push(key);
    }
    Ok((change, made.map(|(key, _)| key)))
}

async fn make(
    secrets: &Secrets,
    algorithm: Algorithm,
    wanted: Wanted,
    now: UnixTime,
) -> Result<(StoredKey, &'static str), StartError> {
    // A key for RSA takes a while.
    let made = tokio::task::spawn_blocking(move || LocalKey::generate(key_type(algorithm))).await;
    let (key, pkcs8) = made
        .map_err(|error| failed(&error.to_string()))?
        .map_err(|error| failed(&format!("{error:?}")))?;
    let kid = jwk::thumbprint(key.public_key());
    let sealed = secrets
        .seal_key(&kid, algorithm.name(), now, &pkcs8)
        .map_err(|error| failed(&error.to_string()))?;
    Ok(match wanted {
        Wanted::Active => (sealed, ACTIVATE),
        Wanted::Announced(active_at) => {
            let announced = StoredKey {
                state: SigningKeyState::Announced,
                active_at,
                ..sealed
            };
            (announced, ANNOUNCE)
        }
    })
}

/// What a running platform says of it.
pub(crate) fn of_store(error: StartError) -> StoreError {
    match error {
        StartError::Store(error) => error,
        error => StoreError::Fault(error.to_string()),
    }
}

fn failed(why: &str) -> StartError {
    StartError::Secrets(format!("cannot make an issuer key: {why}"))
}

fn key_type(algorithm: Algorithm) -> KeyType {
    match algorithm {
        Algorithm::ES256 => KeyType::P256,
        Algorithm::ES384 => KeyType::P384,
        Algorithm::ES512 => KeyType::P521,
        Algorithm::EdDSA => KeyType::Ed25519,
        _ => KeyType::Rsa { bits: 2048 },
    }
}
