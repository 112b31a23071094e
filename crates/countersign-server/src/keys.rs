//! Which keys does the platform sign its tokens with?
//!
//! They are made at the first start, and kept in the store, sealed under a key that is not in
//! the store. The newest key of the algorithm that is set signs; all of them verify.

use std::{collections::HashMap, sync::Arc};

use countersign_proto::{
    jwk::{self, Jwk, JwkSet},
    key::{Algorithm, KeyType, LocalKey, PublicKey, SigningKey as _},
    time::UnixTime,
};

use crate::{
    StartError,
    secrets::Secrets,
    store::{Store, StoredKey},
};

/// The issuer's keys. Cheap to share.
pub(crate) struct IssuerKeys {
    active: IssuerKey,
    verifying: HashMap<String, (PublicKey, Algorithm)>,
    jwks: String,
}

/// The key that signs.
#[derive(Clone)]
pub(crate) struct IssuerKey {
    pub(crate) kid: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: Arc<LocalKey>,
}

impl IssuerKeys {
    /// Opens the keys in the store, and makes one when there is none of `algorithm`.
    pub(crate) async fn open(
        store: &dyn Store,
        secrets: &Secrets,
        algorithm: Algorithm,
        now: UnixTime,
    ) -> Result<IssuerKeys, StartError> {
        let mut stored = store.issuer_keys().await.map_err(StartError::Store)?;
        if !stored.iter().any(|key| key.algorithm == algorithm.name()) {
            let fresh = make(secrets, algorithm, now)?;
            store
                .add_issuer_key(fresh)
                .await
                .map_err(StartError::Store)?;
            stored = store.issuer_keys().await.map_err(StartError::Store)?;
        }
        IssuerKeys::of(&stored, secrets, algorithm)
    }

    /// These keys, one of `algorithm` among them.
    pub(crate) fn of(
        stored: &[StoredKey],
        secrets: &Secrets,
        algorithm: Algorithm,
    ) -> Result<IssuerKeys, StartError> {
        let keys = stored
            .iter()
            .map(|key| unseal(secrets, key))
            .collect::<Result<Vec<_>, _>>()?;
        let active = keys
            .iter()
            .rfind(|key| key.algorithm == algorithm)
            .cloned()
            .ok_or_else(|| StartError::Secrets("no issuer key after making one".to_owned()))?;
        Ok(IssuerKeys {
            active,
            verifying: verifying(&keys),
            jwks: published(&keys),
        })
    }

    /// Whether these are all keys in the store, and no others.
    pub(crate) fn are(&self, stored: &[StoredKey]) -> bool {
        stored.len() == self.verifying.len()
            && stored
                .iter()
                .all(|key| self.verifying.contains_key(&key.kid))
    }

    /// The key that signs.
    pub(crate) fn active(&self) -> &IssuerKey {
        &self.active
    }

    /// The key with exactly this `kid`, and its one algorithm.
    pub(crate) fn verifying(&self, kid: &str) -> Option<(PublicKey, Algorithm)> {
        self.verifying.get(kid).cloned()
    }

    /// The public keys as a JWK set (RFC 7517 §5).
    pub(crate) fn jwks(&self) -> &str {
        &self.jwks
    }
}

fn make(secrets: &Secrets, algorithm: Algorithm, now: UnixTime) -> Result<StoredKey, StartError> {
    let failed = |error: String| StartError::Secrets(format!("cannot make an issuer key: {error}"));
    let (key, pkcs8) =
        LocalKey::generate(key_type(algorithm)).map_err(|error| failed(format!("{error:?}")))?;
    let kid = jwk::thumbprint(key.public_key());
    secrets
        .seal_key(&kid, algorithm.name(), now, &pkcs8)
        .map_err(|error| failed(error.to_string()))
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

fn verifying(keys: &[IssuerKey]) -> HashMap<String, (PublicKey, Algorithm)> {
    keys.iter()
        .map(|key| {
            (
                key.kid.clone(),
                (key.key.public_key().clone(), key.algorithm),
            )
        })
        .collect()
}

/// Public members only (security.md 55).
fn published(keys: &[IssuerKey]) -> String {
    let keys = keys
        .iter()
        .map(|key| Jwk {
            key: key.key.public_key().clone(),
            kid: Some(key.kid.clone()),
            algorithm: Some(key.algorithm),
        })
        .collect();
    JwkSet { keys }.to_json()
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
