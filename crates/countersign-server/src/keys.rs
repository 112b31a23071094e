//! Which keys does the platform sign its tokens with?
//!
//! They are made at the first start, and kept in the store, sealed under a key that is not in
//! the store. One signs; those that did, and the one that will, verify beside it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use countersign_proto::{
    jwk::{self, Jwk, JwkSet},
    key::{Algorithm, LocalKey, PublicKey, SigningKey as _},
    management::SigningKeyState,
    time::UnixTime,
};

use crate::{
    StartError,
    secrets::Secrets,
    store::{StoredKey, StoredKeys},
};

mod life_cycle;
pub(crate) use life_cycle::{Older, Plan, announced, announcement, emergency, retirement};

mod turn;
pub(crate) use turn::{carry_out, of_store, turn};

/// How long clients may keep the JWK set. No key is announced for less.
pub(crate) const JWKS_KEPT: Duration = Duration::from_secs(300);

/// The issuer's keys. Cheap to share.
pub(crate) struct IssuerKeys {
    version: u64,
    active: IssuerKey,
    /// Oldest first.
    verifying: Vec<VerifyingKey>,
    by_kid: HashMap<String, usize>,
}

/// The key that signs.
#[derive(Clone)]
pub(crate) struct IssuerKey {
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: Arc<LocalKey>,
}

/// A key that verifies.
struct VerifyingKey {
    jwk: Jwk,
    algorithm: Algorithm,
    retires_at: Option<UnixTime>,
}

impl IssuerKeys {
    /// These keys, one of which signs.
    pub(crate) fn of(stored: &StoredKeys, secrets: &Secrets) -> Result<IssuerKeys, StartError> {
        let signing = life_cycle::signing(&stored.keys)
            .ok_or_else(|| StartError::Secrets("no issuer key after making one".to_owned()))?;
        let mut keys = IssuerKeys {
            version: stored.version,
            active: unseal(secrets, signing)?,
            verifying: Vec::new(),
            by_kid: HashMap::new(),
        };
        for stored in &stored.keys {
            if stored.state == SigningKeyState::Retired {
                continue;
            }
            let key = unseal(secrets, stored)?;
            keys.by_kid.insert(key.kid.clone(), keys.verifying.len());
            keys.verifying.push(VerifyingKey {
                jwk: Jwk {
                    key: key.key.public_key().clone(),
                    kid: Some(key.kid),
                    algorithm: Some(key.algorithm),
                },
                algorithm: key.algorithm,
                retires_at: stored.retires_at,
            });
        }
        Ok(keys)
    }

    /// Counts the changes of the keys in the store that these are from.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// The key that signs.
    pub(crate) fn active(&self) -> &IssuerKey {
        &self.active
    }

    /// Whether there is a key with exactly this `kid`, though its time may be over.
    pub(crate) fn know(&self, kid: &str) -> bool {
        self.by_kid.contains_key(kid)
    }

    /// The key with exactly this `kid`, and its one algorithm, while it verifies.
    pub(crate) fn verifying(&self, kid: &str, now: UnixTime) -> Option<(PublicKey, Algorithm)> {
        let key = self.verifying.get(*self.by_kid.get(kid)?)?;
        key.is_in_use(now)
            .then(|| (key.jwk.key.clone(), key.algorithm))
    }

    /// The public keys as a JWK set (RFC 7517 §5): public members only (security.md 55).
    pub(crate) fn jwks(&self, now: UnixTime) -> String {
        let in_use = self.verifying.iter().filter(|key| key.is_in_use(now));
        let keys = in_use.map(|key| key.jwk.clone()).collect();
        JwkSet { keys }.to_json()
    }
}

impl VerifyingKey {
    /// Its time ends by the clock, also where nobody has written it down yet.
    fn is_in_use(&self, now: UnixTime) -> bool {
        self.retires_at.is_none_or(|end| now < end)
    }
}

fn unseal(secrets: &Secrets, stored: &StoredKey) -> Result<IssuerKey, StartError> {
    let failed =
        |why: &str| StartError::Secrets(format!("issuer key {}: {why}", stored.kid.escape_debug()));
    let pkcs8 = secrets
        .open_key(stored)
        .map_err(|error| StartError::Secrets(error.to_string()))?;
    let key = LocalKey::from_pkcs8(&pkcs8).map_err(|error| failed(&format!("{error:?}")))?;
    let algorithm = Algorithm::from_name(&stored.algorithm)
        .filter(|algorithm| key.public_key().algorithms().contains(algorithm))
        .ok_or_else(|| failed("unknown algorithm"))?;
    if jwk::thumbprint(key.public_key()) != stored.kid {
        return Err(failed("is another key than its name says"));
    }
    Ok(IssuerKey {
        kid: stored.kid.clone(),
        algorithm,
        key: Arc::new(key),
    })
}
